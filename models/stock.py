"""The ledger's tables, and beside them what stores are believed to hold."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
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
    INFERRED = "inferred"  #: 由发货推算


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


class SalesRate(Base):
    """Average sales of a product in a store: bottles a month in thousandths, so that no float is kept."""

    __tablename__ = "sales_rate"

    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"), primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), primary_key=True)
    monthly_millibottles: Mapped[int]
    months: Mapped[int]
    as_of: Mapped[date]
    source: Mapped[StockSource]


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
