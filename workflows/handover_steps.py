"""Permissions and actions of a hand-over, from the store's door to the graded shelf."""

import hashlib
from datetime import date
from typing import Any

from sqlalchemy import delete, select

from models.people import Person, Role
from models.recall import (
    Discrepancy,
    DiscrepancyKind,
    DocumentKind,
    Grade,
    Handover,
    HandoverLine,
    RecallTask,
    Scan,
    ScannedUnit,
)
from models.stock import MoveKind
from rules.deadlines import Wait
from rules.people import TAKER_ROLES, answers_for, answers_for_region
from workflows import papers, vector
from workflows.acting import business_day, people_with
from workflows.discrepancy_steps import ask_owner
from workflows.files import keep_picture
from workflows.flow import FLOWS, Step, step_for
from workflows.ledger import Move, Spot, post
from workflows.opened_goods import refuse_opened_as_a
from workflows.refusals import InvalidInput
from workflows.shelf import take_off_shelf
from workflows.subjects import flow_name, is_safety, worded
from workflows.tell import tell
from workflows.warehouse import GRADE_PLACES, QUARANTINE, line_of, shelf, vehicle

# Who


def may_take(step: Step, task: RecallTask) -> bool:
    """Rep or driver of the store."""
    store = task.store
    return any(answers_for(step.actor.duties, role, store.id, store.region) for role in TAKER_ROLES)


def taker(step: Step) -> bool:
    """The one who opened this hand-over at the door."""
    return step.actor.person_id == step.subject.taker_id and may_take(step, step.subject.task)


def keeper(step: Step) -> bool:
    """A warehouse keeper who did not fetch the goods."""
    return step.actor.has(Role.WAREHOUSE_KEEPER) and step.actor.person_id != step.subject.taker_id


def keeper_apart(step: Step) -> bool:
    """The same; receiving is never done by the one who took the goods at the door."""
    return keeper(step)


def taker_or_keeper(step: Step) -> bool:
    """Who drives says he is there, or the keeper sees him."""
    return taker(step) or keeper(step)


def taker_or_manager(step: Step) -> bool:
    """A count nobody finished can be thrown away by the region's manager too."""
    region = step.subject.task.store.region
    return taker(step) or answers_for_region(step.actor.duties, Role.REGIONAL_MANAGER, region)


# At the door


def sign_both(step: Step) -> None:
    """Both signatures and the hash of what both signed."""
    hand: Handover = step.subject
    if not any(line.counted + line.extra for line in hand.lines):
        raise InvalidInput("还没有清点任何货物，不能签字。")
    giver_name = str(step.data.get("giver_name", "")).strip()
    if not giver_name:
        raise InvalidInput("请填写门店签字人的姓名。")
    hand.giver_signature = keep_picture(step.session, step.data.get("giver_png"), step.now)
    hand.taker_signature = keep_picture(step.session, step.data.get("taker_png"), step.now)
    if hand.giver_signature == hand.taker_signature:
        raise InvalidInput("两个签名是同一张图，请双方各签各的。")
    hand.giver_id = _giver(step, giver_name)
    hand.signed_at = step.now
    hand.latitude, hand.longitude = step.data.get("latitude"), step.data.get("longitude")
    hand.content_hash = goods_hash(hand)
    step.facts |= {"giver": giver_name, "hash": hand.content_hash}


def move_onto_vehicle(step: Step) -> None:
    """Custody passes: from the shelf onto the taker's vehicle, and into the task's vector."""
    hand: Handover = step.subject
    lines = {line.lot_id: line for line in hand.task.lines}
    moves = []
    for line in hand.lines:
        # Another visit may have taken goods of this task meanwhile; then the rest is extra.
        task_line = lines.get(line.lot_id)
        room = vector.at_store(task_line) if task_line else 0
        total = line.counted + line.extra
        line.counted, line.extra = min(total, room), total - min(total, room)
        if task_line and line.counted:
            vector.hand_over(task_line, line.counted)
        if total:
            moves.append(_move(hand, MoveKind.HAND_OVER, line.lot_id, shelf(hand), vehicle(hand), total, step))
            take_off_shelf(step.session, hand.task, line.lot_id, total)
    post(step.session, moves, step.now, step.actor.name)
    step.facts["bottles"] = sum(line.counted + line.extra for line in hand.lines)


