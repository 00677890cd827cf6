"""A rule as SQL: whom it means, and which level somebody has reached, as a code.

One CASE a rule: the first row of thresholds whose scope fits counts, and in it the gravest level.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import and_, case, literal, true
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.elements import ColumnElement

from models.catalog import Product, Store
from rules.warning_rules import Metric, Scope, Thresholds
from workflows.scan_tables import Numbered

Condition = ColumnElement[bool]
Column = ColumnElement[Any] | InstrumentedAttribute[Any]
_COLUMNS: Mapping[str, InstrumentedAttribute[str]] = {
    "stores": Store.code,
    "products": Product.code,
    "brands": Product.brand,
    "price_bands": Product.price_band,
    "tiers": Store.tier,
    "channels": Store.channel,
    "regions": Store.region,
}


@dataclass(frozen=True)
class Measure:
    """A metric in SQL. `reached` says whether a number of thousandths is reached, in the metric's direction.

    `value` in thousandths, None where it passes with the days alone; `counted_from` is the day it then counts from.
    """

    reached: Callable[[int], Condition]
    value: Column | None = None
    counted_from: Column | None = None


@dataclass(frozen=True)
class Subject:
    """What a grain looks at: the columns a rule asks beside its metric.

    `first_arrived_on` is empty where new listings are not told apart, `loss` the expected loss in 分.
    """

    bottles: ColumnElement[int]
    loss: ColumnElement[int]
    first_arrived_on: ColumnElement[Any] | None = None
    names_goods: bool = True


def code_of(one: Numbered, measure: Measure, subject: Subject, today: date) -> ColumnElement[Any]:
    """The code of the level reached, NULL where the rule has nothing to say."""
    rule = one.rule
    rows = [(scope_of(row.scope), _level(one, place, measure)) for place, row in enumerate(rule.thresholds)]
    level = rows[0][1] if len(rows) == 1 and not rule.thresholds[0].scope.named else case(*rows)
    guards = [*_loosest(rule.thresholds, measure, rule.metric), *_guards(one, subject, today)]
    return case((and_(*guards), level)) if guards else level


def scope_of(scope: Scope) -> Condition:
    """Whether the store and product are meant."""
    return and_(true(), *(_COLUMNS[name].in_(values) for name, values in scope.named.items()))


def _level(one: Numbered, place: int, measure: Measure) -> ColumnElement[Any]:
    row = one.rule.thresholds[place]
    # The gravest first: CASE takes the first that holds.
    steps = [(measure.reached(milli), one.code(place, number)) for number, milli in enumerate(row.levels, start=1)]
    held = [] if row.clears == row.levels[0] else [(measure.reached(row.clears), one.code(place, 0))]
    return case(*((condition, literal(code)) for condition, code in [*steps[::-1], *held]))


def _loosest(rows: tuple[Thresholds, ...], measure: Measure, metric: Metric) -> list[Condition]:
    """Most goods are far from any threshold: one comparison lets them pass before scopes are read."""
    pick = min if metric.facts.rising else max
    return [measure.reached(pick(milli for row in rows for milli in (row.clears, *row.levels)))]


def _guards(one: Numbered, subject: Subject, today: date) -> list[Condition]:
    rule, facts = one.rule, one.rule.metric.facts
    guards: list[Condition] = []
    if rule.metric is not Metric.SAFETY_STOCK:
        guards.append(subject.bottles >= max(rule.min_bottles, 1))
    if rule.scope.named:
        guards.append(scope_of(rule.scope))
    if facts.exempts_aged and subject.names_goods:
        guards.append(Product.gains_with_age.is_(False))
    if rule.min_loss_fen:
        guards.append(subject.loss >= rule.min_loss_fen)
    if facts.by_sales and rule.new_listing_days and subject.first_arrived_on is not None:
        guards.append(subject.first_arrived_on <= today - timedelta(days=rule.new_listing_days))
    return guards


def days_before(today: date, column: Any) -> Callable[[int], Condition]:
    """Whether a day lies more than so many thousandths of a day back."""
    return lambda milli: column < today - timedelta(days=milli // 1_000)
