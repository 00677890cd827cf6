"""SELECTs behind the page of a count in a store: what is believed to stand there, and finding more products."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from models.catalog import UNKNOWN_BATCH, Lot, Product, Store
from models.observing import CountLine, CountRequest
from models.stock import ChannelStock, StockSource
from workflows.code_registry import resolve
from workflows.count_requests import OPEN
from workflows.freshness import age_words
from workflows.house import House

MOST_PRODUCTS = 400  # on one page; more are found by name
MOST_FOUND = 8
MOST_LOTS = 12
Rows = dict[int, list[tuple[ChannelStock, Lot]]]  # by product id


@dataclass(frozen=True)
class VisitLot:
    """A lot believed to stand in the store, in bottles."""

    lot_id: int
    batch: str
    bottles: int


@dataclass(frozen=True)
class VisitProduct:
    """A product to count: what is believed of it, how old that is, and whether somebody waits for the number."""

    product_id: int
    name: str
    spec: str
    case_size: int
    believed: int | None
    age: str
    wanted: bool
    lots: tuple[VisitLot, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """What the page's script needs."""
        return {**vars(self), "lots": [vars(lot) for lot in self.lots]}


def products_to_count(session: Session, house: House, store: Store, today: date) -> list[VisitProduct]:
    """What is believed to stand in the store; what somebody asked about comes first, then the most bottles."""
    wanted = _wanted(session, store.id)
    rows = _stock(session, or_(ChannelStock.bottles > 0, ChannelStock.product_id.in_(wanted)), store.id)
    products = {p.id: p for p in session.scalars(select(Product).where(Product.id.in_(rows.keys() | wanted)))}
    found = [_product(house, products[key], rows.get(key, []), key in wanted, today) for key in products]
    found.sort(key=lambda product: (not product.wanted, -(product.believed or 0), product.name, product.product_id))
    return found[:MOST_PRODUCTS]


def products_like(session: Session, house: House, store: Store, words: str, today: date) -> list[VisitProduct]:
    """Products by part of their name, by code, barcode or the code on a bottle; at most eight."""
    code = resolve(session, words, today, house.public_url)
    sign = "/"
    part = words.replace(sign, sign * 2).replace("%", f"{sign}%").replace("_", f"{sign}_")
    hit = Product.code == code.product_code if code.product_code else Product.name.contains(part, escape=sign)
    query = select(Product).where(or_(hit, Product.code == words, Product.barcode == words)).order_by(Product.name)
    products = list(session.scalars(query.limit(MOST_FOUND)))
    rows = _stock(session, ChannelStock.product_id.in_([product.id for product in products]), store.id)
    return [_product(house, product, rows.get(product.id, []), wanted=False, today=today) for product in products]


def _stock(session: Session, which: ColumnElement[bool], store_id: int) -> Rows:
    query = (
        select(ChannelStock, Lot)
        .join(Lot, Lot.id == ChannelStock.lot_id)
        .where(ChannelStock.store_id == store_id, which)
        .order_by(ChannelStock.received_on, ChannelStock.id)
    )
    rows: Rows = {}
    for stock, lot in session.execute(query):
        rows.setdefault(stock.product_id, []).append((stock, lot))
    return rows


def _product(
    house: House, product: Product, rows: list[tuple[ChannelStock, Lot]], wanted: bool, today: date
) -> VisitProduct:
    known_on, source = _known(rows)
    lots = tuple(VisitLot(lot.id, _batch(lot), stock.bottles) for stock, lot in rows if stock.bottles > 0)
    return VisitProduct(
        product_id=product.id,
        name=product.name,
        spec="" if product.spec in product.name else product.spec,
        case_size=product.case_size,
        believed=sum(stock.bottles for stock, _ in rows) if rows else None,
        age=age_words(house, known_on, source, today),
        wanted=wanted,
        lots=lots[:MOST_LOTS],
    )


def _known(rows: list[tuple[ChannelStock, Lot]]) -> tuple[date | None, StockSource | None]:
    newest = max((stock for stock, _ in rows), key=lambda stock: stock.as_of, default=None)
    return (newest.as_of, newest.source) if newest else (None, None)


def _batch(lot: Lot) -> str:
    return "批次不明" if lot.batch == UNKNOWN_BATCH else lot.batch


def _wanted(session: Session, store_id: int) -> set[int]:
    """Products an open question to the store waits for."""
    query = (
        select(CountLine.product_id)
        .join(CountRequest, CountRequest.id == CountLine.request_id)
        .where(CountRequest.store_id == store_id, CountRequest.state.in_(OPEN), CountLine.open_key.is_not(None))
    )
    return set(session.scalars(query))
