"""The lots of a product known to have come into a store: when, how many, and what the books have left."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from sqlalchemy import Integer, func, select
from sqlalchemy.orm import Session

from models.catalog import UNKNOWN_BATCH, ExpiryBasis, Lot, Product
from models.stock import ChannelStock, Delivery, PlaceKind
from rules.deadlines import expiry_date
from rules.lot_split import LotOnShelf
from workflows.counting import Series, shelves_of, these_stores
from workflows.portable_sql import insert_for

CHUNK = 1_000


@dataclass(frozen=True)
class KnownLots:
    """The lots of one product that are, or once came, into one store."""

    lots: tuple[LotOnShelf, ...] = ()

    def received_on(self, lot_id: int) -> date | None:
        """The day the lot came into the store, None when nobody knows."""
        return next((lot.received_on for lot in self.lots if lot.lot_id == lot_id), None)


@dataclass
class _Came:
    """What is known of one lot in one store while it is put together."""

    last_day: date | None = None
    delivered: int = 0
    believed_since: date | None = None
    standing: int = 0


def known_lots(session: Session, days: Mapping[Series, date]) -> dict[Series, KnownLots]:
    """The lots of each store and product, as they were on the evening of the day given for it."""
    came: dict[Series, dict[int, _Came]] = {series: defaultdict(_Came) for series in days}
    for day, of_day in groupby(sorted(days, key=lambda series: days[series]), key=lambda series: days[series]):
        _add_deliveries(session, came, set(of_day), day)
    _add_beliefs(session, came, days)
    _add_books(session, came, days)
    lives = _lives(session, {lot for lots in came.values() for lot in lots})
    return {series: _known(lots, lives, days[series]) for series, lots in came.items()}


def unknown_lots(session: Session, products: Iterable[int]) -> dict[int, int]:
    """The lot of each product that stands for goods whose batch nobody could read; made where missing."""
    wanted = sorted(set(products))
    found: dict[int, int] = {}
    for start in range(0, len(wanted), CHUNK):
        some = wanted[start : start + CHUNK]
        rows = [{"product_id": product, "batch": UNKNOWN_BATCH} for product in some]
        session.execute(insert_for(session)(Lot).on_conflict_do_nothing(), rows)
        query = select(Lot.product_id, Lot.id).where(Lot.product_id.in_(some), Lot.batch == UNKNOWN_BATCH)
        found.update((product, lot) for product, lot in session.execute(query))
    return found


def _products(series: Iterable[Series]) -> Iterator[list[int]]:
    wanted = sorted({product for _, product in series})
    for start in range(0, len(wanted), CHUNK):
        yield wanted[start : start + CHUNK]


def _add_deliveries(session: Session, came: dict[Series, dict[int, _Came]], series: set[Series], day: date) -> None:
    near = these_stores(Delivery.store_id, {store for store, _ in series})
    for some in _products(series):
        query = (
            select(
                Delivery.store_id,
                Delivery.product_id,
                Delivery.lot_id,
                func.max(Delivery.delivered_on),
                func.sum(Delivery.bottles).cast(Integer),
            )
            .where(Delivery.product_id.in_(some), Delivery.delivered_on <= day, near)
            .group_by(Delivery.store_id, Delivery.product_id, Delivery.lot_id)
        )
        for store, product, lot, last_day, bottles in session.execute(query):
            if (store, product) in series:
                one = came[store, product][lot]
                one.last_day, one.delivered = last_day, bottles


def _add_beliefs(session: Session, came: dict[Series, dict[int, _Came]], days: Mapping[Series, date]) -> None:
    near = these_stores(ChannelStock.store_id, {store for store, _ in days})
    columns = (ChannelStock.store_id, ChannelStock.product_id, ChannelStock.lot_id, ChannelStock.received_on)
    for some in _products(days):
        query = select(*columns).where(ChannelStock.product_id.in_(some), near)
        for store, product, lot, since in session.execute(query):
            day = days.get((store, product))
            if day is not None and since <= day:
                came[store, product][lot].believed_since = since


def _add_books(session: Session, came: dict[Series, dict[int, _Came]], days: Mapping[Series, date]) -> None:
    places = {((PlaceKind.STORE_SHELF, store), product): day for (store, product), day in days.items()}
    for ((_, store), product), lots in shelves_of(session, places).items():
        for lot, shelf in lots.items():
            if shelf.then > 0:
                came[store, product][lot].standing = shelf.then


def _lives(session: Session, lots: set[int]) -> dict[int, Any]:
    """When each lot was made and how many months it lasts, for lots of products with an expiry basis."""
    wanted = sorted(lots)
    lives: dict[int, Any] = {}
    for start in range(0, len(wanted), CHUNK):
        query = (
            select(Lot.id, Lot.production_date, Product.expiry_months)
            .join(Product, Product.id == Lot.product_id)
            .where(
                Lot.id.in_(wanted[start : start + CHUNK]),
                Product.expiry_basis != ExpiryBasis.NONE,
                Product.expiry_months.is_not(None),
            )
        )
        lives.update((lot, (produced, months)) for lot, produced, months in session.execute(query))
    return lives


def _known(lots: Mapping[int, _Came], lives: Mapping[int, Any], day: date) -> KnownLots:
    known = []
    for lot_id, one in lots.items():
        since = one.believed_since or one.last_day or day
        produced, months = lives.get(lot_id, (None, None))
        sells_by = None if months is None else expiry_date(produced or since, months)
        known.append(LotOnShelf(lot_id, since, one.standing, one.delivered, sells_by))
    return KnownLots(tuple(known))
