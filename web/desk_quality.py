"""How good the warnings were, on the desk."""

from datetime import timedelta

from flask import Blueprint, Response, abort, make_response, render_template

from models.people import Role
from rules.warnings import load_rules
from web import auth
from web.guards import guard
from web.services import services
from workflows.acting import business_day
from workflows.warning_quality import quality

quality_page = Blueprint("quality", __name__, url_prefix="/desk")
guard(quality_page)

SPAN = timedelta(days=90)


@quality_page.get("/quality")
def show() -> Response:
    """The last ninety days, for managers and the boss: the figures speak of all stores."""
    now = services().clock()
    with services().database.read() as session:
        visitor = auth.visitor(session, now)
        if visitor is None:
            abort(401)
        if not (visitor.actor.has(Role.BOSS) or visitor.actor.has(Role.REGIONAL_MANAGER)):
            abort(403)
        until = business_day(now)
        found = quality(session, until - SPAN, until)
        page = render_template(
            "desk/quality.html",
            visitor=visitor,
            quality=found,
            title=load_rules().title,
            since=until - SPAN,
            until=until,
        )
        return make_response(page)
