"""Unit codes: one code for one bottle, box, case or pallet, and what it was packed in.

Relations are checked portion by portion; only those whose other end has not come yet are kept, so that a
million codes need no more memory than ten thousand.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Row as TableRow
from sqlalchemy import Table, insert, select

from models.catalog import FormerPacking, Pack, Product, TradeItem, UnitCode
from rules.gs1 import gtin_spellings
from workflows.imports.code_columns import COLUMNS, LEVELS, WORDS, Goods
from workflows.imports.columns import Row
from workflows.imports.intake import Intake, portions
from workflows.imports.lots import LotBook, pseudo_batch
from workflows.registry import schemes_in_force

__all__ = ["COLUMNS", "load"]
_TABLE = cast("Table", UnitCode.__table__)  # without the mapper's work for each of a million rows
_KEPT = ("lot_id", "unique_per", "scheme", "bottles", "same_as", "valid_from", "valid_to")


def load(intake: Intake) -> None:
    """Register codes, packages before what is in them or after, in any order."""
    loader = _Loader(intake)
    for rows in intake.chunks():
        loader.take(rows)
    loader.finish()


@dataclass(frozen=True)
class _Relation:
    """A code that names another: its parent, or (`same`) the unit it is one more code of."""

    row: Row
    column: str
    target: str
    lot_id: int
    pack: Pack
    same: bool


class _Loader:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._session = intake.session
        self._lots = LotBook(self._session)
        self._goods = self._known_goods()
        #: What other rows say of a target is said once: its first row stands for all.
        self._waiting: dict[tuple[str, int, Pack, bool], _Relation] = {}

    def take(self, rows: list[Row]) -> None:
        """Register one portion."""
        good = [row for row in self._once(rows) if self._is_right(row)]
        keys = {row.number: self._lot_key(row) for row in good}
        self._lots.learn({product for product, _ in keys.values()})
        good = [row for row in good if self._lot_is_right(row, keys[row.number])]
        wanted = {keys[row.number]: row.values.get("production_date") for row in good}
        self._intake.tally.created["批次"] += self._lots.make(wanted)
        self._write([(row, self._values(row, self._lots[keys[row.number]])) for row in good])
        self._check(final=False)

    def finish(self) -> None:
        """Refuse what names a code that never came."""
        self._check(final=True)

    def _known_goods(self) -> Goods:
        products = self._session.execute(select(Product.code, Product.id, Product.brand, Product.barcode)).all()
        gtins = self._session.scalars(select(TradeItem.gtin).distinct())
        barcodes = {row.barcode for row in products if row.barcode}
        barcodes |= {spelling for gtin in gtins for spelling in gtin_spellings(gtin)}
        schemes = {word: scheme for scheme in schemes_in_force() for word in (scheme.name, scheme.title)}
        return Goods({row.code: (row.id, row.brand) for row in products}, frozenset(barcodes), schemes)

    def _once(self, rows: list[Row]) -> list[Row]:
        """Leave out rows whose code stood in the portion already; farther apart the table itself tells."""
        first: dict[str | None, int] = {}
        kept = []
        for row in rows:
            number = first.setdefault(self._goods.key(row.values, "code"), row.number)
            if number == row.number:
                kept.append(row)
            else:
                self._intake.refuse(row, "code", row.values["code"], f"与第 {number} 行重复")
        return kept

    def _is_right(self, row: Row) -> bool:
        fault = self._goods.fault(row)
        if fault:
            self._intake.refuse(row, *fault)
        return fault is None

    def _lot_key(self, row: Row) -> tuple[int, str]:
        values = row.values
        batch = values.get("batch") or pseudo_batch(values.get("production_date"), None)
        return self._goods.products[values["product"]][0], batch or ""

    def _lot_is_right(self, row: Row, key: tuple[int, str]) -> bool:
        other = self._lots.differs(key, row.values.get("production_date"))
        if other is None:
            return True
        sentence = f"批号 {key[1]} 的生产日期已登记为 {other}"
        self._intake.refuse(row, "production_date", row.values["production_date"], sentence)
        return False

    def _values(self, row: Row, lot_id: int) -> dict[str, Any]:
        values, goods = row.values, self._goods
        pack: Pack = values["unit"]
        parent, same = goods.key(values, "parent"), goods.key(values, "same_as")
        if pack is Pack.CAP and parent:
            parent, same = None, parent
        target, column = same or parent, "same_as" if values.get("same_as") else "parent"
        if target:
            named = _Relation(row, column, target, lot_id, pack, same=bool(same))
            self._waiting.setdefault((target, lot_id, pack, bool(same)), named)
        return {
            "code": goods.key(values, "code"),
            "is_case": pack not in {Pack.CAP, Pack.BOTTLE},
            "lot_id": lot_id,
            "parent_code": parent,
            "pack": pack,
            "scheme": goods.schemes[values["scheme"]].name if values.get("scheme") else "",
            "unique_per": goods.unique_per(values),
            "bottles": values.get("bottles"),
            "same_as": same,
            "valid_from": values.get("valid_from"),
            "valid_to": values.get("valid_to"),
        }

    def _write(self, units: list[tuple[Row, dict[str, Any]]]) -> None:
        known = self._known(values["code"] for _, values in units)
        new = []
        for row, values in units:
            kept = known.get(values["code"])
            if kept is None:
                new.append(values)
            elif self._is_the_same(kept, values):
                self._intake.tally.unchanged += 1
            else:
                self._intake.refuse(row, "code", values["code"], "这个码已经登记过，内容不同")
        if new:
            self._session.execute(insert(_TABLE), new)
        self._intake.tally.accepted += len(new)

    def _is_the_same(self, kept: TableRow[Any], values: dict[str, Any]) -> bool:
        if _pack(kept) is not values["pack"] or _content(kept) != {n: values[n] for n in _KEPT}:
            return False
        return kept.parent_code == values["parent_code"] or self._was_packed(values["code"], values["parent_code"])

    def _was_packed(self, code: str, parent: str | None) -> bool:
        """Whether the bottle was packed so before somebody packed it anew: an old file says nothing new."""
        query = select(FormerPacking.id).where(FormerPacking.code == code, FormerPacking.parent_code == parent)
        return parent is not None and self._session.scalar(query.limit(1)) is not None

    def _check(self, *, final: bool) -> None:
        """Look at what is named by rows so far; what has not come yet waits until the end."""
        known = self._known(dict.fromkeys(named.target for named in self._waiting.values()))
        for key, named in list(self._waiting.items()):
            target = known.get(named.target)
            if target is None and not final:
                continue
            del self._waiting[key]
            if why := _fault(named, target):
                self._intake.refuse(named.row, named.column, named.target, why)

    def _known(self, codes: Iterable[str]) -> dict[str, TableRow[Any]]:
        found: dict[str, TableRow[Any]] = {}
        for some in portions(list(codes)):
            found |= {row.code: row for row in self._session.execute(select(_TABLE).where(_TABLE.c.code.in_(some)))}
        return found


def _content(row: TableRow[Any]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _KEPT}


def _pack(row: TableRow[Any]) -> Pack:
    pack: Pack | None = row.pack
    return pack or (Pack.CASE if row.is_case else Pack.BOTTLE)


def _fault(named: _Relation, target: TableRow[Any] | None) -> str:
    """Say why a code cannot stand in, or be one more code of, the other; "" when it can."""
    pack = _pack(target) if target is not None else None
    if target is None or pack is None or target.same_as:
        return "没有这个瓶码" if named.pack is Pack.CAP else "没有这个箱码，或者它不是装货的码"
    if named.same:
        fits = pack is Pack.BOTTLE if named.pack is Pack.CAP else pack is named.pack
        return "" if fits and target.lot_id == named.lot_id else "两个码不是同一件：类型或批次不同"
    if pack in {Pack.BOTTLE, Pack.CAP}:
        return "没有这个箱码，或者它不是装货的码"
    if LEVELS[pack] <= LEVELS[named.pack]:
        return f"{WORDS[named.pack]}不能再装在{WORDS[pack]}里"
    if pack is not Pack.PALLET and target.lot_id != named.lot_id:
        return f"{WORDS[pack]}和{WORDS[named.pack]}不是同一批次"
    return ""
