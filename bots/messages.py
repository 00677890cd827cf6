"""What came in from a chat, free of platform field names."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Platform = Literal["wecom", "dingtalk", "h5"]
Kind = Literal["text", "button", "scan", "menu", "image", "voice", "location", "enter", "subscribe", "other"]


@dataclass(frozen=True)
class Incoming:
    """One message, press or scan of one person.

    `key` is the composite de-duplication key of the platform. `user` is the platform's verified
    user id (WeCom ids lower-cased); it is never taken from a card's own values.
    `button` is the pressed `Button.key`, `choices` what was picked or typed in the card
    (question key -> option ids or words). `response_code` updates a WeCom card once,
    `card_ref` is WeCom's task_id or DingTalk's outTrackId. `conversation` is the group, empty in
    a one-to-one chat. `place` is (latitude, longitude).
    """

    platform: Platform
    kind: Kind
    key: str
    user: str
    at: datetime
    text: str = ""
    button: str = ""
    choices: dict[str, list[str]] = field(default_factory=dict)
    card_ref: str = ""
    response_code: str = ""
    media_id: str = ""
    conversation: str = ""
    session_webhook: str = ""
    place: tuple[float, float] | None = None


@dataclass(frozen=True)
class Reply:
    """The immediate answer: words for the chat, or a card repainted for the person who pressed."""

    text: str = ""
    card_status: str = ""
