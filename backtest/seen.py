"""What the distributor sees of a store's truth: counts, late, with gaps and mistakes (`observation.yaml`)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from backtest.deliveries import Ints
from backtest.truth import Shelf
from rules.outlook import Count

FILE = Path(__file__).with_name("observation.yaml")
SALT = 7_919  # so that mistakes are not drawn from the same numbers as sales


@dataclass(frozen=True)
class Habits:
    """How counts go wrong; see the file."""

    weeks_between_counts: tuple[int, int]
    days_late: tuple[int, int]
    missing: tuple[float, float]
    case_for_bottle: float
    stale_copy: float


def habits(kind: str) -> Habits:
    """The rates of a kind: dirty, clean or none."""
    rates = yaml.safe_load(FILE.read_text(encoding="utf-8"))[kind]
    ranges = {name: tuple(rates[name]) for name in ("weeks_between_counts", "days_late", "missing")}
    return Habits(**ranges, case_for_bottle=rates["case_for_bottle"], stale_copy=rates["stale_copy"])


def counts_of(shelf: Shelf, store: int, case_size: Ints, days: range, rates: Habits, seed: int) -> list[list[Count]]:
    """All counts of the store within the days, for each of its products in order of day."""
    rng = np.random.default_rng([seed, store, SALT])
    weeks = int(rng.integers(rates.weeks_between_counts[0], rates.weeks_between_counts[1] + 1))
    late = int(rng.integers(rates.days_late[0], rates.days_late[1] + 1))
    missing = rng.uniform(*rates.missing)
    found: list[list[Count]] = [[] for _ in shelf.product]
    if not weeks or missing >= 1:
        return found
    start = days.start + int(rng.integers(0, weeks * 7))
    before = shelf.stock(start - weeks * 7)
    for day in range(start, days.stop, weeks * 7):
        stock = shelf.stock(day)
        written = _written(rng, stock, before, case_size, rates)
        named = (rng.random(len(stock)) >= missing) & (shelf.came(day) > 0)
        for place in np.flatnonzero(named):
            found[place].append(Count(day, int(written[place]), day + late))
        before = stock
    return found


def _written(rng: np.random.Generator, stock: Ints, before: Ints, case_size: Ints, rates: Habits) -> Ints:
    size = len(stock)
    copied: NDArray[np.bool_] = rng.random(size) < rates.stale_copy
    mixed_up, upward = rng.random(size) < rates.case_for_bottle, rng.random(size) < 0.5
    written = np.where(copied, before, stock)
    wrong = np.where(upward, written * case_size, written // case_size)
    return np.where(mixed_up, wrong, written)
