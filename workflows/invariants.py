"""The quantity invariant of all tasks: vectors add up, and agree with the ledger's moves."""

from sqlalchemy import Integer, func, select
from sqlalchemy.orm import Session

from models.recall import Handover, HandoverLine, TaskLine
from models.stock import MoveKind, Place, PlaceKind, StockMove

#: A counter of a task, and the moves whose bottles must add up to it.
_MOVES = {
    "sold_before": (MoveKind.SOLD, PlaceKind.SOLD),
    "transferred_out": (MoveKind.TRANSFER, PlaceKind.TRANSFERRED),
    "destroyed_on_site": (MoveKind.DESTROY, PlaceKind.DESTROYED),
}


def broken_vectors(session: Session) -> list[str]:
    """One sentence for each task line whose counters do not add up or disagree with the ledger."""
    return _sums_wrong(session) + _ledger_differs(session) + _handovers_differ(session)


def _sums_wrong(session: Session) -> list[str]:
    ends = (
        TaskLine.accepted + TaskLine.rejected + TaskLine.destroyed_on_site + TaskLine.sold_before
        + TaskLine.transferred_out + TaskLine.lost + TaskLine.waived + TaskLine.outstanding
    )  # fmt: skip
    query = select(TaskLine.task_id, TaskLine.lot_id, TaskLine.scoped, ends).where(TaskLine.scoped != ends)
    return [
        f"task {task} lot {lot}: scoped {scoped}, but its parts are {parts}"
        for task, lot, scoped, parts in session.execute(query)
    ]


def _ledger_differs(session: Session) -> list[str]:
    problems = []
    for counter, (kind, place) in _MOVES.items():
        moved = (
            select(StockMove.task_id, StockMove.lot_id, func.sum(StockMove.bottles).cast(Integer).label("bottles"))
            .join(Place, Place.id == StockMove.to_place_id)
            .where(StockMove.kind == kind, Place.kind == place, StockMove.task_id.is_not(None))
            .group_by(StockMove.task_id, StockMove.lot_id)
            .subquery()
        )
        column = getattr(TaskLine, counter)
        query = (
            select(TaskLine.task_id, TaskLine.lot_id, column, func.coalesce(moved.c.bottles, 0))
            .outerjoin(moved, (moved.c.task_id == TaskLine.task_id) & (moved.c.lot_id == TaskLine.lot_id))
            .where(column != func.coalesce(moved.c.bottles, 0))
        )
        problems += [
            f"task {task} lot {lot}: {counter} is {counted}, the ledger moved {bottles}"
            for task, lot, counted, bottles in session.execute(query)
        ]
    return problems


def _handovers_differ(session: Session) -> list[str]:
    """What left the shelf by hand-over is what both parties signed for."""
    signed = (
        select(
            HandoverLine.handover_id,
            HandoverLine.lot_id,
            (HandoverLine.counted + HandoverLine.extra).label("bottles"),
        )
        .join(Handover)
        .where(Handover.signed_at.is_not(None), HandoverLine.counted + HandoverLine.extra > 0)
        .subquery()
    )
    moved = (
        select(StockMove.handover_id, StockMove.lot_id, func.sum(StockMove.bottles).cast(Integer).label("bottles"))
        .where(StockMove.kind == MoveKind.HAND_OVER)
        .group_by(StockMove.handover_id, StockMove.lot_id)
        .subquery()
    )
    query = (
        select(signed.c.handover_id, signed.c.lot_id, signed.c.bottles, func.coalesce(moved.c.bottles, 0))
        .outerjoin(moved, (moved.c.handover_id == signed.c.handover_id) & (moved.c.lot_id == signed.c.lot_id))
        .where(signed.c.bottles != func.coalesce(moved.c.bottles, 0))
    )
    return [
        f"hand-over {hand} lot {lot}: {paper} bottles signed for, the ledger moved {bottles}"
        for hand, lot, paper, bottles in session.execute(query)
    ]