def agree_remaining(step: Step) -> None:
    """What was not fetched stays open, with a new day."""
    task: RecallTask = step.subject.task
    left = sum(vector.at_store(line) for line in task.lines)
    if not left:
        task.promised_on = None
        return
    day = step.data.get("remaining_on")
    if not isinstance(day, date) or day < business_day(step.now):
        raise InvalidInput(f"还有 {left} 瓶没有交接，请选一个再来取的日期。")
    task.promised_on = day
    step.facts |= {"left": left, "promised_on": day.isoformat()}


def issue_handover_paper(step: Step) -> None:
    """The 交接单, numbered, with both signatures."""
    papers.issue(step.session, step.house, DocumentKind.HANDOVER, step.subject, step.now, step.data)


def drop_scans(step: Step) -> None:
    """Nothing was handed over: the counted units are free again."""
    hand: Handover = step.subject
    scans = select(Scan.id).where(Scan.handover_id == hand.id)
    step.session.execute(delete(ScannedUnit).where(ScannedUnit.scan_id.in_(scans)))
    for line in hand.lines:
        line.counted = line.extra = 0


# At the warehouse


def note_arrival(step: Step) -> None:
    """The vehicle is there."""
    step.subject.arrived_at = step.subject.arrived_at or step.now


def count_in(step: Step) -> None:
    """`counts` (lot id -> bottles): what came off the vehicle goes to quarantine; more than on paper came too."""
    hand: Handover = step.subject
    counts: dict[int, int] = step.data.get("counts", {})
    lines = {line.lot_id: line for line in hand.lines}
    if set(counts) != set(lines) or not all(isinstance(n, int) and n >= 0 for n in counts.values()):
        raise InvalidInput("每一行都要填写清点的瓶数，没有就填 0。")
    hand.keeper_signature = keep_picture(step.session, step.data.get("signature_png"), step.now)
    hand.keeper_id, hand.received_at = step.actor.person_id, step.now
    moves = []
    task_lines = {line.lot_id: line for line in hand.task.lines}
    for lot_id, line in lines.items():
        expected = line.counted + line.extra
        arrived = min(counts[lot_id], expected)
        line.received = min(arrived, line.counted)
        if lot_id in task_lines:
            task_lines[lot_id].received += line.received
        if arrived:
            moves.append(_move(hand, MoveKind.RECEIVE, lot_id, vehicle(hand), QUARANTINE, arrived, step))
        if (over := counts[lot_id] - expected) > 0:
            moves.append(_move(hand, MoveKind.RECEIVE, lot_id, shelf(hand), QUARANTINE, over, step, "over"))
            take_off_shelf(step.session, hand.task, lot_id, over)
    post(step.session, moves, step.now, step.actor.name)
    step.facts["received"] = sum(counts.values())


def open_differences(step: Step) -> None:
    """Every difference gets a record of its own, with an owner and a clock; the rest goes on."""
    hand: Handover = step.subject
    counts: dict[int, int] = step.data["counts"]
    for line in hand.lines:
        expected = line.counted + line.extra
        missing = expected - counts[line.lot_id]
        if missing > 0:
            short_in_scope = line.counted - line.received
            _differ(step, line, DiscrepancyKind.SHORT, short_in_scope, in_scope=True)
            _differ(step, line, DiscrepancyKind.SHORT, missing - short_in_scope, in_scope=False)
        extra = min(counts[line.lot_id], expected) - line.received + max(0, -missing)
        kind = DiscrepancyKind.OVER if _asked(hand, line) else _foreign(hand, line)
        _differ(step, line, kind, extra, in_scope=False)


