"""Puts both platforms and the page into one Flask application, to be mounted at `/sandbox`."""

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from sandbox.dingtalk_api import create_dingtalk_api
from sandbox.oapi import create_oapi
from sandbox.page import create_page
from sandbox.wecom_api import create_wecom_api
from sandbox.world import World

MOST_BYTES = 48 * 1024 * 1024


def create_sandbox(world: World) -> Flask:
    """Build the sandbox around one world.

    `/wecom/cgi-bin/...`, `/dingtalk/v1.0/...` and `/oapi/...` are the API bases to point the
    application at; `/` is the page.
    """
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # the default provider has it
    app.register_blueprint(create_wecom_api(world, world.wecom_state))
    app.register_blueprint(create_dingtalk_api(world, world.cards))
    app.register_blueprint(create_oapi(world, world.dingtalk_state))
    app.register_blueprint(create_page(world))
    app.register_error_handler(HTTPException, _unknown)
    return app


def _unknown(error: HTTPException) -> tuple[Response, int]:
    """Answer an unknown path or method in the shape of the interface that was called."""
    code, hint = error.code or 500, f"{request.method} {request.path}: {error.name}"
    if code >= 500:
        # A fault of the sandbox itself must not pass for a refusal of the platform.
        return Response(error.name), code
    if request.path.startswith("/wecom/"):
        return jsonify({"errcode": 40058, "errmsg": hint}), 200
    if request.path.startswith("/oapi/"):
        return jsonify({"errcode": 22, "errmsg": hint}), 200
    if request.path.startswith("/dingtalk/"):
        return jsonify({"code": "InvalidAction.NotFound", "requestid": "", "message": hint}), code
    return jsonify({"ok": False, "message": "沙盒没有这个页面。"}), code
