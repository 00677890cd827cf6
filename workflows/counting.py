"""A count made true: the ledger gets the difference, and what a store was seen to hold is kept.

A count speaks for a whole product in one place on the evening of its day: batches it does not name
were not there, and what moved after that day is left standing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, delete, func, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.catalog import Lot
from models.stock import (
    Balance,
    ChannelStock,
    MoveKind,
    Observation,
    Place,
    PlaceKind,
    StockMove,
    StockSource,
)
from workflows.ledger import Move, Spot, post

OUTSIDE: Spot = (PlaceKind.OUTSIDE, 0)
COUNTED_PLACES = (PlaceKind.STORE_SHELF, PlaceKind.WAREHOUSE_STOCK)
CHUNK = 1_000  # products asked for at once
FEW_STORES = 500  # up to so many, a query names them; more are cheaper to read past
Series = tuple[int, int]  # store id, product id


@dataclass(frozen=True)
class Counted:
    """Bottles of a lot seen in a place on a day; `received_on` is the day they came into the store.

    `source` None: the first count of that product there is an opening, any later one a count.
    """

    spot: Spot
    product_id: int
    lot_id: int
    bottles: int
    received_on: date | None
    as_of: date
    source: StockSource | None = None


@dataclass(frozen=True)
class Shelf:
    """What the books say of one lot in one place: now, and what moved after the day of the count."""

    bottles: int = 0
    moved_since: int = 0

    @property
    def then(self) -> int:
        """What the books say stood there on the evening of the count."""
        return self.bottles - self.moved_since


def settle(session: Session, counts: Sequence[Counted], now: datetime, actor_name: str) -> int:
    """Post the differences and keep the observations; return how many counts said something new.

    All counts of one product in one place must carry one day. Raises LedgerError.
    """
    days = {(count.spot, count.product_id): count.as_of for count in counts}
    shelves = shelves_of(session, days)
    changed = set()
    moves = []
    for count in _with_absent(counts, shelves, days):
        move = _difference(count, shelves, now)
        if move is not None:
            moves.append(move)
            changed.add((count.spot, count.lot_id))
    post(session, moves, now, actor_name)
    changed |= _observe(session, counts, shelves, changed)
    return sum((count.spot, count.lot_id) in changed for count in counts)


def counted_on(session: Session, series: set[Series] | None = None) -> dict[Series, date]:
    """The day of the last count by store and product: of all, or of those named."""
    days: dict[Series, date] = {}
    for column, certain in (
        (Observation.as_of, true()),
        (ChannelStock.as_of, ChannelStock.source != StockSource.INFERRED),
    ):
        table = column.class_
        for where in _parts(series, table.store_id, table.product_id):
            query = select(table.store_id, table.product_id, func.max(column)).where(certain, where)
            for store, product, day in session.execute(query.group_by(table.store_id, table.product_id)):
                key = (store, product)
                if series is None or key in series:
                    days[key] = max(day, days.get(key, day))
    return days


def _parts(
    series: set[Series] | None, stores: InstrumentedAttribute[int], products: InstrumentedAttribute[int]
) -> Iterator[ColumnElement[bool]]:
    """Conditions that together name the series' products, and their stores where these are few."""
    if series is None:
        yield true()
        return
    near = these_stores(stores, {store for store, _ in series})
    wanted = sorted({product for _, product in series})
    for start in range(0, len(wanted), CHUNK):
        yield products.in_(wanted[start : start + CHUNK]) & near


def these_stores(column: InstrumentedAttribute[int], stores: set[int]) -> ColumnElement[bool]:
    """A condition that names the stores when they are few, and lets all pass when they are many."""
    return column.in_(sorted(stores)) if len(stores) <= FEW_STORES else true()


Shelves = dict[tuple[Spot, int], dict[int, Shelf]]  # (place, product) -> lot -> what the books say


def shelves_of(session: Session, days: dict[tuple[Spot, int], date]) -> Shelves:
    """The books of each product in each place, seen from the day given for it."""
    near = these_stores(Place.ref, {ref for (_, ref), _ in days})
    products = sorted({product for _, product in days})
    shelves: Shelves = {key: {} for key in days}
    for start in range(0, len(products), CHUNK):
        some = products[start : start + CHUNK]
        since = _moved_since(session, some, days)
        query = (
            select(Place.kind, Place.ref, Lot.product_id, Lot.id, Balance.bottles)
            .join(Balance, Balance.place_id == Place.id)
            .join(Lot, Lot.id == Balance.lot_id)
            .where(Lot.product_id.in_(some), Place.kind.in_(COUNTED_PLACES), near)
        )
        for kind, ref, product, lot, bottles in session.execute(query):
            key = ((kind, ref), product)
            if key in shelves:
                shelves[key][lot] = Shelf(bottles, since[key[0], lot])
    return shelves


