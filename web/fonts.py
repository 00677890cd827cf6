"""Serves the house's own Chinese font to devices that have none."""

import threading
from pathlib import Path

import structlog
from flask import Blueprint, Response, abort, send_file

from reports.fonts import FontError, ensure_fonts
from web.services import services

log = structlog.get_logger(__name__)
fonts = Blueprint("fonts", __name__)
_making = threading.Lock()


def web_font(folder: Path) -> Path:
    """The WOFF file in `folder`, made first when it is missing. Raises FontError."""
    with _making:
        return ensure_fonts(folder).web


@fonts.get("/static/font.woff")
def font() -> Response:
    """The font, kept by browsers for a year: another recipe makes another file."""
    try:
        path = web_font(services().house.files / "fonts")
    except FontError as error:
        log.warning("web_font_missing", reason=str(error))
        abort(404)
    response = send_file(path.resolve(), mimetype="font/woff", max_age=365 * 24 * 60 * 60)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
