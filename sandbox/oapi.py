"""DingTalk's old interface, "oapi": custom robots, uploads, people, work notifications."""

import hashlib
import json
import secrets
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox import dingtalk_robot
from sandbox.bubbles import Face, button
from sandbox.cutting import size
from sandbox.dingtalk_errors import OapiError, bad_old_shape
from sandbox.dingtalk_faces import BadBody, webhook_face
from sandbox.dingtalk_state import DingTalkState
from sandbox.memory import TOKEN_SECONDS, Media
from sandbox.mischief import misbehave
from sandbox.people import Persona
from sandbox.shapes import well_shaped
from sandbox.stage import BOT, Stage
from sandbox.uploads import DINGTALK_RULES

WITHOUT_TOKEN = frozenset({"/oapi/gettoken", "/oapi/robot/send", "/oapi/robot/sendBySession"})
NOTICE_BYTES = 2048
NOTICE_USERS = 100

Body = dict[str, Any]


def create_oapi(stage: Stage, state: DingTalkState) -> Blueprint:
    """Build the routes."""
    api = Blueprint("oapi", __name__)
    api.register_error_handler(OapiError, lambda error: _refusal(stage, error))
    misbehave(api, stage, "dingtalk", busy=lambda: _refusal(stage, _too_fast()))

    @api.before_request
    def check_caller() -> None:
        if request.path not in WITHOUT_TOKEN:
            _check_token(stage)
            _check_pace(stage)

    @api.get("/oapi/gettoken")
    def get_token() -> Response:
        return _ok({"access_token": _issue(stage), "expires_in": TOKEN_SECONDS})

    _add_robots(api, stage, state)

    @api.post("/oapi/media/upload")
    def upload() -> Response:
        return _ok(_upload(stage))

    @api.post("/oapi/topapi/v2/user/get")
    def user() -> Response:
        return _ok({"result": _member(stage, _fields())})

    @api.post("/oapi/topapi/message/corpconversation/asyncsend_v2")
    def notify() -> Response:
        return _ok({"task_id": _notify(stage, state, _fields())})

    return api


def _add_robots(api: Blueprint, stage: Stage, state: DingTalkState) -> None:
    @api.post("/oapi/robot/send")
    def robot_send() -> Response:
        query = request.args.to_dict()
        dingtalk_robot.send(stage, state, query, _json(), len(request.get_data()))
        return _ok({})

    @api.post("/oapi/robot/sendBySession")
    def session_send() -> Response:
        dingtalk_robot.answer_session(stage, state, request.args.get("session", ""), _json())
        return _ok({})


def _issue(stage: Stage) -> str:
    keys = stage.credentials
    asked = f"{request.args.get('appkey')} {request.args.get('appsecret')}"
    right = f"{keys.dingtalk_client_id} {keys.dingtalk_client_secret}"
    if not secrets.compare_digest(asked.encode(), right.encode()):
        raise OapiError(40089, "不合法的 appkey 或 appsecret")
    with stage.lock:
        return stage.tokens.issue("dingtalk", stage.now())


def _check_token(stage: Stage) -> None:
    token = request.args.get("access_token", "")
    if not token:
        raise OapiError(43007, "需要授权")
    with stage.lock:
        if stage.faults.fires(stage.faults.token_expired):
            stage.tokens.expire("dingtalk")
        found = stage.tokens.state("dingtalk", token, stage.now())
    if found == "expired":
        raise OapiError(42001, "access_token 已过期")
    if found == "unknown":
        raise OapiError(40014, "不合法的 access_token")


def _check_pace(stage: Stage) -> None:
    with stage.lock:
        limit = [(stage.limits.dingtalk_qps, 1.0)]
        allowed = stage.windows.allow(f"oapi {request.path}", limit, stage.now())
    if not allowed:
        raise _too_fast()


def _too_fast() -> OapiError:
    if request.path == "/oapi/robot/send":
        return OapiError(130101, "send too fast, exceed 20 times per minute")
    return OapiError(90018, "您的服务器调用钉钉开放平台当前接口的频率过高")


def _upload(stage: Stage) -> Body:
    kind = request.form.get("type") or request.args.get("type") or ""
    rule, part = DINGTALK_RULES.get(kind), request.files.get("media")
    if rule is None:
        raise OapiError(40004, "不合法的媒体文件类型")
    content, name = (part.read(), part.filename or "") if part else (b"", "")
    if not content:
        raise OapiError(40035, "缺少 media")
    if len(content) > rule.most:
        raise OapiError(40006, "不合法的文件大小")
    if not rule.fits(name, content):
        raise OapiError(40005, "不合法的文件类型")
    media = Media(f"@l{secrets.token_urlsafe(24)}", "dingtalk", kind, name, content, stage.now())
    with stage.lock:
        stage.library.add(media)
    created = int(stage.now().timestamp() * 1000)
    return {"media_id": media.id, "type": kind, "created_at": created}


