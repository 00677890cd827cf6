"""Warnings written straight into a database, with figures as the scan writes them."""

from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog import Lot, Product, Store
from models.stock import ChannelStock, SalesRate, StockSource
from models.warning import StockWarning, WarningState
from rules.warning_rules import Metric
from tests.world import World

DAY = date(2026, 9, 7)
COVER = {
    "metric": Metric.MONTHS_OF_COVER.value, "day": "2026-09-07", "received_on": "2026-03-01", "source": "visit",
    "as_of": "2026-09-01", "monthly_millibottles": 2_000, "low_millibottles": 1_500, "high_millibottles": 2_600,
    "history_months": 6, "price_fen": 10_000,
}  # fmt: skip
AGE = {
    "metric": Metric.AGE_IN_STORE.value, "day": "2026-09-07", "received_on": "2026-03-01", "source": "count",
    "as_of": "2026-09-01", "batch": "20240312",
}  # fmt: skip


def add_warning(session: Session, store: str = "S01", product: str = "P1", **columns: Any) -> StockWarning:
    """A firing warning of a store's product: eighteen bottles that last nine months."""
    where = session.scalars(select(Store).where(Store.code == store)).one()
    what = session.scalar(select(Product).where(Product.code == product)) if product else None
    usual: dict[str, Any] = {
        "state": WarningState.FIRING, "rule": "overstock", "rule_version": "v1", "level": 2, "bottles": 18,
        "value": 9_000, "threshold": 6_000, "loss_fen": 120_000, "figures": COVER, "fired_on": date(2026, 9, 1),
        "seen_on": DAY, "version": 1, "visit": 1,
    }  # fmt: skip
    warning = StockWarning(store=where, store_id=where.id, product_id=what.id if what else 0, **{**usual, **columns})
    session.add(warning)
    return warning


def new_warning(world: World, store: str = "S01", product: str = "P1", **columns: Any) -> int:
    """The same in a world; returns the number people call it by."""
    with world.database.write() as session:
        warning = add_warning(session, store, product, changed_at=world.clock(), **columns)
        session.flush()
        return warning.id


def see(world: World, number: int) -> StockWarning:
    """The warning as it is now."""
    with world.looking() as session:
        return session.get_one(StockWarning, number)


def sells(world: World, store: str, monthly: int, product: str = "P1", *, holds: int | None = None) -> None:
    """A store sells so many bottles a month, and holds so many of the product's first lot."""
    with world.database.write() as session:
        where = session.scalars(select(Store).where(Store.code == store)).one()
        what = session.scalars(select(Product).where(Product.code == product)).one()
        session.merge(
            SalesRate(
                store_id=where.id, product_id=what.id, monthly_millibottles=monthly * 1000, months=6, as_of=DAY,
                source=StockSource.INFERRED,
            )
        )  # fmt: skip
        if holds is not None:
            lot = session.scalars(select(Lot).where(Lot.product_id == what.id).order_by(Lot.id)).first()
            query = select(ChannelStock).where(ChannelStock.store_id == where.id, ChannelStock.lot_id == lot.id)
            session.scalars(query).one().bottles = holds
