"""Warnings: a rule that found a store holding too much, too old or too near its end."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from models.base import Base
from models.catalog import Product, Store
from models.engine import Flowing

_WAITS = text("escalate_at IS NOT NULL")
_ENDED = text("resolved_on IS NOT NULL")


class WarningState(StrEnum):
    """Where a warning stands. Snoozed, inhibited and stale are marks beside the state, not states."""

    PENDING = "pending"  #: 观察中
    FIRING = "firing"  #: 预警中
    ACKNOWLEDGED = "acknowledged"  #: 已知晓
    IN_ACTION = "in_action"  #: 已发起处理
    DISMISSED = "dismissed"  #: 已忽略
    RESOLVED = "resolved"  #: 已解除


class ResolveCause(StrEnum):
    """Why a warning is over."""

    SOLD = "sold"  #: 已卖掉
    RECALLED = "recalled"  #: 已回收
    TRANSFERRED = "transferred"  #: 已调走
    RECOUNTED = "recounted"  #: 盘点更正
    RULE_CHANGED = "rule_changed"  #: 规则改了
    OUT_OF_SCOPE = "out_of_scope"  #: 门店停业或商品资料改了
    CLEARED = "cleared"  #: 条件不再成立


class StockWarning(Flowing, Base):
    """One rule firing for one store and lot (lot 0: the product as a whole; product 0: the whole store).

    `value` and `threshold` are thousandths of the rule's unit; `figures` the inputs that made it fire,
    `rule_version` the hash of the rule of that day. `loss_fen` is the expected loss that acting avoids.

    `seen_on` is the day the scan last wrote the figures: it writes only what changed. What passes with the days
    alone does not count as a change: `counted_from` is the day an age counts from, or the last day of life, and
    `workflows/warning_value.py:value_on` says the value of any day. `as_of` is the day the stock was known.
    """

    __tablename__ = "warning"
    __table_args__ = (
        # Numbers before the name: they tell rows apart, and a scan writes hundreds of thousands at once.
        UniqueConstraint("store_id", "product_id", "lot_id", "rule", "episode"),
        Index(None, "state", "store_id"),
        Index("ix_warning_resolved_on", "resolved_on", sqlite_where=_ENDED, postgresql_where=_ENDED),
        # Few warnings wait for the next person: an index of all of them would slow down the daily scan.
        Index("ix_warning_escalate_at", "escalate_at", sqlite_where=_WAITS, postgresql_where=_WAITS),
    )

    state: Mapped[WarningState] = mapped_column(default=WarningState.FIRING)
    rule: Mapped[str] = mapped_column(String(64))
    rule_version: Mapped[str] = mapped_column(String(16))
    level: Mapped[int] = mapped_column(default=1)
    #: Without foreign keys: the scan writes them out of the stock, and checking each again costs as much as writing.
    store_id: Mapped[int]
    product_id: Mapped[int]
    lot_id: Mapped[int] = mapped_column(default=0)
    episode: Mapped[int] = mapped_column(default=1)
    bottles: Mapped[int]
    value: Mapped[int] = mapped_column(default=0, server_default="0")
    threshold: Mapped[int] = mapped_column(default=0, server_default="0")
    loss_fen: Mapped[int] = mapped_column(default=0, server_default="0")
    figures: Mapped[dict[str, Any]]
    pending_since: Mapped[date | None]
    fired_on: Mapped[date]
    seen_on: Mapped[date]
    counted_from: Mapped[date | None]
    as_of: Mapped[date | None]
    changed_at: Mapped[datetime]
    #: The inputs are too old to tell; somebody is asked to count, nothing is resolved.
    stale: Mapped[bool] = mapped_column(default=False, server_default=false())
    #: What silences it: an open recall ("recall:<task id>") or a graver warning ("warning:<id>"); empty: nothing.
    inhibited_by: Mapped[str] = mapped_column(String(64), default="", server_default="")
    snoozed_until: Mapped[date | None]
    #: Until when and for which level and bottles a dismissal holds.
    dismissed_until: Mapped[date | None]
    dismissed_level: Mapped[int | None]
    band_low: Mapped[int | None]
    band_high: Mapped[int | None]
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    #: The level people last took notice of (ack, snooze, dismissal); above it the warning speaks up again.
    acked_level: Mapped[int] = mapped_column(default=0, server_default="0")
    #: Last day and level it was put before somebody, and how far it was escalated (0 rep, 1 manager, 2 boss).
    notified_on: Mapped[date | None]
    notified_level: Mapped[int] = mapped_column(default=0, server_default="0")
    escalated: Mapped[int] = mapped_column(default=0, server_default="0")
    #: When it was last put before somebody, and when the next one above hears of it unless a person did something.
    told_at: Mapped[datetime | None]
    escalate_at: Mapped[datetime | None]
    #: How often the same key came back within its quiet days.
    flaps: Mapped[int] = mapped_column(default=0, server_default="0")
    resolved_on: Mapped[date | None]
    cause: Mapped[ResolveCause | None]
    store: Mapped[Store] = relationship(
        lazy="joined", innerjoin=True, primaryjoin=lambda: foreign(StockWarning.store_id) == Store.id, viewonly=True
    )
    product: Mapped[Product | None] = relationship(
        lazy="joined", primaryjoin=lambda: foreign(StockWarning.product_id) == Product.id, viewonly=True
    )

    @property
    def product_name(self) -> str:
        """The product's name, empty when the whole store is meant."""
        return self.product.name if self.product else ""

    @property
    def product_code(self) -> str:
        """The product's code, empty when the whole store is meant."""
        return self.product.code if self.product else ""


class WarningEvent(Base):
    """One step the scan took with a warning by itself; what people do stands in the history.

    Append-only, written in sets. `version` is the warning's own after the step, so both can be put in one
    order. `value` in thousandths, `cause` only where it ended. No foreign key: it would cost more than the row.
    """

    __tablename__ = "warning_event"
    __table_args__ = ({"sqlite_with_rowid": False},)

    warning_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date]
    event: Mapped[str] = mapped_column(String(16))
    from_state: Mapped[str] = mapped_column(String(16))
    to_state: Mapped[str] = mapped_column(String(16))
    level: Mapped[int]
    value: Mapped[int]
    bottles: Mapped[int]
    rule_version: Mapped[str] = mapped_column(String(16))
    cause: Mapped[ResolveCause | None]


class ScanRun(Base):
    """The scan of one day: by which rules, when last, and what it did so far, by rule.

    Whatever is open was looked at on the last of these days, whether or not its row was written.
    """

    __tablename__ = "scan_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(unique=True)
    ruleset_version: Mapped[str] = mapped_column(String(16))
    scanned_at: Mapped[datetime]
    counts: Mapped[dict[str, Any]]
