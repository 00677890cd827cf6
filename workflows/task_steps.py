"""Conditions, permissions and actions of a store's task; both legal kinds share them."""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import delete, select, update

from models.people import Person, Role
from models.recall import (
    Campaign,
    Discrepancy,
    DiscrepancyState,
    Handover,
    HandoverState,
    RecallTask,
    TaskLine,
)
from models.stock import MoveKind, PlaceKind, Reservation
from rules.deadlines import Wait
from workflows import vector
from workflows.acting import SHANGHAI, business_day, people_with
from workflows.flow import FLOWS, Step, WaitRule, step_for
from workflows.ledger import Move, Spot, post
from workflows.refusals import InvalidInput
from workflows.shelf import take_off_shelf
from workflows.subjects import flow_name, is_safety, worded
from workflows.tell import close_cards, tell

# Whether


def nothing_left(step: Step) -> bool:
    """Every bottle is settled, every hand-over inspected, every difference cleared."""
    task: RecallTask = step.subject
    return (
        all(line.outstanding == 0 for line in task.lines)
        and not _open_handovers(step, task)
        and not _open_discrepancies(step, task)
    )


def not_yet_overdue(step: Step) -> bool:
    """Nobody has been told of the passed deadline."""
    return not step.subject.overdue


# What


def declare_all(step: Step) -> None:
    """The store gives back everything asked for, perhaps naming a `day`."""
    if step.data.get("day"):
        promise_day(step)
    for line in step.subject.lines:
        line.declared = line.handed_over + vector.at_store(line)
    _answered(step, "all")


def declare_part(step: Step) -> None:
    """The store gives back some: `bottles` in all, or `lots` (lot id -> bottles)."""
    lines = {line.lot_id: line for line in step.subject.lines}
    for line in lines.values():
        line.declared = line.handed_over
    for line, bottles in _chosen(step, lines):
        line.declared = line.handed_over + bottles
    _answered(step, "part")


def explain_sold(step: Step) -> None:
    """`bottles` of what was asked for were sold before: they leave the task and the shelf."""
    for line, bottles in vector.spread(step.subject.lines, _bottles(step)):
        _leave_shelf(step, line, "sold_before", bottles)
    _answered(step, "part")


def explain_rest_as_sold(step: Step) -> None:
    """The rep confirms: everything still at the store was sold."""
    for line in step.subject.lines:
        if rest := vector.at_store(line):
            _leave_shelf(step, line, "sold_before", rest)
    close_cards(step, flow_name(step.subject), _decided(step, "confirmed_sold_out"))


def note_transfer(step: Step) -> None:
    """`bottles` went to another store before: they leave the task."""
    for line, bottles in vector.spread(step.subject.lines, _bottles(step)):
        _leave_shelf(step, line, "transferred_out", bottles)


def witness_destruction(step: Step) -> None:
    """`bottles` were destroyed in the store; `witness` saw it, `reason` says how."""
    if not str(step.data.get("witness", "")).strip():
        raise InvalidInput("就地销毁要写见证人，例如：见证人 王芳。")
    for line, bottles in vector.spread(step.subject.lines, _bottles(step)):
        _leave_shelf(step, line, "destroyed_on_site", bottles)
    step.facts["witness"] = str(step.data["witness"])


def waive_rest(step: Step) -> None:
    """The manager lets the rest go, with a reason that stays in the history."""
    _reason(step)
    release_rest(step)


def release_rest(step: Step) -> None:
    """What the store has not given is asked for no more; the reservation ends."""
    released = 0
    for line in step.subject.lines:
        rest = vector.at_store(line)
        vector.explain(line, "waived", rest)
        released += rest
    step.facts["waived"] = released
    _let_go(step)
    close_cards(step, flow_name(step.subject), _decided(step, "released"))


def note_refusal(step: Step) -> None:
    """The store will not give the goods; its reason goes to the manager."""
    _reason(step)
    step.subject.note = str(step.data["reason"])
    _answered(step, "refuse")


def note_problem(step: Step) -> None:
    """Something is wrong with the goods; the words go to the rep."""
    step.subject.note = str(step.data.get("note") or step.data.get("reason") or "")
    _answered(step, "problem")


def accept_problem(step: Step) -> None:
    """The rep solved it and says how."""
    step.facts["solution"] = str(step.data.get("note", ""))
    forget_answer(step)


def forget_answer(step: Step) -> None:
    """The store is asked anew."""
    step.subject.answer, step.subject.answered_at = "", None
    for line in step.subject.lines:
        line.declared = line.handed_over
    close_cards(step, flow_name(step.subject), _decided(step, "asked_again"))


def promise_day(step: Step) -> None:
    """A day for the goods to be fetched, today or later, before the deadline is far gone."""
    day = step.data.get("day")
    if not isinstance(day, date) or day < business_day(step.now):
        raise InvalidInput("请写一个今天或以后的日子，例如：改约 11 月 28 日。")
    step.subject.promised_on = day
    step.facts["promised_on"] = day.isoformat()


