"""What is measured for a lot in a store: three ages, and the life that is left."""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import islice
from types import MappingProxyType
from typing import Any

from sqlalchemy import BigInteger, String, and_, case, cast, func, insert, literal, select, type_coerce
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from models.catalog import ExpiryBasis, Lot, Product, Store
from models.stock import ChannelStock, SalesRate
from rules.deadlines import expiry_date
from rules.shelf_life import months_left, produced_until
from rules.warning_rules import Metric
from workflows.scan_hits import Ground
from workflows.scan_levels import Condition, Measure, Subject, days_before
from workflows.scan_products import at_most
from workflows.scan_tables import Numbered, life

CHUNK = 5_000
LONGEST_LIFE = 1_200  # months; what is said to live longer has no life worth watching
_BASED = and_(Product.expiry_basis != ExpiryBasis.NONE, Product.expiry_months.between(1, LONGEST_LIFE))


def lots(session: Session, rules: list[Numbered], today: date) -> Ground:
    """The ground of the lot rules on that day."""
    ends = [one for one in rules if one.rule.metric is Metric.REMAINING_LIFE]
    tables = (
        ChannelStock.__table__.join(Product.__table__, Product.id == ChannelStock.product_id)
        .join(Store.__table__, Store.id == ChannelStock.store_id)
        .join(Lot.__table__, Lot.id == ChannelStock.lot_id)
        .outerjoin(
            SalesRate.__table__,
            and_(SalesRate.store_id == ChannelStock.store_id, SalesRate.product_id == ChannelStock.product_id),
        )
    )
    measures: dict[Metric, Measure] = dict(_ages(today))
    if ends:
        months = _months_of_life(session)
        _write_lives(session, today)
        tables = tables.outerjoin(
            life, and_(life.c.production_date == Lot.production_date, life.c.months == Product.expiry_months)
        )
        measures[Metric.REMAINING_LIFE] = Measure(
            _near_end(months, today), value=life.c.left_milli, counted_from=life.c.last_day
        )
    loss = lot_loss()
    return Ground(
        tables,
        (ChannelStock.bottles > 0, Store.active.is_(True)),
        {
            "store_id": ChannelStock.store_id,
            "product_id": ChannelStock.product_id,
            "lot_id": ChannelStock.lot_id,
            "bottles": ChannelStock.bottles,
            "loss": loss,
            "received_on": ChannelStock.received_on,
            "as_of": ChannelStock.as_of,
            "source": type_coerce(ChannelStock.source, String),
        },
        ChannelStock.as_of.expression,
        MappingProxyType(measures),
        Subject(ChannelStock.bottles.expression, loss),
    )


def lot_loss() -> ColumnElement[int]:
    """分 expected to be left of the lot; where nobody knows what sells, all of it."""
    left = case((SalesRate.store_id.is_(None), ChannelStock.bottles * 1_000), else_=ChannelStock.unsold_millibottles)
    return at_most(cast(left, BigInteger) * Product.price_fen // 1_000)


def _ages(today: date) -> Iterator[tuple[Metric, Measure]]:
    for metric, since in (
        (Metric.AGE_IN_STORE, ChannelStock.received_on),
        (Metric.AGE_IN_CHANNEL, func.coalesce(ChannelStock.channel_since, ChannelStock.received_on)),
        (Metric.AGE_SINCE_PRODUCTION, Lot.production_date),
    ):
        yield metric, Measure(days_before(today, since), counted_from=since)


def _near_end(months: list[int], today: date) -> Any:
    """At most so much life left: produced no later than a day that depends on the months of life."""

    def reached(milli: int) -> Condition:
        bounds = [(Product.expiry_months == life, literal(produced_until(today, milli, life))) for life in months]
        if not bounds:
            return literal(value=False)
        return and_(_BASED, Lot.production_date <= case(*bounds))

    return reached


def _months_of_life(session: Session) -> list[int]:
    """How long goods live, of all that have an expiry basis: a handful of numbers."""
    return [months for months in session.scalars(select(Product.expiry_months).where(_BASED).distinct()) if months]


def _write_lives(session: Session, today: date) -> None:
    """Calendar months cannot be counted in SQL alike everywhere, so each production day is counted once here."""
    made = select(Lot.production_date, Product.expiry_months).join(Product, Product.id == Lot.product_id)
    found = session.execute(made.where(_BASED, Lot.production_date <= today).distinct()).all()
    rows = (_life(today, produced, months) for produced, months in found if produced and months)
    while chunk := list(islice(rows, CHUNK)):
        session.execute(insert(life), chunk)


def _life(today: date, produced: date, months: int) -> Mapping[str, Any]:
    last = expiry_date(produced, months)
    return {
        "production_date": produced,
        "months": months,
        "last_day": last,
        "left_milli": months_left(today, last),
    }
