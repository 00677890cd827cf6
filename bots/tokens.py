"""Access tokens: one per name, fetched by one caller at a time, shared by all."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Protocol

# Both platforms may end a token a little early, and a call with it may be under way.
EARLY = timedelta(seconds=300)

Fetch = Callable[[], tuple[str, int]]


class TokenStore(Protocol):
    """Keeps access tokens for every process that needs them."""

    def get(self, name: str) -> str | None:
        """Return the token in force, or None."""
        ...

    def refresh(self, name: str, rejected: str | None, fetch: Fetch) -> str:
        """Return a token other than `rejected`; only one caller at a time runs `fetch`.

        `fetch` returns the token and its life in seconds; what it raises passes through.
        """
        ...


@dataclass(frozen=True)
class _Token:
    value: str
    until: datetime


class MemoryTokens:
    """A token store for one process: tests, the demo, the command line."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._tokens: dict[str, _Token] = {}
        self._locks: dict[str, Lock] = {}

    def get(self, name: str) -> str | None:
        """Return the token in force, or None."""
        token = self._tokens.get(name)
        return token.value if token and self._clock() < token.until else None

    def refresh(self, name: str, rejected: str | None, fetch: Fetch) -> str:
        """Return a token other than `rejected`, fetching it unless somebody just did."""
        with self._locks.setdefault(name, Lock()):
            current = self.get(name)
            if current is not None and current != rejected:
                return current
            value, seconds = fetch()
            self._tokens[name] = _Token(value, self._clock() + _usable(seconds))
            return value


def _usable(seconds: int) -> timedelta:
    life = timedelta(seconds=seconds)
    return life - EARLY if life > 2 * EARLY else life / 2
