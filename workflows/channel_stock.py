"""What stores are believed to hold and sell (推算), worked out again from deliveries and counts.

The method is in `rules/sell_through.py`. Deliveries are read once, in order, store by store; memory
holds one series at a time and the results. A count is never lost: its row keeps its day and source,
and only after a later delivery are its bottles carried on by the rate. What left the shelf by
hand-overs or was declared sold is taken off, as the ledger has it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby, islice
from typing import Any

from sqlalchemy import Integer, and_, delete, func, insert, select, update
from sqlalchemy.orm import Session

from models.stock import (
    Balance,
    ChannelStock,
    Delivery,
    MoveKind,
    Place,
    PlaceKind,
    SalesRate,
    StockMove,
    StockSource,
)
from rules.sell_through import (
    Arrival,
    Standing,
    after_sales,
    history_months,
    monthly_rate,
    peer_rate,
    still_there,
)

CHUNK = 5_000  # rows read or written at once
CARRIED = (MoveKind.DELIVERY, MoveKind.OPENING, MoveKind.COUNT)  # moves the method accounts for itself
Series = tuple[int, int]  # store id, product id


@dataclass(frozen=True)
class Refreshed:
    """How many series have a rate, and how many lots are believed to stand in stores."""

    rates: int
    lots: int


@dataclass(frozen=True)
class _Counted:
    """What was counted of one product in one store, carried on by the ledger until now."""

    as_of: date
    standing: tuple[Standing, ...]


@dataclass(frozen=True)
class _Leaving:
    """Bottles of a lot that left a shelf on a day other than by selling over the counter."""

    day: date
    bottles: int


@dataclass(frozen=True)
class _History:
    """One series: its own rate, and the arrivals that may still stand in the store."""

    series: Series
    recent: tuple[Arrival, ...]
    rate: int | None
    months: int
    counted: _Counted | None


def last_delivery(session: Session) -> date | None:
    """The day of the last delivery: the natural `as_of` for files from the past."""
    return session.scalar(select(func.max(Delivery.delivered_on)))


def refresh_channel_stock(session: Session, as_of: date) -> Refreshed:
    """Work out stock and rates of every store and product as of that day.

    Deliveries after `as_of` are not looked at. Counted stock wins until a later delivery.
    """
    session.flush()
    counted = _counted(session)
    histories = [_history(series, arrivals, as_of, counted.get(series)) for series, arrivals in _series(session, as_of)]
    rates = _with_peers(histories)
    _write_rates(session, histories, rates, as_of)
    lots = _write_stock(session, histories, rates, counted, as_of)
    session.expire_all()
    return Refreshed(len(rates), lots)


def _series(session: Session, as_of: date) -> Iterator[tuple[Series, list[Arrival]]]:
    query = (
        select(
            Delivery.store_id,
            Delivery.product_id,
            Delivery.delivered_on,
            Delivery.lot_id,
            func.sum(Delivery.bottles).cast(Integer),
        )
        .where(Delivery.delivered_on <= as_of)
        .group_by(Delivery.store_id, Delivery.product_id, Delivery.delivered_on, Delivery.lot_id)
        .order_by(Delivery.store_id, Delivery.product_id, Delivery.delivered_on, Delivery.lot_id)
        .execution_options(yield_per=CHUNK)
    )
    for series, rows in groupby(session.execute(query), key=lambda row: (row[0], row[1])):
        yield series, [Arrival(day, lot, bottles) for _, _, day, lot, bottles in rows]


def _history(series: Series, arrivals: list[Arrival], as_of: date, counted: _Counted | None) -> _History:
    # Of the arrivals only those are kept that may still stand in the store, so memory stays small.
    last = arrivals[-1].day
    if counted is None:
        recent = tuple(arrival for arrival in arrivals if arrival.day == last)
    else:
        recent = tuple(arrival for arrival in arrivals if arrival.day > counted.as_of)
    months = history_months(arrivals, as_of)
    return _History(series, recent, monthly_rate(arrivals), months, counted)


def _with_peers(histories: list[_History]) -> dict[Series, int]:
    """Rates by series; a series without its own takes its product's median, or has none."""
    by_product: dict[int, list[int]] = defaultdict(list)
    for history in histories:
        if history.rate is not None:
            by_product[history.series[1]].append(history.rate)
    peers = {product: peer_rate(rates) for product, rates in by_product.items()}
    rates = {h.series: peers.get(h.series[1]) if h.rate is None else h.rate for h in histories}
    return {series: rate for series, rate in rates.items() if rate is not None}


def _write_rates(session: Session, histories: list[_History], rates: dict[Series, int], as_of: date) -> None:
    session.execute(delete(SalesRate))
    rows = (
        {
            "store_id": history.series[0],
            "product_id": history.series[1],
            "monthly_millibottles": rates[history.series],
            "months": history.months,
            "as_of": as_of,
            "source": StockSource.INFERRED,
        }
        for history in histories
        if history.series in rates
    )
    while chunk := list(islice(rows, CHUNK)):
        session.execute(insert(SalesRate), chunk)


