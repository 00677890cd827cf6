"""Finding the header of a file: below titles and filter lines, in one row or in two."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from typing import Any

from workflows.imports.cells import words
from workflows.imports.columns import ColumnSpec, Header, normal

HEADER_WITHIN = 15  # rows; exports begin with a title and filter lines
_SAYS_SOMETHING = re.compile(r"[^\W\d_]")  # a letter or a character: a value of data may be one, a number is not


class NoHeader(ValueError):
    """None of the first rows names the needed columns; `str()` is the Chinese sentence."""


def find_header(rows: Iterable[Sequence[Any]], specs: Sequence[ColumnSpec]) -> Header:
    """Find the header among the first rows. Raises NoHeader saying which columns are missing."""
    best: Header | None = None
    for header in _candidates(rows, specs):
        if not _missing(header, specs):
            return header
        if header.places and (best is None or len(header.places) > len(best.places)):
            best = header
    needed = "、".join(_called(spec, specs) for spec in specs if spec.required)
    if best is None:
        raise NoHeader(f"前 {HEADER_WITHIN} 行里没有找到表头，至少要有这些列：{needed}。")
    missing = "、".join(_called(spec, specs) for spec in _missing(best, specs))
    raise NoHeader(f"表头（第 {best.number} 行）缺少这些列：{missing}。至少要有：{needed}。")


def _candidates(rows: Iterable[Sequence[Any]], specs: Sequence[ColumnSpec]) -> Iterator[Header]:
    first = [list(row) for row in islice(rows, HEADER_WITHIN + 1)]
    for number, (above, below) in enumerate(pairwise([*first, []]), start=1):
        if number > HEADER_WITHIN:
            return
        upper = [words(cell) for cell in above]
        alone = _header(number, upper, specs)
        both = _two_rows(upper, below)
        if both is not None and _is_second_row(alone, below):
            header = _header(number + 1, both, specs, upper)
            if _needs_both(header, below):
                yield header
            elif _says_nothing_of(specs, alone, below):
                alone = replace(alone, number=number + 1)
        yield alone


def _two_rows(upper: Sequence[str], below: Sequence[Any]) -> list[str] | None:
    """The two rows as one: what stands below, under what spans above; None when the second is no header."""
    lower = [words(cell) for cell in below]
    if not any(lower) or any(not isinstance(cell, str) and words(cell) for cell in below):
        return None
    if any(cell and not _SAYS_SOMETHING.search(cell) for cell in lower):
        return None
    spanning, names = "", []
    for place in range(max(len(upper), len(lower))):
        over = upper[place] if place < len(upper) else ""
        under = lower[place] if place < len(lower) else ""
        spanning = over or (spanning if under else "")
        names.append(f"{spanning}{under}" if under else over)
    return names


def _needs_both(header: Header, below: Sequence[Any]) -> bool:
    """Whether some columns are named by the upper row alone and others with the lower."""
    lower = {place for place, _ in header.places if place < len(below) and words(below[place])}
    return 0 < len(lower) < len(header.places)


def _says_nothing_of(specs: Sequence[ColumnSpec], alone: Header, below: Sequence[Any]) -> bool:
    """Whether the second row leaves open what a row of data is about: it only divides columns nobody asked for."""
    about = {name for spec in specs if spec.required for name in (spec.name, spec.or_else)}
    named = [place for place, spec in alone.places if spec.name in about]
    return bool(named) and not any(words(below[place]) for place in named if place < len(below))


def _is_second_row(alone: Header, below: Sequence[Any]) -> bool:
    """Under a header that spans two rows its own cells are empty; in a row of data the needed ones are filled."""
    filled = [spec for place, spec in alone.places if place < len(below) and words(below[place])]
    return not any(spec.required and not spec.may_be_empty for spec in filled)


def _header(
    number: int, cells: Sequence[str], specs: Sequence[ColumnSpec], upper: Sequence[str] | None = None
) -> Header:
    """Match the cells; with two rows each cell may mean its column by both, or by the lower one alone."""
    places: dict[str, tuple[int, ColumnSpec]] = {}
    ignored: list[str] = []
    for place, cell in enumerate(cells):
        spec = _meant(cell, _span_over(upper, place), specs, places.keys())
        if spec is None:
            ignored += [cell] if cell else []
        else:
            places[spec.name] = (place, spec)
    return Header(number, tuple(cells), tuple(places.values()), tuple(ignored))


def _span_over(upper: Sequence[str] | None, place: int) -> str:
    if upper is None:
        return ""
    return next((upper[i] for i in range(min(place, len(upper) - 1), -1, -1) if upper[i]), "")


def _meant(cell: str, span: str, specs: Sequence[ColumnSpec], taken: Iterable[str]) -> ColumnSpec | None:
    under = cell.removeprefix(span) if span and cell != span else ""
    for said in (cell, under):
        plain = normal(said)
        spec = next((s for s in specs if plain and s.matches(plain) and s.name not in taken), None)
        if spec is not None:
            return spec
    return None


def _missing(header: Header, specs: Sequence[ColumnSpec]) -> list[ColumnSpec]:
    return [
        spec
        for spec in specs
        if spec.required and not header.has(spec.name) and not (spec.or_else and header.has(spec.or_else))
    ]


def _called(spec: ColumnSpec, specs: Sequence[ColumnSpec]) -> str:
    other = next((other.title for other in specs if spec.or_else and other.name == spec.or_else), "")
    return f"{spec.title}（或{other}）" if other else spec.title
