"""The whole replay: worlds, months, lists and their scores."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from backtest.deliveries import Deliveries
from backtest.lines import Lines, Setting, lines_of, month_starts
from backtest.lists import Picks, learn_until, outlook, ranked, too_much, too_old, top
from backtest.score import Score, Tally, Weights, score
from backtest.seen import habits
from rules.experience import Tree
from rules.outlook import HORIZON

LEARNING_MONTHS = 11  # months before the first list: the last of them is HORIZON before it

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Plan:
    """What is to be replayed. `surest` is the chance below which a line is not listed."""

    first: date
    last: date
    deltas: tuple[float, ...]
    length: int
    surest: float
    seed: int
    counts: str
    processes: int


@dataclass(frozen=True)
class Result:
    """Scores by list for one delta; `stocked` lines with goods per store and month, `slow` the slow share of them.

    `groups` is how many kinds of history the last month's experience knew, `visits` stores times months.
    """

    delta: float
    stocked: float
    slow: float
    scores: dict[str, Score]
    groups: int
    visits: int


def replay(deliveries: Deliveries, plan: Plan, progress: Callable[[str], Progress]) -> Iterator[Result]:
    """Replay each delta; the lists of a month know nothing later than its first day."""
    last = min(plan.last, date.fromordinal(deliveries.last_day - HORIZON))
    months = month_starts(_months_before(plan.first, LEARNING_MONTHS), last)
    for delta in plan.deltas:
        setting = Setting(deliveries, months, delta, plan.seed, habits(plan.counts))
        yield _scored(setting, plan, _all_lines(setting, plan, progress(f"delta {delta}")))


def _months_before(day: date, months: int) -> date:
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(years, month + 1, 1)


def _all_lines(setting: Setting, plan: Plan, progress: Progress) -> list[Lines]:
    total = len(setting.deliveries.stores())
    tables: list[list[NDArray[np.float32]]] = [[] for _ in setting.months]
    for done, found in lines_of(setting, plan.processes):
        progress(done, total)
        for rows, new in zip(tables, found, strict=True):
            rows.append(new)
    return [Lines(day, np.vstack(rows)) for day, rows in zip(setting.months, tables, strict=True)]


def _scored(setting: Setting, plan: Plan, months: list[Lines]) -> Result:
    tallies: dict[str, Tally] = {}
    visits = groups = 0
    for lines in months:
        if lines.day < plan.first.toordinal():
            continue
        tree = learn_until(months, lines.day, plan.seed)
        groups = len(tree.groups)
        visits += len(np.unique(lines["store"]))
        _add_lists(tallies, lines, tree, plan)
    everything = tallies["slow"]
    scores = {name: score(tally, everything, visits, plan.seed) for name, tally in tallies.items()}
    stocked = tallies["stocked"].sums
    return Result(setting.delta, stocked[0] / visits, stocked[1] / max(stocked[0], 1), scores, groups, visits)


def _add_lists(tallies: dict[str, Tally], lines: Lines, tree: Tree, plan: Plan) -> None:
    def add(name: str, picks: Picks, share: Weights | None = None) -> None:
        tallies.setdefault(name, Tally()).add(lines, picks, share)

    much, old = too_much(lines), too_old(lines)
    either = much | old
    cover = np.asarray(lines["bottles"] / np.maximum(lines["monthly"], 1e-3), dtype=np.float32)
    value = lines["bottles"] * lines["price"]
    add("slow", np.flatnonzero(lines["left"] > 0))
    add("stocked", np.flatnonzero(lines["stock"] > 0))
    add("plain: cover > 3", np.flatnonzero(much))
    add("plain: age > 90", np.flatnonzero(old))
    add("plain: either", np.flatnonzero(either))
    picks = np.flatnonzero(either)
    add("plain: any of either", picks, _share(lines, picks, plan.length))
    add("plain: the oldest", top(lines, lines["oldest_days"], either, plan.length))
    add("plain: most cover", top(lines, cover, either, plan.length))
    add("plain: most value", top(lines, value, either, plan.length))
    expected = outlook(tree, lines)
    add("ranked", ranked(lines, expected, plan.length, plan.surest))
    add("ranked, always filled", ranked(lines, expected, plan.length, 0.0))
    add("hindsight: the worst", top(lines, lines["left"] * lines["price"], lines["left"] > 0, plan.length))


def _share(lines: Lines, picks: Picks, length: int) -> Weights:
    """Of `length` lines drawn by chance from a store's flagged ones, how often each is among them."""
    _, which, number = np.unique(lines["store"][picks], return_inverse=True, return_counts=True)
    return np.asarray(np.minimum(1.0, length / number[which]))
