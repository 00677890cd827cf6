"""Each kind of rule as one SELECT: which store holds what too old, too much or too near its end.

Columns of every SELECT: store_id, product_id, lot_id (0: the product as a whole), bottles, level,
figures (JSON, the numbers behind the warning) and covered (a task already asks for the goods).
Days are compared with bound days, so indexes serve and both databases agree.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Integer, Select, and_, case, cast, func, literal, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from models.catalog import ExpiryBasis, Lot, Product, Store
from models.stock import ChannelStock, Reservation, SalesRate
from rules.warnings import AgeRule, AnyRule, CoverRule, ExpiryRule, Rule
from workflows.portable_sql import Figure, days_between, json_of

Hits = Select[Any]


def hits_of(session: Session, rule: AnyRule, today: date) -> Hits | None:
    """The SELECT of a rule on that day; None when no product can be hit at all."""
    if isinstance(rule, AgeRule):
        return _too_old(rule, today)
    if isinstance(rule, CoverRule):
        return _too_much(rule, today)
    return _near_end(session, rule, today)


def _too_old(rule: AgeRule, today: date) -> Hits:
    bounds = rule.received_before(today)
    steps = [ChannelStock.received_on < bound for bound in bounds]
    query = _of_lots(
        rule,
        _level(steps),
        kind=rule.kind,
        day=today.isoformat(),
        threshold_days=rule.days[0],
        age_days=days_between(ChannelStock.received_on, literal(today)),
    )
    return query.where(steps[0], Product.gains_with_age.is_(False))


def _near_end(session: Session, rule: ExpiryRule, today: date) -> Hits | None:
    based = Product.expiry_basis != ExpiryBasis.NONE
    lives = session.scalars(select(Product.expiry_months).where(based, Product.expiry_months.is_not(None)).distinct())
    bounds = {life: rule.produced_until(today, life) for life in lives if life}
    if not bounds:
        return None
    steps = [
        or_(
            *(
                and_(Product.expiry_months == life, Lot.production_date <= until[place])
                for life, until in sorted(bounds.items())
            )
        )
        for place in range(len(rule.months_left))
    ]
    query = _of_lots(
        rule,
        _level(steps),
        kind=rule.kind,
        day=today.isoformat(),
        threshold_months=rule.months_left[0],
        production_date=Lot.production_date,
        life_months=Product.expiry_months,
        basis=Product.expiry_basis,
    )
    return query.where(based, steps[0])


def _too_much(rule: CoverRule, today: date) -> Hits:
    bottles = cast(func.sum(ChannelStock.bottles), Integer)
    monthly = SalesRate.monthly_millibottles
    steps = [bottles * 1000 > monthly * months for months in rule.months]
    figures = json_of(
        kind=rule.kind,
        day=today.isoformat(),
        threshold_months=rule.months[0],
        monthly_millibottles=monthly,
        history_months=SalesRate.months,
        received_on=func.min(ChannelStock.received_on),
        source=func.max(ChannelStock.source),
        as_of=func.min(ChannelStock.as_of),
    )
    return (
        select(
            ChannelStock.store_id,
            ChannelStock.product_id,
            literal(0).label("lot_id"),
            bottles.label("bottles"),
            _level(steps).label("level"),
            figures.label("figures"),
            (func.max(case((_is_asked_for(), 1), else_=0)) == 1).label("covered"),
        )
        .join(Product, Product.id == ChannelStock.product_id)
        .join(Store, Store.id == ChannelStock.store_id)
        .join(
            SalesRate,
            and_(
                SalesRate.store_id == ChannelStock.store_id,
                SalesRate.product_id == ChannelStock.product_id,
            ),
        )
        .where(ChannelStock.bottles > 0, SalesRate.months >= rule.history_months, *_scope(rule))
        .group_by(ChannelStock.store_id, ChannelStock.product_id, monthly, SalesRate.months)
        .having(bottles >= rule.min_bottles, steps[0])
    )


def _of_lots(rule: Rule, level: ColumnElement[int], **figures: Figure) -> Hits:
    """The SELECT for rules that look at single lots in stores."""
    told = json_of(
        **figures,
        batch=Lot.batch,
        received_on=ChannelStock.received_on,
        source=ChannelStock.source,
        as_of=ChannelStock.as_of,
    )
    return (
        select(
            ChannelStock.store_id,
            ChannelStock.product_id,
            ChannelStock.lot_id,
            ChannelStock.bottles,
            level.label("level"),
            told.label("figures"),
            _is_asked_for().label("covered"),
        )
        .join(Product, Product.id == ChannelStock.product_id)
        .join(Store, Store.id == ChannelStock.store_id)
        .join(Lot, Lot.id == ChannelStock.lot_id)
        .where(ChannelStock.bottles >= rule.min_bottles, *_scope(rule))
    )


def _is_asked_for() -> ColumnElement[bool]:
    """Whether an open task of the store speaks for the lot."""
    reserved = select(Reservation.id).where(
        Reservation.store_id == ChannelStock.store_id,
        Reservation.lot_id == ChannelStock.lot_id,
        Reservation.bottles > 0,
    )
    return reserved.exists()


def _scope(rule: Rule) -> list[ColumnElement[bool]]:
    narrowed: list[ColumnElement[bool]] = [Store.active.is_(True)]
    if rule.price_bands:
        narrowed.append(Product.price_band.in_(rule.price_bands))
    if rule.regions:
        narrowed.append(Store.region.in_(rule.regions))
    return narrowed


def _level(steps: Sequence[ColumnElement[bool]]) -> ColumnElement[int]:
    """The highest step that holds, counted from 1; the steps go from light to grave."""
    # The gravest first: CASE takes the first that holds.
    numbered = list(enumerate(steps, start=1))[::-1]
    return case(*((step, literal(number)) for number, step in numbered), else_=literal(1))
