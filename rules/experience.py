"""What became of goods like these: a tree of the house's own past, read from the top to one kind of history.

Each case is a line (store and product) as it stood half a year ago, with whether something of it was left
now. The tree asks one question after the other ("quiet for more than twice the usual gap?") and ends in
groups of at least LEAST cases; a group's share of lines left unsold, pulled to the mean of all (F-7), is the
answer for today's lines of that group. Grown best question first by Gini's impurity (Breiman and others 1984).
The same cases give the same tree.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

MOST_CASES = 60_000  # a larger sample did not change the lists in the backtest
FEWEST_CASES = 600  # below, the house has no experience worth the name
LEAST = 100  # cases in a group
MOST_GROUPS = 100
CUTS = 40  # values of a feature a question may ask about
PULL = 20.0  # cases of the overall mean that are added to each group


class Case(NamedTuple):
    """Features of a line in the past, whether something of it was left, and how much of it (0 to 1)."""

    features: Sequence[float]
    slow: bool
    left: float


class Question(NamedTuple):
    """Is the feature of that number above the value?"""

    feature: int
    value: float
    above: bool


@dataclass(frozen=True)
class Group:
    """Lines of one kind: the answers that lead to it, how many there were, how many were left, and how much of them."""

    name: str
    questions: tuple[Question, ...]
    cases: int
    slow: int
    slow_permille: int
    left_permille: int


class _Node:
    """A question with two ways on, or a group."""

    __slots__ = ("above", "feature", "group", "upto", "value")

    def __init__(self) -> None:
        self.group: Group | None = None
        self.feature = 0
        self.value = 0.0
        self.upto: _Node | None = None
        self.above: _Node | None = None


class Tree:
    """Finds the group of a line. Made of groups, so it can be kept as rows."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self.groups = tuple(groups)
        self._top = _Node()
        for group in groups:
            self._plant(group)

    def group_of(self, features: Sequence[float]) -> Group | None:
        """The group the line belongs to; None when the tree is empty."""
        node = self._top
        while node.group is None:
            way = node.above if features[node.feature] > node.value else node.upto
            if way is None:
                return None
            node = way
        return node.group

    def _plant(self, group: Group) -> None:
        node = self._top
        for feature, value, above in group.questions:
            node.feature, node.value = feature, value
            node.upto = node.upto or _Node()
            node.above = node.above or _Node()
            node = node.above if above else node.upto
        node.group = group


def learn(cases: Sequence[Case]) -> Tree:
    """Grow the tree; with fewer than FEWEST_CASES an empty one."""
    if len(cases) < FEWEST_CASES:
        return Tree(())
    grower = _Grower(cases)
    return Tree(grower.grow())


class _Split(NamedTuple):
    gain: float
    feature: int
    cut: int


class _Part(NamedTuple):
    """Cases that gave the same answers so far, and the best question to part them further."""

    members: list[int]
    slow: int
    questions: tuple[Question, ...]
    best: _Split | None

    @property
    def gain(self) -> float:
        """What parting it further would bring; 0 when it cannot be parted."""
        return self.best.gain if self.best else 0.0


class _Grower:
    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = cases
        self._slow = [int(case.slow) for case in cases]
        self._cuts = [_cuts(sorted(values)) for values in zip(*(case.features for case in cases), strict=True)]
        self._bins = [
            [bisect_left(cuts, value) for value in values]
            for cuts, values in zip(self._cuts, zip(*(case.features for case in cases), strict=True), strict=True)
        ]

    def grow(self) -> list[Group]:
        parts = [self._part(list(range(len(self._cases))), ())]
        while len(parts) < MOST_GROUPS:
            place = max(range(len(parts)), key=lambda n: parts[n].gain)
            best = parts[place].best
            if best is None:
                break
            parts[place : place + 1] = self._parted(parts[place], best)
        mean = sum(self._slow) / len(self._slow)
        return [self._group(number, part, mean) for number, part in enumerate(parts, start=1)]

    def _parted(self, part: _Part, split: _Split) -> list[_Part]:
        bins = self._bins[split.feature]
        value = self._cuts[split.feature][split.cut]
        upto = [case for case in part.members if bins[case] <= split.cut]
        above = [case for case in part.members if bins[case] > split.cut]
        return [
            self._part(members, (*part.questions, Question(split.feature, value, up)))
            for members, up in ((upto, False), (above, True))
        ]

    def _part(self, members: list[int], questions: tuple[Question, ...]) -> _Part:
        slow = sum(map(self._slow.__getitem__, members))
        splittable = len(members) >= 2 * LEAST and 0 < slow < len(members)
        return _Part(members, slow, questions, self._best(members, slow) if splittable else None)

    def _best(self, members: list[int], slow: int) -> _Split | None:
        """The question that parts slow from quick best, by the fall of impurity times cases."""
        total = len(members)
        whole = _impurity(total, slow)
        best: _Split | None = None
        marks = list(map(self._slow.__getitem__, members))
        for feature, bins in enumerate(self._bins):
            size = len(self._cuts[feature]) + 1
            counts, slows = [0] * size, [0] * size
            for place, mark in zip(map(bins.__getitem__, members), marks, strict=True):
                counts[place] += 1
                slows[place] += mark
            upto = upto_slow = 0
            for cut in range(size - 1):
                upto += counts[cut]
                upto_slow += slows[cut]
                if upto < LEAST or total - upto < LEAST:
                    continue
                gain = whole - _impurity(upto, upto_slow) - _impurity(total - upto, slow - upto_slow)
                if gain > (best.gain if best else 1e-9):
                    best = _Split(gain, feature, cut)
        return best

    def _group(self, number: int, part: _Part, mean: float) -> Group:
        cases = len(part.members)
        share = (part.slow + PULL * mean) / (cases + PULL)
        left = sum(self._cases[member].left for member in part.members) / cases
        return Group(f"G{number}", part.questions, cases, part.slow, round(share * 1000), round(left * 1000))


def _impurity(cases: int, slow: int) -> float:
    return slow * (cases - slow) / cases


def _cuts(ordered: Sequence[float]) -> list[float]:
    """Values at equal shares of the cases, each once, without the largest."""
    step = len(ordered) / (CUTS + 1)
    found = {ordered[min(int(step * place), len(ordered) - 1)] for place in range(1, CUTS + 1)}
    return sorted(found - {ordered[-1]})
