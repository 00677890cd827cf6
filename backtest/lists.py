"""The lists a person could be given for a month: by the plain rules, and ranked by expected loss."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtest.lines import Lines
from rules.experience import MOST_CASES, Case, Tree, learn
from rules.outlook import HORIZON

MONTHS_LEARNT = 6  # months of outcomes that are learnt from
COVER, AGE = 3.0, 90.0  # the concept's two rules: months of cover, days in the store
SALT = 11

Picks = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Outlook:
    """What is expected of each line: the chance that something is left, and how much of it."""

    chance: Floats
    left: Floats


def learn_until(months: Sequence[Lines], day: int, seed: int) -> Tree:
    """Learn from lines whose outcome was known on the day, and from nothing later."""
    past = [lines for lines in months if lines.day + HORIZON <= day][-MONTHS_LEARNT:]
    if not past:
        return Tree(())
    rng = np.random.default_rng([seed, day, SALT])
    each = MOST_CASES // len(past)
    return learn([case for lines in past for case in _cases(rng, lines, each)])


def outlook(tree: Tree, lines: Lines) -> Outlook:
    """Ask the tree about each line; without experience nothing is expected."""
    groups = [tree.group_of(row) for row in lines.features.tolist()]
    chance = [group.slow_permille / 1000 if group else 0.0 for group in groups]
    left = [group.left_permille / 1000 if group else 0.0 for group in groups]
    return Outlook(np.array(chance, dtype=np.float32), np.array(left, dtype=np.float32))


def too_much(lines: Lines) -> NDArray[np.bool_]:
    """库存 > 3 × 月均销量, as the concept has it."""
    return np.asarray((lines["bottles"] > 0) & (lines["bottles"] > COVER * lines["monthly"]))


def too_old(lines: Lines) -> NDArray[np.bool_]:
    """库龄 > 90 天, as the concept has it."""
    return np.asarray((lines["bottles"] > 0) & (lines["oldest_days"] > AGE))


def ranked(lines: Lines, expected: Outlook, length: int, surest: float) -> Picks:
    """Of each store the lines with the largest expected loss whose chance is at least `surest`."""
    loss = lines["bottles"] * expected.left * lines["price"]
    return top(lines, loss, (lines["bottles"] > 0) & (expected.chance >= surest), length)


def top(lines: Lines, score: Floats, among: NDArray[np.bool_], length: int) -> Picks:
    """The highest of each store; ties go by product, so that the same input gives the same list."""
    chosen = np.flatnonzero(among)
    order = chosen[np.lexsort((lines["product"][chosen], -score[chosen], lines["store"][chosen]))]
    store = lines["store"][order]
    begins = np.r_[True, store[1:] != store[:-1]] if len(order) else np.zeros(0, dtype=bool)
    place = np.arange(len(order))
    rank = place - np.maximum.accumulate(np.where(begins, place, 0)) if len(order) else place
    return np.asarray(order[rank < length])


def _cases(rng: np.random.Generator, lines: Lines, most: int) -> list[Case]:
    known = np.flatnonzero(lines["bottles"] > 0)
    some = np.sort(rng.choice(known, most, replace=False)) if len(known) > most else known
    left = lines["learnt_left"][some].tolist()
    rows = lines.features[some].tolist()
    return [Case(row, part > 0, part) for row, part in zip(rows, left, strict=True)]
