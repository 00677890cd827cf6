"""WeCom's HTTP interface, `/cgi-bin/...`, as far as we use it."""

import re
import secrets
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, jsonify, request, send_file

from sandbox import wecom_robot
from sandbox.memory import TOKEN_SECONDS, Media
from sandbox.mischief import misbehave
from sandbox.shapes import well_shaped
from sandbox.stage import Stage
from sandbox.uploads import WECOM_RULES
from sandbox.wecom_bodies import fresh_media
from sandbox.wecom_errors import WeComError, bad_shape
from sandbox.wecom_menu import check_menu
from sandbox.wecom_sending import WeComSending
from sandbox.wecom_state import WeComState

ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\u(?!00[0-7])[0-9a-fA-F]{4}")
"""A non-ASCII character written as an ASCII escape, which WeCom warns against."""

PREFIX = "/wecom/cgi-bin"
SMALLEST_UPLOAD = 6

WITHOUT_TOKEN = frozenset({"/gettoken", "/webhook/send", "/webhook/upload_media"})


def create_wecom_api(stage: Stage, state: WeComState) -> Blueprint:
    """Build the routes."""
    api = Blueprint("wecom_api", __name__)
    api.register_error_handler(WeComError, lambda error: _refusal(stage, error))

    misbehave(api, stage, "wecom", busy=lambda: _ok({"errcode": 45009, "errmsg": "freq limit"}))

    @api.before_request
    def check_token() -> None:
        path = request.path.rpartition("/cgi-bin")[2]
        if path not in WITHOUT_TOKEN:
            _check_token(stage)

    @api.get(f"{PREFIX}/gettoken")
    def get_token() -> Response:
        _check_secret(stage)
        with stage.lock:
            token = stage.tokens.issue("wecom", stage.now())
        return _ok({"access_token": token, "expires_in": TOKEN_SECONDS})

    @api.get(f"{PREFIX}/getcallbackip")
    def callback_addresses() -> Response:
        return _ok({"ip_list": ["127.0.0.1"]})

    @api.get(f"{PREFIX}/user/get")
    def user() -> Response:
        return _ok(_member(stage, request.args.get("userid", "")))

    _add_messages(api, WeComSending(stage, state))
    _add_media(api, stage)
    _add_menu(api, stage, state)
    _add_robot(api, stage)
    return api


def _add_messages(api: Blueprint, sending: WeComSending) -> None:
    @api.post(f"{PREFIX}/message/send")
    def send() -> Response:
        return _ok(sending.send(_json(), request.get_data()))

    @api.post(f"{PREFIX}/message/update_template_card")
    def update_card() -> Response:
        return _ok(sending.update(_json()))

    @api.post(f"{PREFIX}/message/recall")
    def recall() -> Response:
        return _ok(sending.recall(_json()))


def _add_media(api: Blueprint, stage: Stage) -> None:
    @api.post(f"{PREFIX}/media/upload")
    def upload() -> Response:
        return _ok(_upload(stage, WECOM_RULES, scope=""))

    @api.get(f"{PREFIX}/media/get")
    def download() -> Response:
        media = fresh_media(stage, request.args.get("media_id"))
        return send_file(
            BytesIO(media.content),
            mimetype="application/octet-stream",
            as_attachment=True,
            download_name=media.id + Path(media.name).suffix,
            conditional=True,
        )


def _add_menu(api: Blueprint, stage: Stage, state: WeComState) -> None:
    def check_agent() -> None:
        if request.args.get("agentid") != str(stage.credentials.wecom_agent_id):
            raise WeComError(40056, "invalid agentid")

    @api.post(f"{PREFIX}/menu/create")
    def create_menu() -> Response:
        check_agent()
        with well_shaped(bad_shape):
            entries = check_menu(_json())
        with stage.lock:
            state.menu = entries
        return _ok({})

    @api.get(f"{PREFIX}/menu/get")
    def get_menu() -> Response:
        check_agent()
        if not state.menu:
            raise WeComError(46003, "menu no exist")
        return _ok({"button": state.menu})

    @api.get(f"{PREFIX}/menu/delete")
    def delete_menu() -> Response:
        check_agent()
        with stage.lock:
            state.menu = []
        return _ok({})