def grade_goods(step: Step) -> None:
    """`grades` (lot id -> grade -> bottles) of what was received in scope; goes from quarantine to its shelf."""
    hand: Handover = step.subject
    grades: dict[int, dict[str, int]] = step.data.get("grades", {})
    task_lines = {line.lot_id: line for line in hand.task.lines}
    moves = []
    for line in hand.lines:
        given = {Grade(g): n for g, n in grades.get(line.lot_id, {}).items() if n}
        _check_grades(line, given, safety=is_safety(hand.task.campaign))
        refuse_opened_as_a(step.session, hand, line, given.get(Grade.A, 0))
        for grade, bottles in sorted(given.items()):
            setattr(line, f"grade_{grade.value.lower()}", bottles)
            target = (GRADE_PLACES[grade], 0)
            moves.append(_move(hand, MoveKind.GRADE, line.lot_id, QUARANTINE, target, bottles, step, grade.value))
            vector.settle(task_lines[line.lot_id], _ends_as(hand, grade), bottles)
    hand.inspected_at = step.now
    post(step.session, moves, step.now, step.actor.name)
    step.facts["grades"] = {str(lot): dict(sorted(found.items())) for lot, found in grades.items()}


def issue_receipt_paper(step: Step) -> None:
    """The 回收入库单, numbered, with the keeper's signature."""
    papers.issue(step.session, step.house, DocumentKind.RECEIPT, step.subject, step.now, step.data)


def look_at_task(step: Step) -> None:
    """Perhaps the store is done now."""
    task: RecallTask = step.subject.task
    FLOWS[flow_name(task)].look_again(step_for(step, task))


# Telling


def tell_driving(step: Step) -> None:
    """The store gets its copy, the keeper hears what is coming."""
    number = papers.number_of(step.session, DocumentKind.HANDOVER, step.subject.id)
    _tell(step, _store_people(step), "tell_store_handed_over", document=number)
    _tell(step, _keepers(step), "tell_keeper_coming", page="warehouse", document=number)


def tell_arrived(step: Step) -> None:
    """The keeper should count."""
    _tell(step, _keepers(step), "tell_keeper_arrived", page="warehouse")


def tell_received(step: Step) -> None:
    """The taker hears the count."""
    _tell(step, _taker(step), "tell_taker_received", counted=sum(step.data["counts"].values()))


def tell_inspected(step: Step) -> None:
    """Store and taker hear what was accepted."""
    number = papers.number_of(step.session, DocumentKind.RECEIPT, step.subject.id)
    people = [*_store_people(step), *_taker(step)]
    _tell(step, people, "tell_inspected", document=number, grades=_grade_words(step.subject))


def tell_late(step: Step) -> None:
    """On the road too long."""
    _tell(step, [*_taker(step), *_managers(step)], "tell_transit_late")


def remind_taker(step: Step) -> None:
    """A count was begun at the door and never signed."""
    _tell(step, _taker(step), "remind_taker", page="door", page_subject=step.subject.task_id)


def remind_keeper(step: Step) -> None:
    """Goods lie in the warehouse uncounted or ungraded."""
    _tell(step, _keepers(step), "remind_keeper", page="warehouse")


