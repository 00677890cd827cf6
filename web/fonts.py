"""Serves the house's own Chinese font to devices that have none."""

import threading

import structlog
from flask import Blueprint, Response, abort, send_file

from reports.fonts import FontError, ensure_fonts
from web.services import services

log = structlog.get_logger(__name__)
fonts = Blueprint("fonts", __name__)
_making = threading.Lock()


@fonts.get("/static/font.woff")
def font() -> Response:
    """The font, kept by browsers for a year: another recipe makes another file.

    The first request makes it, which takes ten seconds; others are told to come back meanwhile, so
    that a page full of people never waits for one file.
    """
    if not _making.acquire(blocking=False):
        return Response(status=503, headers={"Retry-After": "10"})
    try:
        path = ensure_fonts(services().house.files / "fonts").web
    except FontError as error:
        log.warning("web_font_missing", reason=str(error))
        abort(404)
    finally:
        _making.release()
    response = send_file(path.resolve(), mimetype="font/woff", max_age=365 * 24 * 60 * 60)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
