"""Columns of an import file: how they may be called, and what goes into them."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

_DATED = re.compile(r"_\d{4}_\d{2}$")
_NOISE = re.compile(r"[\s_\-*:：/]+|[(（\[【].*?[)）\]】]")


@dataclass(frozen=True)
class ColumnSpec:
    """One column. `required`: the file must have it; and its cells are filled unless `may_be_empty`.

    `or_else` names a column that may stand in the place of a required one. A value of a column that
    `repeats` may be written once in a cell merged over several rows.
    """

    name: str
    title: str
    parse: Callable[[Any], Any]
    explanation: str
    example: str
    aliases: tuple[str, ...] = ()
    required: bool = False
    may_be_empty: bool = False
    no_formula: bool = False
    or_else: str = ""
    repeats: bool = False

    def matches(self, header: str) -> bool:
        """Whether a header cell (already normalised) means this column."""
        return header in self._names

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(normal(word) for word in (self.title, self.name, *self.aliases))


@dataclass(slots=True)
class Row:
    """One row of data; `values` holds the columns the file has, None for an empty cell."""

    number: int
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Header:
    """Which cell of a row belongs to which column; `ignored` are headers nobody asked for.

    `number` is its last row, which comes right before the data; a header may take two rows.
    """

    number: int
    cells: tuple[str, ...]
    places: tuple[tuple[int, ColumnSpec], ...]
    ignored: tuple[str, ...]

    def has(self, name: str) -> bool:
        """Whether the file has the column."""
        return any(spec.name == name for _, spec in self.places)


def normal(header: str) -> str:
    """Bring a header into the form that is compared: no blanks, marks, units or dates."""
    plain = _DATED.sub("", unicodedata.normalize("NFKC", header).strip().lower())
    return _NOISE.sub("", plain)
