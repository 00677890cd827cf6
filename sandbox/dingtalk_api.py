"""DingTalk's new interface, `/v1.0/...`, as far as we use it."""

import json
import secrets
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.bubbles import Face
from sandbox.cutting import size
from sandbox.dingtalk_cards import DingTalkCards
from sandbox.dingtalk_errors import DingTalkError
from sandbox.dingtalk_faces import BadBody, robot_face
from sandbox.memory import TOKEN_SECONDS
from sandbox.mischief import misbehave
from sandbox.stage import BOT, Stage

PREFIX = "/dingtalk/v1.0"
MOST_USERS = 20
GROUP_PARAM_BYTES = 15_000
DOWNLOAD_HOURS = 1
QPS_CODE = "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"

Body = dict[str, Any]


def create_dingtalk_api(stage: Stage, cards: DingTalkCards) -> Blueprint:
    """Build the routes."""
    api = Blueprint("dingtalk_api", __name__)
    api.register_error_handler(DingTalkError, lambda error: _refusal(stage, error))
    misbehave(api, stage, "dingtalk", busy=lambda: _refusal(stage, _too_fast()))

    @api.before_request
    def check_caller() -> None:
        if "/oauth2/" not in request.path:
            _check_token(stage)
        _check_pace(stage)

    _add_tokens(api, stage)
    _add_cards(api, cards)
    _add_robot(api, stage)
    return api


def _add_tokens(api: Blueprint, stage: Stage) -> None:
    @api.post(f"{PREFIX}/oauth2/accessToken")
    def access_token() -> Response:
        body = _json()
        token = _issue(stage, body.get("appKey"), body.get("appSecret"))
        return jsonify({"accessToken": token, "expireIn": TOKEN_SECONDS})

    @api.post(f"{PREFIX}/oauth2/<corp_id>/token")
    def unified_token(corp_id: str) -> Response:
        body = _json()
        if corp_id != stage.credentials.dingtalk_corp_id:
            raise DingTalkError("invalidCorpId", "corpId is invalid")
        token = _issue(stage, body.get("client_id"), body.get("client_secret"))
        return jsonify({"access_token": token, "expires_in": TOKEN_SECONDS})


def _add_cards(api: Blueprint, cards: DingTalkCards) -> None:
    @api.post(f"{PREFIX}/card/instances/createAndDeliver")
    def create_card() -> Response:
        return jsonify(cards.create_and_deliver(_json()))

    @api.put(f"{PREFIX}/card/instances")
    def update_card() -> Response:
        return jsonify(cards.update(_json()))

    @api.post(f"{PREFIX}/card/callbacks/register")
    def register_callback() -> Response:
        return jsonify(cards.register(_json()))


def _add_robot(api: Blueprint, stage: Stage) -> None:
    @api.post(f"{PREFIX}/robot/oToMessages/batchSend")
    def send_to_people() -> Response:
        return jsonify(_send_to_people(stage, _json()))

    @api.post(f"{PREFIX}/robot/groupMessages/send")
    def send_to_group() -> Response:
        return jsonify(_send_to_group(stage, _json()))

    @api.post(f"{PREFIX}/robot/messageFiles/download")
    def download() -> Response:
        return jsonify({"downloadUrl": _download_url(stage, _json())})


def _issue(stage: Stage, key: Any, secret: Any) -> str:
    right = stage.credentials
    pair = f"{key} {secret}".encode()
    wanted = f"{right.dingtalk_client_id} {right.dingtalk_client_secret}".encode()
    if not secrets.compare_digest(pair, wanted):
        raise DingTalkError("invalidClientIdOrSecret", "invalid clientId or clientSecret")
    with stage.lock:
        return stage.tokens.issue("dingtalk", stage.now())


def _check_token(stage: Stage) -> None:
    token = request.headers.get("x-acs-dingtalk-access-token", "")
    with stage.lock:
        if stage.faults.fires(stage.faults.token_expired):
            stage.tokens.expire("dingtalk")
        found = stage.tokens.state("dingtalk", token, stage.now())
    if found != "valid":
        raise DingTalkError("InvalidAuthentication", "access token is missing, wrong or expired")


def _check_pace(stage: Stage) -> None:
    key = f"dingtalk {request.method} {request.path}"
    with stage.lock:
        allowed = stage.windows.allow(key, [(stage.limits.dingtalk_qps, 1.0)], stage.now())
    if not allowed:
        raise _too_fast()


