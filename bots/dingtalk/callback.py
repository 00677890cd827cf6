"""What people say to the robot and press on cards in DingTalk, as `Incoming`; instant answers.

Neither of these two callbacks is encrypted, and neither signature covers the body: amounts and
states are never taken from them, and a repeat is recognised by its key.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

import structlog

from bots.dingtalk.events import (
    DingtalkEvent,
    DingtalkEvents,
    at_millis,
    parse_event,
    read_json,
    scalar,
)
from bots.envelope import BadCallback, check_size, same
from bots.messages import Incoming

__all__ = [
    "BadCallback",
    "CardCallback",
    "DingtalkEvent",
    "DingtalkEvents",
    "RobotCallback",
    "card_reply",
    "hmac_base64",
    "parse_event",
    "robot_reply",
]

log = structlog.get_logger()

ROBOT_WINDOW = 3600
CARD_WINDOW = 300
_QUOTA_USED_UP = "20001"


class Headers(Protocol):
    """Request headers: a dictionary or Flask's own, in any letter case."""

    def items(self) -> Iterable[tuple[str, str]]: ...


def hmac_base64(secret: str, words: str) -> str:
    """Return the Base64 HMAC-SHA256 that DingTalk signs with."""
    digest = hmac.new(secret.encode(), words.encode("utf-8", "replace"), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


class RobotCallback:
    """Messages to the app's robot over HTTP."""

    def __init__(self, client_secret: str, oapi_base: str = "https://oapi.dingtalk.com") -> None:
        self._secret = client_secret
        self._oapi_base = oapi_base.rstrip("/") + "/"

    def open_message(self, headers: Headers, body: bytes, now: datetime) -> Incoming:
        """Return what somebody said. Raises BadCallback for a wrong sign, an old or odd request."""
        check_size(body)
        found = _lowered(headers)
        timestamp = found.get("timestamp", "")
        _check_fresh(timestamp, now, ROBOT_WINDOW)
        expected = hmac_base64(self._secret, f"{timestamp}\n{self._secret}")
        if not self._secret or not same(expected, found.get("sign", "")):
            raise BadCallback("wrong sign")
        return self.parse(read_json(body), now)

    def parse(self, data: Mapping[str, Any], now: datetime) -> Incoming:
        """Return the message in a body already checked."""
        if _QUOTA_USED_UP in {scalar(data.get("errCode")), scalar(data.get("errorCode"))}:
            log.error("dingtalk_month_quota_used_up")
        key = _word(data, "msgId")
        if not key:
            raise BadCallback("no msgId")
        in_group = scalar(data.get("conversationType")) == "2"
        return Incoming(
            platform="dingtalk",
            key=f"dingtalk|robot|{key[:200]}",
            user=_word(data, "senderStaffId"),
            at=at_millis(data.get("createAt"), now),
            conversation=_word(data, "conversationId") if in_group else "",
            session_webhook=self._honest_webhook(_word(data, "sessionWebhook")),
            **_content_of(data),
        )

    def _honest_webhook(self, webhook: str) -> str:
        # The body is unsigned: an address elsewhere would carry our words out of the house.
        return webhook if webhook.startswith(self._oapi_base) else ""


class CardCallback:
    """Presses on interactive cards over HTTP."""

    def __init__(self, api_secret: str, corp_id: str) -> None:
        self._secret = api_secret
        self._corp_id = corp_id

    def open_press(self, headers: Headers, body: bytes, now: datetime) -> Incoming:
        """Return who pressed what. Raises BadCallback for a wrong signature or another company."""
        check_size(body)
        found = _lowered(headers)
        timestamp = found.get("x-ddpaas-signature-timestamp", "")
        _check_fresh(timestamp, now, CARD_WINDOW)
        expected = hmac_base64(self._secret, timestamp)
        if not self._secret or not same(expected, found.get("x-ddpaas-signature", "")):
            raise BadCallback("wrong signature")
        return self.parse(read_json(body), timestamp, now)

    def parse(self, data: Mapping[str, Any], timestamp: str, now: datetime) -> Incoming:
        """Return the press in a body already checked."""
        if _word(data, "corpId") not in {"", self._corp_id}:
            raise BadCallback("pressed in another company")
        card_ref = _word(data, "outTrackId")
        if not card_ref:
            raise BadCallback("no outTrackId")
        # With type 2 it is a union id, which is nobody in our directory.
        user = _word(data, "userId") if scalar(data.get("userIdType") or 1) == "1" else ""
        params, action_ids = _pressed(data)
        button = _button(params, action_ids)
        identity = f"{card_ref}|{user}|{button}|{timestamp}"
        return Incoming(
            platform="dingtalk",
            kind="button",
            key=f"dingtalk|card|{hashlib.sha256(identity.encode('utf-8', 'replace')).hexdigest()}",
            user=user,
            at=at_millis(timestamp, now),
            button=button,
            choices=_choices(params),
            card_ref=card_ref,
        )


def card_reply(status: str, *, keep_buttons: bool = False) -> dict[str, Any]:
    """Return the answer that repaints the card for the person who pressed, and nobody else."""
    if not status:
        return {}
    params = {"status": status} if keep_buttons else {"status": status, "buttons": "[]"}
    return {
        "cardUpdateOptions": {"updateCardDataByKey": True, "updatePrivateDataByKey": True},
        "cardData": {"cardParamMap": params},
    }


def robot_reply(text: str) -> dict[str, Any]:
    """Return the answer of the robot inside the HTTP response; empty words answer nothing."""
    return {"msgtype": "text", "text": {"content": text}} if text else {"msgtype": "empty"}


def _lowered(headers: Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _check_fresh(timestamp: str, now: datetime, window: int) -> None:
    digits = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 15
    if not digits or abs(now.timestamp() - int(timestamp) / 1000) > window:
        raise BadCallback("timestamp missing or too far from now")


def _word(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""


def _object(value: object) -> dict[str, Any]:
    """Return `value` as an object, reading it from JSON text where the platform sends that."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def _content_of(data: Mapping[str, Any]) -> dict[str, Any]:
    kind = _word(data, "msgtype")
    content = data.get("content")
    fields = content if isinstance(content, dict) else {}
    if kind == "text":
        # One documented sample has the words at the top instead of in text.content.
        words = _word(_object(data.get("text")), "content") or _word(data, "content")
        return {"kind": "text", "text": words.strip()}
    if kind == "audio":
        words, media = _word(fields, "recognition"), _word(fields, "downloadCode")
        return {"kind": "voice", "text": words.strip(), "media_id": media}
    if kind == "picture":
        return {"kind": "image", "media_id": _word(fields, "downloadCode")}
    if kind == "richText":
        return _rich_text(fields.get("richText"))
    return {"kind": "other", "text": kind, "media_id": _word(fields, "downloadCode")}


def _rich_text(pieces: object) -> dict[str, Any]:
    found = [piece for piece in pieces if isinstance(piece, dict)] if isinstance(pieces, list) else []
    text = "".join(_word(piece, "text") for piece in found).strip()
    media = next((code for piece in found if (code := _word(piece, "downloadCode"))), "")
    return {"kind": "text" if text else "image", "text": text, "media_id": media}


def _pressed(data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return (params, action ids), wherever the several documented shapes put them."""
    content = _object(data.get("content")) or _object(data.get("value"))
    private = _object(content.get("cardPrivateData"))
    params = _object(private.get("params")) or _object(content.get("params"))
    ids = private.get("actionIds")
    return params, [one for one in ids if isinstance(one, str)] if isinstance(ids, list) else []


def _button(params: Mapping[str, Any], action_ids: list[str]) -> str:
    return _word(params, "action") or (action_ids[0] if action_ids else "")


def _choices(params: Mapping[str, Any]) -> dict[str, list[str]]:
    form = _object(params.get("form"))
    answers = {name: value for name, value in params.items() if name not in {"action", "form"}}
    return {name: _words(value) for name, value in {**answers, **form}.items()}


def _words(value: object) -> list[str]:
    """Return an answer as words: a select answers {index, value}, a check box true or false."""
    if isinstance(value, dict):
        value = value.get("value")
    if isinstance(value, list):
        return [word for one in value if (word := scalar(one))]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [word] if (word := scalar(value)) else []