def _past_deadline(step: Step) -> Wait:
    end = datetime.combine(step.subject.deadline, time.max, tzinfo=SHANGHAI)
    moment = step.house.calendar.next_working_moment(max(end, step.now))
    return Wait((moment - step.now).total_seconds() / 3600, working=False)


past_deadline = WaitRule(_past_deadline, "the deadline, in the next working hour")


def mark_overdue(step: Step) -> None:
    """Red on the desk: the campaign's last day has passed."""
    step.subject.overdue = business_day(step.now) > step.subject.deadline


def finish_task(step: Step) -> None:
    """Give the reservation up and let the campaign see whether all stores are done."""
    task: RecallTask = step.subject
    _let_go(step)
    close_cards(step, flow_name(task), _decided(step, "task_done"))
    step.session.execute(
        update(Campaign).where(Campaign.id == task.campaign_id).values(open_tasks=Campaign.open_tasks - 1)
    )
    step.session.refresh(task.campaign, ["open_tasks"])
    FLOWS[flow_name(task.campaign)].look_again(step_for(step, task.campaign))


# Telling


def remind_store(step: Step) -> None:
    """Ask the store again, in other words."""
    _tell_store(step, "remind_store")


def tell_store_again(step: Step) -> None:
    """Ask the store anew after a refusal, a problem or a doubt."""
    _tell_store(step, "ask_store_again", reason=str(step.data.get("reason") or step.data.get("note") or "请再确认"))


def tell_store_closed(step: Step) -> None:
    """Thank the store: all is settled."""
    _tell_store(step, "tell_store_closed")


def tell_store_stopped(step: Step) -> None:
    """Nothing more has to be given back."""
    _tell_store(step, "tell_store_stopped")


def tell_rep_answer(step: Step) -> None:
    """The rep hears what the store said, and what to do now."""
    name = {"refuse": "tell_rep_refused", "problem": "tell_rep_problem"}.get(step.event, "tell_rep_answer")
    if step.event == "answer_sold_out":
        _answered(step, "sold_out")
        name = "ask_rep_sold_out"
    people = _reps(step) if step.event != "refuse" else [*_deciders(step), *_reps(step)]
    # Goods are fetched on the door's page; everything else about a task is decided on the task's own.
    page = "door" if name == "tell_rep_answer" else "task"
    _tell(step, people, name, page=page, words=_words(step))


def tell_rep_silent(step: Step) -> None:
    """The store has not answered: the rep should call or drive there."""
    _tell(step, _reps(step), "tell_rep_silent", page="task")


def tell_manager_silent(step: Step) -> None:
    """Neither card nor call helped: the manager hears of it."""
    _tell(step, _managers(step), "tell_manager_silent", page="task")


def tell_overdue(step: Step) -> None:
    """Rep and manager hear that the last day has passed."""
    _tell(step, [*_reps(step), *_managers(step)], "tell_overdue", page="task")


def remind_pickup(step: Step) -> None:
    """The store agreed and nobody has fetched the goods yet."""
    _tell(step, _reps(step), "remind_pickup", page="door")


def remind_rep_sold_out(step: Step) -> None:
    """The rep has not yet checked whether the store is really sold out."""
    _tell(step, _reps(step), "remind_rep_sold_out", page="task")


def remind_manager_refusal(step: Step) -> None:
    """A refusal or problem lies open."""
    _tell(step, _deciders(step), "remind_manager_refusal", page="task")


def facts_for_texts(task: RecallTask) -> dict[str, Any]:
    """What texts about a task may say."""
    campaign = task.campaign
    case_size = campaign.product.case_size
    return {
        "number": campaign.number,
        "task_id": task.id,
        "store": task.store.name,
        "product": campaign.product.name,
        "spec": campaign.product.spec,
        "case_size": case_size,
        "batches": "、".join(sorted({line.lot.batch for line in task.lines})),
        "scoped": sum(line.scoped for line in task.lines),
        "left": sum(vector.at_store(line) for line in task.lines),
        "declared": sum(line.declared for line in task.lines),
        "deadline": task.deadline,
        "promised_on": task.promised_on,
        "why": campaign.reason_text,
        "note": task.note,
    }


def _tell_store(step: Step, name: str, **more: Any) -> None:
    people = _store_people(step)
    _tell(step, people, name, page="task", **more)


def _tell(step: Step, people: list[Person], name: str, **more: Any) -> None:
    task: RecallTask = step.subject
    reason = step.house.texts.label("reason", task.campaign.reason.value)
    facts = {**facts_for_texts(task), "reason_label": reason, **more}
    tell(step, flow_name(task), people, worded(task.campaign, name), **facts)


