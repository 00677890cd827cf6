"""Fanning a campaign out: every store gets its task, reservation, timers, link and card.

Ten thousand stores must not take ten thousand round trips, so rows are written in bulk and in
chunks; each row says exactly what the one-by-one path of the engine would have said.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import structlog
from sqlalchemy import insert, select, tuple_
from sqlalchemy.orm import Session

from models.catalog import Hold, Lot, Store
from models.engine import Card, Link, Outbox, Timer
from models.people import Assignment, Person, Role
from models.recall import Campaign, RecallTask, ScopeLine, TaskLine
from models.stock import ChannelStock, Reservation
from texts.message import Message
from workflows import scope
from workflows.acting import business_day
from workflows.flow import FLOWS, Flow, Step, step_for
from workflows.history import Entry, record
from workflows.ledger import chunks
from workflows.links import address, link_row
from workflows.outbox import letter_row
from workflows.subjects import is_safety, worded
from workflows.tell import CARD_REF, card_row, channel_of

log = structlog.get_logger()

CHUNK = 1_000  # stores issued at once: bounds memory


@dataclass(frozen=True)
class _Asked:
    """One store with the lines asked of it."""

    store: Store
    lines: list[ScopeLine]


def issue_tasks(step: Step) -> None:
    """Turn the approved scope into store tasks; goods spoken for since then are left out and counted."""
    campaign: Campaign = step.subject
    campaign.issued_at = step.now
    flow = FLOWS["food_safety_task" if is_safety(campaign) else "recall_task"]
    issued = 0
    for lines in _by_store(scope.frozen_lines(step.session, campaign), CHUNK):
        free = _still_free(step.session, campaign, lines)
        issued += _issue_chunk(step, flow, _asked(step.session, free))
    campaign.open_tasks = issued
    step.facts["tasks"] = issued
    step.session.flush()
    _place_holds(step)
    log.info("campaign_issued", campaign=campaign.id, tasks=issued)


def _by_store(lines: list[ScopeLine], size: int) -> Iterator[list[ScopeLine]]:
    stores = (list(group) for _, group in groupby(lines, key=lambda line: line.store_id))
    for chunk in chunks(stores, size):
        yield [line for store in chunk for line in store]


def _still_free(session: Session, campaign: Campaign, lines: list[ScopeLine]) -> list[ScopeLine]:
    if is_safety(campaign):  # a recall asks for everything, whoever else has asked
        return lines
    taken = scope.reserved_elsewhere()
    keys = [(line.store_id, line.lot_id) for line in lines]
    query = select(taken.c.store_id, taken.c.lot_id, taken.c.bottles).where(
        tuple_(taken.c.store_id, taken.c.lot_id).in_(keys)
    )
    reserved = {(store, lot): int(bottles) for store, lot, bottles in session.execute(query)}
    if not reserved:
        return lines
    held = _believed(session, keys)
    cut = [_cut_to_free(line, held, reserved) for line in lines]
    return [line for line in cut if line.bottles > 0]


def _believed(session: Session, keys: list[tuple[int, int]]) -> dict[tuple[int, int], int]:
    query = select(ChannelStock.store_id, ChannelStock.lot_id, ChannelStock.bottles).where(
        tuple_(ChannelStock.store_id, ChannelStock.lot_id).in_(keys)
    )
    return {(store, lot): bottles for store, lot, bottles in session.execute(query)}


def _cut_to_free(line: ScopeLine, held: dict[tuple[int, int], int], reserved: dict[tuple[int, int], int]) -> ScopeLine:
    key = (line.store_id, line.lot_id)
    if key not in reserved:
        return line
    # A copy: the frozen line stays what the approver saw.
    free = min(line.bottles, held.get(key, 0) - reserved[key])
    return ScopeLine(store_id=line.store_id, lot_id=line.lot_id, bottles=max(0, free))


def _asked(session: Session, lines: list[ScopeLine]) -> list[_Asked]:
    ids = {line.store_id for line in lines}
    stores = {store.id: store for store in session.scalars(select(Store).where(Store.id.in_(ids)))}
    groups = groupby(lines, key=lambda line: line.store_id)
    return [_Asked(stores[store_id], list(group)) for store_id, group in groups]


def _issue_chunk(step: Step, flow: Flow, asked: list[_Asked]) -> int:
    if not asked:
        return 0
    session, campaign = step.session, step.subject
    ids = _insert_tasks(session, flow, campaign, asked, step)
    session.execute(insert(TaskLine), [row for a in asked for row in _line_rows(ids[a.store.id], a)])
    session.execute(insert(Reservation), [row for a in asked for row in _reservation_rows(ids[a.store.id], a)])
    _write_timers(step, flow, ids)
    _write_history(step, flow, ids)
    _write_cards(step, flow, ids, asked)
    return len(asked)


def _insert_tasks(session: Session, flow: Flow, campaign: Campaign, asked: list[_Asked], step: Step) -> dict[int, int]:
    rows = [
        {
            "state": flow.start,
            "version": 1,
            "visit": 1,
            "campaign_id": campaign.id,
            "store_id": a.store.id,
            "deadline": campaign.deadline,
            "notified_at": step.now,
            "overdue": False,
            "answer": "",
            "note": "",
        }
        for a in asked
    ]
    session.execute(insert(RecallTask), rows)
    stores = [a.store.id for a in asked]
    query = select(RecallTask.store_id, RecallTask.id).where(
        RecallTask.campaign_id == campaign.id, RecallTask.store_id.in_(stores)
    )
    return dict(session.execute(query).all())


def _line_rows(task_id: int, asked: _Asked) -> Iterator[dict[str, Any]]:
    for line in asked.lines:
        yield {
            "task_id": task_id,
            "lot_id": line.lot_id,
            "scoped": line.bottles,
            "outstanding": line.bottles,
            "declared": 0,
            "handed_over": 0,
            "received": 0,
            "accepted": 0,
            "rejected": 0,
            "destroyed_on_site": 0,
            "sold_before": 0,
            "transferred_out": 0,
            "lost": 0,
            "waived": 0,
        }


def _reservation_rows(task_id: int, asked: _Asked) -> Iterator[dict[str, Any]]:
    for line in asked.lines:
        yield {"task_id": task_id, "store_id": asked.store.id, "lot_id": line.lot_id, "bottles": line.bottles}


def _write_timers(step: Step, flow: Flow, ids: dict[int, int]) -> None:
    # All tasks of a campaign wait equally long, so the moments are worked out once.
    deadline = step.subject.deadline
    sample = RecallTask(id=0, state=flow.start, visit=1, campaign=step.subject, deadline=deadline)
    patterns = [flow.timer_row(step_for(step, sample), row) for row in flow.timers(flow.start)]
    step.session.expunge(sample) if sample in step.session else None
    rows = [{**pattern, "subject_id": task} for task in ids.values() for pattern in patterns]
    if rows:
        step.session.execute(insert(Timer), rows)


def _write_history(step: Step, flow: Flow, ids: dict[int, int]) -> None:
    for task_id in ids.values():
        entry = Entry(
            flow.name,
            task_id,
            1,
            "start",
            "",
            str(flow.start),
            step.actor.name,
            step.actor.entrance,
            "",
            {"campaign": step.subject.id},
            step.now,
        )
        record(step.session, step.house.secret, entry)


def _write_cards(step: Step, flow: Flow, ids: dict[int, int], asked: list[_Asked]) -> None:
    people = _people_of_stores(step, [a.store.id for a in asked])
    receivers = [(a, person) for a in asked for person in people.get(a.store.id, [])]
    if len(people) < len(asked):
        log.warning("stores_without_people", campaign=step.subject.id, stores=len(asked) - len(people))
    links = _write_links(step, ids, receivers)
    words = _Words(step, flow)
    letters, cards = [], []
    for a, person in receivers:
        reached = channel_of(person)
        if reached is None:
            continue
        task_id = ids[a.store.id]
        message = words.for_store(a, task_id, links[(task_id, person.id)])
        ref = words.card_ref(task_id, reached[0], person.id)
        letters.append(
            letter_row(key=ref, channel=reached[0], recipient=reached[1], message=message, now=step.now, card_ref=ref)
        )
        cards.append(card_row(ref, flow.name, task_id, reached, message))
    if letters:
        step.session.execute(insert(Card), cards)
        step.session.execute(insert(Outbox), letters)


class _Words:
    """Renders the asking card of each store; what is equal for all is looked up once."""

    def __init__(self, step: Step, flow: Flow) -> None:
        campaign: Campaign = step.subject
        self._step, self._flow, self._campaign = step, flow, campaign
        self._text = worded(campaign, "ask_store")
        self._reason = step.house.texts.label("reason", campaign.reason.value)
        query = select(Lot.id, Lot.batch).where(Lot.product_id == campaign.product_id)
        self._batches: dict[int, str] = dict(step.session.execute(query).all())

    def for_store(self, asked: _Asked, task_id: int, link: str) -> Message:
        campaign = self._campaign
        message = self._step.house.texts.say(
            self._text,
            key_for=f"{self._flow.name}:{task_id}",
            version=1,
            number=campaign.number,
            task_id=task_id,
            store=asked.store.name,
            product=campaign.product.name,
            spec=campaign.product.spec,
            case_size=campaign.product.case_size,
            batches="、".join(self._batches[line.lot_id] for line in asked.lines),
            scoped=sum(line.bottles for line in asked.lines),
            deadline=campaign.deadline,
            reason_label=self._reason,
            why=campaign.reason_text,
        )
        return replace(message, link=link)

    def card_ref(self, task_id: int, channel: str, person_id: int) -> str:
        return CARD_REF.format(
            flow=self._flow.name,
            id=task_id,
            stamp=int(self._step.now.timestamp() * 1000),
            version=1,
            text=self._text,
            person=f"{channel[0]}{person_id}",
        )


def _people_of_stores(step: Step, stores: list[int]) -> dict[int, list[Person]]:
    day = business_day(step.now)
    query = (
        select(Assignment.store_id, Assignment.role, Person)
        .join(Person)
        .where(
            Assignment.store_id.in_(stores),
            Assignment.role.in_([Role.STORE_OWNER, Role.STORE_CLERK]),
            Assignment.valid_from <= day,
            Assignment.valid_to.is_(None) | (Assignment.valid_to >= day),
        )
        .order_by(Person.id)
    )
    owners: dict[int, list[Person]] = defaultdict(list)
    clerks: dict[int, list[Person]] = defaultdict(list)
    for store_id, role, person in step.session.execute(query):
        if store_id is not None:
            (owners if role is Role.STORE_OWNER else clerks)[store_id].append(person)
    return {store: owners.get(store) or clerks[store] for store in {*owners, *clerks}}


def _write_links(step: Step, ids: dict[int, int], receivers: list[tuple[_Asked, Person]]) -> dict[tuple[int, int], str]:
    rows = [link_row(step.house, "task", ids[a.store.id], person.id, step.now) for a, person in receivers]
    if not rows:
        return {}
    step.session.execute(insert(Link), rows)
    query = select(Link.id, Link.subject_id, Link.person_id).where(
        Link.purpose == "task", Link.subject_id.in_(list(ids.values()))
    )
    return {(subject, person): address(step.house, link) for link, subject, person in step.session.execute(query)}


def _place_holds(step: Step) -> None:
    campaign: Campaign = step.subject
    known = set(step.session.scalars(select(Hold.lot_id).where(Hold.campaign_id == campaign.id)))
    approved = (ScopeLine.campaign_id == campaign.id, ScopeLine.scope_version == campaign.scope_version)
    lots = set(step.session.scalars(select(ScopeLine.lot_id).where(*approved).distinct())) - known
    for lot_id in sorted(lots):
        step.session.add(
            Hold(
                lot_id=lot_id,
                campaign_id=campaign.id,
                reason=campaign.number,
                final=is_safety(campaign),
                placed_by=step.actor.name,
                placed_at=step.now,
            )
        )
