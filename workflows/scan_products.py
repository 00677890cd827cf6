"""What is measured for a product in a store: cover, safety, sales, and what will be left.

The shelf is added up once (`scan_shelf`); rules of products and of whole stores both read the sums.
"""

from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    BigInteger,
    Integer,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    insert,
    null,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from models.catalog import Product, Store
from models.stock import ChannelStock, SalesRate
from rules.sell_through import DAYS_IN_MONTH
from rules.warning_rules import Metric
from workflows.portable_sql import smaller_of, unless_zero
from workflows.scan_hits import Ground
from workflows.scan_levels import Condition, Measure, Subject, days_before, scope_of
from workflows.scan_tables import Numbered, circle, count_rows, peer, shelf

SHRINKAGE_K = 4  # F-7: peers weigh as much as four months of the store's own sales
LARGEST = 2_000_000_000
WHOLE = 100_000  # a hundred percent, in thousandths of a percent
_FILLED = [column.name for column in shelf.columns]


def fill_shelf(session: Session, rules: list[Numbered]) -> None:
    """Add up what each store holds of each product, and for safety stocks also what sells and is out of stock."""
    if any(one.rule.metric is Metric.SELL_THROUGH for one in rules):
        _fill_peers(session)
    session.execute(insert(shelf).from_select(_FILLED, _on_shelf()))
    safety = [scope_of(one.rule.scope) for one in rules if one.rule.metric is Metric.SAFETY_STOCK]
    if safety:
        session.execute(insert(shelf).from_select(_FILLED, _sold_out(or_(*safety))))
    count_rows(session, shelf)


