"""What WeCom remembers: sent messages, task ids, response codes, repeated requests, the menu."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sandbox.memory import Remembered

CODE_HOURS = 72


@dataclass
class SentMessage:
    """One message/send; `copies` maps the lower-cased user id to the bubble on that phone."""

    id: str
    at: datetime
    task_id: str = ""
    card: dict[str, Any] = field(default_factory=dict)
    copies: dict[str, int] = field(default_factory=dict)


@dataclass
class ResponseCode:
    """Permission to update one message once."""

    message: SentMessage
    until: datetime
    used: bool = False


class WeComState:
    """Guarded by the stage's lock."""

    def __init__(self) -> None:
        self.messages: Remembered[str, SentMessage] = Remembered(20_000)
        self.task_ids: Remembered[str, str] = Remembered(200_000)
        self.codes: Remembered[str, ResponseCode] = Remembered(50_000)
        self.requests: Remembered[str, tuple[datetime, dict[str, Any]]] = Remembered(20_000)
        self.by_bubble: Remembered[int, SentMessage] = Remembered(50_000)
        self.menu: list[dict[str, Any]] = []

    def new_code(self, message: SentMessage, now: datetime) -> str:
        """Make a response_code for a message."""
        code = secrets.token_urlsafe(24)
        self.codes[code] = ResponseCode(message, now + timedelta(hours=CODE_HOURS))
        return code

    def spend(self, code: str, now: datetime) -> SentMessage | None:
        """Use a code up; None when it is unknown, used or too old."""
        known = self.codes.get(code)
        if known is None or known.used or known.until <= now:
            return None
        known.used = True
        return known.message

    def menu_buttons(self) -> list[dict[str, Any]]:
        """Return the menu's entries that can be pressed, sub-menus unfolded."""
        found: list[dict[str, Any]] = []
        for entry in self.menu:
            found.extend(entry.get("sub_button") or [entry])
        return found

    def scan_key(self) -> str:
        """Return the key of the menu's scan entry, "scan" without one."""
        for entry in self.menu_buttons():
            if entry.get("type") == "scancode_waitmsg":
                return str(entry["key"])
        return "scan"
