"""Keys of the JSON API: made once and shown once, kept as a hash, narrow, revocable, with a budget of requests.

A key reads `jh_<id>_<secret>`. The secret has 256 bits of chance, so a plain SHA-256 of it is enough:
there is nothing to guess that a slow hash would protect.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import cast

from sqlalchemy import CursorResult, case, select, update
from sqlalchemy.orm import Session

from models.api import ApiKey

PREFIX = "jh"
LONGEST_KEY = 200  # characters; ours have 80
BURST = 20  # requests that may come at once on top of the steady rate
_NOBODY = hashlib.sha256(b"nobody").hexdigest()


class ApiScope(StrEnum):
    """What a key may be used for."""

    DELIVERIES_WRITE = "deliveries:write"
    COUNTS_WRITE = "counts:write"
    SELLOUT_WRITE = "sellout:write"
    STOCK_WRITE = "stock:write"
    PRODUCTS_WRITE = "products:write"
    STORES_WRITE = "stores:write"
    WARNINGS_READ = "warnings:read"
    RECALLS_READ = "recalls:read"
    DOCUMENTS_READ = "documents:read"

    @property
    def writes(self) -> bool:
        """Whether the scope lets a program write."""
        return self.value.endswith(":write")


class KeyRefused(Exception):
    """The key cannot be made or changed as asked; `str()` says why."""


@dataclass(frozen=True)
class Caller:
    """A program that showed a good key: what it may do, and what part of the house it sees."""

    key_id: str
    name: str
    scopes: frozenset[ApiScope]
    regions: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()

    @property
    def sees_prices(self) -> bool:
        """Whether prices may be shown: a brand's own people see its goods, never what stores pay."""
        return not self.brands


def create_key(
    session: Session,
    name: str,
    scopes: Iterable[ApiScope],
    now: datetime,
    *,
    regions: Iterable[str] = (),
    brands: Iterable[str] = (),
    days: int | None = None,
) -> str:
    """Make a key and return it whole, the only time it can be seen. Raises KeyRefused."""
    wanted, seen_regions, seen_brands = sorted(set(scopes)), sorted(set(regions)), sorted(set(brands))
    if not name.strip() or len(name) > 64:
        raise KeyRefused("the name must have 1 to 64 characters")
    if not wanted:
        raise KeyRefused("a key needs at least one scope")
    if (seen_regions or seen_brands) and any(scope.writes for scope in wanted):
        raise KeyRefused("a key for some regions or brands may only read")
    if session.scalar(select(ApiKey.id).where(ApiKey.name == name)):
        raise KeyRefused(f"a key named {name} is there already; names stay taken after a key is revoked")
    key_id, secret = secrets.token_hex(6), secrets.token_hex(32)
    session.add(
        ApiKey(
            id=key_id,
            name=name,
            secret_hash=_hash(secret),
            scopes=[scope.value for scope in wanted],
            regions=seen_regions,
            brands=seen_brands,
            created_at=now,
            expires_at=None if days is None else now + timedelta(days=days),
        )
    )
    session.flush()
    return f"{PREFIX}_{key_id}_{secret}"


def revoke_key(session: Session, name: str, now: datetime) -> None:
    """End a key at once; ending it again changes nothing. Raises KeyRefused for an unknown name."""
    key = session.scalar(select(ApiKey).where(ApiKey.name == name))
    if key is None:
        raise KeyRefused(f"no key is named {name}")
    key.revoked_at = key.revoked_at or now
    session.flush()


def all_keys(session: Session) -> list[ApiKey]:
    """Every key ever made, the oldest first."""
    return list(session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.id)))


def state_of(key: ApiKey, now: datetime) -> str:
    """valid, revoked or expired."""
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "valid"


def caller_of(session: Session, key: str, now: datetime) -> Caller | None:
    """The program behind a key, or nobody: unknown, wrong, revoked and expired keys look alike."""
    key_id, secret = _parts(key)
    known = session.get(ApiKey, key_id) if key_id else None
    # An unknown id takes the same comparison as a known one, so that time tells nothing.
    fits = hmac.compare_digest(_hash(secret), known.secret_hash if known else _NOBODY)
    if known is None or not fits or state_of(known, now) != "valid":
        return None
    scopes = frozenset(scope for scope in ApiScope if scope.value in known.scopes)
    return Caller(known.id, known.name, scopes, tuple(known.regions), tuple(known.brands))


def spend(session: Session, key_id: str, now: datetime, per_minute: int) -> bool:
    """Take one request from the key's budget and note its use; False when the budget is used up.

    One conditional UPDATE, so that all processes share the budget: requests are spaced evenly, with a
    burst of twenty.
    """
    moment, step = int(now.timestamp() * 1000), 60_000 // per_minute
    busy = case((ApiKey.busy_until_ms > moment, ApiKey.busy_until_ms), else_=moment)
    room = ApiKey.busy_until_ms <= moment + step * max(BURST, per_minute // 10)
    done = session.execute(
        update(ApiKey)
        .where(ApiKey.id == key_id, room)
        .values(busy_until_ms=busy + step, last_used_at=now)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[tuple[()]]", done).rowcount == 1


def _parts(key: str) -> tuple[str, str]:
    prefix, _, rest = key[:LONGEST_KEY].partition("_")
    key_id, _, secret = rest.partition("_")
    good = prefix == PREFIX and len(key_id) == 12 and key_id.isascii() and key_id.isalnum() and bool(secret)
    return (key_id, secret) if good else ("", secret)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
