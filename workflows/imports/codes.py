"""Unit codes (箱码、瓶码): one code for one case or bottle, and which case a bottle was packed in."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import insert, select

from models.catalog import Product, UnitCode
from workflows.imports.cells import code, day, one_of
from workflows.imports.columns import ColumnSpec, Row
from workflows.imports.intake import Intake, ids_by_code, portions
from workflows.imports.lots import LotBook, pseudo_batch


class Unit(StrEnum):
    """What a code stands on."""

    BOTTLE = "bottle"
    CASE = "case"


COLUMNS = (
    ColumnSpec(
        "code",
        "码",
        code,
        "扫出来的内容，唯一",
        "X250112000017",
        ("编码", "瓶码", "unit_code"),
        required=True,
        no_formula=True,
    ),
    ColumnSpec(
        "unit",
        "类型",
        one_of({"瓶": Unit.BOTTLE, "箱": Unit.CASE}),
        "瓶或箱",
        "瓶",
        ("单位", "kind", "type"),
        required=True,
    ),
    ColumnSpec(
        "parent",
        "所在箱码",
        code,
        "瓶所在的箱；箱空着",
        "X2501120",
        ("箱码", "父码", "上级码", "parent_code"),
        no_formula=True,
    ),
    ColumnSpec(
        "product",
        "商品编码",
        code,
        "商品",
        "QL42-500",
        ("货号", "item", "product_code"),
        required=True,
        no_formula=True,
    ),
    ColumnSpec("batch", "批号", code, "批号或生产日期至少写一样", "B250112", ("批次", "lot"), no_formula=True),
    ColumnSpec("production_date", "生产日期", day, "可空", "2025-01-12", ()),
)


def load(intake: Intake) -> None:
    """Register codes, cases before the bottles in them or after, in any order."""
    loader = _Loader(intake)
    for rows in intake.chunks():
        loader.take(rows)
    loader.check_parents()


class _Loader:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._session = intake.session
        self._products = ids_by_code(self._session, Product)
        self._lots = LotBook(self._session)
        self._first: dict[str, int] = {}
        self._cases: dict[str, int] = {}
        self._children: dict[tuple[str, int], Row] = {}

    def take(self, rows: list[Row]) -> None:
        """Register one portion."""
        good = [row for row in rows if self._is_right(row)]
        keys = {row.number: self._lot_key(row) for row in good}
        self._lots.learn({product for product, _ in keys.values()})
        good = [row for row in good if self._lot_is_right(row, keys[row.number])]
        wanted = {keys[row.number]: row.values.get("production_date") for row in good}
        self._intake.tally.created["批次"] += self._lots.make(wanted)
        self._write([(row, self._values(row, keys[row.number])) for row in good])

    def check_parents(self) -> None:
        """Every case a bottle names must be a case of the same batch, in the file or known before."""
        missing = sorted({parent for parent, _ in self._children} - self._cases.keys())
        for some in portions(missing):
            for unit in self._known(some).values():
                if unit["is_case"]:
                    self._cases[unit["code"]] = unit["lot_id"]
        for (parent, lot), row in self._children.items():
            if parent not in self._cases:
                self._intake.refuse(row, "parent", parent, "没有这个箱码")
            elif self._cases[parent] != lot:
                self._intake.refuse(row, "parent", parent, "箱和瓶不是同一批次")

    def _is_right(self, row: Row) -> bool:
        values = row.values
        number = self._first.setdefault(values["code"], row.number)
        if number != row.number:
            self._intake.refuse(row, "code", values["code"], f"与第 {number} 行重复")
        elif values["product"] not in self._products:
            self._intake.refuse(row, "product", values["product"], "没有这个商品，请先导入商品")
        elif not values.get("batch") and not values.get("production_date"):
            self._intake.refuse(row, "batch", "", "批号和生产日期至少写一样")
        elif values["unit"] is Unit.CASE and values.get("parent"):
            self._intake.refuse(row, "parent", values["parent"], "箱不能再装在箱里")
        else:
            return True
        return False

    def _lot_key(self, row: Row) -> tuple[int, str]:
        values = row.values
        batch = values.get("batch") or pseudo_batch(values.get("production_date"), None)
        return self._products[values["product"]], batch or ""

    def _lot_is_right(self, row: Row, key: tuple[int, str]) -> bool:
        other = self._lots.differs(key, row.values.get("production_date"))
        if other is None:
            return True
        sentence = f"批号 {key[1]} 的生产日期已登记为 {other}"
        self._intake.refuse(row, "production_date", row.values["production_date"], sentence)
        return False

    def _values(self, row: Row, key: tuple[int, str]) -> dict[str, Any]:
        values, lot = row.values, self._lots[key]
        if values["unit"] is Unit.CASE:
            self._cases[values["code"]] = lot
        elif values.get("parent"):
            self._children.setdefault((values["parent"], lot), row)
        return {
            "code": values["code"],
            "is_case": values["unit"] is Unit.CASE,
            "lot_id": lot,
            "parent_code": values.get("parent"),
        }

    def _write(self, units: list[tuple[Row, dict[str, Any]]]) -> None:
        known = self._known([values["code"] for _, values in units])
        new = []
        for row, values in units:
            kept = known.get(values["code"])
            if kept is None:
                new.append(values)
            elif kept == values:
                self._intake.tally.unchanged += 1
            else:
                self._intake.refuse(row, "code", values["code"], "这个码已经登记过，内容不同")
        if new:
            self._session.execute(insert(UnitCode), new)
        self._intake.tally.accepted += len(new)

    def _known(self, codes: Sequence[str]) -> dict[str, dict[str, Any]]:
        query = select(UnitCode.__table__).where(UnitCode.code.in_(codes))
        return {row["code"]: dict(row) for row in self._session.execute(query).mappings()}
