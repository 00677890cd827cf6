"""What DingTalk remembers: cards, callback routes, robot sessions, repeated messages."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.memory import Remembered

SESSION_SECONDS = 5400


@dataclass
class Card:
    """One card: `public` for everybody, `private` per user id, `painted` what a callback's answer
    showed to one person only. `copies` maps a bubble to the user id it is for ("" in a group).
    """

    out_track_id: str
    template_id: str
    callback_type: str
    route_key: str
    public: dict[str, str]
    private: dict[str, dict[str, str]] = field(default_factory=dict)
    painted: dict[str, dict[str, str]] = field(default_factory=dict)
    copies: dict[int, str] = field(default_factory=dict)

    def seen_by(self, user_id: str) -> dict[str, str]:
        """Return the variables one person sees; private ones win."""
        painted, private = self.painted.get(user_id, {}), self.private.get(user_id, {})
        return {**self.public, **painted, **private}


@dataclass(frozen=True)
class Route:
    """Where card callbacks of one route key go."""

    url: str
    secret: str


@dataclass(frozen=True)
class Session:
    """A sessionWebhook: the chat it answers into, until a moment."""

    place: str
    in_group: bool
    until: datetime


class DingTalkState:
    """Guarded by the stage's lock."""

    def __init__(self) -> None:
        self.cards: Remembered[str, Card] = Remembered(20_000)
        self.by_bubble: Remembered[int, Card] = Remembered(50_000)
        self.routes: dict[str, Route] = {}
        self.sessions: Remembered[str, Session] = Remembered(5_000)
        self.robot_uuids: Remembered[str, str] = Remembered(5_000)
        self.blocked_until: dict[str, datetime] = {}
        self.notices: Remembered[str, int] = Remembered(50_000)

    def open_session(self, place: str, *, in_group: bool, now: datetime) -> tuple[str, datetime]:
        """Make a session for answering into a chat; returns its secret and its end."""
        secret, until = secrets.token_hex(16), now + timedelta(seconds=SESSION_SECONDS)
        self.sessions[secret] = Session(place, in_group, until)
        return secret, until


def single_conversation(user_id: str) -> str:
    """Return the conversation id of a person's chat with the robot."""
    return "cid" + hashlib.sha256(user_id.encode()).hexdigest()[:22] + "=="