def _member(stage: Stage, fields: Body) -> Body:
    persona = stage.person("dingtalk", str(fields.get("userid") or ""))
    if persona is None:
        raise OapiError(60121, "找不到该用户")
    return {
        "userid": persona.user_id,
        "unionid": "union" + hashlib.sha256(persona.user_id.encode()).hexdigest()[:16],
        "name": persona.name,
        "title": persona.label,
        "dept_id_list": [1],
        "active": True,
        "admin": False,
        "boss": False,
    }


def _notify(stage: Stage, state: DingTalkState, fields: Body) -> int:
    if not str(fields.get("agent_id") or "").isdecimal():
        raise OapiError(40035, "缺少 agent_id")
    with well_shaped(bad_old_shape):
        text, face = _notice(fields.get("msg"))
    for persona in _notified(stage, fields):
        _deliver_notice(stage, state, persona, face, text)
    return stage.number() % 1_000_000_000_000


def _notice(message: Any) -> tuple[str, Face]:
    if isinstance(message, str):
        message = json.loads(message)
    if not isinstance(message, dict):
        raise OapiError(40035, "缺少 msg")
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    if size(text) > NOTICE_BYTES:
        raise OapiError(40035, "msg 超过 2048 字节")
    return text, _notice_face(message)


def _notified(stage: Stage, fields: Body) -> list[Persona]:
    if str(fields.get("to_all_user")).lower() == "true":
        return [who for who in stage.personas() if who.platform == "dingtalk"]
    users = [user for user in str(fields.get("userid_list") or "").split(",") if user]
    if not users:
        raise OapiError(40035, "缺少 userid_list")
    if len(users) > NOTICE_USERS:
        raise OapiError(40035, "userid_list 超过 100 人")
    return [who for user in users if (who := stage.person("dingtalk", user))]


def _deliver_notice(stage: Stage, state: DingTalkState, persona: Persona, face: Face, text: str) -> None:
    day = f"{stage.now():%Y-%m-%d} {persona.user_id}"
    same = f"{day} {hashlib.sha256(text.encode()).hexdigest()}"
    with stage.lock:
        repeated = same in state.notices
        state.notices[same] = 1
        state.notices[day] = state.notices.get(day, 0) + 1
        full = state.notices[day] > stage.limits.work_notices_per_day
    if repeated or full or stage.faults.fires(stage.faults.dropped):
        stage.drop("dingtalk", persona.user_id, "工作通知：当天重复、超量或按设定丢弃", face)
        return
    stage.show(stage.bubble("dingtalk", persona.user_id, BOT, face))


def _notice_face(message: Body) -> Face:
    kind = str(message.get("msgtype"))
    try:
        if kind == "action_card":
            return _notice_card(message.get("action_card") or {})
        if kind == "oa":
            return _notice_oa(message.get("oa") or {})
        return webhook_face(message)
    except BadBody as error:
        raise OapiError(40035, f"msg 缺少 {error}") from error


def _notice_card(card: Body) -> Face:
    rows = card.get("btn_json_list") or [{"title": card.get("single_title"), "action_url": card.get("single_url")}]
    buttons = [button(str(row.get("title") or ""), url=str(row.get("action_url") or "")) for row in rows]
    if not card.get("markdown") or not all(entry["url"] for entry in buttons):
        raise BadBody("action_card")
    title = str(card.get("title") or "")
    return Face(kind="actionCard", title=title, body=card["markdown"], buttons=buttons)


def _notice_oa(notice: Body) -> Face:
    body = notice.get("body") or {}
    if not notice.get("message_url") or not body:
        raise BadBody("oa")
    rows = [(str(row.get("key")), str(row.get("value"))) for row in body.get("form", [])]
    title, content = str(body.get("title") or ""), str(body.get("content") or "")
    return Face(kind="card", title=title, body=content, fields=rows, link=notice["message_url"])


def _fields() -> Body:
    return request.form.to_dict() if request.form else _json()


def _json() -> Body:
    if not request.is_json:
        raise OapiError(43004, "Content-Type 应为 application/json")
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise OapiError(40035, "不合法的 JSON")
    return body


def _ok(fields: Body) -> Response:
    return jsonify({"errcode": 0, "errmsg": "ok", **fields})


def _refusal(stage: Stage, error: OapiError) -> Response:
    stage.note(f"钉钉接口 {request.path.removeprefix('/oapi/')}：{error}")
    return jsonify({"errcode": error.code, "errmsg": error.message, "request_id": secrets.token_hex(8)})
