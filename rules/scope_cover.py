"""Set questions about scopes: do two of them meet, and is one wholly taken by others.

The words of a dimension are open-ended (a new region may come tomorrow), so a dimension is a finite set
of words or everything but a finite set.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, product

from rules.warning_rules import DIMENSIONS, Scope

FEW_POINTS = 50
MOST_STEPS = 20_000  # boxes looked at before the answer is given up


@dataclass(frozen=True)
class _Words:
    words: frozenset[str]
    excluded: bool = False  # everything but these words

    @property
    def is_empty(self) -> bool:
        return not self.excluded and not self.words

    def __and__(self, other: "_Words") -> "_Words":
        if self.excluded and other.excluded:
            return _Words(self.words | other.words, excluded=True)
        if self.excluded:
            return _Words(other.words - self.words)
        return _Words(self.words - other.words if other.excluded else self.words & other.words)

    def but(self, other: "_Words") -> "_Words":
        return self & _Words(other.words, excluded=not other.excluded)


_Box = tuple[_Words, ...]


def meet(one: Scope, other: Scope) -> bool:
    """Whether some store and product could be in both."""
    return _meet(_box(one), _box(other))


def is_within(one: Scope, outer: Scope) -> bool:
    """Whether everything in the one is in the other too."""
    return all(
        not outside or (set(inside) <= set(outside) and inside)
        for name in DIMENSIONS
        for inside, outside in [(getattr(one, name), getattr(outer, name))]
    )


def is_covered(one: Scope, within: Scope, by: Sequence[Scope]) -> bool:
    """Whether nothing of the part of `one` within `within` is left when the others have taken theirs."""
    start = tuple(a & b for a, b in zip(_box(one), _box(within), strict=True))
    if _is_empty(start) or _some_point_is_left(start, by):
        return False
    return not _left(start, [_box(scope) for scope in by], [0])


def _some_point_is_left(box: _Box, by: Sequence[Scope]) -> bool:
    """Whether one of the first few points of the box is in no scope, which is nearly always so and soon found."""
    named = [[(DIMENSIONS.index(name), set(words)) for name, words in scope.named.items()] for scope in by]
    choices = [("",) if words.excluded else sorted(words.words) for words in box]
    return any(
        not any(all(point[place] in words for place, words in dimensions) for dimensions in named)
        for point in islice(product(*choices), FEW_POINTS)
    )


def _left(box: _Box, others: Sequence[_Box], steps: list[int]) -> bool:
    """Whether a point of the box is in none of the others; beyond the allowed steps it is taken to be so."""
    steps[0] += 1
    hit = [other for other in others if _meet(box, other)]
    if not hit or steps[0] > MOST_STEPS:
        return True
    first, rest = hit[0], hit[1:]
    kept: list[_Words] = []
    for place, (mine, its) in enumerate(zip(box, first, strict=True)):
        piece = (*kept, mine.but(its), *box[place + 1 :])
        if not _is_empty(piece) and _left(piece, rest, steps):
            return True
        kept.append(mine & its)
    return False


def _box(scope: Scope) -> _Box:
    return tuple(
        _Words(frozenset(words), excluded=not words) for name in DIMENSIONS for words in [getattr(scope, name)]
    )


def _meet(one: _Box, other: _Box) -> bool:
    return not any((a & b).is_empty for a, b in zip(one, other, strict=True))


def _is_empty(box: _Box) -> bool:
    return any(words.is_empty for words in box)