def goods_hash(hand: Handover) -> str:
    """The hash of what both parties sign: task, lots and bottles."""
    said = [f"task {hand.task_id}", *(f"{ln.lot_id}:{ln.counted}+{ln.extra}" for ln in hand.lines)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def _tell(step: Step, people: list[Person], name: str, **more: Any) -> None:
    hand: Handover = step.subject
    campaign = hand.task.campaign
    facts = {
        "number": campaign.number,
        "store": hand.task.store.name,
        "product": campaign.product.name,
        "case_size": campaign.product.case_size,
        "bottles": sum(line.counted + line.extra for line in hand.lines),
        "left": sum(vector.at_store(line) for line in hand.task.lines),
        "promised_on": hand.task.promised_on,
        "taker": step.session.get_one(Person, hand.taker_id).name,
        "public_url": step.house.public_url,
    }
    tell(step, "handover", people, worded(campaign, name), **facts, **more)


def _giver(step: Step, name: str) -> int | None:
    return next((person.id for person in _store_people(step) if person.name == name), None)


def _store_people(step: Step) -> list[Person]:
    store, day = step.subject.task.store_id, business_day(step.now)
    owners = people_with(step.session, Role.STORE_OWNER, day, store_id=store)
    return owners or people_with(step.session, Role.STORE_CLERK, day, store_id=store)


def _keepers(step: Step) -> list[Person]:
    keepers = people_with(step.session, Role.WAREHOUSE_KEEPER, business_day(step.now))
    return [person for person in keepers if person.id != step.subject.taker_id]


def _managers(step: Step) -> list[Person]:
    region = step.subject.task.store.region
    return people_with(step.session, Role.REGIONAL_MANAGER, business_day(step.now), region=region)


def _taker(step: Step) -> list[Person]:
    return [step.session.get_one(Person, step.subject.taker_id)]


def _move(
    hand: Handover, kind: MoveKind, lot_id: int, source: Spot, target: Spot, bottles: int, step: Step, tag: str = ""
) -> Move:
    key = f"handover:{hand.id}:{kind.value}:{lot_id}:{tag}"
    day = business_day(step.now)
    return Move(key, kind, lot_id, source, target, bottles, day, task_id=hand.task_id, handover_id=hand.id)


def _asked(hand: Handover, line: HandoverLine) -> bool:
    return line_of(hand, line.lot_id) is not None


def _foreign(hand: Handover, line: HandoverLine) -> DiscrepancyKind:
    same = line.lot.product_id == hand.task.campaign.product_id
    return DiscrepancyKind.WRONG_BATCH if same else DiscrepancyKind.WRONG_PRODUCT


def _differ(step: Step, line: HandoverLine, kind: DiscrepancyKind, bottles: int, *, in_scope: bool) -> None:
    if bottles <= 0:
        return
    hand: Handover = step.subject
    differing = Discrepancy(
        kind=kind,
        handover_id=hand.id,
        handover=hand,
        lot_id=line.lot_id,
        lot=line.lot,
        bottles=bottles,
        in_scope=in_scope,
        owner_id=hand.taker_id,
        found_by=step.actor.name,
        found_at=step.now,
        due_at=step.house.calendar.due(step.now, Wait(step.house.limits.discrepancy_hours)),
    )
    opening = step_for(step, differing)
    FLOWS["discrepancy"].start_at(opening)
    ask_owner(opening)


def _check_grades(line: HandoverLine, given: dict[Grade, int], *, safety: bool) -> None:
    if any(bottles < 0 for bottles in given.values()) or sum(given.values()) != line.received:
        name = f"{line.lot.product.name} {line.lot.batch}"
        raise InvalidInput(f"{name}：各等级相加是 {sum(given.values())} 瓶，应为清点的 {line.received} 瓶。")
    if safety and set(given) - {Grade.X}:
        raise InvalidInput("食品安全召回的货只能定为 X 级，等待销毁，不能再利用。")


def _ends_as(hand: Handover, grade: Grade) -> vector.OnTheWay:
    # In a recall every bottle that came back did what it should; in a take-back X is not credited.
    return "rejected" if grade is Grade.X and not is_safety(hand.task.campaign) else "accepted"


def _grade_words(hand: Handover) -> str:
    sums = {g: sum(getattr(line, f"grade_{g.value.lower()}") for line in hand.lines) for g in Grade}
    return "，".join(f"{grade.value} 级 {bottles} 瓶" for grade, bottles in sums.items() if bottles)