def _words(step: Step) -> str:
    task: RecallTask = step.subject
    said = step.house.texts.label("answer", task.answer)
    facts = facts_for_texts(task)
    if task.answer in {"all", "part"}:
        said = f"{said} {facts['declared']} 瓶"
    return f"{said}：{task.note}" if task.note else said


def _store_people(step: Step) -> list[Person]:
    day, store = business_day(step.now), step.subject.store_id
    return people_with(step.session, Role.STORE_OWNER, day, store_id=store) or people_with(
        step.session, Role.STORE_CLERK, day, store_id=store
    )


def _reps(step: Step) -> list[Person]:
    store = step.subject.store
    day = business_day(step.now)
    reps = people_with(step.session, Role.SALES_REP, day, region=store.region, store_id=store.id)
    return reps or _managers(step)


def _managers(step: Step) -> list[Person]:
    store, day = step.subject.store, business_day(step.now)
    managers = people_with(step.session, Role.REGIONAL_MANAGER, day, region=store.region)
    return managers or people_with(step.session, Role.BOSS, day)


def _deciders(step: Step) -> list[Person]:
    """Who may decide on a refusal: the manager; in a recall quality officer and boss as well."""
    if not is_safety(step.subject.campaign):
        return _managers(step)
    day = business_day(step.now)
    officers = [p for role in (Role.QUALITY_OFFICER, Role.BOSS) for p in people_with(step.session, role, day)]
    return [*officers, *_managers(step)]


def _answered(step: Step, answer: str) -> None:
    task: RecallTask = step.subject
    task.answer, task.answered_at = answer, step.now
    if answer not in {"refuse", "problem"}:
        task.note = ""
    step.facts["declared"] = sum(line.declared for line in task.lines)
    close_cards(step, flow_name(task), _decided(step, "answered"))


def _decided(step: Step, name: str) -> str:
    answer = step.house.texts.label("answer", step.subject.answer)
    return step.house.texts.sentence(f"status_{name}", who=step.actor.name, at=step.now, answer=answer)


def _chosen(step: Step, lines: dict[int, TaskLine]) -> list[tuple[TaskLine, int]]:
    if "lots" not in step.data:
        return vector.spread(lines.values(), _bottles(step))
    shares = []
    for lot_id, bottles in step.data["lots"].items():
        line = lines.get(lot_id)
        if line is None or not 0 <= bottles <= vector.at_store(line):
            raise InvalidInput("有一行的数量超过了任务里的数量，请改小后再提交。")
        shares.append((line, bottles))
    if not sum(bottles for _, bottles in shares):
        raise InvalidInput("一瓶都不退的话，请选“已卖完”或“有问题”。")
    return shares


def _bottles(step: Step) -> int:
    bottles = step.data.get("bottles")
    if not isinstance(bottles, int) or bottles <= 0:
        raise InvalidInput("请写明瓶数，例如：退 12 瓶。")
    return bottles


def _reason(step: Step) -> None:
    if not str(step.data.get("reason", "")).strip():
        raise InvalidInput("请写明原因，例如：不退，客户已经订走。")


def _leave_shelf(step: Step, line: TaskLine, how: vector.AtStore, bottles: int) -> None:
    vector.explain(line, how, bottles)
    kinds = {
        "sold_before": (MoveKind.SOLD, PlaceKind.SOLD),
        "transferred_out": (MoveKind.TRANSFER, PlaceKind.TRANSFERRED),
        "destroyed_on_site": (MoveKind.DESTROY, PlaceKind.DESTROYED),
    }
    kind, place = kinds[how]
    task: RecallTask = step.subject
    target: Spot = (place, task.store_id)
    key = f"task:{task.id}:v{task.version}:{how}:{line.lot_id}"
    move = Move(
        key,
        kind,
        line.lot_id,
        (PlaceKind.STORE_SHELF, task.store_id),
        target,
        bottles,
        business_day(step.now),
        task_id=task.id,
    )
    post(step.session, [move], step.now, step.actor.name)
    take_off_shelf(step.session, task, line.lot_id, bottles)
    step.facts[how] = step.facts.get(how, 0) + bottles


def _let_go(step: Step) -> None:
    step.session.execute(delete(Reservation).where(Reservation.task_id == step.subject.id))


def _open_handovers(step: Step, task: RecallTask) -> bool:
    over = (HandoverState.INSPECTED, HandoverState.VOID)
    query = select(Handover.id).where(Handover.task_id == task.id, Handover.state.not_in(over))
    return step.session.scalar(query.limit(1)) is not None


def _open_discrepancies(step: Step, task: RecallTask) -> bool:
    query = (
        select(Discrepancy.id)
        .join(Handover)
        .where(Handover.task_id == task.id, Discrepancy.state == DiscrepancyState.OPEN)
    )
    return step.session.scalar(query.limit(1)) is not None
