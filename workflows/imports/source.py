"""What every kind of file becomes before its header is looked for: rows of cells, and what only Excel knows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

#: Rows (from 1) by column (from 0).
Places = dict[int, set[int]]
#: For each column (from 0): the row (from 1) whose cell a merged cell's lower rows repeat.
Merged = dict[int, dict[int, int]]


class FileRefused(Exception):
    """The file as a whole cannot be taken; `str()` is the Chinese sentence."""


def _none(_columns: frozenset[int]) -> Places:
    return {}


def _nothing_merged() -> Merged:
    return {}


@dataclass(frozen=True)
class Source:
    """A file's rows as they stand. `rows()` starts over each time; `total` is a guess for the bar.

    `formulas(columns)` looks up which rows of those columns hold a formula; `merged()` where cells are merged
    downwards.
    """

    rows: Callable[[], Iterator[Sequence[Any]]]
    total: int
    formulas: Callable[[frozenset[int]], Places] = _none
    merged: Callable[[], Merged] = _nothing_merged
