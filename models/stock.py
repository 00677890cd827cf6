"""The ledger's tables, and beside them what stores are believed to hold."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class PlaceKind(StrEnum):
    """Where bottles can be. `ref` of a place is the store, person or warehouse it belongs to."""

    OUTSIDE = "outside"  #: 账外（厂家、期初）
    STORE_SHELF = "store_shelf"  #: 门店货架
    SOLD = "sold"  #: 门店已卖出
    TRANSFERRED = "transferred"  #: 门店已转出
    VEHICLE = "vehicle"  #: 车上在途
    QUARANTINE = "quarantine"  #: 待处理区
    WAREHOUSE_STOCK = "warehouse_stock"  #: 仓库良品
    WAREHOUSE_A = "warehouse_a"  #: 回收 A 级
    WAREHOUSE_B = "warehouse_b"  #: 回收 B 级
    WAREHOUSE_C = "warehouse_c"  #: 回收 C 级
    WAREHOUSE_D = "warehouse_d"  #: 回收 D 级
    WAREHOUSE_X = "warehouse_x"  #: 回收 X 级
    LOST = "lost"  #: 丢失
    DESTROYED = "destroyed"  #: 已销毁


class MoveKind(StrEnum):
    """Why bottles moved."""

    OPENING = "opening"  #: 期初
    DELIVERY = "delivery"  #: 发货
    COUNT = "count"  #: 盘点差异
    SOLD = "sold"  #: 门店报已卖
    TRANSFER = "transfer"  #: 门店转出
    HAND_OVER = "hand_over"  #: 交接
    RECEIVE = "receive"  #: 到仓清点
    GRADE = "grade"  #: 验收定级
    LOSE = "lose"  #: 途中丢失
    DESTROY = "destroy"  #: 销毁
    GIVE_BACK = "give_back"  #: 退还门店


class Place(Base):
    """One place bottles can be in, made the first time it is needed."""

    __tablename__ = "place"
    __table_args__ = (UniqueConstraint("kind", "ref"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[PlaceKind]
    ref: Mapped[int] = mapped_column(default=0)


class StockMove(Base):
    """Bottles leaving one place for another: both halves of the double entry in one row.

    Append-only. `key` makes a repeated posting harmless. `happened_on` is when it happened,
    `recorded_at` when we learnt of it.
    """

    __tablename__ = "stock_move"
    __table_args__ = (
        CheckConstraint("bottles > 0", name="bottles_positive"),
        CheckConstraint("from_place_id <> to_place_id", name="goes_somewhere"),
        Index(None, "lot_id", "to_place_id"),
        Index(None, "lot_id", "from_place_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[MoveKind]
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    from_place_id: Mapped[int] = mapped_column(ForeignKey("place.id"))
    to_place_id: Mapped[int] = mapped_column(ForeignKey("place.id"))
    bottles: Mapped[int]
    task_id: Mapped[int | None] = mapped_column(ForeignKey("recall_task.id"), index=True)
    handover_id: Mapped[int | None] = mapped_column(ForeignKey("handover.id"))
    happened_on: Mapped[date]
    recorded_at: Mapped[datetime]
    actor: Mapped[str]


class Balance(Base):
    """Bottles of a lot in a place: the running sum of its moves, proved by `reconcile`."""

    __tablename__ = "balance"

    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"), primary_key=True, index=True)
    bottles: Mapped[int]


class Delivery(Base):
    """One delivered line (出货) to a store; `key` is the document number and line, or the row's content."""

    __tablename__ = "delivery"
    __table_args__ = (Index(None, "store_id", "product_id", "delivered_on"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    delivered_on: Mapped[date]
    bottles: Mapped[int]
    price_fen: Mapped[int | None]


class StockSource(StrEnum):
    """How we know what a store holds."""

    OPENING = "opening"  #: 期初盘点
    COUNT = "count"  #: 门店盘点
    VISIT = "visit"  #: 业务员到店盘点
    REPORT = "report"  #: 店主自报
    SYSTEM = "system"  #: 门店系统上报
    INFERRED = "inferred"  #: 由发货推算


#: How far a source is believed, in percent: what a rep saw with a photo more than what an owner says.
CONFIDENCE: Mapping[StockSource, int] = MappingProxyType(
    {
        StockSource.VISIT: 95,
        StockSource.OPENING: 90,
        StockSource.COUNT: 90,
        StockSource.SYSTEM: 85,
        StockSource.REPORT: 70,
        StockSource.INFERRED: 40,
    }
)


class ChannelStock(Base):
    """What a store is believed to hold of a lot: an observation, never the ledger.

    `received_on` is the day the lot came into the store; 库龄 counts from it.
    """

    __tablename__ = "channel_stock"
    __table_args__ = (UniqueConstraint("store_id", "lot_id"), Index(None, "product_id", "store_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"), index=True)
    bottles: Mapped[int]
    received_on: Mapped[date]
    as_of: Mapped[date]
    source: Mapped[StockSource]
    #: Day the lot first left the distributor; a transfer between stores does not change it. None: `received_on`.
    channel_since: Mapped[date | None]
    #: Expected bottles of this lot left at its horizon, in thousandths, the lots before it sold first (FEFO).
    unsold_millibottles: Mapped[int] = mapped_column(default=0, server_default="0")


class SalesRate(Base):
    """What a store is believed to sell of a product, and what will be left of it; no float is kept.

    `monthly_millibottles` is thousandths of a bottle a month; `low_` and `high_` its interval (F-2).
    `last_sold_on` is the last day with a sign of a sale. `received_bottles` and `sold_bottles` are of the
    last 180 days. `segment` names the kind of history (`Experience`); `unsold_millibottles` is what is
    expected to be left after `horizon_days`, `slow_permille` how sure it is that something will be left.
    """

    __tablename__ = "sales_rate"

    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"), primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), primary_key=True)
    monthly_millibottles: Mapped[int]
    months: Mapped[int]
    as_of: Mapped[date]
    source: Mapped[StockSource]
    low_millibottles: Mapped[int] = mapped_column(default=0, server_default="0")
    high_millibottles: Mapped[int] = mapped_column(default=0, server_default="0")
    first_arrived_on: Mapped[date | None]
    last_arrived_on: Mapped[date | None]
    last_sold_on: Mapped[date | None]
    received_bottles: Mapped[int] = mapped_column(default=0, server_default="0")
    sold_bottles: Mapped[int] = mapped_column(default=0, server_default="0")
    segment: Mapped[str] = mapped_column(String(64), default="", server_default="")
    horizon_days: Mapped[int] = mapped_column(default=180, server_default="180")
    unsold_millibottles: Mapped[int] = mapped_column(default=0, server_default="0")
    slow_permille: Mapped[int] = mapped_column(default=0, server_default="0")


class Experience(Base):
    """What became of stock with the same kind of history: of `cases` lines, `slow` were left after the horizon.

    Learnt from the house's own past only. `slow_permille` is shrunk to the mean (F-7), `left_permille` how much
    of the stock was left on average; `questions` are [feature, value, above] in the order they are asked.
    """

    __tablename__ = "experience"

    segment: Mapped[str] = mapped_column(String(64), primary_key=True)
    cases: Mapped[int]
    slow: Mapped[int]
    slow_permille: Mapped[int]
    left_permille: Mapped[int] = mapped_column(default=0, server_default="0")
    questions: Mapped[list[Any]] = mapped_column(default=list)
    as_of: Mapped[date]


class Observation(Base):
    """What somebody saw, counted or reported of goods that stand in a store and belong to it.

    Append-only and beside the ledger. `as_of` is the day it was true, `recorded_at` when we learnt of it.
    `lot_id` None: the product as a whole. `confidence` in percent, `margin_bottles` how far off it may be.
    """

    __tablename__ = "observation"
    __table_args__ = (Index(None, "store_id", "product_id", "as_of"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    lot_id: Mapped[int | None] = mapped_column(ForeignKey("lot.id"))
    bottles: Mapped[int]
    as_of: Mapped[date]
    source: Mapped[StockSource]
    confidence: Mapped[int]
    margin_bottles: Mapped[int] = mapped_column(default=0)
    observed_by: Mapped[str] = mapped_column(default="")
    recorded_at: Mapped[datetime]
    photo: Mapped[str | None] = mapped_column(String(64))
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    metres_away: Mapped[int | None]


class SellOutSource(StrEnum):
    """How we know of a sale over the counter."""

    SYSTEM = "system"  #: 门店系统上报
    FILE = "file"  #: 导入动销表
    SCAN_OPEN = "scan_open"  #: 开箱、开瓶扫码


class SellOut(Base):
    """Bottles a store sold in a span of days (both ends in). A scan of an opened unit is a lower bound."""

    __tablename__ = "sell_out"
    __table_args__ = (Index(None, "store_id", "product_id", "last_day"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    lot_id: Mapped[int | None] = mapped_column(ForeignKey("lot.id"))
    first_day: Mapped[date]
    last_day: Mapped[date]
    bottles: Mapped[int]
    is_lower_bound: Mapped[bool] = mapped_column(default=False)
    source: Mapped[SellOutSource]
    recorded_at: Mapped[datetime]


class Reservation(Base):
    """Bottles of a store's lot that an open task speaks for; they cannot be asked for twice."""

    __tablename__ = "reservation"
    __table_args__ = (
        UniqueConstraint("task_id", "lot_id"),
        Index(None, "store_id", "lot_id"),
        CheckConstraint("bottles >= 0", name="bottles_not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("recall_task.id"))
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    bottles: Mapped[int]
