"""What stores are believed to hold and sell (推算), worked out again from deliveries and counts.

Lots are laid out by the method in `rules/sell_through.py`, pace and expectation by `workflows/outlooks.py`. All
is read once, in order, store by store; memory holds one series at a time and those delivered once, which wait
for the pace of the other stores. A count is never lost: its row keeps its day and source, and only after a
later delivery are its bottles carried on by the rate. What left the shelf by hand-overs or was declared sold
is taken off, as the ledger has it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Any, cast

from sqlalchemy import Row, Table, and_, delete, func, insert, select, update
from sqlalchemy.orm import Session

from models.catalog import ExpiryBasis, Lot, Product
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
from rules.deadlines import expiry_date
from rules.experience import Tree
from rules.forecast import expected_unsold
from rules.outlook import HORIZON, MONTH
from rules.sell_through import Arrival, Standing, after_sales, peer_rate, still_there
from workflows.learning import case_sizes, experience, learn_if_due
from workflows.outlooks import MonthlyPace, Seen, expectation, look_at, peers_pace, sales_row
from workflows.series_stream import Series, known_series
from workflows.trends import Trends, trends_on

CHUNK = 5_000  # rows read or written at once
CARRIED = (MoveKind.DELIVERY, MoveKind.OPENING, MoveKind.COUNT)  # moves the method accounts for itself
#: Written without the ORM's bookkeeping, which doubles the time.
_RATES, _STOCK = cast("Table", SalesRate.__table__), cast("Table", ChannelStock.__table__)
CURRENT = timedelta(days=14)  # without a delivery for so long, the deliveries themselves may be missing


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
class _Line:
    """One series on its way to the tables: what was seen of it, and the arrivals that may still stand there."""

    seen: Seen
    recent: tuple[Arrival, ...]


def last_delivery(session: Session) -> date | None:
    """The day of the last delivery: the natural `as_of` for files from the past."""
    return session.scalar(select(func.max(Delivery.delivered_on)))


def believed_day(session: Session, today: date) -> date:
    """The day beliefs can be carried on to: today, or the last delivery when nothing came in for two weeks."""
    last = last_delivery(session)
    return today if last is None or today - last <= CURRENT else last


def refresh_channel_stock(session: Session, as_of: date) -> Refreshed:
    """Work out stock, rates and expectations of every store and product as of that day.

    Deliveries and counts after `as_of` are not looked at. Counted stock wins until a later delivery.
    """
    session.flush()
    learn_if_due(session, as_of)
    refresh = _Refresh(session, as_of)
    refresh.run()
    _date_transferred_goods(session)
    session.expire_all()
    return Refreshed(refresh.rates, refresh.lots)


class _Refresh:
    """One pass over all series."""

    def __init__(self, session: Session, as_of: date) -> None:
        self._session = session
        self._as_of = as_of
        self._sizes = case_sizes(session)
        self._expiries = _expiries(session)
        self._counted = _counted(session)
        self._leavings = _leavings(session)
        self._tree: Tree = experience(session)
        self._trends: Trends = trends_on(session, [as_of])[0]
        self._stock_ids = _counted_rows(session)
        self._rate_rows: list[dict[str, Any]] = []
        self._stock_rows: list[dict[str, Any]] = []
        self._carried: list[dict[str, Any]] = []
        self.rates = self.lots = 0

    def run(self) -> None:
        """Write all rates and lots anew."""
        self._session.execute(delete(SalesRate))
        self._session.execute(delete(ChannelStock).where(ChannelStock.source == StockSource.INFERRED))
        peers: dict[int, list[int]] = defaultdict(list)
        waiting: list[_Line] = []
        for known in known_series(self._session, self._as_of):
            line = self._line(look_at(known, self._sizes[known.series[1]], self._as_of), known.arrivals)
            if line.seen.own is None or line.seen.usual is None:
                waiting.append(line)
                continue
            peers[known.series[1]].append(line.seen.usual)
            self._take(line, line.seen.own)
        middle = {product: peer_rate(rates) for product, rates in peers.items()}
        for line in waiting:
            self._take(line, peers_pace(middle.get(line.seen.series[1])))
        self._write(at_least=1)

    def _line(self, seen: Seen, arrivals: list[Arrival]) -> _Line:
        # Of the arrivals only those are kept that may still stand in the store, so memory stays small.
        counted = self._counted.get(seen.series)
        if counted is not None:
            return _Line(seen, tuple(arrival for arrival in arrivals if arrival.day > counted.as_of))
        last = arrivals[-1].day if arrivals else None
        return _Line(seen, tuple(arrival for arrival in arrivals if arrival.day == last))

    def _take(self, line: _Line, monthly: MonthlyPace | None) -> None:
        store = line.seen.series[0]
        lots = [self._less_leavings(store, lot) for lot in self._standing(line, monthly.best if monthly else 0)]
        lots = [lot for lot in lots if lot.bottles > 0 or (store, lot.lot_id) in self._stock_ids]
        bottles = sum(lot.bottles for lot in lots)
        expected = expectation(line.seen, self._tree, self._trends, monthly, bottles, self._as_of)
        if monthly is not None:
            self._rate_rows.append(sales_row(line.seen, monthly, self._as_of) | expected)
            self.rates += 1
        self._lay_out(line.seen.series, lots, expected["unsold_millibottles"], monthly)
        self._write(at_least=CHUNK)

    def _standing(self, line: _Line, rate: int) -> list[Standing]:
        """What stands in the store; without any rate everything that may still be there."""
        counted = self._counted.get(line.seen.series)
        if counted is None:
            return still_there(line.recent, rate, self._as_of) if line.recent else []
        if not line.recent:
            return list(counted.standing)
        held = {lot.lot_id: lot for lot in counted.standing}
        lots = dict(held)
        for came in line.recent:
            if came.lot_id not in held:  # of counted lots the ledger knows what came since
                so_far = lots.get(came.lot_id, Standing(came.lot_id, came.day, 0))
                lots[came.lot_id] = replace(so_far, bottles=so_far.bottles + came.bottles)
        return after_sales(list(lots.values()), rate, counted.as_of, self._as_of)

    def _less_leavings(self, store: int, lot: Standing) -> Standing:
        # What left counted lots is already out of the ledger's balance they are carried on by.
        if (store, lot.lot_id) in self._stock_ids:
            return lot
        leavings = self._leavings.get((store, lot.lot_id), ())
        taken = sum(leaving.bottles for leaving in leavings if leaving.day >= lot.received_on)
        return replace(lot, bottles=lot.bottles - max(taken, 0))

    def _lay_out(self, series: Series, lots: list[Standing], unsold: int, monthly: MonthlyPace | None) -> None:
        """Write the lots; what will be left is of those sold last, and of those whose life ends before."""
        order = sorted(lots, key=lambda lot: (self._expiries.get(lot.lot_id, date.max), lot.received_on, lot.lot_id))
        left = self._left_of(order, unsold, monthly)
        for lot, number in zip(order, left, strict=True):
            stock_id = self._stock_ids.get((series[0], lot.lot_id))
            if stock_id is None:
                self._stock_rows.append(self._stock_row(series, lot, number))
            else:
                self._carried.append({"id": stock_id, "bottles": lot.bottles, "unsold_millibottles": number})
        self.lots += len(lots)

    def _left_of(self, order: list[Standing], unsold: int, monthly: MonthlyPace | None) -> list[int]:
        left = [0] * len(order)
        for place in range(len(order) - 1, -1, -1):
            left[place] = min(unsold, order[place].bottles * 1000)
            unsold -= left[place]
        ahead = 0
        for place, lot in enumerate(order):
            ends = self._expiries.get(lot.lot_id)
            if ends is not None and (ends - self._as_of).days < HORIZON:
                mean = (monthly.best if monthly else 0) / 1000 * max((ends - self._as_of).days, 0) / MONTH
                behind = expected_unsold(ahead + lot.bottles, mean) - expected_unsold(ahead, mean)
                left[place] = max(left[place], round(behind * 1000))
            ahead += lot.bottles
        return left

    def _stock_row(self, series: Series, lot: Standing, unsold: int) -> dict[str, Any]:
        return {
            "store_id": series[0],
            "product_id": series[1],
            "lot_id": lot.lot_id,
            "bottles": lot.bottles,
            "received_on": lot.received_on,
            "channel_since": lot.received_on,
            "as_of": self._as_of,
            "source": StockSource.INFERRED,
            "unsold_millibottles": unsold,
        }

    def _write(self, at_least: int) -> None:
        for rows, statement in (
            (self._rate_rows, insert(_RATES)),
            (self._stock_rows, insert(_STOCK)),
            (self._carried, update(ChannelStock)),
        ):
            if len(rows) >= at_least:
                self._session.execute(statement, rows)
                rows.clear()


def _counted_rows(session: Session) -> dict[tuple[int, int], int]:
    """Rows of counted lots by store and lot; their day and source stay those of the count."""
    query = select(ChannelStock.store_id, ChannelStock.lot_id, ChannelStock.id)
    found = session.execute(query.where(ChannelStock.source != StockSource.INFERRED))
    return {(store, lot): stock_id for store, lot, stock_id in found}


def _expiries(session: Session) -> dict[int, date]:
    """The last day of each dated lot whose product has an expiry basis."""
    query = (
        select(Lot.id, Lot.production_date, Product.expiry_months)
        .join(Product, Product.id == Lot.product_id)
        .where(
            Product.expiry_basis != ExpiryBasis.NONE,
            Product.expiry_months.is_not(None),
            Lot.production_date.is_not(None),
        )
    )
    return {
        lot: expiry_date(produced, months)
        for lot, produced, months in session.execute(query)
        if produced is not None and months
    }


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


def _date_transferred_goods(session: Session) -> None:
    """Goods a store never got from us came from another store: their age in the channel began there."""
    ours = select(Delivery.id).where(
        Delivery.store_id == ChannelStock.store_id,
        Delivery.product_id == ChannelStock.product_id,
        Delivery.lot_id == ChannelStock.lot_id,
    )
    query = select(ChannelStock.id, ChannelStock.lot_id, ChannelStock.received_on).where(
        ChannelStock.source != StockSource.INFERRED, ~ours.exists()
    )
    strangers = list(session.execute(query))
    for rows in _portions(strangers):
        lots = {row.lot_id for row in rows}
        first = select(Delivery.lot_id, func.min(Delivery.delivered_on)).where(Delivery.lot_id.in_(lots))
        left_us = {row[0]: row[1] for row in session.execute(first.group_by(Delivery.lot_id))}
        since = [
            {"id": row.id, "channel_since": min(left_us.get(row.lot_id, row.received_on), row.received_on)}
            for row in rows
        ]
        session.execute(update(ChannelStock), since)


def _portions(rows: Sequence[Row[int, int, date]]) -> Iterator[Sequence[Row[int, int, date]]]:
    for start in range(0, len(rows), 1_000):
        yield rows[start : start + 1_000]
