"""Rows that say how much stands somewhere: read the same way for counts, opening balances and stock."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from models.catalog import UNKNOWN_BATCH
from workflows.imports.cells import BadCell, counting, day, text, words
from workflows.imports.columns import ColumnSpec, Row
from workflows.imports.common_columns import (
    amount_columns,
    lot_columns,
    product_column,
    product_name_columns,
)
from workflows.imports.finding import Finder, Item, NotFound, Shop
from workflows.imports.intake import Intake
from workflows.imports.lots import Key, LotBook, pseudo_batch
from workflows.imports.quantities import bottles_said, signed_quantity

OLDEST = 36_500  # days
AGE_IS_MISSING = "要写库龄：填“入店日期”（如 2025-02-01）或“库龄天数”（如 120），不然库龄会从 0 天算起"


def age_days(cell: Any) -> int:
    """Read how many days goods have stood there: 120, "120天"."""
    number = counting(words(cell).removesuffix("天")) if words(cell) not in {"0", "0天"} else 0
    if number > OLDEST:
        raise BadCell(f"太大：最多 {OLDEST:,} 天")
    return number


def counted_columns(
    stores: tuple[ColumnSpec, ...], *names: str, age_is_asked: bool, no_lot: str
) -> tuple[ColumnSpec, ...]:
    """The columns of a count: where, what, how much, how old, when."""
    asked = "必填其一：入店日期或库龄天数" if age_is_asked else "这批货哪天进的店，知道才写"
    return (
        *stores,
        product_column(),
        *product_name_columns(),
        *lot_columns(no_lot),
        *amount_columns("库存", "库存数量", "实盘数", "实盘数量", "盘点数量", "现存量", *names, parse=signed_quantity),
        ColumnSpec(
            "received_on",
            "入店日期",
            day,
            asked,
            "2025-02-01",
            ("到店日期", "进货日期", "入库日期", "received"),
            required=age_is_asked,
            may_be_empty=True,
            or_else="age_days",
            repeats=True,
        ),
        ColumnSpec(
            "age_days",
            "库龄天数",
            age_days,
            "到盘点那天在店里放了几天",
            "120",
            ("库龄", "在库天数", "age"),
            repeats=True,
        ),
        ColumnSpec(
            "as_of", "盘点日期", day, "空着＝今天", "2025-03-01", ("日期", "盘点日", "count_date"), repeats=True
        ),
        ColumnSpec("counted_by", "盘点人", text, "可空", "王芳", ("经手人", "盘点员"), repeats=True),
    )


@dataclass(frozen=True)
class Line:
    """One counted line: `store_id` None is our own warehouse, `lot` None the product as a whole."""

    row: Row
    store_id: int | None
    item: Item
    lot: Key | None
    bottles: int
    received_on: date | None
    as_of: date

    @property
    def place(self) -> tuple[int, int]:
        """Store (0 for our own warehouse) and product."""
        return self.store_id or 0, self.item.id


class CountReader:
    """Understands rows, or refuses them."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.finder = Finder(intake.session, intake.only_stores)
        self.lots = LotBook(intake.session)

    def line(self, row: Row, shop: Shop | None) -> Line | None:
        """The row as a line at that store (None: our own warehouse), None when it was refused."""
        try:
            item = self.finder.item(row.values)
            bottles = bottles_said(row.values, item.case_size)
        except NotFound as refused:
            self._intake.refuse(row, refused.column, refused.value, str(refused))
            return None
        except BadCell as refused:
            self._intake.refuse(row, "bottles", "", str(refused))
            return None
        self._intake.understand(row, "自己的仓库" if shop is None else shop.label, item.label, bottles)
        if bottles is None:
            self._intake.refuse(row, "bottles", "", "瓶数和箱数至少写一样；没有货写 0")
            return None
        if not self._days_are_right(row):
            return None
        store_id = None if shop is None else shop.id
        line = Line(row, store_id, item, self._lot(row, item), bottles, self.received_on(row), self.as_of(row))
        return line if self._lot_is_right(line) else None

    def as_of(self, row: Row) -> date:
        """The day the row was true."""
        said: date | None = row.values.get("as_of")
        return said or self._intake.today

    def received_on(self, row: Row) -> date | None:
        """The day the goods came in, as far as the row says."""
        said: date | None = row.values.get("received_on")
        age: int | None = row.values.get("age_days")
        if said is None and age is not None:
            return self.as_of(row) - timedelta(days=age)
        return said

    def refuse_repeats(self, lines: list[Line]) -> None:
        """One lot in one place on one day has one row."""
        first: dict[tuple[Any, ...], int] = {}
        for line in lines:
            said = line.lot or line.row.values.get("received_on") or line.row.values.get("age_days")
            key = (line.place, said, line.as_of, line.row.values.get("warehouse"))
            number = first.setdefault(key, line.row.number)
            if number != line.row.number:
                sentence = f"与第 {number} 行重复，是同一批次；请合并成一行，或写批号、生产日期区分"
                self._intake.refuse(line.row, "batch", line.row.values.get("batch"), sentence)

    def make_lots(self, lines: list[Line]) -> None:
        """Make the lots that are not known yet."""
        wanted: dict[Key, date | None] = {}
        for line in lines:
            if line.lot is not None:
                wanted[line.lot] = wanted.get(line.lot) or line.row.values.get("production_date")
        self.lots.learn(item for item, _ in wanted)
        self._intake.tally.created["批次"] += self.lots.make(wanted)

    def _lot(self, row: Row, item: Item) -> Key | None:
        batch = row.values.get("batch") or pseudo_batch(row.values.get("production_date"), None)
        return None if batch is None else (item.id, batch)

    def _days_are_right(self, row: Row) -> bool:
        as_of, received = self.as_of(row), self.received_on(row)
        produced = row.values.get("production_date")
        if as_of > self._intake.today:
            self._intake.refuse(row, "as_of", as_of, "日期在今天以后")
        elif received is not None and received > as_of:
            self._intake.refuse(row, "received_on", received, "入店日期晚于盘点日期")
        elif produced is not None and produced > (received or as_of):
            self._intake.refuse(row, "production_date", produced, "生产日期晚于入店日期")
        else:
            return True
        return False

    def _lot_is_right(self, line: Line) -> bool:
        if line.lot is None:
            return True
        produced = line.row.values.get("production_date")
        self.lots.learn([line.item.id])
        other = self.lots.differs(line.lot, produced)
        if other is None:
            return True
        sentence = f"批号 {line.lot[1]} 的生产日期已登记为 {other}"
        self._intake.refuse(line.row, "production_date", produced, sentence)
        return False


def unknown(item: Item) -> Key:
    """The lot of goods whose batch nobody could read."""
    return item.id, UNKNOWN_BATCH
