"""The hidden truth: on which day each delivered bottle was sold. No rule ever sees it.

Between two deliveries a store sells what came with the first, Fridays and Saturdays more, a part of up to a
fifth only after the second. After the last delivery it goes on at its own pace when the silence is within one
and a half times its longest gap; else the product has died there and sells at `delta` of that pace. Delta is
the one number nobody can see in the data. Products delivered once take the middle pace and gap of other stores.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtest.deliveries import Deliveries, Ints

WEEKDAYS = np.array([0.8, 0.8, 0.9, 1.0, 1.5, 1.6, 1.0])  # Monday to Sunday; a weak prior
CARRIED = 0.2  # at most this part of a delivery is sold after the next one
SILENCE = 1.5  # times the longest gap
NEVER = 10_000_000  # a day after all days

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Peers:
    """Middle pace (bottles a day) and longest gap (days) of each product, from stores that got it twice."""

    pace: dict[int, float]
    gap: dict[int, float]
    any_pace: float
    any_gap: float


class Shelf:
    """One store's truth, for all its products at once; days may be one for all or one for each."""

    def __init__(self, product: Ints, first: Ints, day: Ints, bottles: Ints, place: Ints, sold: Ints) -> None:
        places = np.arange(len(product))
        self.product = product
        self._base = places * NEVER
        self._first = first
        self._came = np.r_[0, np.cumsum(bottles)]
        self._line_keys = np.repeat(places, np.diff(np.r_[first, len(day)])) * NEVER + day
        self._sold_keys = np.sort(place * NEVER + sold)
        self._sold_first = np.searchsorted(self._sold_keys, self._base)

    def came(self, day: Ints | int) -> Ints:
        """Bottles delivered until and with the day."""
        lines = np.searchsorted(self._line_keys, self._base + day, side="right")
        return np.asarray(self._came[np.maximum(lines, self._first)] - self._came[self._first])

    def sold(self, day: Ints | int) -> Ints:
        """Bottles sold until and with the day."""
        return np.asarray(np.searchsorted(self._sold_keys, self._base + day, side="right") - self._sold_first)

    def stock(self, day: Ints | int) -> Ints:
        """Bottles that stand there in the evening."""
        return self.came(day) - self.sold(day)

    def left_after(self, day: int, horizon: int) -> Ints:
        """Bottles of that evening's stock still there after so many days, the oldest sold first."""
        return np.maximum(0, self.stock(day) - (self.sold(day + horizon) - self.sold(day)))


def peers(deliveries: Deliveries) -> Peers:
    """What single deliveries borrow from other stores."""
    first, after = series(deliveries.store, deliveries.product)
    many = after - first > 1
    product = deliveries.product[first][many]
    pace, gap = _own(deliveries.day, deliveries.bottles, first[many], after[many])
    return Peers(_middle(product, pace), _middle(product, gap), float(np.median(pace)), float(np.median(gap)))


def series(store: Ints, product: Ints) -> tuple[Ints, Ints]:
    """Where each series begins and ends among lines sorted by store and product."""
    new = np.flatnonzero(np.r_[True, (store[1:] != store[:-1]) | (product[1:] != product[:-1])])
    return new, np.r_[new[1:], len(store)]


def imagine(deliveries: Deliveries, store: int, others: Peers, delta: float, seed: int) -> Shelf:
    """Make the truth of one store; the same seed gives the same truth whatever other stores are looked at."""
    rng = np.random.default_rng([seed, store])
    lines = deliveries.of_store(store)
    day, bottles, product = deliveries.day[lines], deliveries.bottles[lines], deliveries.product[lines]
    first, after = series(deliveries.store[lines], product)
    rate = _rates(day, bottles, product, first, after, others, deliveries.last_day, delta)
    place, sold = _days_of_sale(rng, day, bottles, first, after, rate)
    return Shelf(product[first], first, day, bottles, place, sold)


