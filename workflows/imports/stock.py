"""Counts of what stands in stores and in our own warehouse, at the start and later on.

A count speaks for the whole product in that place: batches it does not name are counted as none. It
is true for the evening of its day, so what moved later is left standing.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from models.catalog import UNKNOWN_BATCH, Product, Store
from models.stock import PlaceKind
from workflows.counting import Counted, counted_on, settle
from workflows.imports.cells import code, day, whole
from workflows.imports.columns import ColumnSpec, Row
from workflows.imports.intake import Intake, ids_by_code
from workflows.imports.lots import LotBook, pseudo_batch
from workflows.imports.masters import without_repeats
from workflows.ledger import Spot

WAREHOUSE = "仓库"
OWN: Spot = (PlaceKind.WAREHOUSE_STOCK, 0)

COLUMNS = (
    ColumnSpec(
        "store",
        "门店编码",
        code,
        f"门店；自己的仓库写“{WAREHOUSE}”或空着",
        "S001",
        ("门店", "客户编码", "store_code", "地点"),
        required=True,
        may_be_empty=True,
        no_formula=True,
    ),
    ColumnSpec(
        "product",
        "商品编码",
        code,
        "商品",
        "QL42-500",
        ("货号", "item", "sku", "存货编码", "product_code"),
        required=True,
        no_formula=True,
    ),
    ColumnSpec("batch", "批号", code, "可空", "B250112", ("批次", "lot"), no_formula=True),
    ColumnSpec("production_date", "生产日期", day, "可空；没有批号时按它分批", "2025-01-12", ()),
    ColumnSpec(
        "bottles",
        "瓶数",
        whole,
        "瓶数；写了箱数时是零头",
        "5",
        ("数量", "库存", "库存数量", "零瓶", "qty"),
        required=True,
        may_be_empty=True,
        no_formula=True,
    ),
    ColumnSpec("cases", "箱数", whole, "按商品箱规折成瓶", "2", ("整箱", "件数"), no_formula=True),
    ColumnSpec(
        "received_on",
        "入店日期",
        day,
        "这批货哪天进的店；门店必填，库龄从这天算",
        "2025-02-01",
        ("到店日期", "进货日期", "入库日期", "received"),
    ),
    ColumnSpec("as_of", "盘点日期", day, "空着＝今天", "2025-03-01", ("日期", "盘点日", "count_date")),
)


@dataclass(frozen=True)
class _Count:
    """One counted lot."""

    row: Row
    store_id: int | None
    product_id: int
    batch: str
    bottles: int
    as_of: date

    @property
    def spot(self) -> Spot:
        """Where it was counted."""
        return OWN if self.store_id is None else (PlaceKind.STORE_SHELF, self.store_id)

    @property
    def lot(self) -> tuple[int, str]:
        """Product and batch."""
        return self.product_id, self.batch


def load(intake: Intake) -> None:
    """Make shelves and warehouse equal the counts, and note what stores were seen to hold."""
    rows = without_repeats(
        intake, list(intake.rows), "门店、商品和批次", "store", "product", "batch", "production_date"
    )
    loader = _Loader(intake)
    counts = [count for row in rows if (count := loader.read(row)) is not None]
    loader.refuse_two_days(counts)
    loader.refuse_older(counts)
    if not intake.problems:
        loader.write(counts)


class _Loader:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._session = intake.session
        self._stores = ids_by_code(self._session, Store)
        self._products: dict[str, tuple[int, int]] = {
            code: (product, size)
            for code, product, size in self._session.execute(select(Product.code, Product.id, Product.case_size))
        }
        self._lots = LotBook(self._session)

    def read(self, row: Row) -> _Count | None:
        """Understand a row, or refuse it."""
        values = row.values
        own = values["store"] in {None, WAREHOUSE}
        if not own and values["store"] not in self._stores:
            self._intake.refuse(row, "store", values["store"], "没有这家门店，请先导入门店")
            return None
        if values["product"] not in self._products:
            self._intake.refuse(row, "product", values["product"], "没有这个商品，请先导入商品")
            return None
        if values["bottles"] is None and values.get("cases") is None:
            self._intake.refuse(row, "bottles", "", "瓶数和箱数至少写一样；没有货写 0")
            return None
        if not self._days_are_right(row, own=own):
            return None
        product, size = self._products[values["product"]]
        batch = values.get("batch") or pseudo_batch(values.get("production_date"), None)
        self._lots.learn([product])
        count = _Count(
            row,
            None if own else self._stores[values["store"]],
            product,
            batch or UNKNOWN_BATCH,
            (values["bottles"] or 0) + (values.get("cases") or 0) * size,
            values.get("as_of") or self._intake.today,
        )
        return count if self._lot_is_right(count) else None

    def refuse_two_days(self, counts: list[_Count]) -> None:
        """A product in one place has one day of counting in a file, and one row for each batch."""
        days: dict[tuple[Spot, int], _Count] = {}
        lots: dict[tuple[Spot, tuple[int, str]], int] = {}
        for count in counts:
            first = days.setdefault((count.spot, count.product_id), count)
            number = lots.setdefault((count.spot, count.lot), count.row.number)
            if first.as_of != count.as_of:
                sentence = f"盘点日期与第 {first.row.number} 行同一商品的不同"
                self._intake.refuse(count.row, "as_of", count.as_of, sentence)
            if number != count.row.number:
                sentence = f"与第 {number} 行是同一批次；请写批号或生产日期区分"
                self._intake.refuse(count.row, "batch", count.batch, sentence)

    def refuse_older(self, counts: list[_Count]) -> None:
        """A count from before the last one of that product would turn time back."""
        last = counted_on(self._session)
        for count in counts:
            known = last.get((count.store_id or 0, count.product_id))
            if known is not None and count.as_of < known:
                sentence = f"这家门店 {known} 已有更新的盘点"
                self._intake.refuse(count.row, "as_of", count.as_of, sentence)

    def write(self, counts: list[_Count]) -> None:
        """Post the differences and keep the observations."""
        wanted = {count.lot: count.row.values.get("production_date") for count in counts}
        self._intake.tally.created["批次"] += self._lots.make(wanted)
        seen = [
            Counted(
                count.spot,
                count.product_id,
                self._lots[count.lot],
                count.bottles,
                count.row.values.get("received_on"),
                count.as_of,
            )
            for count in counts
        ]
        changed = settle(self._session, seen, self._intake.now, self._intake.actor_name)
        self._intake.tally.accepted += changed
        self._intake.tally.unchanged += len(counts) - changed

    def _days_are_right(self, row: Row, *, own: bool) -> bool:
        values = row.values
        as_of = values.get("as_of") or self._intake.today
        received, produced = values.get("received_on"), values.get("production_date")
        if as_of > self._intake.today:
            self._intake.refuse(row, "as_of", as_of, "日期在今天以后")
        elif received is None and not own:
            self._intake.refuse(row, "received_on", "", "要写这批货哪天进的店，不然库龄会从 0 天算起")
        elif received is not None and received > as_of:
            self._intake.refuse(row, "received_on", received, "入店日期晚于盘点日期")
        elif produced is not None and produced > (received or as_of):
            self._intake.refuse(row, "production_date", produced, "生产日期晚于入店日期")
        else:
            return True
        return False

    def _lot_is_right(self, count: _Count) -> bool:
        produced = count.row.values.get("production_date")
        other = self._lots.differs(count.lot, produced)
        if other is None:
            return True
        sentence = f"批号 {count.batch} 的生产日期已登记为 {other}"
        self._intake.refuse(count.row, "production_date", produced, sentence)
        return False
