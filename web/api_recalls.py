"""GET recalls: take-backs and food-safety recalls with their quantity vectors, as far as the key may see."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, Select, func, select
from sqlalchemy.orm import Session

from models.recall import Campaign, RecallTask, TaskLine
from web.api_calls import Call
from web.api_models import LineOut, RecallOut, RecallsPage, RecallsQuery, TaskOut, TasksPage, Vector
from web.api_pages import last_seen, next_cursor, portion
from web.api_problems import ApiProblem, Fault
from web.api_warnings import product_ref, seen_products, seen_stores, store_ref
from workflows.api_keys import Caller

COUNTERS = tuple(Vector.model_fields)


def recalls(session: Session, call: Call) -> RecallsPage:
    """The campaigns asked for, by their number."""
    asked: RecallsQuery = call.query
    query = _asked(_visible(call.caller), asked).order_by(Campaign.id)
    after = last_seen(call, "recalls", int)
    if after is not None:
        query = query.where(Campaign.id > after)
    rows, more = portion(session, query, asked.limit)
    cursor = next_cursor(call, "recalls", rows[-1].id) if more else None
    return RecallsPage(as_of=call.now, next_cursor=cursor, items=_told(session, rows, call.caller))


def recall(session: Session, call: Call) -> RecallOut:
    """One campaign. Raises ApiProblem 404."""
    return _told(session, [_campaign(session, call)], call.caller)[0]


def tasks(session: Session, call: Call) -> TasksPage:
    """The tasks of a campaign, with the vector of each lot. Raises ApiProblem 404."""
    campaign = _campaign(session, call)
    query = visible_tasks(call.caller).where(RecallTask.campaign_id == campaign.id).order_by(RecallTask.id)
    after = last_seen(call, "tasks", int)
    if after is not None:
        query = query.where(RecallTask.id > after)
    rows, more = portion(session, query, call.query.limit)
    cursor = next_cursor(call, "tasks", rows[-1].id) if more else None
    return TasksPage(as_of=call.now, next_cursor=cursor, items=[_task(row) for row in rows])


def visible_tasks(caller: Caller) -> Select[Any]:
    """The tasks a key sees."""
    query = select(RecallTask)
    if caller.regions:
        query = query.where(RecallTask.store_id.in_(seen_stores(caller)))
    if caller.brands:
        mine = select(Campaign.id).where(Campaign.product_id.in_(seen_products(caller)))
        query = query.where(RecallTask.campaign_id.in_(mine))
    return query


def _visible(caller: Caller) -> Select[Any]:
    query = select(Campaign)
    if caller.brands:
        query = query.where(Campaign.product_id.in_(seen_products(caller)))
    if caller.regions:
        asked = visible_tasks(caller).with_only_columns(RecallTask.campaign_id)
        query = query.where(Campaign.id.in_(asked))
    return query


def _asked(query: Select[Any], asked: RecallsQuery) -> Select[Any]:
    if asked.state:
        query = query.where(Campaign.state.in_(asked.state))
    if asked.kind:
        query = query.where(Campaign.kind == asked.kind)
    return query.where(Campaign.product.has(code=asked.product)) if asked.product else query


def _campaign(session: Session, call: Call) -> Campaign:
    number = str(call.path["number"])
    digits = number.removeprefix("R")
    # Longer numbers than nine digits are beyond what a database's integer holds.
    if digits != number and len(digits) < 10 and digits.isascii() and digits.isdigit():
        found: Campaign | None = session.scalar(_visible(call.caller).where(Campaign.id == int(digits)))
        if found is not None:
            return found
    raise ApiProblem(Fault.NOT_FOUND, "没有这张回收单，或者密钥看不到它；单号写成 R12。")


def _told(session: Session, rows: Sequence[Campaign], caller: Caller) -> list[RecallOut]:
    sums = _sums(session, [row.id for row in rows], caller)
    return [_out(row, sums.get(row.id, (0, Vector(**dict.fromkeys(COUNTERS, 0)))), caller) for row in rows]


def _sums(session: Session, campaigns: list[int], caller: Caller) -> dict[int, tuple[int, Vector]]:
    seen = visible_tasks(caller).where(RecallTask.campaign_id.in_(campaigns)).with_only_columns(RecallTask.id)
    totals = [func.sum(getattr(TaskLine, name)).cast(Integer) for name in COUNTERS]
    query = (
        select(RecallTask.campaign_id, func.count(RecallTask.id.distinct()), *totals)
        .join(TaskLine, TaskLine.task_id == RecallTask.id)
        .where(RecallTask.id.in_(seen))
        .group_by(RecallTask.campaign_id)
    )
    found = {}
    for campaign, stores, *counted in session.execute(query):
        found[campaign] = (stores, Vector(**dict(zip(COUNTERS, counted, strict=True))))
    return found


def _out(row: Campaign, summed: tuple[int, Vector], caller: Caller) -> RecallOut:
    everything = not caller.regions and caller.sees_prices
    return RecallOut(
        number=row.number,
        kind=row.kind,
        legal_class=row.legal_class,
        state=row.state,
        product=product_ref(row.product),
        reason=row.reason,
        deadline=row.deadline,
        created_at=row.created_at,
        issued_at=row.issued_at,
        closed_at=row.closed_at,
        stores=summed[0],
        bottles=summed[1],
        scope_fen=row.scope_fen if everything else None,
    )


def _task(row: RecallTask) -> TaskOut:
    return TaskOut(
        number=f"R{row.campaign_id}-{row.id}",
        recall=f"R{row.campaign_id}",
        store=store_ref(row.store),
        state=row.state,
        deadline=row.deadline,
        promised_on=row.promised_on,
        overdue=row.overdue,
        notified_at=row.notified_at,
        answered_at=row.answered_at,
        lines=[_line(line) for line in row.lines],
    )


def _line(line: TaskLine) -> LineOut:
    counted = {name: getattr(line, name) for name in COUNTERS}
    return LineOut(batch=line.lot.batch, production_date=line.lot.production_date, **counted)
