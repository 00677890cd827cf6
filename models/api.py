"""The programs around us: keys of the JSON API, answers kept for repeated requests, connectors' progress."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class ApiKey(Base):
    """A program that may call the API. Only a hash of its secret is kept; `id` is the public part of the key.

    `regions` and `brands` narrow what it may read; empty means everything. `busy_until_ms` is the moment
    (milliseconds since 1970) up to which its budget of requests is used.
    """

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[Any]]
    regions: Mapped[list[Any]] = mapped_column(default=list)
    brands: Mapped[list[Any]] = mapped_column(default=list)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    busy_until_ms: Mapped[int] = mapped_column(BigInteger, default=0)


class ApiRequest(Base):
    """A batch that was taken, under the caller's Idempotency-Key, with the answer it got."""

    __tablename__ = "api_request"

    api_key_id: Mapped[str] = mapped_column(ForeignKey("api_key.id"), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(String(128), primary_key=True)
    resource: Mapped[str] = mapped_column(String(32))
    body_hash: Mapped[str] = mapped_column(String(64))
    answer: Mapped[dict[str, Any]]
    taken_at: Mapped[datetime] = mapped_column(index=True)


class PullState(Base):
    """How far a connector is. `watermark` is the last value it has seen; `busy_until` a lease of one worker.

    `error` is empty while all is well; `error_since` begins an episode, of which people hear once.
    """

    __tablename__ = "pull_state"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    watermark: Mapped[str] = mapped_column(Text, default="")
    busy_until: Mapped[datetime | None]
    last_run_at: Mapped[datetime | None]
    last_good_at: Mapped[datetime | None]
    last_source: Mapped[str] = mapped_column(Text, default="")
    accepted: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(Text, default="")
    error_since: Mapped[datetime | None]
