"""Counting at the store's door: every scan answered at once, nothing counted twice, phones may be offline.

A phone gives each scan an id of its own and may send its queue again and in any order: an id that was
answered gets the same answer. Units count as a set, so a case and its bottles are never added up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from models.catalog import Lot, Product
from models.recall import Handover, HandoverLine, HandoverState, Photo, RecallTask, Scan, ScannedUnit
from rules.codes import ScannedCode, expand, parse_scan
from workflows import files, vector
from workflows.acting import Actor
from workflows.flow import FLOWS, Step
from workflows.handover_steps import may_take
from workflows.house import House
from workflows.refusals import InvalidInput, NotAllowed, NotPermitted
from workflows.registry import CodeRegistry

#: The verdicts whose bottles travel along.
COUNTING = ("ok", "extra", "wrong_batch")


@dataclass(frozen=True)
class PhoneScan:
    """One scan or typed line from a phone. `bottles` and `lot_id` are typed where the code does not say."""

    client_id: str
    text: str
    bottles: int | None = None
    lot_id: int | None = None
    phone_time: datetime | None = None
    photo: str | None = None


@dataclass(frozen=True)
class ScanAnswer:
    """What the phone shows: verdict, a Chinese sentence, the lot and the bottles that counted."""

    client_id: str
    verdict: str
    sentence: str
    lot_id: int | None = None
    bottles: int = 0


@dataclass(frozen=True)
class _Finding:
    """A scan understood: which lot, how many bottles, which units, or why it does not count."""

    verdict: str
    lot_id: int | None = None
    bottles: int = 0
    units: frozenset[str] = frozenset()
    detail: str = ""


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
    # Two phones may send at once: the hand-over's row is the queue they stand in.
    session.execute(select(Handover.id).where(Handover.id == hand.id).with_for_update())
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
        self._registry = CodeRegistry(session)
        self._campaign = hand.task.campaign
        self._scope = {line.lot_id: line for line in hand.task.lines}

    def answer(self, scan: PhoneScan) -> ScanAnswer:
        known = self._session.scalar(
            select(Scan).where(Scan.handover_id == self._hand.id, Scan.client_id == scan.client_id)
        )
        if known:
            return self._said(scan, _Finding(known.verdict, known.lot_id, known.bottles))
        finding = self._judge(scan)
        self._write(scan, finding)
        return self._said(scan, finding)

    def _judge(self, scan: PhoneScan) -> _Finding:
        if scan.bottles is not None and not 0 < scan.bottles <= 100_000:
            return _Finding("unreadable", detail="瓶数要大于 0")
        if not scan.text.strip():
            return self._typed_line(scan)
        code = parse_scan(scan.text, self._registry, self._house.public_url)
        if code.kind in {"unknown", "document", "store"}:
            return _Finding("unreadable")
        units = expand(code.code, self._registry)
        return self._units(units) if units else self._anonymous(scan, code)

    def _typed_line(self, scan: PhoneScan) -> _Finding:
        """A line without a readable code: needs the lot, the bottles, and a photo."""
        if scan.lot_id is None or scan.bottles is None:
            return _Finding("needs_quantity", scan.lot_id)
        if not scan.photo:
            return _Finding("needs_photo", scan.lot_id)
        typed = select(func.count(Scan.id)).where(
            Scan.handover_id == self._hand.id, Scan.text == "", Scan.verdict.in_(COUNTING)
        )
        if (self._session.scalar(typed) or 0) >= self._house.limits.manual_lines_per_handover:
            return _Finding("too_many_typed", scan.lot_id)
        return self._lot(scan.lot_id, scan.bottles)

    def _units(self, units: frozenset[str]) -> _Finding:
        """Registered bottles: only those not yet counted in this task count."""
        counted = set(
            self._session.scalars(
                select(ScannedUnit.unit_code).where(
                    ScannedUnit.task_id == self._hand.task_id, ScannedUnit.unit_code.in_(units)
                )
            )
        )
        new = frozenset(units - counted)
        lots = {self._registry.lot_of(code) for code in units}
        lot_id = next(iter(lots)) if len(lots) == 1 else None
        if lot_id is None:
            return _Finding("mixed_case")
        if not new:
            return _Finding("duplicate", lot_id, detail=self._first_scan(units))
        return self._with_units(self._lot(lot_id, len(new)), new)

    def _anonymous(self, scan: PhoneScan, code: ScannedCode) -> _Finding:
        """A code that names a product but no single bottle: quantity, and batch where several are asked for."""
        product = self._session.scalar(select(Product).where(Product.code == code.product_code))
        if product is None:
            return _Finding("unreadable")
        if product.id != self._campaign.product_id:
            return _Finding("wrong_product", detail=product.name)
        lot_id = scan.lot_id or self._lot_by_batch(product, code)
        bottles = scan.bottles or (product.case_size if code.kind == "case" and not code.count else code.count)
        if lot_id is None or (bottles is None):
            return _Finding("needs_quantity", lot_id)
        if code.serial:
            return self._serial(code.code, lot_id, bottles)
        return self._lot(lot_id, bottles)

    def _serial(self, unit: str, lot_id: int, bottles: int) -> _Finding:
        known = self._session.get(ScannedUnit, (self._hand.task_id, unit))
        if known:
            return _Finding("duplicate", lot_id, detail=self._first_scan([unit]))
        return self._with_units(self._lot(lot_id, bottles), frozenset({unit}))

    def _with_units(self, found: _Finding, units: frozenset[str]) -> _Finding:
        return replace(found, units=units) if found.bottles else found

    def _lot_by_batch(self, product: Product, code: ScannedCode) -> int | None:
        if code.batch:
            query = select(Lot.id).where(Lot.product_id == product.id, Lot.batch == code.batch)
            return self._session.scalar(query)
        return next(iter(self._scope)) if len(self._scope) == 1 else None

    def _lot(self, lot_id: int, bottles: int) -> _Finding:
        lot = self._session.get(Lot, lot_id)
        if lot is None:
            return _Finding("unreadable")
        if lot.product_id != self._campaign.product_id:
            return _Finding("wrong_product", lot_id, detail=lot.product.name)
        if lot_id not in self._scope:
            return _Finding("wrong_batch", lot_id, bottles, detail=lot.batch)
        # More than asked for is not sent away: the rest travels to quarantine and is decided there.
        already = sum(ln.counted + ln.extra for ln in self._hand.lines if ln.lot_id == lot_id)
        room = vector.at_store(self._scope[lot_id])
        return _Finding("ok" if already + bottles <= room else "extra", lot_id, bottles)

    def _write(self, scan: PhoneScan, finding: _Finding) -> None:
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
        )
        self._session.add(row)
        self._session.flush()
        if finding.units:
            rows = [{"task_id": self._hand.task_id, "unit_code": u, "scan_id": row.id} for u in sorted(finding.units)]
            self._session.execute(insert(ScannedUnit), rows)
        if finding.bottles:
            _recount(self._session, self._hand)

    def _first_scan(self, units: Iterable[str]) -> str:
        query = (
            select(Scan.by_name, Scan.at)
            .join(ScannedUnit, ScannedUnit.scan_id == Scan.id)
            .where(ScannedUnit.task_id == self._hand.task_id, ScannedUnit.unit_code.in_(list(units)))
            .order_by(Scan.at)
            .limit(1)
        )
        by, at = self._session.execute(query).one()
        return f"{by} 已在 {self._house.texts.clock(at)} 扫过"

    def _said(self, scan: PhoneScan, finding: _Finding) -> ScanAnswer:
        lot = self._session.get(Lot, finding.lot_id) if finding.lot_id else None
        detail = finding.detail or (self._first_scan_of(scan) if finding.verdict == "duplicate" else "")
        sentence = self._house.texts.sentence(
            f"scan_{finding.verdict}",
            bottles=finding.bottles,
            batch=lot.batch if lot else "",
            product=self._campaign.product.name,
            detail=detail,
        )
        return ScanAnswer(scan.client_id, finding.verdict, sentence, finding.lot_id, finding.bottles)

    def _first_scan_of(self, scan: PhoneScan) -> str:
        code = parse_scan(scan.text, self._registry, self._house.public_url).code
        units = expand(code, self._registry) or frozenset({code})
        return self._first_scan(units)


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
