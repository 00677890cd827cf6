"""The state both platforms share; acts and APIs work on it through short locked methods.

The lock is never held while a callback is on its way: the application's workers call the API
during it.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from itertools import count
from threading import RLock
from typing import Any

import requests

from sandbox.bubbles import Bubble, Chats, Face
from sandbox.callbacks import Callback, Courier, Delivery
from sandbox.faults import Faults
from sandbox.memory import Library, Tokens, Windows
from sandbox.people import CannotAct, Credentials, GroupChat, Limits, Persona, same_user

BOT = "bot"


@dataclass(frozen=True)
class Note:
    """One line of the sandbox's log, in Chinese."""

    id: int
    at: datetime
    text: str


@dataclass(frozen=True)
class Dropped:
    """A message the platform accepted and did not deliver."""

    at: datetime
    platform: str
    place: str
    reason: str
    face: Face


class Stage:
    """People, chats, tokens, uploads, limits, faults and the courier."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        callback_base: str,
        deliver: requests.Session,
        clock: Callable[[], datetime],
        personas: Callable[[], list[Persona]],
        groups: Callable[[], list[GroupChat]],
        **settings: Any,
    ) -> None:
        known = Settings(**settings)
        self.credentials = credentials
        self.callback_base = callback_base.rstrip("/")
        self.sandbox_base = (known.sandbox_base or f"{self.callback_base}/sandbox").rstrip("/")
        self.clock = clock
        self.personas = personas
        self.groups = groups
        self.limits = known.limits
        self.pause = known.pause
        self.lock = RLock()
        self.faults = Faults(seed=known.seed)
        self.courier = Courier(self.callback_base, deliver, self.faults, known.pause, known.callback_timeout)
        self.chats = Chats()
        self.tokens = Tokens()
        self.library = Library()
        self.windows = Windows()
        self.numbers = count(7_459_035_031_717_794_886)
        self.invisible: deque[Bubble] = deque(maxlen=500)
        self.dropped: deque[Dropped] = deque(maxlen=500)
        self.notes: deque[Note] = deque(maxlen=200)
        self.on_bubble: list[Callable[[Bubble], None]] = []
        self.on_change: list[Callable[[Bubble], None]] = []

    def now(self) -> datetime:
        """Return the present moment of the world."""
        return self.clock()

    def number(self) -> int:
        """Return the next unique 64-bit number, for message ids."""
        return next(self.numbers)

    def person(self, platform: str, user_id: str) -> Persona | None:
        """Return who has this id on this platform, or None."""
        for persona in self.personas():
            if persona.platform == platform and same_user(platform, persona.user_id, user_id):
                return persona
        return None

    def actor(self, platform: str, user_id: str) -> Persona:
        """Return the person about to act; raises `CannotAct`."""
        persona = self.person(platform, user_id)
        if persona is None:
            raise CannotAct(f"沙盒里没有这个人：{user_id}")
        return persona

    def group_named(self, platform: str, name: str) -> GroupChat:
        """Return a group by its name; raises `CannotAct`."""
        for group in self.groups():
            if group.platform == platform and group.name == name:
                return group
        raise CannotAct(f"沙盒里没有这个群：{name}")

    def group_where(self, **wanted: str) -> GroupChat | None:
        """Return the group whose fields all equal the wanted, non-empty values."""
        for group in self.groups():
            if all(value and getattr(group, name) == value for name, value in wanted.items()):
                return group
        return None

    def bubble(self, platform: str, place: str, sender: str, face: Face, **about: Any) -> Bubble:
        """Make a bubble that is not shown yet."""
        with self.lock:
            about.setdefault("in_group", False)
            looks = {item.name: getattr(face, item.name) for item in fields(Face)}
            return Bubble(
                id=self.chats.next_id(),
                at=self.now(),
                platform=platform,
                place=place,
                sender=sender,
                **looks,
                **about,
            )

    def show(self, bubble: Bubble) -> Bubble:
        """Put a bubble into its chat and tell the watchers."""
        with self.lock:
            self.chats.add(bubble)
            seen = replace(bubble)
        for watch in list(self.on_bubble):
            watch(seen)
        return seen

    def say_as(self, persona: Persona, face: Face) -> Bubble:
        """Show what a person sent in their own chat with the bot."""
        return self.show(self.bubble(persona.platform, persona.user_id, persona.name, face))

    def repaint(self, bubble_id: int, face: Face) -> None:
        """Change a bubble's face and tell the watchers of a difference; forgotten ones are left."""
        with self.lock:
            bubble = self.chats.find(bubble_id)
            if bubble is None:
                return
            before = replace(bubble)
            self.chats.repaint(bubble, face)
            seen = replace(bubble)
        if seen != replace(before, version=seen.version):
            for watch in list(self.on_change):
                watch(seen)

    def found(self, bubble_id: int) -> Bubble:
        """Return a copy of a bubble; raises `CannotAct` when it is gone."""
        with self.lock:
            bubble = self.chats.find(bubble_id)
            if bubble is None:
                raise CannotAct("这条消息已经不在了。")
            return replace(bubble)

    def drop(self, platform: str, place: str, reason: str, face: Face) -> None:
        """Record a message that was accepted and silently not delivered."""
        with self.lock:
            self.dropped.append(Dropped(self.now(), platform, place, reason, face))
        self.note(f"没有送达 {place}：{reason}")

    def note(self, text: str) -> None:
        """Write one line into the sandbox's log."""
        with self.lock:
            self.notes.append(Note(self.number(), self.now(), text))

    def send_callback(self, callback: Callback) -> Delivery:
        """Deliver a callback and write down what went wrong."""
        delivery = self.courier.send(callback)
        if delivery.held:
            self.note(f"{callback.label}被扣住，排到下一条之后送达")
        if delivery.problem:
            self.note(f"{delivery.problem}（共投递 {delivery.attempts} 次）")
        return delivery


@dataclass(frozen=True)
class Settings:
    """What a world may be given besides the essentials.

    `sandbox_base` is where the sandbox itself is reachable (default: `/sandbox` of the callback
    address), `callback_timeout` real seconds for every callback instead of the platforms' own,
    `pause` sleeps, `seed` makes misbehaviour repeatable.
    """

    sandbox_base: str = ""
    callback_timeout: float | None = None
    limits: Limits = field(default_factory=Limits)
    pause: Callable[[float], None] = time.sleep
    seed: int = 0
