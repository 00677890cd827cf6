"""F-2: what a store must have sold between two counts, from what stood there and what came and went.

    S = O + In + TIn - TOut - Ret - C

A count speaks for the evening of its day, so a period begins the day after the first count and ends on
the day of the second. Counts are wrong by a margin, so S is an interval. What the identity gives is never
bent into what would be nice: a negative S, or one below what was proven to be sold, is told as a doubt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise

DAY = timedelta(days=1)


class Doubt(StrEnum):
    """Why the figures of a period cannot all be right."""

    NEGATIVE = "negative"  #: 算出的动销为负：前一次少数了，或者有货进店没有记录
    BELOW_PROOF = "below_proof"  #: 已证实卖出的比算出的多：后一次多数了，或者有货进店没有记录
    MORE_GONE = "more_gone"  #: 店里少掉的比上报卖出的多：漏报、损耗，或者后一次少数了


class Basis(StrEnum):
    """What a period's figure rests on."""

    COUNTS = "counts"  #: 两次盘点推算
    REPORTED = "reported"  #: 门店系统上报或导入的动销


@dataclass(frozen=True)
class Count:
    """Bottles seen on the evening of a day, right to within `margin` bottles."""

    day: date
    bottles: int
    margin: int = 0


@dataclass(frozen=True)
class Flow:
    """Bottles that came in (positive) or left (negative) on a day other than by selling."""

    day: date
    bottles: int


@dataclass(frozen=True)
class Sale:
    """Bottles sold in a span of days (both ends in): all of them, or at least so many."""

    first_day: date
    last_day: date
    bottles: int
    is_lower_bound: bool = False


@dataclass(frozen=True)
class Period:
    """Bottles sold in a span of days (both ends in): `best` within `low` and `high`.

    `best` is the bare identity and may be negative; then `doubt` says so. `at_least` was proven.
    """

    first_day: date
    last_day: date
    low: int
    best: int
    high: int
    source: Basis = Basis.COUNTS
    at_least: int = 0
    doubt: Doubt | None = None

    @property
    def days(self) -> int:
        """Length in days."""
        return (self.last_day - self.first_day).days + 1


def between(opening: Count, closing: Count, flows: Iterable[Flow], at_least: int = 0) -> Period:
    """The sale between two counts; `flows` outside of the period are not looked at.

    Raises ValueError when the second count is not later than the first.
    """
    if closing.day <= opening.day:
        raise ValueError(f"no day lies between {opening.day} and {closing.day}")
    best = opening.bottles + _net(opening, closing, flows) - closing.bottles
    margin = opening.margin + closing.margin
    return _judged(Period(opening.day + DAY, closing.day, best - margin, best, best + margin, at_least=at_least))


def _net(opening: Count, closing: Count, flows: Iterable[Flow]) -> int:
    return sum(flow.bottles for flow in flows if opening.day < flow.day <= closing.day)


def _judged(period: Period) -> Period:
    """Raise `low` to what must be true, or say why the figures contradict each other."""
    floor = max(0, period.at_least)
    if period.best < 0:
        period = replace(period, doubt=Doubt.NEGATIVE)
    elif period.high < period.at_least:
        period = replace(period, doubt=Doubt.BELOW_PROOF)
    return replace(period, low=max(period.low, floor)) if period.high >= floor else period


def periods(counts: Sequence[Count], flows: Sequence[Flow] = (), sales: Sequence[Sale] = ()) -> list[Period]:
    """All periods of one store and product, in order and without overlap.

    `counts` in order of their days, one a day. Between two counts the identity speaks, narrowed by what was
    reported; where no two counts reach, reported sales stand for themselves.
    """
    counted = [_counted(before, after, flows, sales) for before, after in pairwise(counts)]
    first, last = (counts[0].day + DAY, counts[-1].day) if counted else (date.max, date.min)
    outside = [part for sale in sales if not sale.is_lower_bound for part in _outside(sale, first, last)]
    return sorted([*counted, *outside], key=lambda period: (period.first_day, period.last_day))


def _counted(opening: Count, closing: Count, flows: Sequence[Flow], sales: Sequence[Sale]) -> Period:
    first, last = opening.day + DAY, closing.day
    inside = [sale for sale in sales if first <= sale.first_day and sale.last_day <= last]
    reported = sum(sale.bottles for sale in inside if not sale.is_lower_bound)
    proven = sum(sale.bottles for sale in inside if sale.is_lower_bound)
    # A scan may be of a bottle that the store's own system reported too, so the two are not added up.
    period = between(opening, closing, flows, max(reported, proven))
    if period.doubt is not None or not _covers(inside, first, last):
        return period
    known = max(reported, proven)
    if known < opening.bottles - closing.bottles + _net(opening, closing, flows) - opening.margin - closing.margin:
        return replace(period, doubt=Doubt.MORE_GONE)
    return replace(period, low=known, best=known, high=known, source=Basis.REPORTED)


def _covers(sales: Iterable[Sale], first: date, last: date) -> bool:
    """Whether full reports speak for every day of the span."""
    next_day = first
    for sale in sorted((s for s in sales if not s.is_lower_bound), key=lambda s: (s.first_day, s.last_day)):
        if sale.first_day > next_day:
            return False
        next_day = max(next_day, sale.last_day + DAY)
    return next_day > last


def _outside(sale: Sale, first: date, last: date) -> list[Period]:
    """The parts of a reported sale that lie before the first or after the last count."""
    spans = [(sale.first_day, min(sale.last_day, first - DAY)), (max(sale.first_day, last + DAY), sale.last_day)]
    if first > last:  # never counted twice: the report stands alone
        spans = [(sale.first_day, sale.last_day)]
    days = (sale.last_day - sale.first_day).days + 1
    parts = [(start, end, (end - start).days + 1) for start, end in spans if start <= end]
    return [_share(sale, start, end, length, days) for start, end, length in parts]


def _share(sale: Sale, start: date, end: date, length: int, days: int) -> Period:
    if length == days:
        return Period(start, end, sale.bottles, sale.bottles, sale.bottles, Basis.REPORTED, at_least=sale.bottles)
    # On which of its days a report's bottles were sold nobody knows: none or all may lie in this part.
    return Period(start, end, min(0, sale.bottles), sale.bottles * length // days, max(0, sale.bottles), Basis.REPORTED)
