"""Counting at the store's door: every scan answered at once, nothing counted twice, phones may be offline.

A phone gives each scan an id of its own and may send its queue again and in any order: an id that was
answered gets the same answer. Units count as a set, so a case and its bottles are never added up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from models.catalog import Lot
from models.recall import Handover, HandoverLine, HandoverState, Photo, RecallTask, Scan, ScannedUnit
from workflows import files, vector
from workflows.acting import Actor
from workflows.door_judge import COUNTING, DoorJudge, Finding, PhoneScan
from workflows.flow import FLOWS, Step
from workflows.handover_steps import may_take
from workflows.house import House
from workflows.refusals import InvalidInput, NotAllowed, NotPermitted


@dataclass(frozen=True)
class ScanAnswer:
    """What the phone shows: verdict, a Chinese sentence, the lot and the bottles that counted."""

    client_id: str
    verdict: str
    sentence: str
    lot_id: int | None = None
    bottles: int = 0


def open_handover(session: Session, house: House, task: RecallTask, actor: Actor, now: datetime) -> Handover:
    """The taker's open hand-over of this task, or a new one; raises NotPermitted for anybody else."""
    found = session.scalar(
        select(Handover).where(
            Handover.task_id == task.id,
            Handover.taker_id == actor.person_id,
            Handover.state == HandoverState.SCANNING,
        )
    )
    if found:
        return found
    hand = Handover(task_id=task.id, task=task, taker_id=actor.person_id or 0, opened_at=now)
    step = Step(session, house, hand, actor, now)
    if not may_take(step, task):
        raise NotPermitted(flow="handover", state="", event="open", who=actor.name)
    if task.state.value != "collecting":
        raise NotAllowed(flow="recall_task", state=task.state.value, event="open_handover", who=actor.name)
    FLOWS["handover"].start_at(step)
    return hand


def record_scans(
    session: Session, house: House, hand: Handover, scans: Sequence[PhoneScan], actor: Actor, now: datetime
) -> list[ScanAnswer]:
    """Answer each scan; those with a known client id get the answer they had."""
    # Two phones may send at once, perhaps for two hand-overs: the task's open ones are the queue they stand in.
    open_ones = select(Handover.id).where(Handover.task_id == hand.task_id, Handover.state == HandoverState.SCANNING)
    session.execute(open_ones.order_by(Handover.id).with_for_update())
    _refuse_closed(hand, actor)
    counter = _Counter(session, house, hand, actor, now)
    return [counter.answer(scan) for scan in scans]


def undo_scan(session: Session, hand: Handover, client_id: str, actor: Actor) -> None:
    """Take a scan back: its units are free again. The row stays, marked undone."""
    _refuse_closed(hand, actor)
    scan = session.scalar(select(Scan).where(Scan.handover_id == hand.id, Scan.client_id == client_id))
    if scan is None or scan.verdict not in COUNTING:
        raise InvalidInput("这一条没有计数，不用撤销。")
    session.execute(delete(ScannedUnit).where(ScannedUnit.scan_id == scan.id))
    scan.verdict = "undone"
    session.flush()
    _recount(session, hand)


def add_photo(
    session: Session, task: RecallTask, hand: Handover | None, content: bytes, actor: Actor, now: datetime
) -> str:
    """Keep a photo as evidence; return its SHA-256. The same picture twice is kept once."""
    sha256 = files.keep_photo(session, content, now)
    known = select(Photo.id).where(Photo.task_id == task.id, Photo.sha256 == sha256)
    if session.scalar(known) is None:
        photo = Photo(task_id=task.id, handover_id=hand.id if hand else None, sha256=sha256, by_name=actor.name, at=now)
        session.add(photo)
    return sha256


class _Counter:
    """Answers the scans of one request."""

    def __init__(self, session: Session, house: House, hand: Handover, actor: Actor, now: datetime) -> None:
        self._session, self._house, self._hand = session, house, hand
        self._actor, self._now = actor, now
        self._judge = DoorJudge(session, house, hand, now)

    def answer(self, scan: PhoneScan) -> ScanAnswer:
        known = self._session.scalar(
            select(Scan).where(Scan.handover_id == self._hand.id, Scan.client_id == scan.client_id)
        )
        if known:
            again = Finding(known.verdict, known.lot_id, known.bottles, remark=known.remark)
            return self._said(scan, replace(again, detail=self._judge.detail_again(scan, known.verdict)))
        finding = self._judge.judge(scan)
        self._write(scan, finding)
        return self._said(scan, finding)

    def _write(self, scan: PhoneScan, finding: Finding) -> None:
        row = Scan(
            handover_id=self._hand.id,
            client_id=scan.client_id,
            text=scan.text[:255],
            verdict=finding.verdict,
            lot_id=finding.lot_id,
            bottles=finding.bottles,
            photo=scan.photo,
            by_name=self._actor.name,
            phone_time=scan.phone_time,
            at=self._now,
            by_hand=finding.by_hand,
            remark=finding.remark,
        )
        self._session.add(row)
        self._session.flush()
        if finding.units:
            rows = [{"task_id": self._hand.task_id, "unit_code": u, "scan_id": row.id} for u in sorted(finding.units)]
            self._session.execute(insert(ScannedUnit), rows)
        if finding.bottles:
            _recount(self._session, self._hand)

    def _said(self, scan: PhoneScan, finding: Finding) -> ScanAnswer:
        lot = self._session.get(Lot, finding.lot_id) if finding.lot_id else None
        say = self._house.texts.sentence
        sentence = say(
            f"scan_{finding.verdict}",
            bottles=finding.bottles,
            batch=lot.batch if lot else "",
            product=self._hand.task.campaign.product.name,
            detail=finding.detail,
        )
        if finding.remark:
            sentence += say(f"scan_remark_{finding.remark}")
        return ScanAnswer(scan.client_id, finding.verdict, sentence, finding.lot_id, finding.bottles)


def _recount(session: Session, hand: Handover) -> None:
    """Counted and extra bottles of each lot, from the scans that count; order of arrival plays no part."""
    session.flush()
    sums: dict[int, int] = {}
    query = select(Scan.lot_id, func.sum(Scan.bottles)).where(
        Scan.handover_id == hand.id, Scan.lot_id.is_not(None), Scan.verdict.in_(COUNTING)
    )
    for lot_id, bottles in session.execute(query.group_by(Scan.lot_id)):
        sums[lot_id or 0] = int(bottles)
    scope = {line.lot_id: vector.at_store(line) for line in hand.task.lines}
    lines = {line.lot_id: line for line in hand.lines}
    for lot_id in sorted(sums.keys() | lines.keys()):
        line = lines.get(lot_id)
        if line is None:
            line = HandoverLine(handover_id=hand.id, lot_id=lot_id, lot=session.get_one(Lot, lot_id))
            hand.lines.append(line)
        total = sums.get(lot_id, 0)
        line.counted = min(total, scope.get(lot_id, 0))
        line.extra = total - line.counted
    session.flush()


def _refuse_closed(hand: Handover, actor: Actor) -> None:
    if hand.state is not HandoverState.SCANNING:
        raise NotAllowed(flow="handover", state=hand.state.value, event="scan", who=actor.name)
    if hand.taker_id != actor.person_id:
        raise NotPermitted(flow="handover", state=hand.state.value, event="scan", who=actor.name)
