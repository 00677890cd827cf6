"""What is measured for a whole store: how far its cover lies above those of its tier and region.

Median and median absolute deviation come from window functions; 1.4826 times the deviation is the
standard deviation of a bell curve, so levels read like sigmas. Few peers, or peers that are all alike,
say nothing.
"""

from types import MappingProxyType
from typing import Any

from sqlalchemy import CTE, BigInteger, Integer, and_, case, cast, func, insert, select
from sqlalchemy.orm import Session

from models.catalog import Product, Store
from rules.warning_rules import Metric
from workflows.portable_sql import unless_zero
from workflows.scan_hits import Ground
from workflows.scan_levels import Measure, Subject
from workflows.scan_products import at_most, product_loss
from workflows.scan_tables import count_rows, shelf, whole_store

LEAST_PEERS = 5
TO_SIGMA = 14_826  # ten-thousandths


def stores() -> Ground:
    """The ground of the store rules. `fill_stores` comes first."""
    return Ground(
        whole_store.join(Store.__table__, Store.id == whole_store.c.store_id),
        (),
        {
            "store_id": whole_store.c.store_id,
            "product_id": cast(0, Integer),
            "lot_id": cast(0, Integer),
            "bottles": whole_store.c.bottles,
            "loss": whole_store.c.loss,
            "received_on": whole_store.c.received_on,
            "as_of": whole_store.c.as_of,
            "source": whole_store.c.source,
        },
        whole_store.c.as_of,
        MappingProxyType(
            {
                Metric.TURNOVER: Measure(
                    lambda milli: whole_store.c.z_milli > milli,
                    value=at_most(whole_store.c.z_milli),
                )
            }
        ),
        Subject(whole_store.c.bottles, whole_store.c.loss, names_goods=False),
    )


def fill_stores(session: Session) -> None:
    """Add up the stores from the shelf, and compare each with its peers. `fill_shelf` comes first."""
    held = _sums()
    median = _middle(select(held, held.c.cover.label("x")).cte("covers"), "median")
    away = select(median, func.abs(median.c.cover - median.c.median).label("x")).cte("distances")
    spread = _middle(away, "mad")
    above = spread.c.cover - spread.c.median
    z = cast(above, BigInteger) * 10_000_000 // unless_zero(spread.c.mad * TO_SIGMA)
    kept = {**{column.name: column for column in spread.c}, "z_milli": z}
    names = [column.name for column in whole_store.columns]
    query = select(*(kept[name] for name in names)).where(spread.c.peers >= LEAST_PEERS)
    session.execute(insert(whole_store).from_select(names, query))
    count_rows(session, whole_store)


def _sums() -> CTE:
    bottles, monthly = func.sum(shelf.c.bottles), func.sum(shelf.c.monthly)
    # Grouped by the store alone, as the shelf lies; its words are added afterwards.
    sums = (
        select(
            shelf.c.store_id,
            cast(bottles, Integer).label("bottles"),
            func.min(shelf.c.received_on).label("received_on"),
            # One shelf nobody looked at does not make the whole store unknown.
            func.max(shelf.c.as_of).label("as_of"),
            func.max(shelf.c.source).label("source"),
            cast(monthly, BigInteger).label("monthly"),
            at_most(cast(func.sum(product_loss()), BigInteger)).label("loss"),
            (cast(bottles, BigInteger) * 1_000_000 // unless_zero(cast(monthly, BigInteger))).label("cover"),
        )
        .join(Product, Product.id == shelf.c.product_id)
        .where(shelf.c.bottles > 0)
        .group_by(shelf.c.store_id)
        .having(monthly > 0)
        .subquery()
    )
    of_stores = select(sums, Store.tier, Store.region).join(Store, Store.id == sums.c.store_id)
    return of_stores.where(Store.active.is_(True)).cte("held")


def _middle(rows: CTE, name: str) -> CTE:
    """The rows with the median of `x` within their tier and region as one more column, and how many there are."""
    group: dict[str, Any] = {"partition_by": [rows.c.tier, rows.c.region]}
    ranked = select(
        rows,
        func.row_number().over(order_by=[rows.c.x, rows.c.store_id], **group).label("place"),
        func.count().over(**group).label("size"),
    ).cte(f"ranked_for_{name}")
    is_middle = and_(ranked.c.place * 2 >= ranked.c.size, ranked.c.place * 2 <= ranked.c.size + 2)
    median = func.avg(case((is_middle, ranked.c.x))).over(partition_by=[ranked.c.tier, ranked.c.region])
    kept = [column for column in ranked.c if column.name not in {"x", "place", "size", "peers"}]
    return select(*kept, cast(median, BigInteger).label(name), ranked.c.size.label("peers")).cte(f"with_{name}")
