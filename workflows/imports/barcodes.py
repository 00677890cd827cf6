"""Barcodes (69 码、ITF-14): what a number on a bottle, box or case stands for, and in which days.

The same liquor has cases of four and of six with different numbers, and brands use numbers again; so a
number has a product, a pack and a span of days.
"""

from datetime import date
from typing import Any

from sqlalchemy import insert, select, update

from models.catalog import Pack, Product, TradeItem
from workflows.imports.cells import barcode, code, counting, day, one_of
from workflows.imports.code_columns import MOST_IN_ONE, PACKS
from workflows.imports.columns import ColumnSpec, Row
from workflows.imports.intake import Intake, ids_by_code

EVER = date(1950, 1, 1)  # no number is older

COLUMNS = (
    ColumnSpec(
        "gtin",
        "条码",
        barcode,
        "瓶、盒或箱上的条码，要和印的一样",
        "16901234567899",
        ("条形码", "69码", "箱条码", "barcode"),
        required=True,
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
    ColumnSpec(
        "pack",
        "包装",
        one_of({word: pack for word, pack in PACKS.items() if pack is not Pack.CAP}),
        "瓶、盒、箱或垛",
        "箱",
        ("类型", "单位", "pack"),
        required=True,
    ),
    ColumnSpec("bottles", "瓶数", counting, "一件里有几瓶；瓶写 1", "6", ("装瓶数", "箱规"), required=True),
    ColumnSpec("valid_from", "生效日期", day, "从哪天生产的起是这个商品；空着＝一直", "", ("启用日期",)),
    ColumnSpec("valid_to", "失效日期", day, "最后一天；空着＝没有期限", "", ("停用日期",)),
)


def load(intake: Intake) -> None:
    """Register numbers; one that is known may only get its last day."""
    loader = _Loader(intake)
    for rows in intake.chunks():
        for row in rows:
            loader.take(row)


class _Loader:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._session = intake.session
        self._products = ids_by_code(self._session, Product)
        self._known: dict[str, dict[date, dict[str, Any]]] = {}
        for item in self._session.execute(select(TradeItem.__table__)).mappings():
            self._known.setdefault(item["gtin"], {})[item["valid_from"]] = dict(item)

    def take(self, row: Row) -> None:
        """Register one number."""
        values = row.values
        product = self._products.get(values["product"])
        if product is None:
            self._intake.refuse(row, "product", values["product"], "没有这个商品，请先导入商品")
            return
        item = {
            "gtin": values["gtin"].zfill(14),
            "product_id": product,
            "pack": values["pack"],
            "bottles": values["bottles"],
            "valid_from": values.get("valid_from") or EVER,
            "valid_to": values.get("valid_to"),
        }
        fault = self._fault(item)
        if fault:
            self._intake.refuse(row, *fault)
        else:
            self._write(item)

    def _fault(self, item: dict[str, Any]) -> tuple[str, Any, str] | None:
        first, last = item["valid_from"], item["valid_to"]
        if item["bottles"] < 1 or (item["pack"] is Pack.BOTTLE and item["bottles"] != 1):
            return "bottles", item["bottles"], "瓶写 1，其余写装几瓶"
        if item["bottles"] > MOST_IN_ONE:
            return "bottles", item["bottles"], f"一件里最多 {MOST_IN_ONE} 瓶"
        if last and last < first:
            return "valid_to", last, "失效日期早于生效日期"
        spans = self._known.get(item["gtin"], {})
        if (known := spans.get(first)) and any(known[n] != item[n] for n in ("product_id", "pack", "bottles")):
            return "gtin", item["gtin"], "这个条码在同一天起已登记为别的；换了商品请先写旧的失效日期"
        for other in spans.values():
            if other["valid_from"] != first and _overlap(other, item):
                return "valid_from", first, "和这个条码已登记的日期重叠；请先写旧的失效日期"
        return None

    def _write(self, item: dict[str, Any]) -> None:
        known = self._known.setdefault(item["gtin"], {}).get(item["valid_from"])
        if known is None:
            self._session.execute(insert(TradeItem), [item])
        elif known["valid_to"] == item["valid_to"]:
            self._intake.tally.unchanged += 1
            return
        else:
            mine = (TradeItem.gtin == item["gtin"], TradeItem.valid_from == item["valid_from"])
            self._session.execute(update(TradeItem).where(*mine).values(valid_to=item["valid_to"]))
        self._known[item["gtin"]][item["valid_from"]] = item
        self._intake.tally.accepted += 1


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    starts, ends = max(one["valid_from"], other["valid_from"]), [one["valid_to"], other["valid_to"]]
    return all(last is None or starts <= last for last in ends)
