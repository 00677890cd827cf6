"""The JSON API under /api/v1: for the ERP, for stores' 进销存 systems, for a brand's own programs."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, request
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException

from web import api_problems, security
from web.api_calls import MOST_BYTES, Call, admitted, query_of
from web.api_models import Asking
from web.api_openapi import document
from web.api_problems import ApiProblem
from web.api_routes import READINGS, WRITINGS, Reading, Writing, answered
from web.services import services

api = Blueprint("api", __name__, url_prefix="/api/v1")
api.after_request(security.protect)
api.register_error_handler(ApiProblem, api_problems.answer)
api.register_error_handler(HTTPException, api_problems.of_http)
for _lost in (OperationalError, InterfaceError, NoConnection):
    api.register_error_handler(_lost, api_problems.unavailable)
api.register_error_handler(Exception, api_problems.unexpected)


@api.before_request
def limit_body() -> None:
    """Refuse oversized bodies before they are read."""
    request.max_content_length = MOST_BYTES


@api.get("/openapi.json")
def openapi() -> Response:
    """The document of the API; it names no secret, so it needs no key."""
    house = services().house
    return jsonify(document(house.public_url, house.api.most_items))


def _read(reading: Reading) -> Callable[..., Response]:
    def view(**path: Any) -> Response:
        now = services().clock()
        caller = admitted(reading.scope, now)
        call = Call(caller, now, query_of(reading.query), path)
        with services().database.read() as session:
            return answered(reading.handle(session, call))

    return view


def _write(writing: Writing) -> Callable[[], Response]:
    def view() -> Response:
        now = services().clock()
        caller = admitted(writing.scope, now)
        return writing.handle(Call(caller, now, query_of(Asking)))

    return view


for _reading in READINGS:
    api.add_url_rule(_reading.path, _reading.name, _read(_reading), methods=["GET"])
for _writing in WRITINGS:
    api.add_url_rule(_writing.path, f"post_{_writing.resource}", _write(_writing), methods=["POST"])
