"""Small bounded stores: tokens, uploads, rate windows and things remembered for a while."""

import secrets
from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

TOKEN_SECONDS = 7200
MEDIA_BYTES = 256 * 1024 * 1024
"""All uploads together; beyond it the oldest are forgotten."""


class Remembered(OrderedDict[K, V], Generic[K, V]):
    """A dict that forgets its oldest entry beyond `limit`."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        if len(self) > self.limit:
            self.popitem(last=False)


class Tokens:
    """Access tokens per platform: one valid at a time, the same until it expires."""

    def __init__(self) -> None:
        self._current: dict[str, tuple[str, datetime]] = {}
        self._past: Remembered[str, str] = Remembered(1000)

    def issue(self, platform: str, now: datetime) -> str:
        """Return the valid token, or a new one."""
        token, until = self._current.get(platform, ("", now))
        if until <= now:
            self._retire(platform)
            token = secrets.token_urlsafe(48)
        self._current[platform] = token, now + timedelta(seconds=TOKEN_SECONDS)
        return token

    def state(self, platform: str, token: str, now: datetime) -> str:
        """Return "valid", "expired" or "unknown"."""
        current, until = self._current.get(platform, ("", now))
        if token and secrets.compare_digest(token.encode(), current.encode()):
            return "valid" if now < until else "expired"
        return "expired" if self._past.get(token) == platform else "unknown"

    def expire(self, platform: str) -> None:
        """Let the valid token die early."""
        self._retire(platform)

    def _retire(self, platform: str) -> None:
        token, _ = self._current.pop(platform, ("", None))
        if token:
            self._past[token] = platform


@dataclass(frozen=True)
class Media:
    """One upload or one picture a person sent."""

    id: str
    platform: str
    kind: str
    name: str
    content: bytes
    at: datetime
    scope: str = ""


@dataclass
class Library:
    """All media, forgotten oldest first."""

    items: Remembered[str, Media] = field(default_factory=lambda: Remembered(2000))
    size: int = 0

    def add(self, media: Media) -> Media:
        """Keep one upload."""
        self.items[media.id] = media
        self.size = sum(len(item.content) for item in self.items.values())
        while self.size > MEDIA_BYTES and len(self.items) > 1:
            _, old = self.items.popitem(last=False)
            self.size -= len(old.content)
        return media

    def get(self, media_id: str) -> Media | None:
        """Return one upload, or None."""
        return self.items.get(media_id)


class Windows:
    """Sliding windows: how often something happened lately."""

    def __init__(self) -> None:
        self._seen: Remembered[str, deque[datetime]] = Remembered(20_000)

    def allow(self, key: str, limits: Iterable[tuple[int, float]], now: datetime) -> bool:
        """Count one occasion unless any (number, seconds) limit is already reached."""
        limits = list(limits)
        longest = max(seconds for _, seconds in limits)
        seen = self._seen.get(key)
        if seen is None:
            seen = self._seen[key] = deque()
        while seen and seen[0] <= now - timedelta(seconds=longest):
            seen.popleft()
        if any(_count(seen, now, seconds) >= number for number, seconds in limits):
            return False
        seen.append(now)
        return True


def _count(seen: deque[datetime], now: datetime, seconds: float) -> int:
    after = now - timedelta(seconds=seconds)
    return sum(1 for moment in seen if moment > after)
