"""The lines of each month: what is believed of a store's product, beside it what is true.

Believing is done by the functions production uses (`rules/outlook.py`); they get deliveries and counts until the
day, never the truth. What became of a line is learnt from later counts and deliveries, too.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from backtest.deliveries import Deliveries, Ints
from backtest.seen import Habits, counts_of
from backtest.truth import Peers, Shelf, imagine, peers, series
from rules.outlook import FEATURES, HORIZON, RECENT, YEAR, Count, History, Trend, features, left_after, pace

COLUMNS = ("store", "product", "bottles", "monthly", "oldest_days", "price", "learnt_left", "stock", "left")
WIDTH = len(COLUMNS) + len(FEATURES)
COUNTED_BEFORE = 200  # days of counts before the first month
NOTHING = [0.0] * (4 + len(FEATURES))  # of a line nobody believes in


@dataclass(frozen=True)
class Setting:
    """One run: the deliveries, the months looked at, the world and how it is seen."""

    deliveries: Deliveries
    months: tuple[int, ...]
    delta: float
    seed: int
    rates: Habits


@dataclass(frozen=True)
class Lines:
    """All lines of a month as columns; `features` in the order of FEATURES.

    `learnt_left` is the part left after the horizon as the house could know it; `stock` and `left` are the truth.
    """

    day: int
    table: NDArray[np.float32]

    def __getitem__(self, column: str) -> NDArray[np.float32]:
        return np.asarray(self.table[:, COLUMNS.index(column)])

    @property
    def features(self) -> NDArray[np.float32]:
        """One row of FEATURES a line."""
        return np.asarray(self.table[:, len(COLUMNS) :])


def month_starts(first: date, last: date) -> tuple[int, ...]:
    """The first of each month from one day to another, as ordinals."""
    day, found = first.replace(day=1), []
    while day <= last:
        found.append(day.toordinal())
        day = (day + timedelta(days=32)).replace(day=1)
    return tuple(found)


def lines_of(setting: Setting, processes: int) -> Iterator[tuple[int, list[NDArray[np.float32]]]]:
    """Work through all stores; yields how many are done and the store's rows for each month."""
    stores = setting.deliveries.stores()
    trends = _Trends(setting.deliveries, setting.months)
    others = peers(setting.deliveries)
    given = (setting, others, trends)
    with ProcessPoolExecutor(processes, initializer=_begin, initargs=(given,)) as pool:
        yield from enumerate(pool.map(_work, stores, chunksize=4), start=1)


class _Trends:
    """How lively products and stores are on the first of each month, by deliveries alone."""

    def __init__(self, deliveries: Deliveries, months: Sequence[int]) -> None:
        self.products: list[dict[int, Trend]] = []
        self.stores: list[dict[int, Trend]] = []
        for day in months:
            until = deliveries.day <= day
            store, product = deliveries.store[until], deliveries.product[until]
            days, bottles = deliveries.day[until], deliveries.bottles[until]
            first, after = series(store, product)
            in_year = np.add.reduceat(np.where(days > day - YEAR, bottles, 0), first)
            last = days[after - 1]
            self.products.append(_trend(product[first], last, in_year, day))
            self.stores.append(_trend(store[first], last, in_year, day))


def _trend(key: Ints, last: Ints, in_year: Ints, day: int) -> dict[int, Trend]:
    names, which = np.unique(key, return_inverse=True)
    recent = np.bincount(which, weights=last > day - RECENT)
    yearly = np.bincount(which, weights=last > day - YEAR)
    latest = np.zeros(len(names), dtype=np.int64)
    np.maximum.at(latest, which, last)
    bottles = np.bincount(which, weights=in_year) / np.maximum(yearly, 1)
    rows = zip(names.tolist(), recent.tolist(), yearly.tolist(), latest.tolist(), bottles.tolist(), strict=True)
    return {name: Trend(int(now), int(year), seen, got) for name, now, year, seen, got in rows}


_given: tuple[Setting, Peers, _Trends]


def _begin(given: tuple[Setting, Peers, _Trends]) -> None:
    global _given  # noqa: PLW0603 - what a process of the pool works with, given once
    _given = given


def _work(store: int) -> list[NDArray[np.float32]]:
    setting, others, trends = _given
    shelf = imagine(setting.deliveries, store, others, setting.delta, setting.seed)
    lines = list(zip(shelf.product.tolist(), _histories(setting, store, shelf), strict=True))
    found = []
    for month, day in enumerate(setting.months):
        truth = zip(shelf.stock(day).tolist(), shelf.left_after(day, HORIZON).tolist(), strict=True)
        active = trends.stores[month].get(store, Trend())
        rows = []
        for (product, history), (stock, left) in zip(lines, truth, strict=True):
            believed = _believed(history, day, trends.products[month].get(product), active)
            if believed or left:
                price = setting.deliveries.price(product, day)
                rows.append(
                    [
                        store,
                        product,
                        *(believed or NOTHING)[:3],
                        price,
                        *(believed or NOTHING)[3:4],
                        stock,
                        left,
                        *(believed or NOTHING)[4:],
                    ]
                )
        found.append(np.array(rows, dtype=np.float32).reshape(-1, WIDTH))
    return found


def _histories(setting: Setting, store: int, shelf: Shelf) -> list[History]:
    deliveries = setting.deliveries
    lines = deliveries.of_store(store)
    days, bottles = deliveries.day[lines], deliveries.bottles[lines]
    first, after = series(deliveries.store[lines], deliveries.product[lines])
    sizes = [deliveries.case_size.get(int(product), 12) for product in shelf.product]
    span = range(setting.months[0] - COUNTED_BEFORE, setting.months[-1] + HORIZON + 1)
    counts = counts_of(shelf, store, np.array(sizes), span, setting.rates, setting.seed)
    return [
        History(days[a:b].tolist(), bottles[a:b].tolist(), seen, size)
        for a, b, seen, size in zip(first.tolist(), after.tolist(), counts, sizes, strict=True)
    ]


def _believed(history: History, day: int, product: Trend | None, store: Trend) -> list[float] | None:
    """Bottles, pace, age and outcome of a line, and its features, all as far as the house can know."""
    if product is None or history.days[0] > day:
        return None
    now = pace(history, day)
    bottles = round(now.bottles)
    if bottles < 1:
        return None
    told = features(history, day, product, store, now)
    oldest = day - history.oldest_day(day, bottles)
    learnt = min(1.0, left_after(history, day) / bottles)
    return [bottles, now.delivered, oldest, learnt, *told]


__all__ = ["COLUMNS", "Count", "Lines", "Setting", "lines_of", "month_starts"]