def _write_stock(
    session: Session,
    histories: list[_History],
    rates: dict[Series, int],
    counted: dict[Series, _Counted],
    as_of: date,
) -> int:
    session.execute(delete(ChannelStock).where(ChannelStock.source == StockSource.INFERRED))
    leavings = _leavings(session)
    left = {(series[0], lot.lot_id): lot for series, c in counted.items() for lot in c.standing}
    lots = 0
    rows: list[dict[str, Any]] = []
    for history in histories:
        for lot in _standing(history, rates.get(history.series), as_of):
            key = (history.series[0], lot.lot_id)
            if key in left:
                left[key] = lot
            else:
                rows += _inferred(history.series, lot, leavings.get(key, ()), as_of)
        if len(rows) >= CHUNK:
            lots += _insert(session, rows)
    return lots + _insert(session, rows) + _carry_counts(session, left)


def _standing(history: _History, rate: int | None, as_of: date) -> list[Standing]:
    """What stands in the store; without any rate everything that may still be there."""
    if history.counted is None:
        return still_there(history.recent, rate or 0, as_of)
    if not history.recent:
        return list(history.counted.standing)
    counted = {lot.lot_id: lot for lot in history.counted.standing}
    lots = dict(counted)
    for came in history.recent:
        if came.lot_id not in counted:  # of counted lots the ledger knows what came since
            so_far = lots.get(came.lot_id, Standing(came.lot_id, came.day, 0))
            lots[came.lot_id] = replace(so_far, bottles=so_far.bottles + came.bottles)
    return after_sales(list(lots.values()), rate or 0, history.counted.as_of, as_of)


def _inferred(series: Series, lot: Standing, leavings: Iterable[_Leaving], as_of: date) -> list[dict[str, Any]]:
    taken = sum(leaving.bottles for leaving in leavings if leaving.day >= lot.received_on)
    bottles = lot.bottles - max(taken, 0)
    if bottles <= 0:
        return []
    return [
        {
            "store_id": series[0],
            "product_id": series[1],
            "lot_id": lot.lot_id,
            "bottles": bottles,
            "received_on": lot.received_on,
            "as_of": as_of,
            "source": StockSource.INFERRED,
        }
    ]


def _insert(session: Session, rows: list[dict[str, Any]]) -> int:
    if rows:
        session.execute(insert(ChannelStock), rows)
    written = len(rows)
    rows.clear()
    return written


def _carry_counts(session: Session, left: dict[tuple[int, int], Standing]) -> int:
    """Write what is left of counted lots; their day and source stay those of the count."""
    query = select(ChannelStock.id, ChannelStock.store_id, ChannelStock.lot_id)
    where = ChannelStock.source != StockSource.INFERRED
    rows = [
        {"id": stock_id, "bottles": left[store, lot].bottles}
        for stock_id, store, lot in session.execute(query.where(where))
        if (store, lot) in left
    ]
    if rows:
        session.execute(update(ChannelStock), rows)
    return len(rows)


def _counted(session: Session) -> dict[Series, _Counted]:
    """Counted products by series, with the bottles the ledger has on the shelf now."""
    shelf = and_(Place.kind == PlaceKind.STORE_SHELF, Place.ref == ChannelStock.store_id)
    query = (
        select(
            ChannelStock.store_id,
            ChannelStock.product_id,
            ChannelStock.lot_id,
            ChannelStock.received_on,
            ChannelStock.as_of,
            func.coalesce(Balance.bottles, 0),
        )
        .outerjoin(Place, shelf)
        .outerjoin(Balance, and_(Balance.place_id == Place.id, Balance.lot_id == ChannelStock.lot_id))
        .where(ChannelStock.source != StockSource.INFERRED)
        .order_by(ChannelStock.store_id, ChannelStock.product_id)
    )
    counted = {}
    for series, rows in groupby(session.execute(query), key=lambda row: (row[0], row[1])):
        lots = list(rows)
        standing = tuple(Standing(row[2], row[3], max(0, row[5])) for row in lots)
        counted[series] = _Counted(max(row[4] for row in lots), standing)
    return counted


def _leavings(session: Session) -> dict[tuple[int, int], list[_Leaving]]:
    """What left shelves by tasks (and what came back), by store and lot."""
    leavings: dict[tuple[int, int], list[_Leaving]] = defaultdict(list)
    for column, sign in ((StockMove.from_place_id, 1), (StockMove.to_place_id, -1)):
        query = (
            select(Place.ref, StockMove.lot_id, StockMove.happened_on, StockMove.bottles)
            .join(Place, Place.id == column)
            .where(Place.kind == PlaceKind.STORE_SHELF, StockMove.kind.not_in(CARRIED))
        )
        for store, lot, day, bottles in session.execute(query):
            leavings[store, lot].append(_Leaving(day, sign * bottles))
    return leavings
