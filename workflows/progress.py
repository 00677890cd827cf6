"""How far a campaign is: per store and in sum, in bottles and in stores."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import Integer, bindparam, case, func, select
from sqlalchemy.orm import Session

from models.catalog import Product, Store
from models.recall import Campaign, RecallTask, TaskLine, TaskState


@dataclass(frozen=True)
class StoreProgress:
    """One store: when it was told and answered, and where its bottles are."""

    task_id: int
    store_code: str
    store_name: str
    state: TaskState
    overdue: bool
    answer: str
    notified: bool
    answered: bool
    scoped: int
    declared: int
    handed_over: int
    in_transit: int
    received: int
    accepted: int
    rejected: int
    sold_before: int
    waived: int
    lost: int
    outstanding: int


@dataclass(frozen=True)
class OwnTask:
    """A task as its store asks about it, in bottles; `left` are still in the store."""

    number: str
    product: str
    case_size: int
    state: TaskState
    deadline: date
    scoped: int
    handed_over: int
    accepted: int
    left: int


@dataclass(frozen=True)
class Totals:
    """All stores together; `notified` and `answered` count stores, the rest bottles."""

    stores: int = 0
    notified: int = 0
    answered: int = 0
    done: int = 0
    overdue: int = 0
    scoped: int = 0
    declared: int = 0
    handed_over: int = 0
    in_transit: int = 0
    received: int = 0
    accepted: int = 0
    rejected: int = 0
    sold_before: int = 0
    waived: int = 0
    lost: int = 0
    outstanding: int = 0


@dataclass(frozen=True)
class Progress:
    """A page of stores, and the sum over all of them."""

    rows: list[StoreProgress]
    totals: Totals


_ENDS = (TaskState.CLOSED, TaskState.CANCELLED)
_BOTTLES = (
    "scoped",
    "declared",
    "handed_over",
    "received",
    "accepted",
    "rejected",
    "sold_before",
    "waived",
    "lost",
    "outstanding",
)


def progress(session: Session, campaign_id: int, *, offset: int = 0, limit: int | None = None) -> Progress:
    """The stores of a campaign, overdue and open ones first."""
    return Progress(_rows(session, campaign_id, offset, limit), totals(session, campaign_id))


def totals(session: Session, campaign_id: int) -> Totals:
    """The sums only: cheap for ten thousand stores."""
    tasks = select(
        func.count(RecallTask.id),
        func.count(RecallTask.notified_at),
        func.count(RecallTask.answered_at),
        func.sum(case((RecallTask.state.in_(_ENDS), 1), else_=0)).cast(Integer),
        func.sum(case((RecallTask.overdue.is_(True), 1), else_=0)).cast(Integer),
    ).where(RecallTask.campaign_id == campaign_id)
    counts = [int(value or 0) for value in session.execute(tasks).one()]
    sums = session.execute(
        select(*_sums(), _in_transit()).join(RecallTask).where(RecallTask.campaign_id == campaign_id)
    ).one()
    bottles = dict(zip((*_BOTTLES, "in_transit"), (int(value or 0) for value in sums), strict=True))
    stores, notified, answered, done, overdue = counts
    return Totals(stores=stores, notified=notified, answered=answered, done=done, overdue=overdue, **bottles)


def tasks_of_stores(session: Session, stores: list[int], *, most: int) -> list[OwnTask]:
    """The open tasks of these stores, the most urgent first; when all are done, the latest one."""
    asked = {"stores": stores, "most": most}
    connection = session.connection()
    rows = connection.execute(_OPEN_TASKS, asked).all() or connection.execute(_LAST_TASK, asked).all()
    return [_own_task(row) for row in rows]


def _own_task(row: Sequence[Any]) -> OwnTask:
    campaign, task, *facts, handed_over, accepted, rejected, lost, outstanding = row
    left = outstanding - (handed_over - accepted - rejected - lost)
    return OwnTask(f"R{campaign}-{task}", *facts, handed_over, accepted, left)


def campaign_progress_words(session: Session, campaign: Campaign) -> dict[str, int]:
    """What the group's live card shows."""
    sums = totals(session, campaign.id)
    return {field.name: getattr(sums, field.name) for field in fields(sums)}


def _rows(session: Session, campaign_id: int, offset: int, limit: int | None) -> list[StoreProgress]:
    query = (
        select(
            RecallTask.id,
            Store.code,
            Store.name,
            RecallTask.state,
            RecallTask.overdue,
            RecallTask.answer,
            RecallTask.notified_at,
            RecallTask.answered_at,
            *_sums(),
            _in_transit(),
        )
        .join(Store, Store.id == RecallTask.store_id)
        .join(TaskLine, TaskLine.task_id == RecallTask.id)
        .where(RecallTask.campaign_id == campaign_id)
        .group_by(RecallTask.id, Store.code, Store.name)
        .order_by(case((RecallTask.state.in_(_ENDS), 1), else_=0), RecallTask.overdue.desc(), Store.code)
        .offset(offset)
        .limit(limit)
    )
    return [_row(values) for values in session.execute(query)]


def _row(values: Any) -> StoreProgress:
    task_id, code, name, state, overdue, answer, notified, answered, *sums = values
    bottles = dict(zip((*_BOTTLES, "in_transit"), (int(value or 0) for value in sums), strict=True))
    return StoreProgress(
        task_id=task_id,
        store_code=code,
        store_name=name,
        state=state,
        overdue=overdue,
        answer=answer,
        notified=notified is not None,
        answered=answered is not None,
        **bottles,
    )


def _sums() -> list[Any]:
    return [func.sum(getattr(TaskLine, name)).cast(Integer) for name in _BOTTLES]


def _in_transit() -> Any:
    # Bottles handed over that the warehouse has not counted and nobody has written off.
    return func.sum(TaskLine.handed_over - TaskLine.received - TaskLine.lost).cast(Integer)


# Stores ask this all day, so both questions are put together once.
_OF_STORES = (
    select(
        RecallTask.campaign_id,
        RecallTask.id,
        Product.name,
        Product.case_size,
        RecallTask.state,
        RecallTask.deadline,
        *(
            func.sum(getattr(TaskLine, n)).cast(Integer)
            for n in ("scoped", "handed_over", "accepted", "rejected", "lost")
        ),
        func.sum(TaskLine.outstanding).cast(Integer),
    )
    .join(Campaign, Campaign.id == RecallTask.campaign_id)
    .join(Product, Product.id == Campaign.product_id)
    .join(TaskLine, TaskLine.task_id == RecallTask.id)
    .where(RecallTask.store_id.in_(bindparam("stores", expanding=True)))
    .group_by(RecallTask.id, Product.id)
)
_OPEN_TASKS = (
    _OF_STORES.where(RecallTask.state.not_in((*_ENDS, TaskState.WINDING_DOWN)))
    .order_by(RecallTask.deadline, RecallTask.id)
    .limit(bindparam("most", type_=Integer))
)
_LAST_TASK = _OF_STORES.order_by(RecallTask.id.desc()).limit(1)
