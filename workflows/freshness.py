"""How old the knowledge of what stands in stores is: in words, per store and product, and for all stores."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Integer, Subquery, and_, func, select, union_all
from sqlalchemy.orm import Session

from models.catalog import Product, Store
from models.stock import CONFIDENCE, ChannelStock, Observation, StockSource
from workflows.house import House


@dataclass(frozen=True)
class Known:
    """What is believed of a product in a store: bottles, the day it was known on, by which source."""

    bottles: int
    as_of: date
    source: StockSource

    @property
    def confidence(self) -> int:
        """How far it is believed, in percent."""
        return CONFIDENCE[self.source]


@dataclass(frozen=True)
class StoreAge:
    """A store, the last day anybody counted there (None: never), and its stock at our price in 分."""

    store: Store
    counted_on: date | None
    value_fen: int


@dataclass(frozen=True)
class Freshness:
    """Of `stores` with stock, `fresh` were counted within the days asked about; the stalest first."""

    stores: int
    fresh: int
    stalest: tuple[StoreAge, ...]

    @property
    def percent(self) -> int:
        """The share that is fresh, rounded down; nothing to know counts as known."""
        return self.fresh * 100 // self.stores if self.stores else 100


def age_words(house: House, known_on: date | None, source: StockSource | str | None, today: date) -> str:
    """数据 12 天前，店主自报; what nobody ever told, or what is only inferred, says so."""
    if known_on is None or source is None:
        return house.texts.sentence("data_age_none")
    if source == StockSource.INFERRED:
        return house.texts.sentence("data_age_inferred")
    said = house.texts.label("stock_source", str(source))
    return house.texts.sentence("data_age", days=max(0, (today - known_on).days), source=said)


def known_of(session: Session, store_id: int, product_ids: Collection[int]) -> dict[int, Known]:
    """What is believed of products in a store, by product id. The newest lot's day and source speak for all."""
    query = (
        select(ChannelStock.product_id, ChannelStock.bottles, ChannelStock.as_of, ChannelStock.source)
        .where(ChannelStock.store_id == store_id, ChannelStock.product_id.in_(product_ids))
        .order_by(ChannelStock.as_of, ChannelStock.id)
    )
    found: dict[int, Known] = {}
    for product, bottles, day, source in session.execute(query):
        found[product] = _together(found.get(product), Known(bottles, day, source))
    return found


def _together(before: Known | None, one: Known) -> Known:
    """Two lots of a product. One inferred beside counted ones is a delivery since: the count tells the age."""
    if before is None:
        return one
    since = one.source is StockSource.INFERRED and before.source is not StockSource.INFERRED
    newest = before if since else one
    return Known(before.bottles + one.bottles, newest.as_of, newest.source)


def last_counts() -> Subquery:
    """SELECT of store_id, product_id and counted_on: the last day somebody counted, reported or took over stock."""
    seen = union_all(
        select(Observation.store_id, Observation.product_id, Observation.as_of),
        select(ChannelStock.store_id, ChannelStock.product_id, ChannelStock.as_of).where(
            ChannelStock.source != StockSource.INFERRED
        ),
    ).subquery()
    return (
        select(seen.c.store_id, seen.c.product_id, func.max(seen.c.as_of).label("counted_on"))
        .group_by(seen.c.store_id, seen.c.product_id)
        .subquery()
    )


def freshness(
    session: Session, today: date, days: int, which: ColumnElement[bool], *, most: int = 20, start: int = 0
) -> Freshness:
    """How many of the stores (a condition on Store) with stock were counted within `days`, and the stalest of all."""
    stock = (
        select(ChannelStock.store_id, func.sum(ChannelStock.bottles * Product.price_fen).label("value_fen"))
        .join(Product, Product.id == ChannelStock.product_id)
        .where(ChannelStock.bottles > 0)
        .group_by(ChannelStock.store_id)
        .subquery()
    )
    counts = last_counts()
    by_store = (
        select(counts.c.store_id, func.max(counts.c.counted_on).label("counted_on"))
        .group_by(counts.c.store_id)
        .subquery()
    )
    mine = (
        select(Store, by_store.c.counted_on, stock.c.value_fen.cast(Integer))
        .join(stock, stock.c.store_id == Store.id)
        .outerjoin(by_store, by_store.c.store_id == Store.id)
        .where(Store.active.is_(True), which)
    )
    rows = mine.subquery()
    fresh_since = today - timedelta(days=days)
    total, fresh = session.execute(
        select(func.count(), func.count().filter(rows.c.counted_on >= fresh_since)).select_from(rows)
    ).one()
    never_first = and_(by_store.c.counted_on.is_not(None))
    stalest = mine.order_by(never_first, by_store.c.counted_on, stock.c.value_fen.desc(), Store.id)
    listed = session.execute(stalest.limit(most).offset(start))
    return Freshness(total, fresh, tuple(StoreAge(store, day, value) for store, day, value in listed))
