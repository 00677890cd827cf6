"""How far a campaign is: per store and in sum, in bottles and in stores."""

from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import Integer, bindparam, case, func, select
from sqlalchemy.orm import Session

from models.catalog import Product, Store
from models.prepared import Line, Prepared
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

    task_id: int
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


def tasks_of_stores(line: Line, stores: list[int], *, most: int) -> list[OwnTask]:
    """The open tasks of these stores, the most urgent first; when all are done, the latest one."""
    tasks = [_own_task(row) for store in stores for row in _OPEN_TASKS.rows(line, store=store)]
    if not tasks:
        tasks = [_own_task(row) for store in stores for row in _LAST_TASK.rows(line, store=store)]
        return sorted(tasks, key=lambda task: task.task_id)[-1:]
    return sorted(tasks, key=lambda task: (task.deadline, task.task_id))[:most]


def _own_task(row: tuple[Any, ...]) -> OwnTask:
    campaign, task, product, case_size, state, deadline, *sums = row
    scoped, handed_over, accepted, rejected, lost, outstanding = sums
    return OwnTask(
        task_id=task,
        number=f"R{campaign}-{task}",
        product=product,
        case_size=case_size,
        state=state,
        deadline=deadline,
        scoped=scoped,
        handed_over=handed_over,
        accepted=accepted,
        left=outstanding - (handed_over - accepted - rejected - lost),
    )


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


_COUNTED = ("scoped", "handed_over", "accepted", "rejected", "lost", "outstanding")
# Stores ask this all day.
_OF_STORE = (
    select(
        RecallTask.campaign_id,
        RecallTask.id,
        Product.name,
        Product.case_size,
        RecallTask.state,
        RecallTask.deadline,
        *(func.sum(getattr(TaskLine, name)).cast(Integer) for name in _COUNTED),
    )
    .join(Campaign, Campaign.id == RecallTask.campaign_id)
    .join(Product, Product.id == Campaign.product_id)
    .join(TaskLine, TaskLine.task_id == RecallTask.id)
    .where(RecallTask.store_id == bindparam("store"))
    .group_by(RecallTask.id, Product.id)
)
_OPEN_TASKS = Prepared(_OF_STORE.where(*(RecallTask.state != state for state in (*_ENDS, TaskState.WINDING_DOWN))))
_LAST_TASK = Prepared(_OF_STORE.order_by(RecallTask.id.desc()).limit(1))
