"""Warnings: a rule that found a store holding too much, too old or too near its end."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from models.base import Base
from models.catalog import Product, Store
from models.engine import Flowing


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
    """

    __tablename__ = "warning"
    __table_args__ = (
        UniqueConstraint("rule", "store_id", "product_id", "lot_id", "episode"),
        Index(None, "state", "store_id"),
    )

    state: Mapped[WarningState] = mapped_column(default=WarningState.FIRING)
    rule: Mapped[str] = mapped_column(String(64))
    rule_version: Mapped[str] = mapped_column(String(16))
    level: Mapped[int] = mapped_column(default=1)
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
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
    #: How often the same key came back within its quiet days.
    flaps: Mapped[int] = mapped_column(default=0, server_default="0")
    resolved_on: Mapped[date | None]
    cause: Mapped[ResolveCause | None]
    store: Mapped[Store] = relationship(lazy="joined", innerjoin=True)
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
