"""Warnings: a rule that found a store holding too much, too old or too near its end."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base
from models.catalog import Product, Store
from models.engine import Flowing


class WarningState(StrEnum):
    """Where a warning stands."""

    FIRING = "firing"  #: 预警中
    IN_ACTION = "in_action"  #: 已发起处理
    DISMISSED = "dismissed"  #: 已忽略
    RESOLVED = "resolved"  #: 已解除


class StockWarning(Flowing, Base):
    """One rule firing for one store and lot (lot empty: the product as a whole).

    `figures` are the numbers that made it fire, `rule_version` the hash of the rule file of that day.
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
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    lot_id: Mapped[int] = mapped_column(default=0)
    episode: Mapped[int] = mapped_column(default=1)
    bottles: Mapped[int]
    figures: Mapped[dict[str, Any]]
    fired_on: Mapped[date]
    seen_on: Mapped[date]
    changed_at: Mapped[datetime]
    store: Mapped[Store] = relationship(lazy="joined", innerjoin=True)
    product: Mapped[Product] = relationship(lazy="joined", innerjoin=True)
