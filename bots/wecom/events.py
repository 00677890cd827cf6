"""The table from WeCom's message and event types to `Incoming`, and their de-duplication keys."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from bots.messages import Incoming

# No XML name begins with '#', so this key of ours cannot be sent from outside.
DIGEST = "#sha256"

Inner = Mapping[str, Any]
Details = dict[str, Any]


def word(inner: Inner, name: str) -> str:
    """Return the text of element `name`, or "" when it is missing, empty or no plain text."""
    value = inner.get(name)
    return value if isinstance(value, str) else ""


def incoming_of(inner: Inner, now: datetime) -> Incoming:
    """Return the message or event as `Incoming`; what is unknown becomes kind `other`."""
    kind = word(inner, "MsgType").lower()
    name = word(inner, "Event").lower()
    table, entry = (_EVENTS, name) if kind == "event" else (_MESSAGES, kind)
    details = table[entry](inner) if entry in table else {"kind": "other", "text": entry}
    return Incoming(
        platform="wecom",
        key=key_of(inner),
        user=word(inner, "FromUserName").casefold(),
        at=_created(inner, now),
        **details,
    )


def key_of(inner: Inner) -> str:
    """Return the key under which a redelivery of this message is recognised.

    MsgId alone repeats between senders, and an event has none: two events of one person in one
    second differ only in their content, so the plain text's hash is part of their key.
    """
    to, agent = word(inner, "ToUserName"), word(inner, "AgentID")
    sender = word(inner, "FromUserName").casefold()
    if message_id := word(inner, "MsgId"):
        return _bounded(f"wecom|{to}|{agent}|{sender}|{message_id}")
    created, event = word(inner, "CreateTime"), word(inner, "Event")
    return _bounded(f"wecom|{to}|{agent}|{sender}|{created}|{event}|{word(inner, DIGEST)[:32]}")


def _bounded(key: str) -> str:
    if len(key) <= 240:
        return key
    return "wecom|" + hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _created(inner: Inner, now: datetime) -> datetime:
    try:
        created = datetime.fromtimestamp(int(word(inner, "CreateTime")), UTC)
    except (ValueError, OverflowError, OSError):
        return now
    return min(created, now)


def _text(inner: Inner) -> Details:
    return {"kind": "text", "text": word(inner, "Content")}


def _image(inner: Inner) -> Details:
    return {"kind": "image", "media_id": word(inner, "MediaId")}


def _voice(inner: Inner) -> Details:
    return {"kind": "voice", "media_id": word(inner, "MediaId")}


def _location(inner: Inner) -> Details:
    place = _place(word(inner, "Location_X"), word(inner, "Location_Y"))
    return {"kind": "location", "place": place, "text": word(inner, "Label")}


def _reported_location(inner: Inner) -> Details:
    place = _place(word(inner, "Latitude"), word(inner, "Longitude"))
    return {"kind": "location", "place": place}


def _place(latitude: str, longitude: str) -> tuple[float, float] | None:
    try:
        place = float(latitude), float(longitude)
    except ValueError:
        return None
    return place if abs(place[0]) <= 90 and abs(place[1]) <= 180 else None


def _scan(inner: Inner) -> Details:
    scanned = inner.get("ScanCodeInfo")
    result = word(scanned, "ScanResult") if isinstance(scanned, dict) else ""
    return {"kind": "scan", "button": word(inner, "EventKey"), "text": result}


def _menu(inner: Inner) -> Details:
    return {"kind": "menu", "button": word(inner, "EventKey")}


def _page_opened(inner: Inner) -> Details:
    return {"kind": "menu", "text": word(inner, "EventKey")}


def _card(inner: Inner) -> Details:
    return {
        "kind": "button",
        "button": word(inner, "EventKey"),
        "card_ref": word(inner, "TaskId"),
        "response_code": word(inner, "ResponseCode"),
        "choices": _choices(inner.get("SelectedItems")),
    }


def _choices(selected: object) -> dict[str, list[str]]:
    items = selected.get("SelectedItem", []) if isinstance(selected, dict) else []
    return {
        word(item, "QuestionKey"): _options(item.get("OptionIds"))
        for item in items
        if isinstance(item, dict) and word(item, "QuestionKey")
    }


def _options(found: object) -> list[str]:
    ids = found.get("OptionId", []) if isinstance(found, dict) else []
    return [one for one in ids if isinstance(one, str)]


def _enter(_inner: Inner) -> Details:
    return {"kind": "enter"}


def _subscribe(_inner: Inner) -> Details:
    return {"kind": "subscribe"}


_MESSAGES: dict[str, Callable[[Inner], Details]] = {
    "text": _text,
    "image": _image,
    "voice": _voice,
    "location": _location,
}

# `unsubscribe` is left to `other`: nobody is there to be greeted.
_EVENTS: dict[str, Callable[[Inner], Details]] = {
    "subscribe": _subscribe,
    "enter_agent": _enter,
    "location": _reported_location,
    "click": _menu,
    "view": _page_opened,
    "scancode_push": _scan,
    "scancode_waitmsg": _scan,
    "template_card_event": _card,
    "template_card_menu_event": _card,
}
