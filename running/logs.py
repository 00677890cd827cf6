"""Structured logs: one JSON line an event on standard error, constant names, facts as fields, no secrets."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

#: Field names whose values never reach a log, whoever passes them.
SECRET_FIELDS = frozenset({"token", "secret", "access_token", "signature", "body", "text", "encrypt", "password"})


def configure(*, level: str = "INFO", human: bool = False) -> None:
    """Set up logging for the whole process; `human` prints coloured lines instead of JSON."""
    renderer = structlog.dev.ConsoleRenderer() if human else structlog.processors.JSONRenderer(ensure_ascii=False)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    # A tick that finds the last one still at work is skipped on purpose: no news.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            drop_secrets,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=_to_standard_error,
        cache_logger_on_first_use=False,
    )


def _to_standard_error(*_args: Any) -> structlog.PrintLogger:
    # Asked for each line: whoever redirects standard error later gets the lines there.
    return structlog.PrintLogger(sys.stderr)


def drop_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take fields out that must not be written."""
    for name in SECRET_FIELDS & event.keys():
        event[name] = "***"
    return event
