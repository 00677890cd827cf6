"""The engine's own tables: inbox, outbox, cards, timers, history, slots, tokens, links."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from models.base import Base


class Flowing:
    """What every object of a flow carries.

    `version` grows with each step and guards against two people pressing at once; `visit` grows
    each time a state is entered, and a timer only fires for the visit it was written in.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=0)
    visit: Mapped[int] = mapped_column(default=0)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - SQLAlchemy hands over the class
        return {"version_id_col": cls.version, "version_id_generator": False}


class Inbox(Base):
    """A message already handled, with the answer it got, so that a re-delivery gets the same one."""

    __tablename__ = "inbox"

    key: Mapped[str] = mapped_column(primary_key=True)
    received_at: Mapped[datetime] = mapped_column(index=True)
    reply: Mapped[dict[str, Any] | None]


class Outbox(Base):
    """A letter still to be sent. It leaves this table by being sent; after the last try it stays, dead.

    Letters of a lower `priority` number go first. `weight` is how many messages it will be at least.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index(None, "channel", "dead", "priority", "due_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    channel: Mapped[str] = mapped_column(String(64))
    recipient: Mapped[str]
    kind: Mapped[str] = mapped_column(String(8))
    message: Mapped[dict[str, Any]]
    card_ref: Mapped[str] = mapped_column(String(128), default="", index=True)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str] = mapped_column(String(64), default="")
    dead: Mapped[bool] = mapped_column(default=False)
    last_error: Mapped[str] = mapped_column(default="")
    priority: Mapped[int] = mapped_column(default=0, server_default="0")
    weight: Mapped[int] = mapped_column(default=1, server_default="1")


class Sent(Base):
    """A letter that went out; kept apart so that the live table stays small.

    `messages` is how many the platform took for it, `calls` how many requests that was.
    """

    __tablename__ = "sent"
    __table_args__ = (Index(None, "channel", "sent_at"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(unique=True)
    channel: Mapped[str] = mapped_column(String(64))
    recipient: Mapped[str]
    kind: Mapped[str] = mapped_column(String(8))
    message: Mapped[dict[str, Any]]
    card_ref: Mapped[str] = mapped_column(String(128), default="")
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime]
    attempts: Mapped[int]
    platform_ref: Mapped[str] = mapped_column(default="")
    messages: Mapped[int] = mapped_column(default=1, server_default="1")
    calls: Mapped[int] = mapped_column(default=1, server_default="1")


class Attempt(Base):
    """One try to send, good or bad: what the rate limit of a channel counts."""

    __tablename__ = "attempt"
    __table_args__ = (Index(None, "channel", "finished_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(64))
    finished_at: Mapped[datetime]
    messages: Mapped[int] = mapped_column(default=1, server_default="1")


class Tally(Base):
    """How much of something was used on a day, for what is too much to keep row by row."""

    __tablename__ = "tally"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    used: Mapped[int]


class Channel(Base):
    """How fast letters of a channel may go: `allowed` sends in `period_seconds`; not before `free_at`."""

    __tablename__ = "channel"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    allowed: Mapped[int]
    period_seconds: Mapped[int]
    free_at: Mapped[datetime]


class Card(Base):
    """A card in somebody's chat that shows an object's state and can be repainted.

    `response_code` is WeCom's single-use code, kept the moment it arrives.
    """

    __tablename__ = "card"
    __table_args__ = (Index(None, "flow", "subject_id", "open"),)

    card_ref: Mapped[str] = mapped_column(String(128), primary_key=True)
    channel: Mapped[str] = mapped_column(String(64))
    recipient: Mapped[str]
    flow: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[int]
    message: Mapped[dict[str, Any]]
    open: Mapped[bool] = mapped_column(default=True)
    response_code: Mapped[str] = mapped_column(Text, default="")
    repaints: Mapped[int] = mapped_column(default=0)


class Timer(Base):
    """Something that happens by itself: row `row` of the flow, for the visit it was written in."""

    __tablename__ = "timer"

    id: Mapped[int] = mapped_column(primary_key=True)
    flow: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[int]
    visit: Mapped[int]
    row: Mapped[str] = mapped_column(String(64))
    due_at: Mapped[datetime] = mapped_column(index=True)


class History(Base):
    """One step of one object: who moved what, from where, and why. Append-only and hash-chained."""

    __tablename__ = "history"
    __table_args__ = (Index(None, "flow", "subject_id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    flow: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[int]
    version: Mapped[int]
    event: Mapped[str] = mapped_column(String(64))
    from_state: Mapped[str] = mapped_column(String(32))
    to_state: Mapped[str] = mapped_column(String(32))
    actor: Mapped[str]
    entrance: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text, default="")
    facts: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    hash: Mapped[str] = mapped_column(String(64))


class ChainHead(Base):
    """The end of the history chain: how many rows there are and the hash of the last one, sealed with the secret."""

    __tablename__ = "chain_head"

    id: Mapped[int] = mapped_column(primary_key=True)
    rows: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))
    seal: Mapped[str] = mapped_column(String(64), default="")


class PeriodicSlot(Base):
    """A periodic job that has been done for a slot (the scheduled moment), by whichever worker was first."""

    __tablename__ = "periodic_slot"

    job: Mapped[str] = mapped_column(String(64), primary_key=True)
    slot: Mapped[str] = mapped_column(String(32), primary_key=True)
    started_at: Mapped[datetime]


class PlatformToken(Base):
    """An access token shared by all processes; `lease_until` marks the one that is refreshing it."""

    __tablename__ = "platform_token"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    token: Mapped[str] = mapped_column(Text, default="")
    expires_at: Mapped[datetime]
    lease_until: Mapped[datetime]


class Link(Base):
    """A signed page link given to one person for one object; the first device that acts owns it.

    A new `generation` ends the addresses given out before.
    """

    __tablename__ = "link"
    __table_args__ = (UniqueConstraint("purpose", "subject_id", "person_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[int]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    expires_at: Mapped[datetime]
    device: Mapped[str] = mapped_column(String(64), default="")
    generation: Mapped[int] = mapped_column(default=0)


class StoredFile(Base):
    """Bytes kept once by their hash: photos, signatures, documents."""

    __tablename__ = "stored_file"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    content_type: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(LargeBinary)
    stored_at: Mapped[datetime]


class Counter(Base):
    """The last number given out in a series of document numbers (one series a kind and day)."""

    __tablename__ = "counter"

    series: Mapped[str] = mapped_column(String(64), primary_key=True)
    last: Mapped[int]


class WantedMedia(Base):
    """A picture somebody sent in a chat, to be fetched from the platform before it expires there."""

    __tablename__ = "wanted_media"

    id: Mapped[int] = mapped_column(primary_key=True)
    platform: Mapped[str] = mapped_column(String(16))
    media_id: Mapped[str]
    task_id: Mapped[int] = mapped_column(ForeignKey("recall_task.id"))
    by_name: Mapped[str]
    asked_at: Mapped[datetime]
    due_at: Mapped[datetime] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(default="")