def _add_robot(api: Blueprint, stage: Stage) -> None:
    @api.post(f"{PREFIX}/webhook/send")
    def robot_send() -> Response:
        wecom_robot.send(stage, request.args.get("key", ""), _json())
        return _ok({})

    @api.post(f"{PREFIX}/webhook/upload_media")
    def robot_upload() -> Response:
        key = request.args.get("key", "")
        wecom_robot.group_of(stage, key)
        rules = {kind: WECOM_RULES[kind] for kind in ("file", "voice")}
        return _ok(_upload(stage, rules, scope=key))


def _check_token(stage: Stage) -> None:
    token = request.args.get("access_token", "")
    if not token:
        raise WeComError(41001, "access_token missing")
    with stage.lock:
        if stage.faults.fires(stage.faults.token_expired):
            stage.tokens.expire("wecom")
        found = stage.tokens.state("wecom", token, stage.now())
    if found == "expired":
        raise WeComError(42001, "access_token expired")
    if found == "unknown":
        raise WeComError(40014, "invalid access_token")


def _check_secret(stage: Stage) -> None:
    keys = stage.credentials
    for name, missing in (("corpid", 41002), ("corpsecret", 41004)):
        if not request.args.get(name):
            raise WeComError(missing, f"{name} missing")
    if request.args["corpid"] != keys.wecom_corp_id:
        raise WeComError(40013, "invalid corpid")
    if not secrets.compare_digest(request.args["corpsecret"].encode(), keys.wecom_secret.encode()):
        raise WeComError(40001, "invalid credential")


def _json() -> dict[str, Any]:
    if ESCAPED.search(request.get_data()):
        raise WeComError(40033, "invalid charset, \\uXXXX escapes found")
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise WeComError(40058, "Warning: wrong json format")
    return body


def _upload(stage: Stage, rules: dict[str, Any], scope: str) -> dict[str, Any]:
    kind = request.args.get("type", "")
    rule = rules.get(kind)
    if rule is None:
        raise WeComError(40004, "invalid media type")
    part = request.files.get("media")
    content = part.read() if part else b""
    if part is None or not content:
        raise WeComError(44001, "empty media data")
    if len(content) < SMALLEST_UPLOAD:
        raise WeComError(40006, "invalid media size")
    if len(content) > rule.most:
        raise WeComError(45001, "media size out of limit")
    name = part.filename or "media"
    if not rule.fits(name, content):
        raise WeComError(40005, "invalid file type")
    media = Media(secrets.token_urlsafe(32), "wecom", kind, name, content, stage.now(), scope)
    with stage.lock:
        stage.library.add(media)
    created = str(int(stage.now().timestamp()))
    return {"type": kind, "media_id": media.id, "created_at": created}


def _member(stage: Stage, user_id: str) -> dict[str, Any]:
    persona = stage.person("wecom", user_id)
    if persona is None:
        raise WeComError(60111, "userid not found")
    return {
        "userid": persona.user_id,
        "name": persona.name,
        "department": [1],
        "order": [0],
        "position": persona.label,
        "is_leader_in_dept": [0],
        "direct_leader": [],
        "main_department": 1,
        "status": 1,
    }


def _ok(fields: dict[str, Any]) -> Response:
    return jsonify({"errcode": 0, "errmsg": "ok", **fields})


def _refusal(stage: Stage, error: WeComError) -> Response:
    stage.note(f"企业微信接口 {request.path.rpartition('cgi-bin/')[2]}：{error}")
    return jsonify({"errcode": error.code, "errmsg": error.hint, **error.more})
