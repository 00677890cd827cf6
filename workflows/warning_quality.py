"""How good the warnings were: by rule what fired and what came of it, and what went bad without one.

Precision is the part of what fired that somebody acted on: a recall, a transfer or a count was started from it,
or its goods were taken back. Went bad: goods whose life ended in a store, and goods a commercial take-back asked for
because they were slow or near their end. Missed are those of them no warning of their store and product had
fired for by the day before; the lead is the days from the first warning to that day.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median_low

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from models.catalog import ExpiryBasis, Lot, Product
from models.engine import History
from models.recall import Campaign, LegalKind, Reason, RecallTask
from models.stock import ChannelStock
from models.warning import ResolveCause, StockWarning, WarningState
from rules.deadlines import expiry_date
from workflows.acting import business_day

#: What was only watched keeps the day it was watched since, even when that came to nothing.
_FIRED = and_(StockWarning.state != WarningState.PENDING, StockWarning.pending_since.is_(None))
ACTS = ("start_recall", "find_transfer", "ask_count")
Goods = tuple[int, int]  # store id, product id


@dataclass(frozen=True)
class RuleQuality:
    """One rule: how many warnings fired, were acted on, put aside, or were only a wrong count."""

    rule: str
    fired: int
    acted: int
    dismissed: int
    recounted: int

    @property
    def precision(self) -> float | None:
        """Acted on, of what fired; None when nothing fired."""
        return self.acted / self.fired if self.fired else None


@dataclass(frozen=True)
class WentBad:
    """Goods that ended badly: how many places, how many of them no warning had been fired for, days of warning."""

    places: int
    missed: int
    median_lead_days: int | None


@dataclass(frozen=True)
class Quality:
    """The figures of a span of days, both ends in."""

    rules: list[RuleQuality]
    expired: WentBad
    taken_back: WentBad


def quality(session: Session, since: date, until: date) -> Quality:
    """Warnings that fired, and goods that went bad, from one day to another."""
    first = _first_warned(session)
    return Quality(
        _by_rule(session, since, until),
        _went_bad(_expired(session, since, until), first),
        _went_bad(_taken_back(session, since, until), first),
    )


def _by_rule(session: Session, since: date, until: date) -> list[RuleQuality]:
    by_people = select(History.id).where(
        History.flow == "warning", History.subject_id == StockWarning.id, History.event.in_(ACTS)
    )
    goods_left = StockWarning.cause.in_([ResolveCause.RECALLED, ResolveCause.TRANSFERRED])
    acted = or_(by_people.exists(), goods_left)

    def number(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    query = (
        select(
            StockWarning.rule,
            func.count(),
            number(acted),
            number(StockWarning.state == WarningState.DISMISSED),
            number(StockWarning.cause == ResolveCause.RECOUNTED),
        )
        .where(StockWarning.fired_on.between(since, until), _FIRED)
        .group_by(StockWarning.rule)
        .order_by(StockWarning.rule)
    )
    return [RuleQuality(rule, *(int(value) for value in counts)) for rule, *counts in session.execute(query)]


def _first_warned(session: Session) -> dict[Goods, list[date]]:
    """The days warnings of a store and product fired, in order."""
    days: dict[Goods, list[date]] = defaultdict(list)
    query = (
        select(StockWarning.store_id, StockWarning.product_id, StockWarning.fired_on)
        .where(_FIRED)
        .order_by(StockWarning.fired_on)
    )
    for store, product, day in session.execute(query):
        days[store, product].append(day)
    return days


def _expired(session: Session, since: date, until: date) -> list[tuple[Goods, date]]:
    """Goods that stand in a store though their life ended within the days."""
    query = (
        select(ChannelStock.store_id, ChannelStock.product_id, Lot.production_date, Product.expiry_months)
        .join(Lot, Lot.id == ChannelStock.lot_id)
        .join(Product, Product.id == ChannelStock.product_id)
        .where(
            ChannelStock.bottles > 0,
            Product.expiry_basis != ExpiryBasis.NONE,
            Product.expiry_months.is_not(None),
            Lot.production_date.is_not(None),
        )
    )
    ends = (
        ((store, product), expiry_date(produced, months))
        for store, product, produced, months in session.execute(query)
        if produced is not None and months
    )
    return [(goods, day) for goods, day in ends if since <= day <= until]


def _taken_back(session: Session, since: date, until: date) -> list[tuple[Goods, date]]:
    """Goods a commercial take-back asked for because they were slow or near their end."""
    query = (
        select(RecallTask.store_id, Campaign.product_id, Campaign.created_at)
        .join(Campaign, Campaign.id == RecallTask.campaign_id)
        .where(Campaign.kind == LegalKind.COMMERCIAL, Campaign.reason.in_([Reason.SLOW, Reason.NEAR_EXPIRY]))
    )
    asked = (((store, product), business_day(made)) for store, product, made in session.execute(query))
    return [(goods, day) for goods, day in asked if since <= day <= until]


def _went_bad(goods: Iterable[tuple[Goods, date]], warned: dict[Goods, list[date]]) -> WentBad:
    leads: list[int] = []
    places = 0
    for place, day in goods:
        places += 1
        earlier = [fired for fired in warned.get(place, ()) if fired <= day - timedelta(days=1)]
        if earlier:
            leads.append((day - earlier[0]).days)
    return WentBad(places, places - len(leads), median_low(leads) if leads else None)
