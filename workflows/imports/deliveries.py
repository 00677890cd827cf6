"""Deliveries to stores (出货): one transaction, read in portions, whatever the file's length.

A line is known by its document number and line number, else by what it says: store, item, day, bottles
and how often just that was said before in the same file. So the same file twice changes nothing.

A delivery on or before the last count of that product in that store is history: it tells what sells,
but the count has made the shelf true already, so the ledger does not move.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from sqlalchemy import Table, insert, select

from models.catalog import Hold, Product, Store
from models.stock import Delivery, MoveKind, PlaceKind
from workflows.counting import counted_on
from workflows.imports.cells import BadCell, code, day, degrees, money, text
from workflows.imports.columns import ColumnSpec, Row
from workflows.imports.common_columns import (
    amount_columns,
    lot_columns,
    product_column,
    product_name_columns,
    store_column,
    store_name_column,
)
from workflows.imports.finding import Finder, Item, NotFound, Shop
from workflows.imports.intake import Intake, portions
from workflows.imports.lots import LotBook, pseudo_batch
from workflows.imports.products import case_size
from workflows.imports.quantities import bottles_said
from workflows.ledger import Move, post

COLUMNS = (
    store_column("收货门店；也认不重名的名称"),
    store_name_column("新门店建档用；没有编码时按名称找"),
    product_column(),
    *product_name_columns(),
    ColumnSpec(
        "delivered_on",
        "发货日期",
        day,
        "送到门店的日期",
        "2025-03-01",
        ("日期", "单据日期", "出库日期", "送货日期", "date", "delivery_date"),
        required=True,
        no_formula=True,
        repeats=True,
    ),
    *amount_columns("出库数量", explanation="瓶数，整数；写了箱数时是零头，两样合计要大于 0"),
    *lot_columns("可空：按发货月份归为一批"),
    ColumnSpec("price_fen", "单价", money, "每瓶，元，可空", "128.00", ("价格", "price")),
    ColumnSpec(
        "document",
        "单号",
        code,
        "可空，填了更好防重",
        "CK20250301-01",
        ("单据号", "单据编号", "document_no"),
        repeats=True,
    ),
    ColumnSpec("line", "行号", code, "单据里的第几行，可空", "1", ("分录号", "line_no")),
    ColumnSpec("case_size", "箱规", case_size, "新商品建档用", "6", ("pack", "每箱瓶数")),
    ColumnSpec("region", "区域", text, "新门店建档用", "临江区", ("片区", "city", "城市"), repeats=True),
    ColumnSpec("latitude", "纬度", degrees(90), "新门店建档用", "30.512", ("lat",)),
    ColumnSpec("longitude", "经度", degrees(180), "新门店建档用", "104.071", ("lon", "lng")),
)


#: Written without the ORM's bookkeeping, which doubles the time of a long file.
_TABLE = cast("Table", Delivery.__table__)


@dataclass(frozen=True)
class _Line:
    """A delivery whose store, product and lot are known by name."""

    row: Row
    key: str
    store_id: int
    product_id: int
    bottles: int
    batch: str

    @property
    def lot(self) -> tuple[int, str]:
        return self.product_id, self.batch


def load(intake: Intake) -> None:
    """Load the lines that are new; lines that cannot be true are refused one by one."""
    loader = _Loader(intake)
    for rows in intake.chunks():
        loader.take(rows)


class _Loader:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._session = intake.session
        self._finder = Finder(self._session, intake.only_stores)
        self._lots = LotBook(self._session)
        self._held = set(self._session.scalars(select(Hold.lot_id).where(Hold.released_at.is_(None))))
        self._said: Counter[bytes] = Counter()
        self._counted_on = counted_on(intake.session)

    def take(self, rows: list[Row]) -> None:
        """Load one portion."""
        lines = [line for row in rows if (line := self._line(row)) is not None]
        new = self._not_yet_loaded(lines)
        self._lots.learn({line.product_id for line in new})
        good = [line for line in new if self._lot_is_right(line)]
        wanted: dict[tuple[int, str], date | None] = {}
        for line in good:
            produced = line.row.values.get("production_date")
            wanted[line.lot] = wanted.get(line.lot) or produced
        self._intake.tally.created["批次"] += self._lots.make(wanted)
        self._write(good)

    def _line(self, row: Row) -> _Line | None:
        values = row.values
        if values["delivered_on"] > self._intake.today:
            self._intake.refuse(row, "delivered_on", values["delivered_on"], "日期在今天以后")
            return None
        try:
            store, item = self._store(row), self._product(row)
            bottles = bottles_said(values, item.case_size) or 0
        except NotFound as refused:
            self._intake.refuse(row, refused.column, refused.value, str(refused))
            return None
        except BadCell as refused:
            self._intake.refuse(row, "bottles", "", str(refused))
            return None
        self._intake.understand(row, store.label, item.label, bottles)
        if bottles <= 0:
            self._intake.refuse(row, "bottles", values.get("bottles"), "瓶数要大于 0")
            return None
        produced = values.get("production_date")
        batch = values.get("batch") or pseudo_batch(produced, values["delivered_on"])
        return _Line(row, self._key(values, store, item, bottles), store.id, item.id, bottles, batch or "")

    def _store(self, row: Row) -> Shop:
        try:
            return self._finder.shop(row.values)
        except NotFound:
            code, name = row.values.get("store"), row.values.get("store_name")
            if not self._intake.create_missing or code is None or name is None:
                raise
        return self._new_store(row.values, code, name)

    def _new_store(self, values: dict[str, Any], code: str, name: str) -> Shop:
        placed = values.get("latitude") is not None and values.get("longitude") is not None
        store = Store(
            code=code,
            name=name,
            region=values.get("region") or "",
            latitude=values["latitude"] if placed else None,
            longitude=values["longitude"] if placed else None,
        )
        self._session.add(store)
        self._session.flush()
        shop = Shop(store.id, code, name)
        self._finder.add_shop(shop)
        self._intake.tally.created["门店"] += 1
        return shop

    def _product(self, row: Row) -> Item:
        values = row.values
        try:
            return self._finder.item(values)
        except NotFound:
            code, name = values.get("product"), values.get("product_name")
            if not self._intake.create_missing or code is None or name is None:
                raise
        size = values.get("case_size")
        if size is None:
            raise NotFound("product", code, f"新商品“{name}”没有箱规，建不了档；请先在商品表里补上箱规")
        return self._new_product(values, code, name, size)

    def _new_product(self, values: dict[str, Any], code: str, name: str, size: int) -> Item:
        product = Product(code=code, name=name, case_size=size, spec=values.get("spec") or "")
        self._session.add(product)
        self._session.flush()
        item = Item(product.id, code, name, product.spec, size)
        self._finder.add_item(item)
        self._intake.tally.created["商品"] += 1
        return item

    def _key(self, values: dict[str, Any], store: Shop, item: Item, bottles: int) -> str:
        document, line = values.get("document"), values.get("line")
        if document and line:
            return f"doc:{document}:{line}"
        said = (document, store.code, item.code, values["delivered_on"], bottles)
        digest = hashlib.sha256("\x1f".join(map(str, said)).encode()).digest()[:16]
        self._said[digest] += 1
        return f"row:{digest.hex()}:{self._said[digest]}"

    def _not_yet_loaded(self, lines: list[_Line]) -> list[_Line]:
        """Leave out lines loaded before; refuse those whose document line says something else now."""
        kept: dict[str, tuple[int, int, int]] = {}
        query = select(Delivery.key, Delivery.store_id, Delivery.product_id, Delivery.bottles)
        for some in portions(lines):
            where = Delivery.key.in_([line.key for line in some])
            for key, *said in self._session.execute(query.where(where)):
                kept[key] = (said[0], said[1], said[2])
        new = []
        for line in lines:
            if line.key not in kept:
                kept[line.key] = (line.store_id, line.product_id, line.bottles)
                new.append(line)
            elif kept[line.key] == (line.store_id, line.product_id, line.bottles):
                self._intake.tally.unchanged += 1
            else:
                sentence = "这个单号和行号已经登记过，内容不同"
                self._intake.refuse(line.row, "document", line.row.values["document"], sentence)
        return new

    def _lot_is_right(self, line: _Line) -> bool:
        values = line.row.values
        produced = values.get("production_date")
        other = self._lots.differs(line.lot, produced)
        if other is not None:
            sentence = f"批号 {line.batch} 的生产日期已登记为 {other}"
            self._intake.refuse(line.row, "production_date", produced, sentence)
        elif produced is not None and produced > values["delivered_on"]:
            self._intake.refuse(line.row, "production_date", produced, "生产日期晚于发货日期")
        elif self._lots.get(line.lot) in self._held:
            self._intake.refuse(line.row, "batch", line.batch, "这个批次已停售，不能发给门店")
        else:
            return True
        return False

    def _write(self, lines: list[_Line]) -> None:
        if not lines:
            return
        self._session.execute(insert(_TABLE), [self._delivery(line) for line in lines])
        moves = (self._move(line) for line in lines if self._moves_stock(line))
        post(self._session, moves, self._intake.now, self._intake.actor_name)
        self._intake.tally.accepted += len(lines)

    def _moves_stock(self, line: _Line) -> bool:
        counted_on = self._counted_on.get((line.store_id, line.product_id))
        return counted_on is None or line.row.values["delivered_on"] > counted_on

    def _delivery(self, line: _Line) -> dict[str, Any]:
        return {
            "key": line.key,
            "store_id": line.store_id,
            "product_id": line.product_id,
            "lot_id": self._lots[line.lot],
            "delivered_on": line.row.values["delivered_on"],
            "bottles": line.bottles,
            "price_fen": line.row.values.get("price_fen"),
        }

    def _move(self, line: _Line) -> Move:
        return Move(
            key=f"delivery:{line.key}",
            kind=MoveKind.DELIVERY,
            lot_id=self._lots[line.lot],
            source=(PlaceKind.OUTSIDE, 0),
            target=(PlaceKind.STORE_SHELF, line.store_id),
            bottles=line.bottles,
            happened_on=line.row.values["delivered_on"],
        )
