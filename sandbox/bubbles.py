"""What phones show: bubbles, kept in bounded chats, each change numbered for the page."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import TypedDict

from sandbox.people import chat_key

CHAT_LENGTH = 500
"""Bubbles remembered in one chat; older ones are forgotten, as on a cleaned phone."""


class ButtonView(TypedDict):
    """A button as a person sees it; `key` calls back, `url` opens a page."""

    label: str
    key: str
    url: str
    style: str


class OptionView(TypedDict):
    """One thing to pick."""

    id: str
    text: str


class Question(TypedDict):
    """A drop-down or a list of boxes inside a card."""

    key: str
    title: str
    many: bool
    options: list[OptionView]
    selected: list[str]
    disabled: bool


def button(label: str, *, key: str = "", url: str = "", style: str = "plain") -> ButtonView:
    """Make one button."""
    return {"label": label, "key": key, "url": url, "style": style}


@dataclass(kw_only=True)
class Face:
    """How a message looks.

    `kind` is text, markdown, card, actionCard, image, file or recalled. `status` is the grey text
    that took the place of the buttons; `media_id` names the picture or file shown.
    """

    kind: str
    title: str = ""
    body: str = ""
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[ButtonView] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    status: str = ""
    link: str = ""
    media_id: str = ""


@dataclass(kw_only=True)
class Bubble(Face):
    """One message in one chat.

    `place` is the chat's user id or the group's name, `sender` is "bot" or a person's name,
    `card_ref` WeCom's task_id or DingTalk's outTrackId, `message_id` the platform's message id.
    """

    id: int
    at: datetime
    platform: str
    place: str
    in_group: bool
    sender: str
    card_ref: str = ""
    message_id: str = ""
    version: int = 0


FACE_FIELDS = tuple(item.name for item in fields(Face))


class Chats:
    """All chats; the owner guards it with one lock."""

    def __init__(self) -> None:
        self.version = 0
        self._chats: dict[tuple[str, bool, str], deque[Bubble]] = {}
        self._by_id: dict[int, Bubble] = {}
        self._last_id = 0

    def next_id(self) -> int:
        """Return a fresh bubble id."""
        self._last_id += 1
        return self._last_id

    def add(self, bubble: Bubble) -> None:
        """Append a bubble to its chat and forget the oldest beyond the limit."""
        chat = self._chats.setdefault(_key(bubble.platform, bubble.place, bubble.in_group), deque())
        chat.append(bubble)
        self._by_id[bubble.id] = bubble
        self._stamp(bubble)
        if len(chat) > CHAT_LENGTH:
            del self._by_id[chat.popleft().id]

    def find(self, bubble_id: int) -> Bubble | None:
        """Return the bubble itself, for a change, or None when it is forgotten."""
        return self._by_id.get(bubble_id)

    def repaint(self, bubble: Bubble, face: Face) -> None:
        """Give a bubble a new face."""
        for name in FACE_FIELDS:
            setattr(bubble, name, getattr(face, name))
        self._stamp(bubble)

    def read(self, platform: str, place: str, *, in_group: bool) -> list[Bubble]:
        """Return copies of one chat's bubbles, oldest first."""
        chat = self._chats.get(_key(platform, place, in_group), ())
        return [replace(bubble) for bubble in chat]

    def changed_since(self, version: int) -> Iterable[Bubble]:
        """Yield copies of all bubbles made or repainted after `version`."""
        return [replace(bubble) for bubble in self._by_id.values() if bubble.version > version]

    def clear(self) -> None:
        """Forget every chat."""
        self._chats.clear()
        self._by_id.clear()
        self.version += 1

    def _stamp(self, bubble: Bubble) -> None:
        self.version += 1
        bubble.version = self.version


def _key(platform: str, place: str, in_group: bool) -> tuple[str, bool, str]:
    return platform, in_group, place if in_group else chat_key(platform, place)
