"""The only place that moves stock: append-only double entries in bottles between places."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Engine, Integer, and_, func, insert, select, union_all
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.catalog import Hold
from models.stock import Balance, MoveKind, Place, PlaceKind, StockMove

Spot = tuple[PlaceKind, int]
T = TypeVar("T")

#: Places whose goods are ours to answer for: they can never hold less than nothing.
OWN_PLACES = frozenset(
    kind
    for kind in PlaceKind
    if kind not in {PlaceKind.OUTSIDE, PlaceKind.STORE_SHELF, PlaceKind.SOLD, PlaceKind.TRANSFERRED}
)
#: Where held goods may not go; every way out stays open.
SALE_PLACES = frozenset({PlaceKind.STORE_SHELF, PlaceKind.WAREHOUSE_STOCK, PlaceKind.TRANSFERRED})
#: Where goods are kept to be used again; closed to anything a food-safety recall named.
REUSE_PLACES = frozenset(
    {PlaceKind.WAREHOUSE_STOCK, PlaceKind.WAREHOUSE_A, PlaceKind.WAREHOUSE_B, PlaceKind.WAREHOUSE_C}
)
CHUNK = 2_000  # rows per statement; PostgreSQL takes at most 65,535 parameters in one


class LedgerError(Exception):
    """A posting the ledger refuses; the message names place, lot and bottles."""


@dataclass(frozen=True)
class Move:
    """`bottles` of a lot from `source` to `target`; a spot is (kind of place, whose it is)."""

    key: str
    kind: MoveKind
    lot_id: int
    source: Spot
    target: Spot
    bottles: int
    happened_on: date
    task_id: int | None = None
    handover_id: int | None = None


def post(session: Session, moves: Iterable[Move], now: datetime, actor_name: str) -> int:
    """Write the moves whose keys are new and carry the balances along; return how many were new.

    Raises LedgerError when a place of ours would hold less than nothing, when bottles are not
    positive, or when a held lot would go where it can be sold.
    """
    posted = 0
    for chunk in chunks(moves, CHUNK):
        posted += _post_chunk(session, chunk, now, actor_name)
    return posted


def balance(session: Session, kind: PlaceKind, ref: int, lot_id: int) -> int:
    """Bottles of the lot in that place."""
    query = (
        select(Balance.bottles)
        .join(Place, Place.id == Balance.place_id)
        .where(Place.kind == kind, Place.ref == ref, Balance.lot_id == lot_id)
    )
    return session.scalar(query) or 0


def reconcile(session: Session) -> list[str]:
    """Compare every balance with the sum of its moves; return one sentence per difference."""
    sums = _sums_of_moves()
    query = (
        select(Place.kind, Place.ref, sums.c.lot_id, sums.c.bottles, func.coalesce(Balance.bottles, 0))
        .select_from(sums)
        .join(Place, Place.id == sums.c.place_id)
        .outerjoin(
            Balance,
            and_(Balance.place_id == sums.c.place_id, Balance.lot_id == sums.c.lot_id),
        )
        .where(sums.c.bottles != func.coalesce(Balance.bottles, 0))
    )
    problems = [
        f"balance of {kind.value}/{ref} lot {lot}: moves say {moved}, balance says {kept}"
        for kind, ref, lot, moved, kept in session.execute(query)
    ]
    return problems + _orphan_balances(session) + _negative_places(session)


def _post_chunk(session: Session, chunk: list[Move], now: datetime, actor_name: str) -> int:
    known = set(session.scalars(select(StockMove.key).where(StockMove.key.in_([m.key for m in chunk]))))
    new = {move.key: move for move in chunk if move.key not in known}
    if not new:
        return 0
    _refuse_nonsense(new.values())
    _refuse_held(session, new.values())
    places = _places(session, {spot for m in new.values() for spot in (m.source, m.target)})
    session.execute(insert(StockMove), [_row(move, places, now, actor_name) for move in new.values()])
    _carry(session, new.values(), places)
    return len(new)


def _row(move: Move, places: dict[Spot, int], now: datetime, actor_name: str) -> dict[str, Any]:
    return {
        "key": move.key,
        "kind": move.kind,
        "lot_id": move.lot_id,
        "from_place_id": places[move.source],
        "to_place_id": places[move.target],
        "bottles": move.bottles,
        "task_id": move.task_id,
        "handover_id": move.handover_id,
        "happened_on": move.happened_on,
        "recorded_at": now,
        "actor": actor_name,
    }


def _refuse_nonsense(moves: Iterable[Move]) -> None:
    for move in moves:
        if move.bottles <= 0:
            raise LedgerError(f"move {move.key}: {move.bottles} bottles")
        if move.source == move.target:
            raise LedgerError(f"move {move.key}: from {move.source} to itself")


def _refuse_held(session: Session, moves: Iterable[Move]) -> None:
    moves = list(moves)
    on_hold = select(Hold.lot_id).where(Hold.released_at.is_(None)).limit(1)
    into_sale = {m.lot_id for m in moves if m.target[0] in SALE_PLACES and _is_new_supply(m)}
    if into_sale and (held := session.scalar(on_hold.where(Hold.lot_id.in_(into_sale)))):
        raise LedgerError(f"lot {held} is held: it may come back, but not go on sale")
    into_use = {m.lot_id for m in moves if m.target[0] in REUSE_PLACES}
    recalled = on_hold.where(Hold.lot_id.in_(into_use), Hold.final.is_(True))
    if into_use and (lot := session.scalar(recalled)):
        raise LedgerError(f"lot {lot} is under a food-safety recall: it may only be destroyed")


def _is_new_supply(move: Move) -> bool:
    # A count or a bottle given back only corrects where goods already are, and a store that tells
    # a task what it moved on before tells of the past.
    told_of_the_past = move.kind is MoveKind.TRANSFER and move.task_id is not None
    return move.kind in {MoveKind.DELIVERY, MoveKind.TRANSFER, MoveKind.GRADE} and not told_of_the_past


def _places(session: Session, spots: set[Spot]) -> dict[Spot, int]:
    cache: dict[Spot, int] = session.info.setdefault("places", {})
    missing = sorted(spots - cache.keys())
    for some in chunks(missing, 500):
        _learn_places(session, some, cache)
    return cache


def _learn_places(session: Session, spots: list[Spot], cache: dict[Spot, int]) -> None:
    statement = insert_for(session)(Place).on_conflict_do_nothing(index_elements=["kind", "ref"])
    session.execute(statement, [{"kind": kind, "ref": ref} for kind, ref in spots])
    refs = [ref for _, ref in spots]
    wanted = set(spots)
    for place_id, kind, ref in session.execute(select(Place.id, Place.kind, Place.ref).where(Place.ref.in_(refs))):
        if (kind, ref) in wanted:
            cache[(kind, ref)] = place_id


def _carry(session: Session, moves: Iterable[Move], places: dict[Spot, int]) -> None:
    deltas: dict[tuple[int, int], int] = defaultdict(int)
    guarded: set[int] = set()
    for move in moves:
        deltas[(places[move.source], move.lot_id)] -= move.bottles
        deltas[(places[move.target], move.lot_id)] += move.bottles
        if move.source[0] in OWN_PLACES:
            guarded.add(places[move.source])
    # Always in the same order, so that two transactions never wait for each other's rows.
    rows = [
        {"place_id": place, "lot_id": lot, "bottles": delta} for (place, lot), delta in sorted(deltas.items()) if delta
    ]
    if not rows:
        return
    statement = insert_for(session)(Balance)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["place_id", "lot_id"],
            set_={"bottles": Balance.bottles + statement.excluded.bottles},
        ),
        rows,
    )
    if guarded:
        _refuse_below_nothing(session, guarded, {row["lot_id"] for row in rows})


def _refuse_below_nothing(session: Session, places: set[int], lots: set[int]) -> None:
    query = select(Balance.place_id, Balance.lot_id, Balance.bottles).where(
        Balance.place_id.in_(places), Balance.lot_id.in_(lots), Balance.bottles < 0
    )
    for place_id, lot_id, bottles in session.execute(query.limit(1)):
        raise LedgerError(f"place {place_id} would hold {bottles} bottles of lot {lot_id}")


def _sums_of_moves() -> Any:
    came = select(
        StockMove.to_place_id.label("place_id"),
        StockMove.lot_id,
        StockMove.bottles.label("bottles"),
    )
    went = select(
        StockMove.from_place_id.label("place_id"),
        StockMove.lot_id,
        (-StockMove.bottles).label("bottles"),
    )
    both = union_all(came, went).subquery()
    total = func.sum(both.c.bottles).cast(Integer).label("bottles")
    return select(both.c.place_id, both.c.lot_id, total).group_by(both.c.place_id, both.c.lot_id).subquery()


def _orphan_balances(session: Session) -> list[str]:
    moved = select(StockMove.id).where(
        StockMove.lot_id == Balance.lot_id,
        (StockMove.to_place_id == Balance.place_id) | (StockMove.from_place_id == Balance.place_id),
    )
    query = select(Balance.place_id, Balance.lot_id, Balance.bottles).where(Balance.bottles != 0, ~moved.exists())
    return [
        f"balance of place {place} lot {lot}: {bottles} bottles without any move"
        for place, lot, bottles in session.execute(query)
    ]


def _negative_places(session: Session) -> list[str]:
    query = (
        select(Place.kind, Place.ref, Balance.lot_id, Balance.bottles)
        .join(Place, Place.id == Balance.place_id)
        .where(Balance.bottles < 0, Place.kind.in_(OWN_PLACES))
    )
    return [
        f"{kind.value}/{ref} holds {bottles} bottles of lot {lot}" for kind, ref, lot, bottles in session.execute(query)
    ]


def insert_for(session: Session) -> Any:
    """The INSERT of the session's database, which knows ON CONFLICT."""
    bind = session.get_bind()
    engine = bind if isinstance(bind, Engine) else bind.engine
    return sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most `size`, without holding them all."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
