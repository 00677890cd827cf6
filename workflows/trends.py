"""How lively products and stores are on given days, by deliveries to all stores."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Integer, case, func, select
from sqlalchemy.orm import Session

from models.stock import Delivery
from rules.outlook import RECENT, YEAR, Trend

CHUNK = 5_000


@dataclass(frozen=True)
class Trends:
    """The trends of a day, by product id and by store id."""

    products: Mapping[int, Trend]
    stores: Mapping[int, Trend]

    def of_product(self, product_id: int) -> Trend:
        """The product's trend; of a product nobody got, nothing."""
        return self.products.get(product_id, Trend())

    def of_store(self, store_id: int) -> Trend:
        """The store's trend."""
        return self.stores.get(store_id, Trend())


@dataclass
class _Sum:
    """A trend on the way."""

    recent: int = 0
    yearly: int = 0
    last: int = 0
    bottles: int = 0

    def add(self, last: int, bottles: int, today: int) -> None:
        self.recent += last > today - RECENT
        self.yearly += last > today - YEAR
        self.last = max(self.last, last)
        self.bottles += bottles

    def trend(self) -> Trend:
        return Trend(self.recent, self.yearly, self.last, self.bottles / max(self.yearly, 1))


def trends_on(session: Session, days: Sequence[date]) -> list[Trends]:
    """The trends of each day; deliveries after it are not looked at."""
    return [_trends(session, day) for day in days]


def _trends(session: Session, day: date) -> Trends:
    in_year = case((Delivery.delivered_on > day - timedelta(days=YEAR), Delivery.bottles), else_=0)
    query = (
        select(
            Delivery.store_id,
            Delivery.product_id,
            func.max(Delivery.delivered_on),
            func.sum(in_year).cast(Integer),
        )
        .where(Delivery.delivered_on <= day)
        .group_by(Delivery.store_id, Delivery.product_id)
        .execution_options(yield_per=CHUNK)
    )
    products: dict[int, _Sum] = defaultdict(_Sum)
    stores: dict[int, _Sum] = defaultdict(_Sum)
    today = day.toordinal()
    for store, product, last, bottles in session.execute(query):
        for total in (products[product], stores[store]):
            total.add(last.toordinal(), bottles, today)
    return Trends(_finished(products), _finished(stores))


def _finished(sums: Mapping[int, _Sum]) -> dict[int, Trend]:
    return {key: total.trend() for key, total in sums.items()}
