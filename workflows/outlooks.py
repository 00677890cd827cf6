"""What is expected of one store's product: its pace with its interval, and what will be left of its stock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from models.stock import StockSource
from rules.experience import Tree
from rules.forecast import chance_unsold, expected_unsold, shrunk, spread, tsb
from rules.outlook import HORIZON, MONTH, History, Pace, Trend, features, pace
from rules.sell_out import Period
from rules.sell_through import history_months
from workflows.series_stream import Known, Series
from workflows.trends import Trends

RECENT_SALES = 90  # days of counted sales that make a pace
SHORTEST_SALES = 14  # days; shorter spans say nothing about a month
BUCKET = 30  # days of one period of TSB
BUCKETS = 24


@dataclass(frozen=True)
class MonthlyPace:
    """Thousandths of a bottle a month, with the interval of the counts it comes from (F-2)."""

    best: int
    low: int
    high: int
    source: StockSource


@dataclass(frozen=True)
class Seen:
    """A series looked at on a day; `own` is None while only other stores could tell the pace."""

    series: Series
    history: History
    periods: Sequence[Period]
    now: Pace
    own: MonthlyPace | None
    months: int

    @property
    def usual(self) -> int | None:
        """Its pace while it is ordered again and again, in thousandths of a bottle a month: what others may borrow."""
        if len(self.history.days) > 1:
            return round(self.now.delivered * 1000)
        return None if self.own is None else self.own.best


def look_at(known: Known, case_size: int, as_of: date) -> Seen:
    """Pace and history of a series, nothing after the day."""
    history = known.history(case_size)
    now = pace(history, as_of.toordinal())
    own = _counted_pace(known.periods, as_of) or _delivered_pace(history, now, as_of)
    return Seen(known.series, history, known.periods, now, own, _months(known, as_of))


def sales_row(seen: Seen, monthly: MonthlyPace, as_of: date) -> dict[str, Any]:
    """The row of SalesRate as far as the past goes."""
    today, days = as_of.toordinal(), seen.history.days
    return {
        "store_id": seen.series[0],
        "product_id": seen.series[1],
        "monthly_millibottles": monthly.best,
        "low_millibottles": monthly.low,
        "high_millibottles": monthly.high,
        "months": seen.months,
        "as_of": as_of,
        "source": monthly.source,
        "first_arrived_on": date.fromordinal(days[0]) if days else None,
        "last_arrived_on": date.fromordinal(days[-1]) if days else None,
        "last_sold_on": _last_sold_on(seen),
        "received_bottles": seen.history.came(today, today - HORIZON),
        "sold_bottles": _sold_in_window(seen, today),
        "horizon_days": HORIZON,
    }


def expectation(
    seen: Seen, tree: Tree, trends: Trends, monthly: MonthlyPace | None, bottles: int, as_of: date
) -> dict[str, Any]:
    """What will be left of `bottles` after the horizon: by the house's experience, else by TSB and its tail (F-8)."""
    store, product = seen.series
    trend = trends.of_product(product)
    if bottles <= 0:
        return {"segment": "", "slow_permille": 0, "unsold_millibottles": 0}
    if not seen.history.days:
        return _without_experience(seen, trend, monthly, bottles, as_of)
    # Asked about the stock that is believed, which hand-overs may have made smaller than the pace alone says.
    now = seen.now._replace(bottles=float(bottles))
    group = tree.group_of(features(seen.history, as_of.toordinal(), trend, trends.of_store(store), now))
    if group is None:
        return _without_experience(seen, trend, monthly, bottles, as_of)
    return {
        "segment": group.name,
        "slow_permille": group.slow_permille,
        "unsold_millibottles": bottles * group.left_permille,
    }


def peers_pace(best: int | None) -> MonthlyPace | None:
    """The pace of other stores for a product that was delivered here once."""
    return None if best is None else MonthlyPace(best, 0, 2 * best, StockSource.INFERRED)


def demand(seen: Seen, trend: Trend, monthly: MonthlyPace | None, as_of: date) -> tuple[float, float]:
    """Mean of the sales over the horizon, and its variance to mean: TSB on months of deliveries, shrunk to peers."""
    sales = _by_bucket(seen.history, as_of.toordinal())
    own = tsb(sales) * MONTH / BUCKET
    if monthly is not None and monthly.source is not StockSource.INFERRED:
        own = monthly.best / 1000
    periods = float(max(len(sales), seen.months))
    mean = shrunk(own, periods, trend.bottles / 12) * HORIZON / MONTH
    return mean, spread(sales)


def _without_experience(
    seen: Seen, trend: Trend, monthly: MonthlyPace | None, bottles: int, as_of: date
) -> dict[str, Any]:
    mean, variance_to_mean = demand(seen, trend, monthly, as_of)
    return {
        "segment": "",
        "slow_permille": round(chance_unsold(bottles, mean, variance_to_mean) * 1000),
        "unsold_millibottles": round(expected_unsold(bottles, mean, variance_to_mean) * 1000),
    }


def _counted_pace(periods: Iterable[Period], as_of: date) -> MonthlyPace | None:
    since = as_of - timedelta(days=RECENT_SALES)
    recent = [period for period in periods if period.last_day > since]
    days = sum(period.days for period in recent)
    if days < SHORTEST_SALES:
        return None
    best, low, high = (
        round(max(0, sum(values)) * 1000 * MONTH / days)
        for values in zip(*((period.best, period.low, period.high) for period in recent), strict=True)
    )
    return MonthlyPace(best, min(low, best), max(high, best), StockSource.COUNT)


def _delivered_pace(history: History, now: Pace, as_of: date) -> MonthlyPace | None:
    """By deliveries: what came before the last one; the interval is that nothing or all of the last is sold (F-2)."""
    if len(history.days) < 2:
        return None
    best = round(now.monthly * 1000)
    today, first = as_of.toordinal(), max(history.days[0], as_of.toordinal() - 365)
    came = history.came(today, first - 1)
    last = history.came(history.days[-1], history.days[-1] - 1)
    span = max(today - first, BUCKET)
    low, high = (round(bottles * 1000 * MONTH / span) for bottles in (came - last, came))
    return MonthlyPace(best, min(low, best), max(high, best), StockSource.INFERRED)


def _months(known: Known, as_of: date) -> int:
    if known.arrivals:
        return history_months(known.arrivals, as_of)
    return min(12, int((as_of.toordinal() - known.counts[0].day) / MONTH))


def _last_sold_on(seen: Seen) -> date | None:
    """The last day with a sign of a sale: a period that sold something, or a delivery that followed another."""
    sold = [period.last_day for period in seen.periods if max(period.best, period.at_least) > 0]
    if len(seen.history.days) > 1:
        sold.append(date.fromordinal(seen.history.days[-1]))
    return max(sold, default=None)


def _sold_in_window(seen: Seen, today: int) -> int:
    """Bottles sold in the window, by what is believed to have stood at its two ends."""
    start = today - HORIZON
    stood = pace(seen.history, start).bottles if seen.history.days and seen.history.days[0] <= start else 0.0
    return max(0, round(stood + seen.history.came(today, start) - seen.now.bottles))


def _by_bucket(history: History, today: int) -> list[int]:
    """Bottles sold in each of the last periods, the oldest first: what came is sold when the next delivery comes."""
    if not history.days:
        return []
    number = min(BUCKETS, (today - history.days[0]) // BUCKET + 1)
    sold = [0] * number
    for bottles, next_day in zip(history.bottles, history.days[1:], strict=False):
        back = (today - next_day) // BUCKET
        if 0 <= back < number:
            sold[number - 1 - back] += bottles
    return sold
