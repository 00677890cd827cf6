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
from workflows.imports.cells import code, day, degrees, money, text, whole
from workflows.imports.columns import ColumnSpec, Row
from workflows.imports.intake import Intake, ids_by_code, portions
from workflows.imports.lots import LotBook, pseudo_batch
from workflows.imports.products import case_size, spec
from workflows.ledger import Move, post

COLUMNS = (
    ColumnSpec(
        "store",
        "门店编码",
        code,
        "收货门店",
        "S001",
        ("客户编码", "终端编码", "门店", "store_code", "store_no"),
        required=True,
        no_formula=True,
    ),
    ColumnSpec(
        "product",
        "商品编码",
        code,
        "商品",
        "QL42-500",
        ("货号", "商品代码", "存货编码", "item", "sku", "product_code"),
        required=True,
        no_formula=True,
    ),
    ColumnSpec(
        "delivered_on",
        "发货日期",
        day,
        "送到门店的日期",
        "2025-03-01",
        ("日期", "单据日期", "出库日期", "送货日期", "date", "delivery_date"),
        required=True,
        no_formula=True,
    ),
    ColumnSpec(
        "bottles",
        "瓶数",
        whole,
        "瓶数，整数；写了箱数时是零头，两样合计要大于 0",
        "24",
        ("数量", "数量(瓶)", "出库数量", "qty", "quantity"),
        required=True,
        may_be_empty=True,
        no_formula=True,
    ),
    ColumnSpec("cases", "箱数", whole, "按商品箱规折成瓶", "2", ("件数", "箱", "case"), no_formula=True),
    ColumnSpec("batch", "批号", code, "可空：按发货月份归为一批", "B250112", ("批次", "lot")),
    ColumnSpec("production_date", "生产日期", day, "可空", "2025-01-12", ("生产批次日期",)),
    ColumnSpec("price_fen", "单价", money, "每瓶，元，可空", "128.00", ("价格", "price")),
    ColumnSpec("document", "单号", code, "可空，填了更好防重", "CK20250301-01", ("单据号", "单据编号", "document_no")),
    ColumnSpec("line", "行号", code, "单据里的第几行，可空", "1", ("分录号", "line_no")),
    ColumnSpec("store_name", "门店名称", text, "新门店建档用", "临江路烟酒店", ("客户名称",)),
    ColumnSpec("product_name", "商品名称", text, "新商品建档用", "青岚 42 度 500ml", ("品名", "item_name", "存货名称")),
    ColumnSpec("case_size", "箱规", case_size, "新商品建档用", "6", ("pack", "每箱瓶数")),
    ColumnSpec("spec", "规格", spec, "新商品建档用", "500ml", ("ml", "规格型号")),
    ColumnSpec("region", "区域", text, "新门店建档用", "临江区", ("片区", "city", "城市")),
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
        self._stores = ids_by_code(self._session, Store)
        self._products: dict[str, tuple[int, int]] = {
            code: (product, size)
            for code, product, size in self._session.execute(select(Product.code, Product.id, Product.case_size))
        }
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
        store = self._store(row)
        product = self._product(row)
        if store is None or product is None:
            return None
        product_id, size = product
        bottles = (values["bottles"] or 0) + (values.get("cases") or 0) * size
        if bottles <= 0:
            self._intake.refuse(row, "bottles", values["bottles"], "瓶数要大于 0")
            return None
        produced = values.get("production_date")
        batch = values.get("batch") or pseudo_batch(produced, values["delivered_on"])
        return _Line(row, self._key(values, bottles), store, product_id, bottles, batch or "")

    def _store(self, row: Row) -> int | None:
        known = self._stores.get(row.values["store"])
        if known is not None:
            return known
        name = row.values.get("store_name")
        if not self._intake.create_missing or name is None:
            self._intake.refuse(row, "store", row.values["store"], "没有这家门店，请先导入门店")
            return None
        return self._new_store(row.values, name)

    def _new_store(self, values: dict[str, Any], name: str) -> int:
        placed = values.get("latitude") is not None and values.get("longitude") is not None
        store = Store(
            code=values["store"],
            name=name,
            region=values.get("region") or "",
            latitude=values["latitude"] if placed else None,
            longitude=values["longitude"] if placed else None,
        )
        self._session.add(store)
        self._session.flush()
        self._stores[store.code] = store.id
        self._intake.tally.created["门店"] += 1
        return store.id

    def _product(self, row: Row) -> tuple[int, int] | None:
        values = row.values
        known = self._products.get(values["product"])
        if known is not None:
            return known
        name, size = values.get("product_name"), values.get("case_size")
        if not self._intake.create_missing or name is None:
            self._intake.refuse(row, "product", values["product"], "没有这个商品，请先导入商品")
        elif size is None:
            sentence = f"新商品“{name}”没有箱规，建不了档；请先在商品表里补上箱规"
            self._intake.refuse(row, "product", values["product"], sentence)
        else:
            return self._new_product(values, name, size)
        return None

    def _new_product(self, values: dict[str, Any], name: str, size: int) -> tuple[int, int]:
        product = Product(code=values["product"], name=name, case_size=size, spec=values.get("spec") or "")
        self._session.add(product)
        self._session.flush()
        self._products[product.code] = (product.id, size)
        self._intake.tally.created["商品"] += 1
        return product.id, size

    def _key(self, values: dict[str, Any], bottles: int) -> str:
        document, line = values.get("document"), values.get("line")
        if document and line:
            return f"doc:{document}:{line}"
        said = (document, values["store"], values["product"], values["delivered_on"], bottles)
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
