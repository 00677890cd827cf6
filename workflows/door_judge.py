"""What a scan at the door counts for: which lot, how many bottles, which units, or why it does not count."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.catalog import Lot, Product
from models.recall import Handover, Scan, ScannedUnit
from workflows import vector
from workflows.acting import business_day
from workflows.code_registry import CodeState, Resolved, resolve
from workflows.house import House

#: The verdicts whose bottles travel along.
COUNTING = ("ok", "extra", "wrong_batch")
MOST_BOTTLES = 100_000  # in one line
_PORTION = 5_000  # codes named in one question
NO_BOTTLES = "瓶数要大于 0。"
_REFUSED = {
    CodeState.UNKNOWN: "unreadable",
    CodeState.AMBIGUOUS: "refused",
    CodeState.NOT_VALID: "refused",
    CodeState.OPENED: "opened_case",
}


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
class Finding:
    """A scan understood. `by_hand` lines need a photo and are limited; `remark` is for the warehouse."""

    verdict: str
    lot_id: int | None = None
    bottles: int = 0
    units: frozenset[str] = frozenset()
    detail: str = ""
    by_hand: bool = False
    remark: str = ""


class DoorJudge:
    """Judges the scans of one hand-over."""

    def __init__(self, session: Session, house: House, hand: Handover, now: datetime) -> None:
        self._session, self._house, self._hand = session, house, hand
        self._day = business_day(now)
        self._product: Product = hand.task.campaign.product
        self._scope = {line.lot_id: line for line in hand.task.lines}

    def judge(self, scan: PhoneScan) -> Finding:
        """Say what the scan counts for; nothing is written."""
        if scan.bottles is not None and not 0 < scan.bottles <= MOST_BOTTLES:
            return Finding("unreadable", detail=NO_BOTTLES)
        if not scan.text.strip():
            return self._by_hand(scan, scan.lot_id)
        code = self._resolve(scan)
        return self._refused(code) or self._counts(scan, code)

    def _refused(self, code: Resolved) -> Finding | None:
        if (verdict := _REFUSED.get(code.state)) is not None:
            return Finding(verdict, detail=code.sentence)
        if code.kind in {"document", "store"}:
            return Finding("unreadable")
        if code.product_id is not None and code.product_id != self._product.id and not code.units:
            return Finding("wrong_product", detail=self._name(code.product_id))
        return None

    def _counts(self, scan: PhoneScan, code: Resolved) -> Finding:
        if code.state is CodeState.REPLACEMENT:
            return self._by_hand(scan, scan.lot_id or code.lot_id)
        if code.state is CodeState.SHARED:
            return self._shared(scan, code)
        return self._units(scan, code) if code.units else self._anonymous(scan, code)

    def detail_again(self, scan: PhoneScan, verdict: str) -> str:
        """The words of an answer that was given before."""
        if scan.text.strip() and verdict in {"duplicate", *_REFUSED.values()}:
            code = self._resolve(scan)
            return code.sentence if verdict != "duplicate" else self._first_scan(code.units or {code.code})
        return ""

    def _resolve(self, scan: PhoneScan) -> Resolved:
        return resolve(self._session, scan.text, self._day, self._house.public_url, self._product)

    def _by_hand(self, scan: PhoneScan, lot_id: int | None) -> Finding:
        """A line without a readable code: needs the lot, the bottles, and a photo, and there may be only so many."""
        if lot_id is None or scan.bottles is None:
            return Finding("needs_quantity", lot_id)
        if not scan.photo:
            return Finding("needs_photo", lot_id)
        mine = select(func.count(Scan.id)).where(Scan.handover_id == self._hand.id, Scan.verdict.in_(COUNTING))
        typed = self._session.scalar(mine.where(or_(Scan.by_hand, Scan.text == ""))) or 0
        if typed >= self._house.limits.manual_lines_per_handover:
            return Finding("too_many_typed", lot_id)
        return replace(self._lot(lot_id, scan.bottles), by_hand=True)

    def _shared(self, scan: PhoneScan, code: Resolved) -> Finding:
        """One code on a whole case: bottles are counted by eye, up to a case; more of them need a photo."""
        lot_id = self._lot_of(scan, code)
        if lot_id is None or scan.bottles is None:
            return Finding("needs_quantity", lot_id, detail=code.sentence)
        numbered = [f"{code.code}#{number}" for number in range(1, (code.bottles or 0) + 1)]
        free = [unit for unit in numbered if unit not in self._counted(numbered)]
        if scan.bottles > len(free):
            return replace(self._by_hand(scan, lot_id), units=frozenset(), remark="over")
        return replace(self._with_units(self._lot(lot_id, scan.bottles), free[: scan.bottles]), remark="shared")

    def _units(self, scan: PhoneScan, code: Resolved) -> Finding:
        """Registered bottles: only those not yet counted in this task count."""
        if code.is_mixed or code.lot_id is None:
            return Finding("mixed_case")
        new = sorted(code.units - self._counted(code.units))
        if not new:
            return Finding("duplicate", code.lot_id, detail=self._first_scan(code.units))
        if scan.bottles is not None and all("#" in unit for unit in new):
            new = new[: scan.bottles]  # nobody listed them, and the one who stands there counted
        finding = self._with_units(self._lot(code.lot_id, len(new)), new)
        return replace(finding, remark="opened" if code.redeemed.intersection(new) else "")

    def _anonymous(self, scan: PhoneScan, code: Resolved) -> Finding:
        """A code that names a product but no registered unit: quantity, and batch where several are asked for."""
        if code.product_id is None:
            return Finding("unreadable")
        lot_id = self._lot_of(scan, code)
        one = code.kind == "bottle" and code.serial
        bottles = 1 if one else scan.bottles or code.bottles
        if lot_id is None or bottles is None:
            return Finding("needs_quantity", lot_id, detail=code.sentence)
        if not code.serial:
            return self._lot(lot_id, bottles)
        if self._counted([code.code]):
            return Finding("duplicate", lot_id, detail=self._first_scan([code.code]))
        return self._with_units(self._lot(lot_id, bottles), [code.code])

    def _lot_of(self, scan: PhoneScan, code: Resolved) -> int | None:
        """The lot the code tells; else the one typed; else the only one asked for, where the code tells no batch."""
        if code.lot_id or scan.lot_id or code.batch:
            return code.lot_id or scan.lot_id
        return next(iter(self._scope)) if len(self._scope) == 1 else None

    def _lot(self, lot_id: int, bottles: int) -> Finding:
        lot = self._session.get(Lot, lot_id)
        if lot is None:
            return Finding("unreadable")
        if lot.product_id != self._product.id:
            return Finding("wrong_product", lot_id, detail=lot.product.name)
        if lot_id not in self._scope:
            return Finding("wrong_batch", lot_id, bottles, detail=lot.batch)
        # More than asked for is not sent away: the rest travels to quarantine and is decided there.
        already = sum(ln.counted + ln.extra for ln in self._hand.lines if ln.lot_id == lot_id)
        room = vector.at_store(self._scope[lot_id])
        return Finding("ok" if already + bottles <= room else "extra", lot_id, bottles)

    def _with_units(self, found: Finding, units: Iterable[str]) -> Finding:
        return replace(found, units=frozenset(units)) if found.bottles else found

    def _counted(self, units: Iterable[str]) -> set[str]:
        asked, found = list(units), set[str]()
        for start in range(0, len(asked), _PORTION):
            some = ScannedUnit.unit_code.in_(asked[start : start + _PORTION])
            found.update(
                self._session.scalars(
                    select(ScannedUnit.unit_code).where(ScannedUnit.task_id == self._hand.task_id, some)
                )
            )
        return found

    def _first_scan(self, units: Iterable[str]) -> str:
        known = sorted(self._counted(units))[:_PORTION]
        query = (
            select(Scan.by_name, Scan.at)
            .join(ScannedUnit, ScannedUnit.scan_id == Scan.id)
            .where(ScannedUnit.task_id == self._hand.task_id, ScannedUnit.unit_code.in_(known))
            .order_by(Scan.at)
            .limit(1)
        )
        first = self._session.execute(query).first()
        return f"{first.by_name} 已在 {self._house.texts.clock(first.at)} 扫过" if first else "这一件之前扫过"

    def _name(self, product_id: int) -> str:
        return self._session.get_one(Product, product_id).name
