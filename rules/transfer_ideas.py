"""Which stores could take goods over that another store does not sell: a first list for the rep, no plan yet.

A store is asked for no more than it sells in `TARGET_MONTHS` months beyond what it holds, in whole cases where
goods come in cases. Ranked by bottles moved per minute of effort, so that twenty bottles near by come before two
far away. The same input gives the same list.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

TARGET_MONTHS = 2  # of sales: a taker filled further would be the next one with too much
KEPT_MONTHS = 2  # of its own sales stay with the store that gives
MOST_STORES = 5
MINUTES_A_STORE = 20.0  # talking, loading and handing over
MINUTES_A_KILOMETRE = 2.5
UNKNOWN_METRES = 15_000  # a store without a place is ranked as if it were this far
EARTH_METRES = 6_371_000


@dataclass(frozen=True)
class Taker:
    """A store that sells the product: what it holds, what it sells in a month, how far away it is."""

    store_id: int
    stock: int
    monthly_millibottles: int
    metres: int | None

    @property
    def room(self) -> int:
        """Bottles it could take and still sell within the target."""
        return max(self.monthly_millibottles * TARGET_MONTHS // 1000 - self.stock, 0)


@dataclass(frozen=True)
class Idea:
    """So many bottles to one store."""

    taker: Taker
    bottles: int


def surplus(bottles: int, monthly_millibottles: int) -> int:
    """What a store can give away: all but a few months of its own sales."""
    return max(bottles - math.ceil(monthly_millibottles * KEPT_MONTHS / 1000), 0)


def ideas(takers: Iterable[Taker], spare: int, case_size: int) -> list[Idea]:
    """The stores worth asking, the best first. They are alternatives: each alone may take up to `spare` bottles."""
    found = [Idea(taker, whole(min(spare, taker.room), case_size)) for taker in takers]
    worth = [idea for idea in found if idea.bottles > 0]
    return sorted(worth, key=lambda idea: (-_gain(idea), idea.taker.store_id))[:MOST_STORES]


def whole(bottles: int, case_size: int) -> int:
    """As many bottles as whole cases hold; single bottles where goods do not come in cases."""
    return bottles - bottles % case_size if case_size > 1 else bottles


def metres_between(first: tuple[float, float], second: tuple[float, float]) -> int:
    """How far apart two places (latitude, longitude in degrees) are, as the crow flies."""
    (lat1, lon1), (lat2, lon2) = ((math.radians(x), math.radians(y)) for x, y in (first, second))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return round(2 * EARTH_METRES * math.asin(math.sqrt(min(half, 1.0))))


def _gain(idea: Idea) -> float:
    metres = UNKNOWN_METRES if idea.taker.metres is None else idea.taker.metres
    return idea.bottles / (MINUTES_A_STORE + MINUTES_A_KILOMETRE * metres / 1000)