def _own(day: Ints, bottles: Ints, first: Ints, after: Ints) -> tuple[Floats, Floats]:
    """Pace and longest gap of series with two deliveries or more."""
    came = np.r_[0, np.cumsum(bottles)]
    before_last = came[after - 1] - came[first]
    pace = before_last / np.maximum(day[after - 1] - day[first], 1)
    gaps = np.r_[0, np.diff(day)]
    gaps[first] = 0
    longest = np.maximum.reduceat(np.r_[gaps, 0], np.c_[first, after].ravel())[::2] if len(first) else gaps[:0]
    return pace, longest.astype(float)


def _middle(product: Ints, value: Floats) -> dict[int, float]:
    order = np.lexsort((value, product))
    ordered, values = product[order], value[order]
    start = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    end = np.r_[start[1:], len(ordered)]
    middle = values[(start + end - 1) // 2]
    return dict(zip(ordered[start].tolist(), middle.tolist(), strict=True))


def _rates(
    day: Ints,
    bottles: Ints,
    product: Ints,
    first: Ints,
    after: Ints,
    others: Peers,
    end: int,
    delta: float,
) -> Floats:
    """Bottles a day after the last delivery: the series' own pace, or delta of it where the product has died."""
    pace, longest = _own(day, bottles, first, after)
    single = after - first == 1
    names = product[first]
    pace[single] = [others.pace.get(int(name), others.any_pace) for name in names[single]]
    longest[single] = [others.gap.get(int(name), others.any_gap) for name in names[single]]
    alive = end - day[after - 1] <= SILENCE * longest
    return np.maximum(pace * np.where(alive, 1.0, delta), 1e-9)


def _days_of_sale(
    rng: np.random.Generator, day: Ints, bottles: Ints, first: Ints, after: Ints, rate: Floats
) -> tuple[Ints, Ints]:
    """For each bottle its series and the day it was sold."""
    of_series = np.repeat(np.arange(len(first)), after - first)
    last = np.zeros(len(day), dtype=bool)
    last[after - 1] = True
    line = np.repeat(np.arange(len(day)), bottles)
    carry = rng.uniform(0, CARRIED, len(first))[of_series[line]]
    line = line + ((rng.random(len(line)) < carry) & ~last[line])
    between = ~last[line]
    sold = np.empty(len(line), dtype=np.int64)
    sold[between] = _within_gap(rng, day[line[between]], day[np.minimum(line[between] + 1, len(day) - 1)])
    sold[~between] = _after_last(rng, day, line[~between], of_series, rate)
    return of_series[line], sold


def _within_gap(rng: np.random.Generator, came: Ints, until: Ints) -> Ints:
    """A day after `came`, up to and with `until`, drawn by the weights of the weekdays."""
    start = int(came.min(initial=0))
    days = np.arange(start, int(until.max(initial=start)) + 2)
    weight = np.r_[0.0, np.cumsum(WEEKDAYS[(days + 6) % 7])]  # ordinal 1 is a Monday
    low, high = weight[came - start + 1], weight[until - start + 1]
    drawn = low + rng.random(len(came)) * (high - low)
    return np.clip(np.searchsorted(weight, drawn, side="right") - 1 + start, came + 1, until)


def _after_last(rng: np.random.Generator, day: Ints, line: Ints, of_series: Ints, rate: Floats) -> Ints:
    """One bottle after the other, with waits as a constant pace makes them."""
    which = of_series[line]
    order = np.argsort(which, kind="stable")
    waits = np.cumsum(rng.exponential(1.0, len(line)) / rate[which[order]])
    begins = np.flatnonzero(np.r_[True, np.diff(which[order]) != 0]) if len(line) else line
    before = np.zeros(len(line))
    before[begins] = np.r_[0.0, waits[begins[1:] - 1]] if len(line) else before
    since = waits - np.maximum.accumulate(before) if len(line) else waits
    sold = np.empty(len(line), dtype=np.int64)
    sold[order] = np.minimum(day[line[order]] + np.ceil(since), NEVER).astype(np.int64)
    return sold
