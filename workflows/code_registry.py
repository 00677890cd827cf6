"""The one entrance for scans: what a text is on a day, which bottles stand behind it, and what is wrong with it."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog import Lot, Product, UniquePer, UnitCode
from rules.codes import parse_scan
from rules.scanned import Kind, ScannedCode
from workflows.acting import business_day
from workflows.packing import contents_of, is_valid, opened_by, unit_behind
from workflows.registry import CodeRegistry


class CodeState(StrEnum):
    """What can be done with a scanned text."""

    FINE = "fine"  #: registered units, or a product's own code
    UNREGISTERED = "unregistered"  #: names one unit, but nobody registered it
    OPENED = "opened"  #: a package that was opened: stands for nothing
    NOT_VALID = "not_valid"  #: not in use on the day
    SHARED = "shared"  #: the same on every bottle of a case: count by hand
    REPLACEMENT = "replacement"  #: names nothing: photo and count by hand
    AMBIGUOUS = "ambiguous"  #: may be of several brands
    UNKNOWN = "unknown"


_SHARED = (CodeState.SHARED, "这种码整箱都一样，请数一数实物有几瓶，填好再确定。")
_REPLACEMENT = (CodeState.REPLACEMENT, "这种码不能区分每一瓶，请拍照，再填批次和瓶数。")
_PROBLEMS = {
    "ambiguous": (CodeState.AMBIGUOUS, "几个品牌的码都是这个样子，分不清是哪一种，请拍照后手工登记。"),
    "replacement": _REPLACEMENT,
    "check_digit": (CodeState.UNKNOWN, "这串数字的校验位不对，可能扫错或抄错了一位，请重扫。"),
    "unsure": (CodeState.FINE, "码里少了分隔符，批号和序列号分不开，请补填批次和瓶数。"),
}


@dataclass(frozen=True)
class Resolved:
    """A scan understood. `units` are bottles, `redeemed` those of them that were opened.

    `bottles` is how many the code stands for; None when it does not say. `lot_id` is None where the code
    tells no batch, and where units of several lots stand together (`is_mixed`). `serial` is set when a
    second scan is a duplicate. `sentence` is what is to be told, "" when all is well.
    """

    kind: Kind
    code: str
    state: CodeState
    sentence: str = ""
    product_id: int | None = None
    product_code: str | None = None
    lot_id: int | None = None
    batch: str | None = None
    units: frozenset[str] = frozenset()
    redeemed: frozenset[str] = frozenset()
    lots: dict[str, int] = field(default_factory=dict)
    bottles: int | None = None
    serial: str | None = None
    scheme: str = ""
    production_date: date | None = None
    expiry_date: date | None = None

    @property
    def is_mixed(self) -> bool:
        """Whether bottles of several lots stand behind the code."""
        return len(set(self.lots.values())) > 1


def resolve(session: Session, text: str, day: date, public_url: str = "", wanted: Product | None = None) -> Resolved:
    """Say what a scanned or typed text is on a business day; never raises for anything in the text.

    `wanted` is the product the scan is expected to be of, for brands whose codes look alike.
    """
    scan = parse_scan(text, CodeRegistry(session, day, wanted), day, public_url)
    unit = session.get(UnitCode, scan.code) if scan.registered else None
    if unit is not None:
        return _registered(session, scan, unit, day)
    return _by_itself(session, scan, wanted)


def _registered(session: Session, scan: ScannedCode, printed: UnitCode, day: date) -> Resolved:
    unit = unit_behind(session, printed.code) or printed
    lot = session.get_one(Lot, unit.lot_id)
    contents = contents_of(session, unit, day)
    lots = set(contents.lots.values())
    state, sentence = _standing(printed, unit, day)
    is_cap = printed is not unit
    return Resolved(
        kind=scan.kind if not is_cap else "bottle",
        code=unit.code,
        state=state,
        sentence=sentence or _redeemed_sentence(len(contents.redeemed), is_cap=is_cap),
        product_id=lot.product_id,
        product_code=lot.product.code,
        lot_id=unit.lot_id if len(lots) < 2 else None,
        batch=lot.batch,
        units=contents.units,
        redeemed=contents.units if is_cap else frozenset(contents.redeemed),
        lots=contents.lots,
        bottles=len(contents.lots) if contents.lots else _size(unit, lot, state),
        serial=unit.code if unit.unique_per is UniquePer.UNIT else None,
        scheme=unit.scheme,
        production_date=lot.production_date or scan.production_date,
        expiry_date=scan.expiry_date,
    )


def _standing(printed: UnitCode, unit: UnitCode, day: date) -> tuple[CodeState, str]:
    """Whether the code may be counted, and the sentence to the one who scanned it."""
    if not is_valid(printed, day) or not is_valid(unit, day):
        return CodeState.NOT_VALID, f"这个码在 {day} 不是有效的码，请核对实物，或拍照后手工登记。"
    if opened_by(unit, day):
        opened = business_day(unit.opened_at) if unit.opened_at else day
        return CodeState.OPENED, f"这一件已在 {opened} 开箱，箱码作废，请逐瓶扫。"
    if unit.unique_per is UniquePer.UNIT:
        return CodeState.FINE, ""
    return _SHARED if unit.unique_per is UniquePer.CASE else _REPLACEMENT


def _redeemed_sentence(redeemed: int, *, is_cap: bool) -> str:
    if is_cap:
        return "扫的是盖内码，说明这瓶已经开过，不能按 A 级收。"
    return f"其中 {redeemed} 瓶的盖内码已兑奖，是开过的酒，不能按 A 级收。" if redeemed else ""


def _size(unit: UnitCode, lot: Lot, state: CodeState) -> int | None:
    """The most bottles one shared code can stand on: those of its case."""
    return (unit.bottles or lot.product.case_size) if state is CodeState.SHARED else None


def _by_itself(session: Session, scan: ScannedCode, wanted: Product | None) -> Resolved:
    product = _product(session, scan, wanted)
    lot_id = _lot(session, product, scan.batch)
    state, sentence = _unregistered(scan)
    return Resolved(
        kind=scan.kind,
        code=scan.code,
        state=state,
        sentence=sentence,
        product_id=product.id if product else None,
        product_code=product.code if product else scan.product_code,
        lot_id=lot_id,
        batch=scan.batch,
        bottles=_claimed(scan, product, state),
        serial=scan.serial,
        scheme=scan.scheme,
        production_date=scan.production_date,
        expiry_date=scan.expiry_date,
    )


def _claimed(scan: ScannedCode, product: Product | None, state: CodeState) -> int | None:
    """The bottles a code nobody registered stands for: a case those its label or its product tells."""
    if state is CodeState.REPLACEMENT:
        return None
    if scan.kind == "bottle" and state is CodeState.UNREGISTERED:
        return 1
    if scan.count is None and product is not None and (scan.kind == "case" or state is CodeState.SHARED):
        return product.case_size
    return scan.count


def _unregistered(scan: ScannedCode) -> tuple[CodeState, str]:
    if scan.problem:
        return _PROBLEMS[scan.problem]
    if scan.kind == "unknown":
        return CodeState.UNKNOWN, "认不出这个码，请重扫，或拍照后手工登记。"
    if scan.unique_per is UniquePer.UNIT:
        return (CodeState.UNREGISTERED if scan.serial else CodeState.FINE), ""
    return _SHARED if scan.unique_per is UniquePer.CASE else _REPLACEMENT


def _product(session: Session, scan: ScannedCode, wanted: Product | None) -> Product | None:
    if scan.product_code:
        return session.scalar(select(Product).where(Product.code == scan.product_code))
    # A replacement code names no product at all; who scans it says what he holds.
    return wanted if scan.problem == "replacement" else None


def _lot(session: Session, product: Product | None, batch: str | None) -> int | None:
    if product is None or not batch:
        return None
    return session.scalar(select(Lot.id).where(Lot.product_id == product.id, Lot.batch == batch))
