"""What stands in what: the bottles behind a code on a day, and packages opened, redeemed and packed anew.

A bottle counts once however it was scanned, so everything here deals in sets of bottles. A package holds
what was packed in it only until it is opened; from that day its code stands for nothing, and its bottles
live on by their own codes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Select, or_, select, update
from sqlalchemy.orm import Session

from models.catalog import FormerPacking, Lot, Pack, UniquePer, UnitCode
from workflows.acting import business_day
from workflows.refusals import InvalidInput

_PORTION = 500  # codes named in one question
_DEEPEST = 6  # levels of packages; more is a circle
_ORDER = (Pack.CAP, Pack.BOTTLE, Pack.BOX, Pack.CASE, Pack.PALLET)
_SINGLE = frozenset({Pack.CAP, Pack.BOTTLE})
REDEEMED = "盖内码兑奖"


@dataclass
class Contents:
    """Bottles behind a code: their lots by code, and those whose cap was redeemed, so that they are open."""

    lots: dict[str, int] = field(default_factory=dict)
    redeemed: set[str] = field(default_factory=set)

    @property
    def units(self) -> frozenset[str]:
        """The codes of the bottles."""
        return frozenset(self.lots)


def units_of(session: Session, code: str, day: date) -> frozenset[str]:
    """The bottles behind a registered code on a business day; empty for what is unknown, opened or not valid.

    Bottles nobody listed are counted too: a case of six with two listed bottles is those and `case#3`…`case#6`.
    """
    row = unit_behind(session, code)
    return contents_of(session, row, day).units if row else frozenset()


def unit_behind(session: Session, code: str) -> UnitCode | None:
    """The bottle or package a registered code stands on: a 盖内码 is one more code of its bottle."""
    row = session.get(UnitCode, code)
    if row is not None and row.same_as:
        return session.get(UnitCode, row.same_as) or row
    return row


def contents_of(session: Session, unit: UnitCode, day: date) -> Contents:
    """The same with lots, and with the bottles that were opened."""
    found = Contents()
    if unit.unique_per is not UniquePer.UNIT or not is_valid(unit, day):
        return found
    level, seen = [unit], {unit.code}
    children: dict[str, list[UnitCode]] = {}
    packages: list[UnitCode] = []
    for _ in range(_DEEPEST):
        for bottle in (row for row in level if row.kind in _SINGLE):
            _add(found, bottle)
        holding = [row for row in level if row.kind not in _SINGLE and not opened_by(row, day)]
        packages += holding
        pairs = _packed_in(session, [row.code for row in holding], day)
        level = []
        for parent, child in pairs:
            if is_valid(child, day):
                children.setdefault(parent, []).append(child)
                level += [] if child.code in seen else [child]
                seen.add(child.code)
        if not level:
            break
    _add_unlisted(session, found, packages, children)
    return found


def is_valid(unit: UnitCode, day: date) -> bool:
    """Whether the code is in use on the day."""
    return (unit.valid_from is None or unit.valid_from <= day) and (unit.valid_to is None or day <= unit.valid_to)


def opened_by(unit: UnitCode, day: date) -> bool:
    """Whether a package was opened by that business day."""
    return unit.opened_at is not None and business_day(unit.opened_at) <= day


def open_case(session: Session, code: str, when: datetime, by: str) -> bool:
    """Note that a package was opened: from that day its bottles are loose, and so is what it stood in.

    False when that was known already. Raises InvalidInput for a code that is no registered package.
    """
    row = unit_behind(session, code)
    if row is None:
        raise InvalidInput(f"没有登记过 {code} 这个码。")
    if row.kind in _SINGLE:
        raise InvalidInput(f"{code} 是瓶上的码，不是箱。")
    around = _around(session, row, business_day(when))
    _lock(session, [*around, row])
    for package in around:
        _open(session, package, when, by)
    return _open(session, row, when, by)


def redeem(session: Session, code: str, when: datetime) -> bool:
    """Note that a 盖内码 was redeemed: the bottle is open, and so is the case it was packed in.

    `code` is the cap's or the bottle's. False when that was known already. Raises InvalidInput for a code
    that names no single registered bottle.
    """
    bottle = unit_behind(session, code)
    if bottle is None:
        raise InvalidInput(f"没有登记过 {code} 这个码。")
    if bottle.unique_per is not UniquePer.UNIT or bottle.kind not in _SINGLE:
        raise InvalidInput(f"{code} 不是单独一瓶的码，分不清是哪一瓶。")
    around = _around(session, bottle, business_day(when))
    _lock(session, [*around, bottle])
    for package in around:
        _open(session, package, when, REDEEMED)
    known = bottle.redeemed_at
    bottle.redeemed_at = min(when, known) if known else when
    session.flush()
    return known is None


def pack_anew(session: Session, parent: str, codes: Sequence[str], when: datetime) -> None:
    """Pack loose bottles or packages into another package from that day on.

    Raises InvalidInput when a code is unknown, still sits in something closed, or does not fit into it.
    """
    package, day = session.get(UnitCode, parent), business_day(when)
    if package is None or package.same_as or package.kind in _SINGLE:
        raise InvalidInput(f"{parent} 不是登记过的箱。")
    rows = {row.code: row for some in _portions(codes) for row in session.scalars(_these(some))}
    before = {row.parent_code for row in rows.values() if row.parent_code} - {parent}
    _lock(session, [package, *session.scalars(_these(sorted(before))), *rows.values()])
    if package.opened_at is not None:
        raise InvalidInput(f"{parent} 已在 {business_day(package.opened_at)} 开箱，请换一个新箱码。")
    for code in dict.fromkeys(codes):
        _pack_one(session, package, code, rows.get(code), day)
    session.flush()


def _pack_one(session: Session, package: UnitCode, code: str, row: UnitCode | None, day: date) -> None:
    if row is None or row.same_as or _ORDER.index(row.kind) >= _ORDER.index(package.kind):
        raise InvalidInput(f"{code} 不能装进 {package.code}。")
    if row.parent_code and (row.packed_to is None or row.packed_to > day):
        raise InvalidInput(f"{code} 还在 {row.parent_code} 里，请先登记开箱。")
    if row.parent_code:
        former = FormerPacking(code=code, parent_code=row.parent_code, packed_from=row.packed_from)
        former.packed_to = row.packed_to or day
        session.add(former)
    row.parent_code, row.packed_from, row.packed_to = package.code, day, None


def _open(session: Session, package: UnitCode, when: datetime, by: str) -> bool:
    """Open one package. A later report of an earlier day moves the day."""
    known, day = package.opened_at, business_day(when)
    if known is not None and known <= when:
        return False
    package.opened_at, package.opened_by = when, by[:255]
    inside = UnitCode.parent_code == package.code
    still = or_(UnitCode.packed_to.is_(None), UnitCode.packed_to > day)
    begun = or_(UnitCode.packed_from.is_(None), UnitCode.packed_from <= day)
    session.execute(update(UnitCode).where(inside, still, begun).values(packed_to=day))
    session.flush()
    return known is None


def _around(session: Session, unit: UnitCode, day: date) -> list[UnitCode]:
    """The packages the unit stood in before it came out that day, the outermost first."""
    found: list[UnitCode] = []
    inner = unit
    while (outer := _directly_around(session, inner, day)) is not None and outer not in (unit, *found):
        found.insert(0, outer)
        inner = outer
    return found


def _directly_around(session: Session, unit: UnitCode, day: date) -> UnitCode | None:
    parent = unit.parent_code if _span_holds(unit.packed_from, unit.packed_to, day) else None
    if parent is None:
        spans = session.scalars(select(FormerPacking).where(FormerPacking.code == unit.code))
        parent = next((s.parent_code for s in spans if _span_holds(s.packed_from, s.packed_to, day)), None)
    return session.get(UnitCode, parent) if parent else None


def _span_holds(first: date | None, last: date | None, day: date) -> bool:
    # What came out on that very day stood in it before.
    return (first is None or first <= day) and (last is None or day <= last)


def _lock(session: Session, units: Iterable[UnitCode]) -> None:
    """Lock units one by one, outer packages first, so that no two tasks wait for each other."""
    for unit in sorted(units, key=lambda unit: (-_ORDER.index(unit.kind), unit.code)):
        session.refresh(unit, with_for_update=True)


def _these(codes: Sequence[str]) -> Select[UnitCode]:
    return select(UnitCode).where(UnitCode.code.in_(codes))


def _portions(codes: Sequence[str]) -> Iterator[Sequence[str]]:
    return (codes[start : start + _PORTION] for start in range(0, len(codes), _PORTION))


def _packed_in(session: Session, parents: Sequence[str], day: date) -> list[tuple[str, UnitCode]]:
    """What is packed in these packages on the day, with the package."""
    found: list[tuple[str, UnitCode]] = []
    for some in _portions(parents):
        now = select(UnitCode.parent_code, UnitCode).where(
            UnitCode.parent_code.in_(some),
            or_(UnitCode.packed_from.is_(None), UnitCode.packed_from <= day),
            or_(UnitCode.packed_to.is_(None), UnitCode.packed_to > day),
        )
        once = (
            select(FormerPacking.parent_code, UnitCode)
            .join(UnitCode, UnitCode.code == FormerPacking.code)
            .where(
                FormerPacking.parent_code.in_(some),
                or_(FormerPacking.packed_from.is_(None), FormerPacking.packed_from <= day),
                FormerPacking.packed_to > day,
            )
        )
        found += [(parent or "", row) for query in (now, once) for parent, row in session.execute(query)]
    return found


def _add(found: Contents, bottle: UnitCode) -> None:
    found.lots[bottle.code] = bottle.lot_id
    if bottle.redeemed_at is not None:
        found.redeemed.add(bottle.code)


def _add_unlisted(
    session: Session, found: Contents, packages: Sequence[UnitCode], children: dict[str, list[UnitCode]]
) -> None:
    """Add the bottles of packages that are known to hold more than their list names."""
    for package in packages:
        listed = children.get(package.code, [])
        if any(child.kind not in _SINGLE for child in listed):
            continue  # its bottles are those of the packages inside
        size = package.bottles
        if size is None and not listed:
            size = _usual_size(session, package)
        for number in range(len(listed) + 1, (size or 0) + 1):
            found.lots[f"{package.code}#{number}"] = package.lot_id


def _usual_size(session: Session, package: UnitCode) -> int:
    """Bottles in a package nothing is known of: a gift box holds one, a case what its product's do."""
    if package.kind is Pack.CASE:
        return session.get_one(Lot, package.lot_id).product.case_size
    return 1 if package.kind is Pack.BOX else 0
