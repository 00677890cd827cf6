"""The custom group robot and the sessionWebhook: signed or secret addresses without a token."""

import hmac
from datetime import timedelta
from typing import Any

from sandbox.bubbles import Face
from sandbox.dingtalk_errors import OapiError, bad_old_shape
from sandbox.dingtalk_faces import BadBody, webhook_face
from sandbox.dingtalk_state import DingTalkState
from sandbox.envelopes import hmac_base64
from sandbox.people import GroupChat
from sandbox.shapes import well_shaped
from sandbox.stage import BOT, Stage

MOST_BYTES = 20_000
BLOCK_MINUTES = 10
SIGNED_FOR_SECONDS = 3600


def send(stage: Stage, state: DingTalkState, query: dict[str, str], body: dict[str, Any], length: int) -> None:
    """Show a custom robot's message in its group; raises `OapiError`."""
    group = stage.group_where(platform="dingtalk", robot_key=query.get("access_token", ""))
    if group is None:
        raise OapiError(300001, "token is not exist")
    if group.robot_secret:
        _check_sign(stage, group.robot_secret, query)
    if length > MOST_BYTES:
        raise OapiError(460101, "message too long, exceed 20000 bytes")
    face = _face(body)
    if _already_sent(stage, state, group, body):
        return
    _check_pace(stage, state, group)
    if stage.faults.fires(stage.faults.dropped):
        stage.drop("dingtalk", group.name, "沙盒按设定丢弃", face)
        return
    stage.show(stage.bubble("dingtalk", group.name, BOT, face, in_group=True))


def answer_session(stage: Stage, state: DingTalkState, secret: str, body: dict[str, Any]) -> None:
    """Show an answer through a sessionWebhook; raises `OapiError`."""
    with stage.lock:
        session = state.sessions.get(secret)
    if session is None or session.until <= stage.now():
        raise OapiError(300001, "session.expired")
    face = _face(body)
    about = {"in_group": session.in_group}
    stage.show(stage.bubble("dingtalk", session.place, BOT, face, **about))


def _face(body: dict[str, Any]) -> Face:
    try:
        with well_shaped(bad_old_shape):
            return webhook_face(body)
    except BadBody as error:
        code = 400105 if str(error) == "msgtype" else 40035
        raise OapiError(code, f"invalid {error}") from error


def _check_sign(stage: Stage, secret: str, query: dict[str, str]) -> None:
    timestamp = query.get("timestamp", "")
    now = stage.now().timestamp()
    if not timestamp.isdecimal() or abs(now - int(timestamp) / 1000) > SIGNED_FOR_SECONDS:
        raise OapiError(310000, "invalid timestamp")
    right = hmac_base64(secret, f"{timestamp}\n{secret}")
    if not hmac.compare_digest(right.encode(), query.get("sign", "").encode()):
        raise OapiError(310000, "sign not match")


def _already_sent(stage: Stage, state: DingTalkState, group: GroupChat, body: dict[str, Any]) -> bool:
    uuid = str(body.get("msgUuid") or "")
    if not uuid:
        return False
    with stage.lock:
        key = f"{group.robot_key} {uuid}"
        seen = key in state.robot_uuids
        state.robot_uuids[key] = uuid
        return seen


def _check_pace(stage: Stage, state: DingTalkState, group: GroupChat) -> None:
    now, key = stage.now(), group.robot_key
    with stage.lock:
        blocked = state.blocked_until.get(key, now) > now
        window = [(stage.limits.robot_minute, 60.0)]
        if not blocked and stage.windows.allow(f"dingtalk robot {key}", window, now):
            return
        if not blocked:
            state.blocked_until[key] = now + timedelta(minutes=BLOCK_MINUTES)
    raise OapiError(130101, "send too fast, exceed 20 times per minute")
