"""What every blueprint of people's pages does before and after each request."""

from flask import Blueprint

from web import auth, security


def guard(blueprint: Blueprint) -> None:
    """Limit bodies before; afterwards remember the device, drop shown notices, add the headers."""
    blueprint.before_request(security.limit_body)
    blueprint.after_request(auth.remember_device)
    blueprint.after_request(auth.drop_notice)
    blueprint.after_request(security.protect)
