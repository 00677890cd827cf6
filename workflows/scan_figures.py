"""What a warning says of itself: value, threshold, loss and the inputs they came from.

Written only for warnings that are new or changed.
"""

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from sqlalchemy import Integer, Select, and_, case, cast, func, literal, select
from sqlalchemy.sql.elements import ColumnElement

from models.catalog import Lot, Product, Store
from models.stock import Experience, SalesRate
from rules.warning_rules import Grain, Metric
from workflows.portable_sql import Figure, days_between, json_of
from workflows.scan_products import SHRINKAGE_K
from workflows.scan_tables import hit, level_row, rule_row, shelf, whole_store

#: Thousandths of a month in a thousand days.
_MONTHS_IN_DAYS = 32_854


def written(grain: Grain, today: date) -> Select[*tuple[Any, ...]]:
    """All hits of a grain with the columns of a warning they fill, by the names of those columns."""
    query = (
        select(
            hit.c.rule_no,
            rule_row.c.name.label("rule"),
            hit.c.store_id,
            hit.c.product_id,
            hit.c.lot_id,
            hit.c.code,
            hit.c.stale,
            rule_row.c.version.label("rule_version"),
            hit.c.bottles,
            cast(_value(today), Integer).label("value"),
            level_row.c.threshold,
            cast(hit.c.loss, Integer).label("loss_fen"),
            hit.c.counted_from,
            hit.c.as_of,
            _figures(grain, today).label("figures"),
        )
        .select_from(hit)
        .join(rule_row, rule_row.c.no == hit.c.rule_no)
        .join(level_row, level_row.c.code == hit.c.code)
        .where(rule_row.c.grain == grain.value)
    )
    return _JOINED[grain](query)


def _value(today: date) -> ColumnElement[Any]:
    """The value of today; of what passes with the days, counted now."""
    days = days_between(hit.c.counted_from, literal(today))
    counted = case(
        (rule_row.c.metric == Metric.MONTHS_OF_COVER.value, days * _MONTHS_IN_DAYS // 1_000), else_=days * 1_000
    )
    return func.coalesce(hit.c.value, counted, 0)


def _figures(grain: Grain, today: date) -> ColumnElement[Any]:
    common: dict[str, Figure] = {
        "metric": rule_row.c.metric,
        "day": today.isoformat(),
        "received_on": hit.c.received_on,
        "source": hit.c.source,
        "as_of": hit.c.as_of,
    }
    told = {metric: say(today) for metric, say in _TOLD.items() if metric.facts.grain is grain}
    return case(*((rule_row.c.metric == metric.value, json_of(**common, **more)) for metric, more in told.items()))


def _age(today: date) -> dict[str, Figure]:
    return {
        "batch": Lot.batch,
        "age_days": days_between(hit.c.counted_from, literal(today)),
        "counted_from": hit.c.counted_from,
        "production_date": Lot.production_date,
        "price_fen": Product.price_fen,
    }


def _life(_today: date) -> dict[str, Figure]:
    return {
        "batch": Lot.batch,
        "last_day": hit.c.counted_from,
        "production_date": Lot.production_date,
        "life_months": Product.expiry_months,
        "basis": Product.expiry_basis,
        "price_fen": Product.price_fen,
    }


def _rate() -> dict[str, Figure]:
    return {
        "monthly_millibottles": SalesRate.monthly_millibottles,
        "low_millibottles": SalesRate.low_millibottles,
        "high_millibottles": SalesRate.high_millibottles,
        "history_months": SalesRate.months,
        "rate_as_of": SalesRate.as_of,
        "unsold_millibottles": SalesRate.unsold_millibottles,
        "slow_permille": SalesRate.slow_permille,
        "price_fen": Product.price_fen,
    }


def _sales(_today: date) -> dict[str, Figure]:
    return {**_rate(), "last_sold_on": SalesRate.last_sold_on}


def _without_sale(today: date) -> dict[str, Figure]:
    return {
        **_rate(),
        "last_sold_on": SalesRate.last_sold_on,
        "last_arrived_on": SalesRate.last_arrived_on,
        "counted_from": hit.c.counted_from,
        "idle_days": days_between(hit.c.counted_from, literal(today)),
    }


def _sell_through(_today: date) -> dict[str, Figure]:
    return {
        **_rate(),
        "received_bottles": SalesRate.received_bottles,
        "sold_bottles": SalesRate.sold_bottles,
        "peer_permille": shelf.c.peer_share // 100,
        "peers": shelf.c.peers,
        "shrinkage_k": SHRINKAGE_K,
    }


def _leftover(_today: date) -> dict[str, Figure]:
    return {
        **_rate(),
        "horizon_days": SalesRate.horizon_days,
        "segment": SalesRate.segment,
        "cases": Experience.cases,
        "slow": Experience.slow,
    }


def _whole_store(_today: date) -> dict[str, Figure]:
    return {
        "monthly_millibottles": whole_store.c.monthly,
        "cover_milli": whole_store.c.cover,
        "median": whole_store.c.median,
        "mad": whole_store.c.mad,
        "z_milli": whole_store.c.z_milli,
        "peers": whole_store.c.peers,
        "tier": Store.tier,
        "region": Store.region,
    }


def _with_lot(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return query.join(Lot, Lot.id == hit.c.lot_id).join(Product, Product.id == hit.c.product_id)


def _with_product(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    rate = and_(SalesRate.store_id == hit.c.store_id, SalesRate.product_id == hit.c.product_id)
    line = and_(shelf.c.store_id == hit.c.store_id, shelf.c.product_id == hit.c.product_id)
    return (
        query.join(Product, Product.id == hit.c.product_id)
        .join(shelf, line)
        .outerjoin(SalesRate, rate)
        .outerjoin(Experience, Experience.segment == SalesRate.segment)
    )


def _with_store(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return query.join(whole_store, whole_store.c.store_id == hit.c.store_id).join(Store, Store.id == hit.c.store_id)


_JOINED = {Grain.LOT: _with_lot, Grain.PRODUCT: _with_product, Grain.STORE: _with_store}
_TOLD: Mapping[Metric, Callable[[date], dict[str, Figure]]] = MappingProxyType(
    {
        Metric.AGE_IN_STORE: _age,
        Metric.AGE_IN_CHANNEL: _age,
        Metric.AGE_SINCE_PRODUCTION: _age,
        Metric.REMAINING_LIFE: _life,
        Metric.MONTHS_OF_COVER: _sales,
        Metric.SAFETY_STOCK: _sales,
        Metric.DAYS_WITHOUT_SALE: _without_sale,
        Metric.SELL_THROUGH: _sell_through,
        Metric.EXPECTED_UNSOLD: _leftover,
        Metric.EXPECTED_LOSS: _leftover,
        Metric.TURNOVER: _whole_store,
    }
)
