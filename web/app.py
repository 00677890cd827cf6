"""The web side in one app: webhooks, pages, desk, health."""

from dataclasses import dataclass

import structlog
from flask import Flask, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from models.database import Database
from web import pages
from web.api import api
from web.services import EXTENSION, Clock
from web.webhooks import EXTENSION as DOORS
from web.webhooks import Doors, webhooks
from workflows.house import House

log = structlog.get_logger()

LARGEST_REQUEST = 5_000_000  # bytes; a photo is at most 3 MB, a callback far less


@dataclass(frozen=True)
class AppServices:
    """What pages fetch from the app."""

    database: Database
    house: House
    clock: Clock
    sandbox: bool = False


def create_app(services: AppServices, doors: Doors) -> Flask:
    """Put the web side together."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    app.extensions[EXTENSION] = services
    app.extensions[DOORS] = doors
    app.register_blueprint(webhooks)
    app.register_blueprint(api)
    pages.register(app)
    app.add_url_rule("/healthz", view_func=_healthy)
    app.add_url_rule("/readyz", view_func=lambda: _ready(services.database))
    return app


def _healthy() -> Response:
    return jsonify(status="ok")


def _ready(database: Database) -> tuple[Response, int]:
    try:
        with database.read() as session:
            session.execute(text("SELECT 1 FROM chain_head LIMIT 1"))
    except SQLAlchemyError as problem:
        log.warning("not_ready", why=type(problem).__name__)
        return jsonify(status="no database"), 503
    return jsonify(status="ready"), 200