def products(today: date) -> Ground:
    """The ground of the product rules on that day. `fill_shelf` comes first."""
    tables = shelf.join(Product.__table__, Product.id == shelf.c.product_id).join(
        Store.__table__, Store.id == shelf.c.store_id
    )
    loss = product_loss()
    return Ground(
        tables,
        (Store.active.is_(True),),
        {
            "store_id": shelf.c.store_id,
            "product_id": shelf.c.product_id,
            "lot_id": cast(0, Integer),
            "bottles": shelf.c.bottles,
            "loss": loss,
            "received_on": shelf.c.received_on,
            "as_of": shelf.c.as_of,
            "source": shelf.c.source,
        },
        shelf.c.known_on,
        MappingProxyType(
            {
                Metric.MONTHS_OF_COVER: _cover(today),
                Metric.SAFETY_STOCK: _safety(),
                Metric.DAYS_WITHOUT_SALE: _without_sale(today),
                Metric.SELL_THROUGH: _sell_through(),
                Metric.EXPECTED_UNSOLD: _above(shelf.c.unsold),
                Metric.EXPECTED_LOSS: _above(_wide(shelf.c.unsold) * Product.price_fen // 100),
            }
        ),
        Subject(shelf.c.bottles, loss, func.coalesce(shelf.c.first_arrived_on, shelf.c.received_on)),
    )


def product_loss() -> ColumnElement[int]:
    """分 expected to be left of the product; where nobody knows what sells, all of it."""
    left = case((shelf.c.months.is_(None), _wide(shelf.c.bottles) * 1_000), else_=shelf.c.unsold)
    return at_most(_wide(left) * Product.price_fen // 1_000)


def _on_shelf() -> Select[*tuple[Any, ...]]:
    # By sums of nothing: an index in another order would send SQLite across the whole table, row by row.
    store, product = (ChannelStock.store_id + 0), (ChannelStock.product_id + 0)
    held = (
        select(
            store.label("store_id"),
            product.label("product_id"),
            cast(func.sum(ChannelStock.bottles), Integer).label("bottles"),
            func.min(ChannelStock.received_on).label("received_on"),
            func.min(ChannelStock.as_of).label("as_of"),
            func.max(type_coerce(ChannelStock.source, String)).label("source"),
        )
        .where(ChannelStock.bottles > 0)
        .group_by(store, product)
        .subquery()
    )
    rate = and_(SalesRate.store_id == held.c.store_id, SalesRate.product_id == held.c.product_id)
    known = case((SalesRate.store_id.is_(None), held.c.as_of), else_=smaller_of(held.c.as_of, SalesRate.as_of))
    peers = and_(peer.c.product_id == held.c.product_id, peer.c.first_id == circle.c.first_id)
    query = select(
        held.c.store_id,
        held.c.product_id,
        held.c.bottles,
        held.c.received_on,
        held.c.as_of,
        known,
        held.c.source,
        SalesRate.months,
        SalesRate.monthly_millibottles,
        SalesRate.first_arrived_on,
        func.coalesce(SalesRate.last_sold_on, SalesRate.last_arrived_on, held.c.received_on),
        SalesRate.unsold_millibottles,
        _shrunk_share(),
        share_of(peer.c.sold, peer.c.received),
        peer.c.stores,
    )
    return (
        query.select_from(held)
        .outerjoin(SalesRate, rate)
        .outerjoin(circle, circle.c.store_id == held.c.store_id)
        .outerjoin(peer, peers)
    )


def _sold_out(watched: Condition) -> Select[*tuple[Any, ...]]:
    still = select(shelf.c.store_id).where(
        shelf.c.store_id == SalesRate.store_id, shelf.c.product_id == SalesRate.product_id
    )
    since = func.coalesce(SalesRate.last_arrived_on, SalesRate.as_of)
    found = select(
        SalesRate.store_id,
        SalesRate.product_id,
        cast(0, Integer),
        since,
        SalesRate.as_of,
        SalesRate.as_of,
        type_coerce(SalesRate.source, String),
        SalesRate.months,
        SalesRate.monthly_millibottles,
        SalesRate.first_arrived_on,
        func.coalesce(SalesRate.last_sold_on, since),
        SalesRate.unsold_millibottles,
        *(cast(null(), Integer) for _ in ("share", "peer_share", "peers")),
    )
    found = found.join(Store, Store.id == SalesRate.store_id).join(Product, Product.id == SalesRate.product_id)
    return found.where(watched, SalesRate.monthly_millibottles > 0, ~still.exists())


def _fill_peers(session: Session) -> None:
    first = func.min(Store.id).over(partition_by=[Store.region, Store.channel])
    together = select(Store.id, first).where(Store.active.is_(True))
    session.execute(insert(circle).from_select(["store_id", "first_id"], together))
    product = SalesRate.product_id + 0  # for the reason given in `_on_shelf`
    sums = (
        select(
            product,
            circle.c.first_id,
            cast(func.sum(SalesRate.received_bottles), Integer),
            cast(func.sum(SalesRate.sold_bottles), Integer),
            func.count(),
        )
        .join(circle, circle.c.store_id == SalesRate.store_id)
        .where(SalesRate.received_bottles > 0)
        .group_by(product, circle.c.first_id)
    )
    session.execute(insert(peer).from_select([column.name for column in peer.columns], sums))
    count_rows(session, peer)


def _cover(today: date) -> Measure:
    """F-1. What sells nothing has no cover that could be told, and ranks by how long it stands there."""
    bottles, monthly = _wide(shelf.c.bottles), shelf.c.monthly

    def reached(milli: int) -> Condition:
        stood = shelf.c.received_on < today - timedelta(days=round(milli * DAYS_IN_MONTH / 1_000))
        return or_(and_(monthly > 0, bottles * 1_000_000 > _wide(monthly) * milli), and_(monthly == 0, stood))

    return Measure(
        reached,
        value=case((monthly > 0, at_most(bottles * 1_000_000 // unless_zero(monthly)))),
        counted_from=case((monthly == 0, shelf.c.received_on), else_=null()),
    )


def _safety() -> Measure:
    """Days the stock lasts, of goods that sell."""
    bottles, monthly = _wide(shelf.c.bottles), shelf.c.monthly
    in_month = round(DAYS_IN_MONTH * 1_000_000)

    def reached(milli: int) -> Condition:
        return and_(monthly > 0, bottles * in_month <= _wide(monthly) * milli)

    return Measure(reached, value=at_most(bottles * in_month // unless_zero(monthly)))


def _without_sale(today: date) -> Measure:
    return Measure(days_before(today, shelf.c.last_sale_on), counted_from=shelf.c.last_sale_on)


def _sell_through() -> Measure:
    return Measure(lambda milli: shelf.c.share <= milli, value=shelf.c.share)


def _shrunk_share() -> ColumnElement[Any]:
    """F-7. A store seen for few months is drawn to the stores of its region and channel."""
    months = SalesRate.months
    own = share_of(SalesRate.sold_bottles, SalesRate.received_bottles)
    theirs = func.coalesce(share_of(peer.c.sold, peer.c.received), own)
    return cast((own * months + theirs * SHRINKAGE_K) // (months + SHRINKAGE_K), Integer)


def share_of(sold: Any, received: Any) -> ColumnElement[Any]:
    """Sold of received in thousandths of a percent, at most a hundred percent; NULL without anything received."""
    return smaller_of(_wide(sold) * WHOLE // unless_zero(received), cast(WHOLE, BigInteger))


def _above(value: ColumnElement[Any]) -> Measure:
    return Measure(lambda milli: value > milli, value=at_most(value))


def at_most(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """The value, or the most a column of whole numbers holds: what lies beyond is as grave."""
    return smaller_of(value, cast(LARGEST, BigInteger))


def _wide(value: Any) -> ColumnElement[int]:
    return cast(value, BigInteger)
