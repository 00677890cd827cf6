"""What stands in a store, how fast it sells, and what its past is like: plain numbers about one store and product.

Days are ordinals (`date.toordinal`), bottles whole numbers. Nothing later than the day asked about is looked
at. What is believed to stand: the last count (else the last delivery) with what came since, less sales.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

MONTH = 30.4375  # days
YEAR = 365
RECENT = 90  # days in which a delivery makes a product or a store lively
HORIZON = 180  # days looked ahead
SHORTEST_SPAN = 30  # days; two deliveries in one week say little about a month
CARRY_ON = 60  # days a count is carried on by the rate; later it only ages
SILENCE = 1.5  # times the longest gap; then the product is taken to be dying in the store
DYING = 0.3  # part of its pace at which a dying product is taken to sell; an assumption, counts know better
WINDOWS = (60, 120, 180)  # days of sell-out between counts that are looked at
UNKNOWN = -1.0
MOST = 9_999.0  # stands for "more than can be told", so that no feature is infinite


class Trend(NamedTuple):
    """How lively a product is in all stores, or a store with all products.

    `recent` and `yearly` are how many series had a delivery in the last 90 and 365 days, `last` is the last
    day of any delivery, `bottles` what a lively series got in a year on average.
    """

    recent: int = 0
    yearly: int = 0
    last: int = 0
    bottles: float = 0.0


class Count(NamedTuple):
    """Bottles of the product seen in the store on a day, and the day we learnt of it."""

    day: int
    bottles: int
    known: int


class History:
    """Deliveries of one product to one store by day, and the counts there, repaired.

    `opening` bottles were there before the first delivery, nobody knows since when. A count above what can be
    there is a case taken for a bottle when dividing by `case_size` makes it fit, else it is cut to what ever came.
    """

    __slots__ = ("_came", "_count_days", "_longest", "bottles", "counts", "days")

    def __init__(
        self, days: Sequence[int], bottles: Sequence[int], counts: Sequence[Count], case_size: int, opening: int = 0
    ) -> None:
        self.days = days
        self.bottles = bottles
        self._came = [opening]
        self._longest = [0]
        came, longest = opening, 0
        before = days[0] if days else 0
        for day, number in zip(days, bottles, strict=True):
            came += number
            longest = max(longest, day - before)
            before = day
            self._came.append(came)
            self._longest.append(longest)
        self.counts = self._repaired(counts, case_size)
        self._count_days = [count.day for count in self.counts]

    def came(self, until: int, since: int | None = None) -> int:
        """Bottles delivered after `since` until and with a day; from the start, opening and all, if None."""
        before = 0 if since is None else self._came[bisect_right(self.days, since)]
        return self._came[bisect_right(self.days, until)] - before

    def last_count(self, day: int, known: int) -> Count | None:
        """The last count on or before the day, of those we had learnt of by the day `known`."""
        place = bisect_right(self._count_days, day)
        while place and self.counts[place - 1].known > known:
            place -= 1
        return self.counts[place - 1] if place else None

    def sold_between(self, first: Count, last: Count) -> int:
        """Bottles sold between two counts (F-2); below nothing when a count was wrong."""
        return first.bottles + self.came(last.day, first.day) - last.bottles

    def oldest_day(self, day: int, bottles: int) -> int:
        """When the oldest of so many bottles came, if the oldest were sold first."""
        deliveries = bisect_right(self.days, day)
        place = bisect_right(self._came, self._came[deliveries] - bottles, 0, deliveries) - 1
        return self.days[max(place, 0)]

    def longest_gap(self, deliveries: int) -> int:
        """The longest time between two of the first so many deliveries, in days."""
        return self._longest[deliveries]

    def _repaired(self, counts: Sequence[Count], case_size: int) -> list[Count]:
        good: list[Count] = []
        for count in counts:
            ever = self.came(count.day)
            most = good[-1].bottles + self.came(count.day, good[-1].day) if good else ever
            good.append(
                count
                if count.bottles <= most
                else count._replace(bottles=_fitted(count.bottles, case_size, most, ever))
            )
        return good


def _fitted(bottles: int, case_size: int, most: int, ever: int) -> int:
    in_bottles, rest = divmod(bottles, case_size)
    mixed_up = case_size > 1 and not rest and in_bottles <= most
    return in_bottles if mixed_up else min(bottles, ever)


class Pace(NamedTuple):
    """What stands on a day and how fast it goes: bottles, and bottles a month.

    `delivered` is the pace by deliveries, `sold` by the counts of the last 60 days (UNKNOWN without them).
    `silent`: the store would long have ordered again if it still sold the product at its pace.
    """

    bottles: float
    delivered: float
    sold: float
    silent: bool
    counted: Count | None

    @property
    def monthly(self) -> float:
        """Bottles a month: by counts where there are any, else by deliveries, less when they have stopped."""
        if self.sold >= 0:
            return self.sold
        return self.delivered * DYING if self.silent else self.delivered


def delivered_monthly(history: History, day: int) -> float:
    """Bottles a month by deliveries: those of the year before the last one, over their time."""
    deliveries = bisect_right(history.days, day)
    if deliveries < 2:
        return 0.0
    last = history.days[deliveries - 1]
    first = bisect_left(history.days, last - YEAR)
    first = min(first, deliveries - 2)
    span = max(last - history.days[first], SHORTEST_SPAN)
    return (history.came(last - 1) - (history.came(history.days[first] - 1))) / span * MONTH


def sold_monthly(history: History, day: int, window: int) -> float:
    """Bottles a month by counts over about `window` days up to the last count; UNKNOWN without two counts."""
    last = history.last_count(day, day)
    first = last and history.last_count(last.day - window + 14, day)
    if last is None or first is None or first.day < last.day - 2 * window:
        return UNKNOWN
    return max(0, history.sold_between(first, last)) / (last.day - first.day) * MONTH


def pace(history: History, day: int) -> Pace:
    """What is believed to stand on the day, and the pace it sells at."""
    delivered = delivered_monthly(history, day)
    counted = history.last_count(day, day)
    silent = is_silent(history, day)
    sold = UNKNOWN if counted is None else sold_monthly(history, day, WINDOWS[0])
    now = Pace(0.0, delivered, sold, silent, counted)
    if counted is None:
        return now._replace(bottles=_without_count(history, day, now.monthly))
    since = min(day - counted.day, CARRY_ON)
    bottles = counted.bottles + history.came(day, counted.day) - now.monthly / MONTH * since
    return now._replace(bottles=max(0.0, bottles))


def is_silent(history: History, day: int) -> bool:
    """Whether the last delivery is longer ago than one and a half times the longest gap there ever was."""
    deliveries = bisect_right(history.days, day)
    if deliveries < 2:
        return False
    return day - history.days[deliveries - 1] > SILENCE * history.longest_gap(deliveries)


def _without_count(history: History, day: int, monthly: float) -> float:
    # A store orders again when little is left, so of earlier deliveries nothing is counted.
    deliveries = bisect_right(history.days, day)
    if not deliveries:
        return 0.0
    last = history.days[deliveries - 1]
    return max(0.0, history.came(day, last - 1) - monthly / MONTH * (day - last))


FEATURES = (
    "quiet_days",
    "quiet_to_usual_gap",
    "quiet_to_longest_gap",
    "deliveries",
    "deliveries_in_year",
    "known_days",
    "bottles",
    "months_of_cover",
    "product_still_bought",
    "product_quiet_days",
    "store_still_buys",
    "store_quiet_days",
    "years_of_peers",
    "last_delivery",
    "sold_60",
    "cover_60",
    "sold_120",
    "cover_120",
    "sold_180",
    "cover_180",
)


def features(history: History, day: int, product: Trend, store: Trend, now: Pace) -> list[float]:
    """The numbers of FEATURES for one series on a day with at least one delivery before."""
    deliveries = bisect_right(history.days, day)
    last, first = history.days[deliveries - 1], history.days[0]
    quiet = day - last
    usual = (last - first) / (deliveries - 1) if deliveries > 1 else float(day - first)
    row = [
        float(quiet),
        quiet / max(usual, 7.0),
        quiet / max(history.longest_gap(deliveries), 14),
        float(deliveries),
        float(deliveries - bisect_left(history.days, day - YEAR)),
        float(day - first),
        now.bottles,
        _cover(now.bottles, now.delivered),
        product.recent / max(product.yearly, 1),
        float(day - product.last),
        store.recent / max(store.yearly, 1),
        float(day - store.last),
        min(now.bottles / max(product.bottles, 0.1), MOST),
        float(history.came(day, last - 1)),
    ]
    for window in WINDOWS:
        monthly = now.sold if window == WINDOWS[0] else sold_monthly(history, day, window)
        row.append(monthly)
        row.append(UNKNOWN if monthly < 0 else _cover(now.bottles, monthly))
    return row


def _cover(bottles: float, monthly: float) -> float:
    return min(bottles / monthly, MOST) if monthly > 0 else MOST


def left_after(history: History, day: int) -> float:
    """Bottles of what stood on the day that still stand HORIZON days later, as believed then, oldest sold first."""
    later = day + HORIZON
    return max(0.0, pace(history, later).bottles - history.came(later, day))
