"""All that is known of each store's product, one after the other: deliveries, counts, periods of sale."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Integer, func, select
from sqlalchemy.orm import Session

from models.stock import Delivery, Observation
from rules.outlook import Count, History
from rules.sell_out import Period
from rules.sell_through import Arrival
from workflows.observations import counts_by_day
from workflows.sell_out import sell_out_periods

CHUNK = 5_000  # rows fetched at once
Series = tuple[int, int]  # store id, product id


@dataclass(frozen=True)
class Known:
    """One series until a day: deliveries by lot, counts, and what was sold between counts (F-2)."""

    series: Series
    arrivals: list[Arrival]
    counts: list[Count]
    periods: list[Period]

    def history(self, case_size: int) -> History:
        """The plain numbers of it. What the first count found beyond what had come was there before."""
        came: dict[int, int] = {}
        for arrival in self.arrivals:
            day = arrival.day.toordinal()
            came[day] = came.get(day, 0) + arrival.bottles
        opening = 0
        if self.counts:
            first = self.counts[0]
            opening = max(0, first.bottles - sum(bottles for day, bottles in came.items() if day <= first.day))
        days = sorted(came)
        return History(days, [came[day] for day in days], self.counts, case_size, opening)


def known_series(session: Session, as_of: date) -> Iterator[Known]:
    """Every series with a delivery or a count until the day, in the order of store and product.

    Memory holds one series at a time.
    """
    parts: Iterable[tuple[Series, int, Any]] = merge(
        _arrivals(session, as_of), _counts(session, as_of), _periods(session, as_of), key=itemgetter(0)
    )
    for series, found in groupby(parts, key=itemgetter(0)):
        told: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
        for _, which, rows in found:
            told[which].extend(rows)
        if told[0] or told[1]:
            yield Known(series, *told)


def _arrivals(session: Session, as_of: date) -> Iterator[tuple[Series, int, list[Arrival]]]:
    order = (Delivery.store_id, Delivery.product_id, Delivery.delivered_on, Delivery.lot_id)
    query = (
        select(*order, func.sum(Delivery.bottles).cast(Integer))
        .where(Delivery.delivered_on <= as_of)
        .group_by(*order)
        .order_by(*order)
        .execution_options(yield_per=CHUNK)
    )
    for series, rows in groupby(session.execute(query), key=itemgetter(0, 1)):
        yield series, 0, [Arrival(day, lot, bottles) for _, _, day, lot, bottles in rows]


def _counts(session: Session, as_of: date) -> Iterator[tuple[Series, int, list[Count]]]:
    order = (Observation.store_id, Observation.product_id, Observation.as_of)
    query = counts_by_day().where(Observation.as_of <= as_of).order_by(*order).execution_options(yield_per=CHUNK)
    for series, rows in groupby(session.execute(query), key=itemgetter(0, 1)):
        days = ((row[2].toordinal(), row[3]) for row in rows)
        yield series, 1, [Count(day, bottles, day) for day, bottles in days]


def _periods(session: Session, as_of: date) -> Iterator[tuple[Series, int, list[Period]]]:
    for store, product, periods in sell_out_periods(session, as_of):
        yield (store, product), 2, periods