def _too_fast() -> DingTalkError:
    return DingTalkError(QPS_CODE, "qps limit for appkey and api", status=403)


def _check_robot(stage: Stage, body: Body) -> None:
    robot = body.get("robotCode")
    if not robot:
        raise DingTalkError("invalidParameter.robotCode.empty", "robotCode is empty")
    if robot != stage.credentials.dingtalk_robot_code:
        raise DingTalkError("invalidParameter.robotCode.notExsit", "robot not exist")


def _message_face(body: Body) -> Face:
    key, param = body.get("msgKey"), body.get("msgParam")
    if not key:
        raise DingTalkError("miss.param.msgKey", "msgKey is empty")
    if not isinstance(param, str) or not param:
        raise DingTalkError("miss.param.msgParam", "msgParam must be a JSON string")
    try:
        content = json.loads(param)
        return robot_face(str(key), content)
    except BadBody as error:
        raise DingTalkError("invalid.param.msgParam", f"{error} missing or invalid") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise DingTalkError("invalid.param.msgParam", "msgParam is not a JSON object") from error


def _send_to_people(stage: Stage, body: Body) -> Body:
    _check_robot(stage, body)
    users = body.get("userIds")
    if not isinstance(users, list) or not users:
        raise DingTalkError("invalidParameter.userId.empty", "userIds is empty")
    if len(users) > MOST_USERS:
        raise DingTalkError("too.many.people", f"more than {MOST_USERS} userIds")
    face = _message_face(body)
    query_key = secrets.token_urlsafe(24)
    invalid = [user for user in users if not _to_person(stage, str(user), face, query_key)]
    return {
        "processQueryKey": query_key,
        "invalidStaffIdList": invalid,
        "flowControlledStaffIdList": [],
        "filteredStaffIdList": [],
    }


def _to_person(stage: Stage, user_id: str, face: Face, query_key: str) -> bool:
    persona = stage.person("dingtalk", user_id)
    if persona is None:
        return False
    _deliver(stage, persona.user_id, face, query_key, in_group=False)
    return True


def _send_to_group(stage: Stage, body: Body) -> Body:
    _check_robot(stage, body)
    conversation = str(body.get("openConversationId") or "")
    if not conversation:
        raise DingTalkError("miss.param.openConversationId", "openConversationId is empty")
    if size(str(body.get("msgParam") or "")) > GROUP_PARAM_BYTES:
        raise DingTalkError("invalid.param.msgParam", "msgParam over 15000 bytes")
    face = _message_face(body)
    group = stage.group_where(platform="dingtalk", conversation_id=conversation)
    if group is None:
        raise DingTalkError("resource.not.found", "robot is not in the group")
    query_key = secrets.token_urlsafe(24)
    _deliver(stage, group.name, face, query_key, in_group=True)
    return {"processQueryKey": query_key}


def _deliver(stage: Stage, place: str, face: Face, query_key: str, *, in_group: bool) -> None:
    if stage.faults.fires(stage.faults.dropped):
        stage.drop("dingtalk", place, "沙盒按设定丢弃", face)
        return
    about = {"in_group": in_group, "message_id": query_key}
    stage.show(stage.bubble("dingtalk", place, BOT, face, **about))


def _download_url(stage: Stage, body: Body) -> str:
    with stage.lock:
        media = stage.library.get(str(body.get("downloadCode") or ""))
    if media is None or media.platform != "dingtalk" or not media.scope:
        raise DingTalkError("invalidParameter.robotCode.downloadCode", "downloadCode is invalid")
    if media.scope != body.get("robotCode"):
        raise DingTalkError("invalidParameter.robotCode.auth", "downloadCode of another robot")
    if media.at + timedelta(hours=DOWNLOAD_HOURS) <= stage.now():
        raise DingTalkError("invalidParameter.robotCode.downloadCode", "downloadCode expired")
    return f"{request.root_url.rstrip('/')}/media/{media.id}"


def _json() -> Body:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise DingTalkError("InvalidParameter", "the body must be a JSON object")
    return body


def _refusal(stage: Stage, error: DingTalkError) -> Response:
    stage.note(f"钉钉接口 {request.path.rpartition('v1.0/')[2]}：{error}")
    answer = jsonify(
        {
            "code": error.code,
            "requestid": secrets.token_hex(16).upper(),
            "message": error.message,
        }
    )
    answer.status_code = error.status
    return answer
