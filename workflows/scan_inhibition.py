"""Who has the word: an open take-back speaks for its goods, and a graver warning for the lighter ones beside it.

Both are marks beside the state. They come and go with what silences them, and nothing else of the warning moves.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Select,
    String,
    Subquery,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.elements import ColumnElement

from models.catalog import Lot
from models.stock import Reservation
from models.warning import StockWarning, WarningState
from workflows.portable_sql import insert_for
from workflows.scan_levels import Condition
from workflows.scan_tables import count_rows, pair, step

W = StockWarning
_QUIET: Any = {"synchronize_session": False}
_OPEN = W.state != WarningState.RESOLVED
#: Who may have the word: somebody ought to hear of it, or has taken notice.
_SPEAKING = (WarningState.FIRING, WarningState.ACKNOWLEDGED)
_RECALL, _WARNING = "recall:", "warning:"
_BIG = 10**12  # more than there will be warnings: level × _BIG − id puts the gravest first, then the oldest


def set_marks(session: Session, newer_than: int) -> None:
    """Bring the marks up to date; `newer_than` is the last warning there was before this scan."""
    if _gather_pairs(session, newer_than):
        _end_recall_marks(session)
        _set_recall_marks(session)
        _set_graver_marks(session)


def _gather_pairs(session: Session, newer_than: int) -> int:
    """Where something moved, where a take-back asks for goods, and where somebody was silent.

    Newcomers among themselves have settled it (`scan_newcomers.py:find_newcomers`).
    """
    places = [select(Reservation.store_id, Lot.product_id).join(Lot).where(Reservation.bottles > 0)]
    if newer_than:
        places += [
            select(step.c.store_id, step.c.product_id).where(step.c.event != "", step.c.product_id > 0),
            select(W.store_id, W.product_id).where(W.id > newer_than, W.product_id > 0, _older(newer_than).exists()),
            select(W.store_id, W.product_id).where(W.inhibited_by != "", _OPEN, W.id <= newer_than),
        ]
    for found in places:
        new = insert_for(session)(pair).from_select(["store_id", "product_id"], found.distinct())
        session.execute(new.on_conflict_do_nothing())
    count_rows(session, pair)
    return session.scalar(select(func.count()).select_from(pair)) or 0


def _older(newer_than: int) -> Select[*tuple[Any, ...]]:
    """Somebody who was there before, with another level; most have nobody."""
    other = aliased(W)
    return (
        select(other.id)
        .where(
            other.store_id == W.store_id,
            other.product_id == W.product_id,
            other.level != W.level,
            other.id <= newer_than,
            other.state != WarningState.RESOLVED,
        )
        .correlate(W)
    )


def _end_recall_marks(session: Session) -> None:
    asked = exists(
        select(Reservation.id)
        .join(Lot, Lot.id == Reservation.lot_id)
        .where(
            Reservation.store_id == W.store_id,
            Reservation.bottles > 0,
            Lot.product_id == W.product_id,
            or_(W.lot_id == 0, Reservation.lot_id == W.lot_id),
        )
        .correlate(W)
    )
    over = (*_here(), W.inhibited_by.startswith(_RECALL), _OPEN, ~asked)
    session.execute(update(W).where(*over).values(inhibited_by=""), execution_options=_QUIET)


def _set_recall_marks(session: Session) -> None:
    for by_lot in (True, False):
        asked = _asked(by_lot=by_lot)
        mark = _mark(_RECALL, asked.c.task_id)
        lot = W.lot_id == asked.c.lot_id if by_lot else W.lot_id == 0
        where = (W.store_id == asked.c.store_id, W.product_id == asked.c.product_id, lot, _OPEN, W.inhibited_by != mark)
        session.execute(update(W).where(*where).values(inhibited_by=mark), execution_options=_QUIET)


def _asked(*, by_lot: bool) -> Subquery:
    """The first open task that speaks for a store's lot, or for any lot of a product there."""
    keys = [Reservation.store_id, Lot.product_id, *([Reservation.lot_id] if by_lot else [])]
    return (
        select(*keys, func.min(Reservation.task_id).label("task_id"))
        .join(Lot, Lot.id == Reservation.lot_id)
        .where(Reservation.bottles > 0)
        .group_by(*keys)
        .subquery()
    )


def _set_graver_marks(session: Session) -> None:
    """The gravest level of a store and product speaks, of several the first that fired; its equals speak too."""
    speaks = and_(W.state.in_(_SPEAKING), W.stale.is_(False), ~W.inhibited_by.startswith(_RECALL))
    place = place_of(W.level)
    best = func.max(case((speaks, place - W.id))).over(partition_by=[W.store_id, W.product_id])
    seen = (
        select(W.id, W.state, W.inhibited_by, place.label("place"), best.label("best"))
        .join(pair, and_(*_here()))
        .where(_OPEN)
        .subquery()
    )
    silent = and_(seen.c.state.in_([*_SPEAKING, WarningState.PENDING]), seen.c.best > seen.c.place)
    mark = case((silent, graver_mark(seen.c.best)), else_="")
    wanted = (
        select(seen.c.id, mark.label("mark"))
        .where(~seen.c.inhibited_by.startswith(_RECALL), seen.c.inhibited_by != mark)
        .subquery()
    )
    session.execute(update(W).where(W.id == wanted.c.id).values(inhibited_by=wanted.c.mark), execution_options=_QUIET)


def place_of(level: Any) -> ColumnElement[int]:
    """A number that ranks levels; less the number of a warning it ranks the older of equals first."""
    return cast(level, BigInteger) * _BIG


def graver_mark(best: ColumnElement[int]) -> ColumnElement[str]:
    """The mark that names the warning behind such a rank."""
    return _mark(_WARNING, (best // _BIG + 1) * _BIG - best)


def _here() -> tuple[Condition, Condition]:
    return W.store_id == pair.c.store_id, W.product_id == pair.c.product_id


def _mark(kind: str, number: Any) -> ColumnElement[str]:
    return literal(kind, String) + cast(number, String)
