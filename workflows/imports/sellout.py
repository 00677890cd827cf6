"""What stores sold over the counter (动销), by day or by any other span of days.

Rows of one file about the same goods and days are added up, as a list of tickets wants it. The same span
again replaces what was known; a span that would count days twice is refused.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast

from sqlalchemy import Table, insert, select, update

from models.stock import SellOut, SellOutSource
from workflows.imports.cells import BadCell, day
from workflows.imports.columns import ColumnSpec, Row
from workflows.imports.common_columns import (
    amount_columns,
    lot_columns,
    product_column,
    product_name_columns,
    store_column,
    store_name_column,
)
from workflows.imports.finding import Finder, NotFound
from workflows.imports.intake import Intake, portions
from workflows.imports.lots import Key, LotBook, pseudo_batch
from workflows.imports.quantities import bottles_said, signed_quantity
from workflows.imports.spans import Span, checked, span

COLUMNS = (
    store_column("卖货的门店；也认不重名的名称"),
    store_name_column(),
    product_column(),
    *product_name_columns(),
    ColumnSpec(
        "sold_on",
        "销售日期",
        span,
        "一天、一个月（2025-03）或一段（2025-03-01 至 2025-03-31）",
        "2025-03-01",
        ("日期", "月份", "单据日期", "开单日期", "date", "month"),
        required=True,
        may_be_empty=True,
        no_formula=True,
        or_else="first_day",
        repeats=True,
    ),
    ColumnSpec(
        "first_day", "开始日期", day, "按一段时间报的：第一天", "2025-03-01", ("起始日期", "起", "from"), repeats=True
    ),
    ColumnSpec(
        "last_day", "结束日期", day, "按一段时间报的：最后一天", "2025-03-31", ("截止日期", "止", "to"), repeats=True
    ),
    *amount_columns(
        "销量", "销售数量", "动销", "动销数量", explanation="卖出的瓶数，退货写负数", parse=signed_quantity
    ),
    *lot_columns("可空：不分批次"),
)
_TABLE = cast("Table", SellOut.__table__)


@dataclass
class _Sold:
    """All rows of the file about one product of one store, in one span, of one lot."""

    row: Row
    store_id: int
    product_id: int
    lot: Key | None
    days: Span
    bottles: int = 0

    def key(self, lot_id: int | None) -> str:
        """What the database knows it by: a span is named by its first day, so that a month may grow."""
        return f"sold:{self.store_id}:{self.product_id}:{lot_id or 0}:{self.days.first}"


@dataclass
class _Known:
    """What the database has of one product in one store."""

    rows: dict[str, tuple[Span, int, int | None]] = field(default_factory=dict)


def load(intake: Intake) -> None:
    """Keep what was sold."""
    loader = _Loader(intake)
    for row in intake.rows:
        loader.add(row)
    loader.write()


class _Loader:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._session = intake.session
        self._finder = Finder(self._session, intake.only_stores)
        self._lots = LotBook(self._session)
        self._sold: dict[tuple[Any, ...], _Sold] = {}
        self._rows = 0

    def add(self, row: Row) -> None:
        """Understand a row and add it to the others of its kind, or refuse it."""
        try:
            shop, item = self._finder.shop(row.values), self._finder.item(row.values)
            bottles = bottles_said(row.values, item.case_size)
        except NotFound as refused:
            self._intake.refuse(row, refused.column, refused.value, str(refused))
            return
        except BadCell as refused:
            self._intake.refuse(row, "bottles", "", str(refused))
            return
        self._intake.understand(row, shop.label, item.label, bottles)
        days = self._days(row)
        if bottles is None:
            self._intake.refuse(row, "bottles", "", "瓶数和箱数至少写一样；没有卖写 0")
        elif days is not None:
            batch = row.values.get("batch") or pseudo_batch(row.values.get("production_date"), None)
            lot = None if batch is None else (item.id, batch)
            sold = self._sold.setdefault((shop.id, item.id, lot, days), _Sold(row, shop.id, item.id, lot, days))
            sold.bottles += bottles
            self._rows += 1

    def _days(self, row: Row) -> Span | None:
        try:
            days = _span_said(row)
        except BadCell as refused:
            self._intake.refuse(row, "sold_on", "", str(refused))
            return None
        if days.first > self._intake.today:
            self._intake.refuse(row, "sold_on", days.first, "日期在今天以后")
            return None
        return Span(days.first, min(days.last, self._intake.today))  # a month that is not over yet

    def write(self) -> None:
        """Write what is new or says something else now."""
        sold = [one for one in self._sold.values() if self._is_no_return(one)]
        if self._intake.problems and not self._intake.skip_bad:
            return
        self._lots.learn({one.product_id for one in sold})
        wanted = {one.lot: one.row.values.get("production_date") for one in sold if one.lot}
        self._intake.tally.created["批次"] += self._lots.make(wanted)
        known = self._known(sold)
        self._refuse_twice(sold)
        new: list[dict[str, Any]] = []
        for one in sold:
            lot_id = None if one.lot is None else self._lots[one.lot]
            before = known[one.store_id, one.product_id].rows
            if self._overlaps(one, lot_id, before):
                continue
            self._put(one, lot_id, before, new)
        if new:
            self._session.execute(insert(_TABLE), new)
        if self._rows > len(self._sold):
            self._intake.tally.notes.append(f"同一商品同一天的几行已合计：{self._rows} 行合成 {len(self._sold)} 条。")

    def _put(
        self, one: _Sold, lot_id: int | None, before: dict[str, tuple[Span, int, int | None]], new: list[dict[str, Any]]
    ) -> None:
        key, tally = one.key(lot_id), self._intake.tally
        kept = before.get(key)
        if kept is None:
            new.append(self._values(one, lot_id, key))
            tally.accepted += 1
        elif kept[:2] == (one.days, one.bottles):
            tally.unchanged += 1
        else:
            self._session.execute(update(SellOut).where(SellOut.key == key).values(self._values(one, lot_id, key)))
            tally.accepted += 1
            tally.changed += 1

    def _values(self, one: _Sold, lot_id: int | None, key: str) -> dict[str, Any]:
        return {
            "key": key,
            "store_id": one.store_id,
            "product_id": one.product_id,
            "lot_id": lot_id,
            "first_day": one.days.first,
            "last_day": one.days.last,
            "bottles": one.bottles,
            "is_lower_bound": False,
            "source": SellOutSource.SYSTEM if self._intake.by_program else SellOutSource.FILE,
            "recorded_at": self._intake.now,
        }

    def _is_no_return(self, one: _Sold) -> bool:
        if one.bottles < 0:
            self._intake.refuse(one.row, "bottles", one.bottles, "这几天退的比卖的多，合计是负数；请核对")
        return one.bottles >= 0

    def _known(self, sold: Iterable[_Sold]) -> dict[tuple[int, int], _Known]:
        known: dict[tuple[int, int], _Known] = defaultdict(_Known)
        series = {(one.store_id, one.product_id) for one in sold}
        for some in portions(sorted({product for _, product in series}), 1_000):
            columns = (
                SellOut.store_id,
                SellOut.product_id,
                SellOut.key,
                SellOut.first_day,
                SellOut.last_day,
                SellOut.bottles,
                SellOut.lot_id,
            )
            where = (SellOut.product_id.in_(some), SellOut.is_lower_bound.is_(False))
            for store, product, key, first, last, bottles, lot in self._session.execute(select(*columns).where(*where)):
                if (store, product) in series:
                    known[store, product].rows[key] = (Span(first, last), bottles, lot)
        return known

    def _refuse_twice(self, sold: list[_Sold]) -> None:
        """Two spans of one file may not share a day, unless they are the same span of different lots."""
        groups: dict[tuple[int, int], list[_Sold]] = defaultdict(list)
        for one in sold:
            groups[one.store_id, one.product_id].append(one)
        for group in groups.values():
            reached: _Sold | None = None
            for one in sorted(group, key=lambda each: (each.days.first, each.days.last)):
                if reached is not None and one.days.first <= reached.days.last and not _lots_of_one_span(one, reached):
                    sentence = f"与第 {reached.row.number} 行的日期重叠，会重复计算"
                    self._intake.refuse(one.row, "sold_on", one.days.first, sentence)
                if reached is None or one.days.last >= reached.days.last:
                    reached = one

    def _overlaps(self, one: _Sold, lot_id: int | None, before: dict[str, tuple[Span, int, int | None]]) -> bool:
        own = one.key(lot_id)
        for key, (days, _, lot) in before.items():
            apart = days.last < one.days.first or one.days.last < days.first
            grows = key == own and days.last <= one.days.last
            other_lot = days == one.days and lot is not None and lot_id is not None
            if not (apart or grows or other_lot):
                sentence = f"与已登记的 {days.first} 至 {days.last} 重叠，会重复计算"
                self._intake.refuse(one.row, "sold_on", one.days.first, sentence)
                return True
        return False


def _span_said(row: Row) -> Span:
    said: date | Span | None = row.values.get("sold_on")
    first: date | None = row.values.get("first_day")
    last: date | None = row.values.get("last_day")
    if said is not None:
        return said if isinstance(said, Span) else Span(said, said)
    if first is None:
        raise BadCell("要写销售日期，或者开始日期和结束日期")
    return checked(first, last or first)


def _lots_of_one_span(one: _Sold, other: _Sold) -> bool:
    return one.days == other.days and one.lot is not None and other.lot is not None