def _moved_since(
    session: Session, products: Sequence[int], days: dict[tuple[Spot, int], date]
) -> dict[tuple[Spot, int], int]:
    """Net bottles that came after the day of the count, by place and lot."""
    net: dict[tuple[Spot, int], int] = defaultdict(int)
    first = min(days.values())
    near = these_stores(Place.ref, {ref for (_, ref), _ in days})
    for column, sign in ((StockMove.to_place_id, 1), (StockMove.from_place_id, -1)):
        query = (
            select(
                Place.kind,
                Place.ref,
                Lot.product_id,
                Lot.id,
                StockMove.happened_on,
                StockMove.bottles,
            )
            .join(Place, Place.id == column)
            .join(Lot, Lot.id == StockMove.lot_id)
            .where(
                Lot.product_id.in_(products),
                Place.kind.in_(COUNTED_PLACES),
                StockMove.happened_on > first,
                near,
            )
        )
        for kind, ref, product, lot, day, bottles in session.execute(query):
            counted_on = days.get(((kind, ref), product))
            if counted_on is not None and day > counted_on:
                net[(kind, ref), lot] += sign * bottles
    return net


def _with_absent(counts: Sequence[Counted], shelves: Shelves, days: dict[tuple[Spot, int], date]) -> Iterator[Counted]:
    yield from counts
    named = {(count.spot, count.lot_id) for count in counts}
    for (spot, product), lots in shelves.items():
        for lot in lots:
            if (spot, lot) not in named:
                yield Counted(spot, product, lot, 0, None, days[spot, product])


def _difference(count: Counted, shelves: Shelves, now: datetime) -> Move | None:
    lots = shelves[count.spot, count.product_id]
    shelf = lots.get(count.lot_id, Shelf())
    more = count.bottles - shelf.then
    if more == 0:
        return None
    kind, ref = count.spot
    # What is no longer in a store was sold, for all we know; our own warehouse only miscounted.
    gone: Spot = (PlaceKind.SOLD, ref) if kind is PlaceKind.STORE_SHELF else OUTSIDE
    return Move(
        key=f"count:{kind}:{ref}:{count.lot_id}:{count.as_of}:{now.isoformat()}",
        kind=MoveKind.COUNT if lots else MoveKind.OPENING,
        lot_id=count.lot_id,
        source=OUTSIDE if more > 0 else count.spot,
        target=count.spot if more > 0 else gone,
        bottles=abs(more),
        happened_on=count.as_of,
    )


def _observe(
    session: Session, counts: Sequence[Counted], shelves: Shelves, moved: set[tuple[Spot, int]]
) -> set[tuple[Spot, int]]:
    """Keep what stores were seen to hold; forget beliefs about batches a count did not find."""
    in_stores = [count for count in counts if count.spot[0] is PlaceKind.STORE_SHELF]
    known = _observations(session, in_stores)
    changed = set()
    for count in in_stores:
        before = known.get((count.spot[1], count.product_id), {})
        stock = before.pop(count.lot_id, None)
        if stock is not None and (count.spot, count.lot_id) not in moved and _says_the_same(stock, count):
            continue
        changed.add((count.spot, count.lot_id))
        first = stock is None and not before
        if stock is None:
            stock = ChannelStock(store_id=count.spot[1], product_id=count.product_id, lot_id=count.lot_id)
            session.add(stock)
        since = shelves[count.spot, count.product_id].get(count.lot_id, Shelf()).moved_since
        stock.bottles = max(0, count.bottles + since)
        stock.received_on = count.received_on or count.as_of
        stock.as_of = count.as_of
        stock.source = count.source or (StockSource.OPENING if first else StockSource.COUNT)
    _forget(session, (stock for lots in known.values() for stock in lots.values()))
    session.flush()
    return changed


def _says_the_same(stock: ChannelStock, count: Counted) -> bool:
    # The bottles were compared by the ledger; here they may have been carried on by later deliveries.
    return (
        stock.source is not StockSource.INFERRED
        and stock.as_of == count.as_of
        and stock.received_on == (count.received_on or count.as_of)
        and count.source in {None, stock.source}
    )


def _observations(session: Session, counts: Iterable[Counted]) -> dict[tuple[int, int], dict[int, ChannelStock]]:
    """Beliefs about the counted products of the counted stores, by lot."""
    wanted = {(count.spot[1], count.product_id) for count in counts}
    products = sorted({product for _, product in wanted})
    near = these_stores(ChannelStock.store_id, {store for store, _ in wanted})
    found: dict[tuple[int, int], dict[int, ChannelStock]] = {key: {} for key in wanted}
    for start in range(0, len(products), CHUNK):
        some = products[start : start + CHUNK]
        query = select(ChannelStock).where(ChannelStock.product_id.in_(some), near)
        for stock in session.scalars(query):
            key = (stock.store_id, stock.product_id)
            if key in found:
                found[key][stock.lot_id] = stock
    return found


def _forget(session: Session, stocks: Iterable[ChannelStock]) -> None:
    ids = [stock.id for stock in stocks]
    for start in range(0, len(ids), CHUNK):
        session.execute(delete(ChannelStock).where(ChannelStock.id.in_(ids[start : start + CHUNK])))
