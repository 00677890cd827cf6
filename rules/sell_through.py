"""What a store holds and sells, inferred (推算) from what was delivered to it.

Method. A store orders again when little is left, so between two deliveries it has sold most of what
came. Rate: bottles received in the twelve months before the last delivery (that one not counted), per
month of that span; the span reaches back to the delivery before the last one if that is longer ago. A
product delivered once has no rate of its own; it takes the median of the other stores'. Stock on a
day: the last delivery and nothing of earlier ones, less the rate since then, never below nothing. After a
count: what was counted and what came since, less the rate since, the oldest sold first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median_low

DAYS_IN_MONTH = 30.4375
WINDOW = timedelta(days=365)
SHORTEST_SPAN = 30  # days; two deliveries in one week say little about a month


@dataclass(frozen=True)
class Arrival:
    """Bottles of one lot that came into the store on one day."""

    day: date
    lot_id: int
    bottles: int


@dataclass(frozen=True)
class Standing:
    """Bottles of one lot believed to stand in the store."""

    lot_id: int
    received_on: date
    bottles: int


def months(days: int) -> float:
    """A number of days as months of average length."""
    return days / DAYS_IN_MONTH


def monthly_rate(arrivals: Sequence[Arrival]) -> int | None:
    """Thousandths of a bottle a month, None when there was only one day of delivery.

    `arrivals` of one store and product, by day.
    """
    last = arrivals[-1].day
    earlier = [arrival for arrival in arrivals if arrival.day < last]
    if not earlier:
        return None
    start = min(last - WINDOW, earlier[-1].day)
    inside = [arrival for arrival in earlier if arrival.day >= start]
    span = max((last - inside[0].day).days, SHORTEST_SPAN)
    return round(sum(arrival.bottles for arrival in inside) * 1000 / months(span))


def peer_rate(rates: Sequence[int]) -> int | None:
    """The middle rate of the other stores, None when there are none."""
    return median_low(rates) if rates else None


def history_months(arrivals: Sequence[Arrival], as_of: date) -> int:
    """Whole months the store has been watched with this product, at most twelve."""
    return min(12, int(months((as_of - arrivals[0].day).days)))


def still_there(arrivals: Sequence[Arrival], rate: int, as_of: date) -> list[Standing]:
    """What is left of the last day of delivery; `rate` in thousandths of a bottle a month."""
    last = arrivals[-1].day
    came = [arrival for arrival in arrivals if arrival.day == last]
    standing = [Standing(arrival.lot_id, arrival.day, arrival.bottles) for arrival in came]
    return after_sales(standing, rate, last, as_of)


def after_sales(standing: Sequence[Standing], rate: int, since: date, as_of: date) -> list[Standing]:
    """Sell off `rate` thousandths of a bottle a month since that day, the oldest first."""
    sold = int(rate * months(max((as_of - since).days, 0)) / 1000)
    left = []
    for lot in sorted(standing, key=lambda lot: (lot.received_on, lot.lot_id)):
        gone = min(lot.bottles, sold)
        sold -= gone
        left.append(Standing(lot.lot_id, lot.received_on, lot.bottles - gone))
    return left
