"""What stands in our own warehouse; and in stores, in the one file some people keep for both.

A count speaks for the whole product in that place: batches it does not name are counted as none. It
is true for the evening of its day, so what moved later is left standing.
"""

from collections import defaultdict
from dataclasses import replace
from datetime import date

from sqlalchemy import func, select

from models.catalog import Lot
from models.stock import MoveKind, Observation, Place, PlaceKind, StockMove, StockSource
from workflows.counting import Counted, settle
from workflows.imports.cells import text
from workflows.imports.columns import ColumnSpec, Row, normal
from workflows.imports.common_columns import store_column, store_name_column
from workflows.imports.counted_rows import AGE_IS_MISSING, CountReader, Line, counted_columns, unknown
from workflows.imports.counts import keep_observed
from workflows.imports.finding import NotFound
from workflows.imports.intake import Intake, portions
from workflows.ledger import Spot

WAREHOUSE = "仓库"
OWN: Spot = (PlaceKind.WAREHOUSE_STOCK, 0)
_STORE_WORDS = ("店", "客户", "终端", "往来")

COLUMNS = counted_columns(
    (
        store_column(f"门店；自己的仓库写“{WAREHOUSE}”或空着，整列都可以没有", required=False),
        store_name_column(),
        ColumnSpec(
            "warehouse", "仓库", text, "自己有几个仓库时的名称，合在一起算", "主仓", ("仓库名称", "仓库编码", "库房")
        ),
    ),
    "现存数量",
    "结存数量",
    "账面数量",
    "可用数量",
    age_is_asked=False,
    no_lot="可空",
)


def load(intake: Intake) -> None:
    """Make shelves and warehouse equal the counts, and note what stores were seen to hold."""
    _refuse_unread_stores(intake)
    reader = CountReader(intake)
    lines = [line for row in intake.rows if (line := _line(intake, reader, row)) is not None]
    _refuse_two_days(intake, lines)
    reader.refuse_repeats(lines)
    if intake.problems and not intake.skip_bad:
        return
    lines = [line for line in lines if line.row.number not in intake.problems.bad_rows]
    lines = [line if line.lot else replace(line, lot=unknown(line.item)) for line in lines]
    reader.make_lots(lines)
    own = _without_older(intake, [line for line in lines if line.store_id is None])
    _settle_own(intake, reader, own)
    in_stores = [line for line in lines if line.store_id is not None]
    keep_observed(intake, reader, in_stores, _sources(intake, in_stores))


def _sources(intake: Intake, lines: list[Line]) -> dict[tuple[int, int], StockSource]:
    """The first count of a product in a store is its opening."""
    first: dict[tuple[int, int], date] = {}
    products = sorted({line.item.id for line in lines})
    columns = (Observation.store_id, Observation.product_id, func.min(Observation.as_of))
    for some in portions(products, 1_000):
        query = select(*columns).where(Observation.product_id.in_(some))
        for store, product, day in intake.session.execute(query.group_by(*columns[:2])):
            first[store, product] = day
    return {
        line.place: StockSource.COUNT if first.get(line.place, line.as_of) < line.as_of else StockSource.OPENING
        for line in lines
    }


def _refuse_unread_stores(intake: Intake) -> None:
    """A column of stores under a name we do not know must not be taken for our own warehouse."""
    if intake.header.has("store") or intake.header.has("store_name"):
        return
    for name in intake.header.ignored:
        if any(word in normal(name) for word in _STORE_WORDS):
            sentence = f"表头里有“{name}”，但看不出是不是门店；请改成“门店编码”，或删掉这一列"
            intake.problems.add(intake.header.number, name, None, sentence)


def _line(intake: Intake, reader: CountReader, row: Row) -> Line | None:
    store = row.values.get("store")
    own = store == WAREHOUSE or (store is None and row.values.get("store_name") is None)
    try:
        shop = None if own else reader.finder.shop(row.values)
    except NotFound as refused:
        intake.refuse(row, refused.column, refused.value, str(refused))
        return None
    line = reader.line(row, shop)
    if line is None:
        return None
    if line.bottles < 0:
        intake.refuse(row, "bottles", line.bottles, "账面是负数，先在原来的系统里查清再导入")
        return None
    if line.received_on is None and not own:
        intake.refuse(row, "received_on", "", AGE_IS_MISSING)
        return None
    return line


def _refuse_two_days(intake: Intake, lines: list[Line]) -> None:
    """A product in one place has one day of counting in a file."""
    days: dict[tuple[int, int], Line] = {}
    for line in lines:
        first = days.setdefault(line.place, line)
        if first.as_of != line.as_of:
            sentence = f"盘点日期与第 {first.row.number} 行同一商品的不同"
            intake.refuse(line.row, "as_of", line.as_of, sentence)


def _without_older(intake: Intake, lines: list[Line]) -> list[Line]:
    """Leave out counts of our warehouse from before the last correction of that product."""
    last = _last_corrected(intake, {line.item.id for line in lines})
    kept = []
    for line in lines:
        day = last.get(line.item.id)
        if day is not None and line.as_of < day:
            intake.skip(line.row, f"仓库里的 {line.item.code} 在 {day} 已有更新的盘点，没有改动")
        else:
            kept.append(line)
    return kept


def _last_corrected(intake: Intake, products: set[int]) -> dict[int, date]:
    days: dict[int, date] = {}
    for column in (StockMove.to_place_id, StockMove.from_place_id):
        query = (
            select(Lot.product_id, func.max(StockMove.happened_on))
            .join(Lot, Lot.id == StockMove.lot_id)
            .join(Place, Place.id == column)
            .where(StockMove.kind.in_((MoveKind.COUNT, MoveKind.OPENING)), Place.kind == OWN[0], Place.ref == OWN[1])
            .group_by(Lot.product_id)
        )
        for product, day in intake.session.execute(query):
            if product in products:
                days[product] = max(day, days.get(product, day))
    return days


def _settle_own(intake: Intake, reader: CountReader, lines: list[Line]) -> None:
    """Make our warehouse hold what was counted, all its rooms together."""
    together: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        together[reader.lots[line.lot or unknown(line.item)]].append(line)
    counts = [
        Counted(OWN, group[0].item.id, lot, sum(line.bottles for line in group), None, group[0].as_of)
        for lot, group in together.items()
    ]
    changed = settle(intake.session, counts, intake.now, intake.actor_name)
    intake.tally.accepted += changed
    intake.tally.unchanged += len(lines) - changed
