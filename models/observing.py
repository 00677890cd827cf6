"""Asking stores for counts, and counts made in stores by people of the distributor."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base
from models.catalog import Product, Store
from models.engine import Flowing
from models.stock import StockSource


class CountState(StrEnum):
    """Where the question how much is left stands."""

    ASKED = "asked"  #: 等门店报数
    AT_REP = "at_rep"  #: 门店没报，等业务员盘点
    ANSWERED = "answered"  #: 已有数
    EXPIRED = "expired"  #: 没有人报数


class CountReason(StrEnum):
    """Why somebody wants to know; a question may also carry words of its own."""

    WARNING = "warning"  #: 预警要核实
    STALE = "stale"  #: 数据太旧
    UNSURE = "unsure"  #: 只有推算，货值又高


class CountRequest(Flowing, Base):
    """One question to one store: how much is left of some products. The store is asked first, then its rep.

    `reason` is a `CountReason` or words. `askers` are the ids of those who hear the answer. `typing_by_id`
    pressed 改 and may say a bare number until `typing_until`.
    """

    __tablename__ = "count_request"
    __table_args__ = (Index(None, "state", "store_id"), Index(None, "store_id", "asked_at"))

    state: Mapped[CountState] = mapped_column(default=CountState.ASKED)
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    reason: Mapped[str] = mapped_column(String(120))
    askers: Mapped[list[Any]] = mapped_column(default=list)
    asked_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    typing_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    typing_until: Mapped[datetime | None]
    store: Mapped[Store] = relationship(lazy="joined", innerjoin=True)
    lines: Mapped[list["CountLine"]] = relationship(
        back_populates="request", lazy="selectin", order_by="CountLine.id", cascade="all, delete-orphan"
    )


class CountLine(Base):
    """One product of a question. `shown` is what was believed when it was asked, None when nothing was.

    `open_key` is "store:product" while the answer is awaited and empty afterwards: being unique, it keeps
    one open question for a product in a store. `known_on` is the day of the belief shown, `known_by` its source.
    """

    __tablename__ = "count_line"
    __table_args__ = (UniqueConstraint("request_id", "product_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("count_request.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    shown: Mapped[int | None]
    known_on: Mapped[date | None]
    known_by: Mapped[StockSource | None]
    answered: Mapped[int | None]
    answered_by: Mapped[str] = mapped_column(default="", server_default="")
    open_key: Mapped[str | None] = mapped_column(String(32), unique=True)
    request: Mapped[CountRequest] = relationship(back_populates="lines")
    product: Mapped[Product] = relationship(lazy="joined", innerjoin=True)


class StoreVisit(Base):
    """One count made in a store by somebody of the distributor. `client_id` is the phone's own number for it.

    `counted_at` is our clock's; `phone_time` is what the phone claims. A place far from the store is kept as
    claimed and marked.
    """

    __tablename__ = "store_visit"
    __table_args__ = (Index(None, "store_id", "counted_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(String(64), unique=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    counted_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    phone_time: Mapped[datetime | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    metres_away: Mapped[int | None]
    far_away: Mapped[bool] = mapped_column(default=False, server_default=false())
    has_photo: Mapped[bool] = mapped_column(default=False, server_default=false())
    photo_is_old: Mapped[bool] = mapped_column(default=False, server_default=false())
    products: Mapped[int]
    bottles: Mapped[int]
    confidence: Mapped[int]


class VisitPhoto(Base):
    """A photo taken for a count. The same picture in an earlier count is kept and marked, not refused."""

    __tablename__ = "visit_photo"
    __table_args__ = (UniqueConstraint("client_id", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(String(64))
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    at: Mapped[datetime]
