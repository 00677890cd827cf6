"""Permissions and actions of a difference between paper and goods."""

from typing import Any

from sqlalchemy import select

from models.catalog import Hold
from models.people import Person, Role
from models.recall import Discrepancy, DiscrepancyKind, Grade
from models.stock import MoveKind, PlaceKind
from rules.people import answers_for_region
from workflows import vector
from workflows.acting import business_day, people_with
from workflows.flow import FLOWS, Step, step_for
from workflows.ledger import Move, Spot, post
from workflows.refusals import InvalidInput
from workflows.subjects import flow_name, is_safety, worded
from workflows.tell import close_cards, tell
from workflows.warehouse import GRADE_PLACES, QUARANTINE, line_of, shelf, vehicle


def manager_of_handover(step: Step) -> bool:
    """The manager of the store's region, or the boss."""
    region = step.subject.handover.task.store.region
    return step.actor.has(Role.BOSS) or answers_for_region(step.actor.duties, Role.REGIONAL_MANAGER, region)


def manager_or_owner(step: Step) -> bool:
    """The manager, the warehouse keeper, or who owns the difference."""
    owns = step.actor.person_id is not None and step.actor.person_id == step.subject.owner_id
    return owns or manager_of_handover(step) or step.actor.has(Role.WAREHOUSE_KEEPER)


def is_short(step: Step) -> bool:
    """Fewer bottles than on paper."""
    return step.subject.kind is DiscrepancyKind.SHORT


def is_surplus(step: Step) -> bool:
    """Bottles in quarantine that nobody asked for."""
    return not is_short(step)


def note_decision(step: Step) -> None:
    """Who decided, and why, stays in the record."""
    note = str(step.data.get("note") or step.data.get("reason") or "").strip()
    if not note:
        raise InvalidInput("请写明处理说明，例如：车厢里找到，当面点清。")
    step.subject.note = note
    close_cards(step, "discrepancy", _status(step))


def put_found(step: Step) -> None:
    """The missing bottles turned up: through quarantine onto the shelf of the grade given (B if none)."""
    gap: Discrepancy = step.subject
    _post(step, MoveKind.RECEIVE, vehicle(gap.handover), QUARANTINE)
    _take_into_task(gap)
    _onto_shelf(step, _grade(step))


def write_off(step: Step) -> None:
    """The missing bottles are lost on the way."""
    gap: Discrepancy = step.subject
    _post(step, MoveKind.LOSE, vehicle(gap.handover), (PlaceKind.LOST, gap.handover.taker_id))
    line = line_of(gap.handover, gap.lot_id)
    if gap.in_scope and line:
        vector.settle(line, "lost", gap.bottles)


def take_in(step: Step) -> None:
    """Extra bottles are taken: into the task when it asked for that lot, and onto their shelf."""
    _take_into_task(step.subject)
    _onto_shelf(step, _grade(step))


def send_back(step: Step) -> None:
    """Extra bottles go back to the store."""
    _post(step, MoveKind.GIVE_BACK, QUARANTINE, shelf(step.subject.handover))


def see_whether_task_done(step: Step) -> None:
    """Perhaps this was the last open point."""
    task = step.subject.handover.task
    FLOWS[flow_name(task)].look_again(step_for(step, task))


def ask_owner(step: Step) -> None:
    """The owner hears what differs and until when to clear it."""
    _tell(step, _deciders(step), f"ask_discrepancy_{_side(step)}")


def remind_owner(step: Step) -> None:
    """The clock ran out: owner and manager hear of it."""
    _tell(step, _deciders(step), f"remind_discrepancy_{_side(step)}")


def _take_into_task(gap: Discrepancy) -> None:
    """The bottles are here now: into the vector with them, if the task asked for that lot at all."""
    line = line_of(gap.handover, gap.lot_id)
    if line is None:
        return
    if not gap.in_scope:
        # What the store still owed of this lot is met first; the rest widens the scope.
        owed = min(gap.bottles, vector.at_store(line))
        vector.hand_over(line, owed)
        vector.widen(line, gap.bottles - owed)
        gap.in_scope = True
    line.received += gap.bottles


def _grade(step: Step) -> Grade:
    """The grade given, B if none; X for a lot of a food-safety recall, whichever campaign brought it."""
    gap: Discrepancy = step.subject
    recalled = select(Hold.id).where(Hold.lot_id == gap.lot_id, Hold.final.is_(True), Hold.released_at.is_(None))
    if is_safety(gap.handover.task.campaign) or step.session.scalar(recalled.limit(1)) is not None:
        return Grade.X
    return Grade(step.data.get("grade", "B"))


def _onto_shelf(step: Step, grade: Grade) -> None:
    gap: Discrepancy = step.subject
    _post(step, MoveKind.GRADE, QUARANTINE, (GRADE_PLACES[grade], 0))
    line = line_of(gap.handover, gap.lot_id)
    if gap.in_scope and line:
        rejected = grade is Grade.X and not is_safety(gap.handover.task.campaign)
        vector.settle(line, "rejected" if rejected else "accepted", gap.bottles)
    step.facts["grade"] = grade.value


def _post(step: Step, kind: MoveKind, source: Spot, target: Spot) -> None:
    gap: Discrepancy = step.subject
    move = Move(
        f"discrepancy:{gap.id}:{kind.value}",
        kind,
        gap.lot_id,
        source,
        target,
        gap.bottles,
        business_day(step.now),
        task_id=gap.handover.task_id,
        handover_id=gap.handover_id,
    )
    post(step.session, [move], step.now, step.actor.name)


def _side(step: Step) -> str:
    return "short" if is_short(step) else "over"


def _deciders(step: Step) -> list[Person]:
    """The owner, and the managers who may write off or take in."""
    gap: Discrepancy = step.subject
    region = gap.handover.task.store.region
    managers = people_with(step.session, Role.REGIONAL_MANAGER, business_day(step.now), region=region)
    owner = step.session.get(Person, gap.owner_id) if gap.owner_id else None
    found = {person.id: person for person in [*([owner] if owner else []), *managers]}
    return list(found.values())


def _status(step: Step) -> str:
    label = step.house.texts.label("discrepancy_state", step.subject.state.value)
    return step.house.texts.sentence("status_discrepancy", who=step.actor.name, at=step.now, label=label)


def _tell(step: Step, people: list[Person], name: str, **more: Any) -> None:
    gap: Discrepancy = step.subject
    campaign = gap.handover.task.campaign
    facts = {
        "number": campaign.number,
        "gap_id": gap.id,
        "store": gap.handover.task.store.name,
        "product": gap.lot.product.name,
        "batch": gap.lot.batch,
        "bottles": gap.bottles,
        "kind": step.house.texts.label("discrepancy", gap.kind.value),
        "due_at": gap.due_at,
    }
    tell(step, "discrepancy", people, worded(campaign, name), **facts, **more)
