"""How good a list was: truly slow lines among it, and how much of what will not be sold it holds."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backtest.lines import Lines
from backtest.lists import Picks

RESAMPLED = 400  # times, for the intervals

Weights = NDArray[np.float64]


@dataclass
class Tally:
    """Sums of one kind of list over all months, store by store: lines, slow lines, dead bottles, dead money."""

    stores: dict[int, Weights] = field(default_factory=lambda: defaultdict(lambda: np.zeros(4)))

    def add(self, lines: Lines, picks: Picks, share: NDArray[np.float64] | None = None) -> None:
        """Add a month's picks; `share` counts each pick in part."""
        part = np.ones(len(picks)) if share is None else share
        left, price = lines["left"][picks], lines["price"][picks]
        columns = np.c_[part, part * (left > 0), part * left, part * left * price]
        for store in np.unique(lines["store"][picks]):
            self.stores[int(store)] += columns[lines["store"][picks] == store].sum(axis=0)

    @property
    def sums(self) -> Weights:
        """Over all stores."""
        return np.sum(list(self.stores.values()), axis=0) if self.stores else np.zeros(4)


@dataclass(frozen=True)
class Score:
    """Per store and month `length` lines; precision and recall as shares of 1, the interval of 90 %."""

    length: float
    precision: float
    precision_interval: tuple[float, float]
    recall_bottles: float
    recall_money: float
    money: float  # dead money held, in the data's currency, per store and month


def score(tally: Tally, everything: Tally, stores_and_months: int, seed: int) -> Score:
    """Compare a list with all that was slow; intervals by drawing stores anew."""
    lines, slow, bottles, money = tally.sums
    whole = everything.sums
    return Score(
        lines / stores_and_months,
        slow / max(lines, 1),
        _interval(tally, seed),
        bottles / max(whole[2], 1),
        money / max(whole[3], 1),
        money / 100 / stores_and_months,
    )


def _interval(tally: Tally, seed: int) -> tuple[float, float]:
    """90 % of the precisions that come of drawing the stores anew with replacement."""
    table = np.array([[row[0], row[1]] for row in tally.stores.values()])
    if not len(table):
        return 0.0, 0.0
    rng = np.random.default_rng(seed)
    drawn = table[rng.integers(0, len(table), (RESAMPLED, len(table)))].sum(axis=1)
    found = drawn[:, 1] / np.maximum(drawn[:, 0], 1)
    return float(np.quantile(found, 0.05)), float(np.quantile(found, 0.95))
