"""Columns of an import file: how they may be called, what goes into them, how a row is read."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflows.imports.cells import BadCell, words
from workflows.imports.report import Problems

MOST_REMEMBERED = 10_000  # texts a column
HEADER_WITHIN = 10  # rows; exports begin with a title and filter lines
_DATED = re.compile(r"_\d{4}_\d{2}$")
_NOISE = re.compile(r"[\s_\-*:：/]+|[(（].*?[)）]")
_SUM_STARTS = frozenset("合总小本tTsS")
_SUMS = re.compile(r"(?:合计|总计|小计|本页小计|total|subtotal|sum)[:：]?", re.IGNORECASE)


@dataclass(frozen=True)
class ColumnSpec:
    """One column. `required`: the file must have it; and its cells are filled unless `may_be_empty`."""

    name: str
    title: str
    parse: Callable[[Any], Any]
    explanation: str
    example: str
    aliases: tuple[str, ...] = ()
    required: bool = False
    may_be_empty: bool = False
    no_formula: bool = False

    def matches(self, header: str) -> bool:
        """Whether a header cell (already normalised) means this column."""
        return header in {normal(word) for word in (self.title, self.name, *self.aliases)}


@dataclass(frozen=True)
class Row:
    """One row of data; `values` holds the columns the file has, None for an empty cell."""

    number: int
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Header:
    """Which cell of a row belongs to which column; `ignored` are headers nobody asked for."""

    number: int
    cells: tuple[str, ...]
    places: tuple[tuple[int, ColumnSpec], ...]
    ignored: tuple[str, ...]

    def has(self, name: str) -> bool:
        """Whether the file has the column."""
        return any(spec.name == name for _, spec in self.places)


class NoHeader(ValueError):
    """No row of the first ten names the needed columns; `str()` is the Chinese sentence."""


def normal(header: str) -> str:
    """Bring a header into the form that is compared: no blanks, marks, units or dates."""
    plain = _DATED.sub("", unicodedata.normalize("NFKC", header).strip().lower())
    return _NOISE.sub("", plain)


def find_header(rows: Iterable[Sequence[Any]], specs: Sequence[ColumnSpec]) -> Header:
    """Find the header among the first rows. Raises NoHeader saying which columns are missing."""
    best: Header | None = None
    for number, cells in enumerate(rows, start=1):
        header = _header(number, [words(cell) for cell in cells], specs)
        if not _missing(header, specs):
            return header
        if header.places and (best is None or len(header.places) > len(best.places)):
            best = header
        if number == HEADER_WITHIN:
            break
    needed = "、".join(spec.title for spec in specs if spec.required)
    if best is None:
        raise NoHeader(f"前 {HEADER_WITHIN} 行里没有找到表头，至少要有这些列：{needed}。")
    missing = "、".join(_missing(best, specs))
    raise NoHeader(f"表头（第 {best.number} 行）缺少这些列：{missing}。至少要有：{needed}。")


def read_rows(
    rows: Iterable[Sequence[Any]],
    header: Header,
    problems: Problems,
    formulas: frozenset[tuple[int, int]] = frozenset(),
) -> Iterator[Row]:
    """Read the rows after the header; bad cells go to `problems`, and their rows are left out."""
    width = len(header.cells)
    reader = _RowReader(header, problems, formulas)
    for number, cells in enumerate(rows, start=1):
        if number <= header.number or _is_blank(cells) or _is_sum(cells):
            continue
        if len(cells) > width and any(words(cell) for cell in cells[width:]):
            problems.add(number, "", None, "这一行比表头多出几格，可能有没加引号的逗号")
            continue
        row = reader.read(number, cells)
        if row is not None:
            yield row


class _RowReader:
    """Reads rows and remembers what texts mean: names and days come again and again."""

    def __init__(self, header: Header, problems: Problems, formulas: frozenset[tuple[int, int]]) -> None:
        self._problems = problems
        self._formulas = formulas
        self._columns = [(place, spec, dict[str, Any]()) for place, spec in header.places]

    def read(self, number: int, cells: Sequence[Any]) -> Row | None:
        """Return the row, or None when one of its cells was refused."""
        values: dict[str, Any] = {}
        good = True
        for place, spec, known in self._columns:
            cell = cells[place] if place < len(cells) else None
            try:
                if self._formulas and (number, place) in self._formulas:
                    _refuse_formula(spec)
                if isinstance(cell, str):
                    values[spec.name] = _remembered(cell, spec, known)
                else:
                    values[spec.name] = _read_cell(cell, spec)
            except BadCell as problem:
                self._problems.add(number, spec.title, words(cell), str(problem))
                good = False
        return Row(number, values) if good else None


def _remembered(cell: str, spec: ColumnSpec, known: dict[str, Any]) -> Any:
    if cell in known:
        return known[cell]
    if len(known) >= MOST_REMEMBERED:
        known.clear()
    value = known[cell] = _read_cell(cell, spec)
    return value


def _refuse_formula(spec: ColumnSpec) -> None:
    # A last result may be old, and codes and quantities must not be.
    if spec.no_formula:
        raise BadCell("是公式；请复制后“选择性粘贴”成数值")


def _read_cell(cell: Any, spec: ColumnSpec) -> Any:
    if not words(cell):
        if spec.required and not spec.may_be_empty:
            raise BadCell("不能空着")
        return None
    return spec.parse(cell)


def _header(number: int, cells: list[str], specs: Sequence[ColumnSpec]) -> Header:
    places: dict[str, tuple[int, ColumnSpec]] = {}
    ignored: list[str] = []
    for place, cell in enumerate(cells):
        plain = normal(cell)
        spec = next((s for s in specs if plain and s.matches(plain)), None)
        if spec is None or spec.name in places:
            ignored += [cell] if cell else []
        else:
            places[spec.name] = (place, spec)
    return Header(number, tuple(cells), tuple(places.values()), tuple(ignored))


def _missing(header: Header, specs: Sequence[ColumnSpec]) -> list[str]:
    return [spec.title for spec in specs if spec.required and not header.has(spec.name)]


def _is_blank(cells: Sequence[Any]) -> bool:
    return not any(words(cell) for cell in cells)


def _is_sum(cells: Sequence[Any]) -> bool:
    return any(
        isinstance(cell, str)
        and cell.strip()[:1] in _SUM_STARTS
        and _SUMS.fullmatch(cell.replace(" ", "").replace("\u3000", ""))
        for cell in cells[:3]
    )
