"""What stores sold between counts (F-2), worked out anew from what happened, by the day it happened on.

Nothing is stored: a delivery that is only now recorded, but was made before the last count, changes the
period it belongs to. Counts, deliveries, moves and proofs are read as four streams in one order, so memory
holds one store's one product at a time, however many there are.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, exists, func, select, true, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.catalog import Lot
from models.stock import Delivery, MoveKind, Observation, Place, PlaceKind, SellOut, StockMove
from rules.sell_out import Count, Flow, Period, Sale, periods
from workflows.observations import counts_by_day

CHUNK = 5_000  # rows fetched at once
Series = tuple[int, int]  # store id, product id
#: Moves that are no movement of their own: deliveries are read as such, counts only make the books true, and
#: what a store reported as sold is the sale we look for.
NOT_FLOWS = (MoveKind.DELIVERY, MoveKind.OPENING, MoveKind.COUNT, MoveKind.SOLD)


def sell_out_periods(
    session: Session, as_of: date, store_id: int | None = None
) -> Iterator[tuple[int, int, list[Period]]]:
    """Store id, product id and the periods of each series that was counted twice or has reported sales.

    Of all stores, or of one; ordered by store and product. Nothing after `as_of` is looked at. Not to be
    written in the session while the iteration goes on.
    """
    wanted = _Wanted(as_of, store_id)
    queries = (_counts, _sales, _deliveries, _moves, _declared)
    counts, sales, deliveries, moves, declared = (_Stream(session, query(wanted)) for query in queries)
    for series in _in_order(counts, sales):
        flows = [Flow(day, bottles) for day, bottles in (*deliveries.of(series), *moves.of(series))]
        counted = [Count(day, bottles, margin) for day, bottles, margin in counts.of(series)]
        sold = [Sale(*row) for row in sales.of(series)]
        sold += [Sale(day, day, bottles, is_lower_bound=True) for day, bottles in declared.of(series)]
        if found := periods(counted, flows, sold):
            yield *series, found


@dataclass(frozen=True)
class _Wanted:
    """Up to which day, and of which store (None: of all)."""

    as_of: date
    store_id: int | None

    def until(self, day: InstrumentedAttribute[date], store: InstrumentedAttribute[int]) -> ColumnElement[bool]:
        """The condition on a row's day and store."""
        return and_(day <= self.as_of, true() if self.store_id is None else store == self.store_id)


class _Stream:
    """Rows in the order of store and product; `of` gives those of one series and skips what lies before."""

    def __init__(self, session: Session, query: Select[*tuple[Any, ...]]) -> None:
        # Plain rows of the connection: nothing here is an object of the session.
        rows = session.connection().execute(query, execution_options={"yield_per": CHUNK})
        self._groups = groupby(rows, key=itemgetter(0, 1))
        self._series: Series | None = None
        self._rows: Iterable[Any] = ()
        self.step()

    def step(self) -> None:
        """Go on to the next series."""
        self._series, self._rows = next(self._groups, (None, ()))

    @property
    def series(self) -> Series | None:
        """The series it stands at, None at the end."""
        return self._series

    def of(self, series: Series) -> list[tuple[Any, ...]]:
        """The rows of a series, without store and product; every series may be asked for once, in order."""
        while self._series is not None and self._series < series:
            self.step()
        if self._series != series:
            return []
        found = [tuple(row[2:]) for row in self._rows]
        self.step()
        return found


def _in_order(*streams: _Stream) -> Iterator[Series]:
    """Every series one of the streams has, once, in order; the caller takes its rows before going on."""
    while ahead := [stream.series for stream in streams if stream.series is not None]:
        yield min(ahead)


def _counts(wanted: _Wanted) -> Select[*tuple[Any, ...]]:
    counts = counts_by_day().where(wanted.until(Observation.as_of, Observation.store_id)).subquery()
    columns = (counts.c.store_id, counts.c.product_id, counts.c.as_of, counts.c.bottles, counts.c.margin_bottles)
    return select(*columns).order_by(*columns[:3])


def _deliveries(wanted: _Wanted) -> Select[*tuple[Any, ...]]:
    order = (Delivery.store_id, Delivery.product_id, Delivery.delivered_on)
    bottles = func.sum(Delivery.bottles).cast(Integer)
    return (
        select(*order, bottles)
        .where(
            wanted.until(Delivery.delivered_on, Delivery.store_id), _observed(Delivery.store_id, Delivery.product_id)
        )
        .group_by(*order)
        .order_by(*order)
    )


def _moves(wanted: _Wanted) -> Select[*tuple[Any, ...]]:
    """What came to a shelf or left it other than by delivery or sale; leaving is negative."""
    moved = union_all(
        _shelf_moves(StockMove.to_place_id, StockMove.bottles, StockMove.kind.not_in(NOT_FLOWS), wanted),
        _shelf_moves(StockMove.from_place_id, -StockMove.bottles, StockMove.kind.not_in(NOT_FLOWS), wanted),
    ).subquery()
    return select(moved).order_by(moved.c.store_id, moved.c.product_id, moved.c.happened_on)


def _declared(wanted: _Wanted) -> Select[*tuple[Any, ...]]:
    """What stores declared sold when they were asked to give goods back: so much was sold at least."""
    sold = _shelf_moves(StockMove.from_place_id, StockMove.bottles, StockMove.kind == MoveKind.SOLD, wanted).subquery()
    return select(sold).order_by(sold.c.store_id, sold.c.product_id, sold.c.happened_on)


def _shelf_moves(
    end: InstrumentedAttribute[int], bottles: ColumnElement[int] | InstrumentedAttribute[int],
    which: ColumnElement[bool], wanted: _Wanted,
) -> Select[*tuple[Any, ...]]:  # fmt: skip
    return (
        select(Place.ref.label("store_id"), Lot.product_id, StockMove.happened_on, bottles.label("bottles"))
        .join(Place, Place.id == end)
        .join(Lot, Lot.id == StockMove.lot_id)
        .where(Place.kind == PlaceKind.STORE_SHELF, which, wanted.until(StockMove.happened_on, Place.ref))
        .where(_observed(Place.ref, Lot.product_id))
    )


def _sales(wanted: _Wanted) -> Select[*tuple[Any, ...]]:
    return (
        select(
            SellOut.store_id,
            SellOut.product_id,
            SellOut.first_day,
            SellOut.last_day,
            SellOut.bottles,
            SellOut.is_lower_bound,
        )
        .where(wanted.until(SellOut.last_day, SellOut.store_id))
        .order_by(SellOut.store_id, SellOut.product_id, SellOut.first_day, SellOut.id)
    )


def _observed(store: InstrumentedAttribute[int], product: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Only what was ever counted needs its deliveries read."""
    return exists().where(Observation.store_id == store, Observation.product_id == product)
