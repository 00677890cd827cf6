"""Rows of cells into rows of values, a portion at a time and column by column.

What a column says is remembered by what its cell says, because names, days and numbers come again and
again; a long file costs little more than the reader that unpacks it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain, count, islice
from typing import Any

from workflows.imports.cells import BadCell, OpenDay, words
from workflows.imports.columns import ColumnSpec, Header, Row
from workflows.imports.report import Problems
from workflows.imports.source import Source

PORTION = 300  # rows; few enough that the garbage collector finds none of them alive
MOST_REMEMBERED = 20_000  # cells a column
SUMS_WITHIN = 6  # columns; 合计 stands in one of the first
_LIKE_A_SUM = re.compile(r"计|[lm]\b", re.IGNORECASE)
_SUMS = re.compile(r".{0,12}?(?:合计|总计|小计|total|subtotal|sum)[:：]?(?:共?\d+[条行笔]?(?:记录)?)?", re.IGNORECASE)
_FORMULA = "是公式；请复制后“选择性粘贴”成数值"


@dataclass(frozen=True)
class _Refused:
    """What stands in the place of a value that could not be read."""

    sentence: str


@dataclass(frozen=True)
class _Fault:
    """A refused cell, before anybody knows whether its row is one of data."""

    index: int
    place: int
    spec: ColumnSpec
    cell: Any
    sentence: str


def read_rows(
    source: Source, cells: Iterable[Sequence[Any]], header: Header, problems: Problems, today: date
) -> Iterator[Row]:
    """Read the rows after the header; bad cells go to `problems`, and their rows are left out.

    `cells` are the source's rows from the first on, `today` the business day.
    """
    reader = _Reader(source, header, problems, today)
    return chain.from_iterable(_portions(reader, islice(cells, header.number, None), header.number + 1))


def _portions(reader: "_Reader", data: Iterator[Sequence[Any]], first: int) -> Iterator[list[Row]]:
    while portion := list(islice(data, PORTION)):
        yield reader.read(first, portion)
        first += len(portion)


class _Meanings(dict[Any, Any]):
    """What the cells of one column mean, worked out when first met."""

    def __init__(self, spec: ColumnSpec, today: date) -> None:
        super().__init__()
        self._parse = spec.parse
        self._may_be_empty = spec.may_be_empty or not spec.required
        self._today = today
        self.refused = False

    def __missing__(self, cell: Any) -> Any:
        value = self.of(cell)
        if len(self) < MOST_REMEMBERED:
            self[cell] = value
        return value

    def of(self, cell: Any) -> Any:
        """The meaning of a cell that is not looked up."""
        try:
            if cell is None or (isinstance(cell, str) and not words(cell)):
                return self._of_nothing()
            value = self._parse(cell)
            return value.on(self._today) if isinstance(value, OpenDay) else value
        except BadCell as problem:
            self.refused = True
            return _Refused(str(problem))

    def _of_nothing(self) -> None:
        if not self._may_be_empty:
            raise BadCell("不能空着")


class _Reader:
    def __init__(self, source: Source, header: Header, problems: Problems, today: date) -> None:
        self._problems = problems
        self._width = len(header.cells)
        self._columns = [(place, spec, _Meanings(spec, today)) for place, spec in header.places]
        self._names = [spec.name for _, spec in header.places]
        self._merged = _repeated(source, header)
        self._no_sums: set[Any] = set()
        self._above: dict[int, tuple[int, Any]] = {}
        guarded = frozenset(place for place, spec in header.places if spec.no_formula)
        self._formulas = source.formulas(guarded)

    def read(self, first: int, rows: list[Sequence[Any]]) -> list[Row]:
        """Read a portion that begins at row `first` of the file."""
        skipped = _blank(rows)
        rows, too_wide = self._squared(rows, skipped)
        if self._merged:
            rows = self._filled(first, rows)
        columns = list(zip(*rows, strict=True))
        skipped |= self._sums(columns)
        faults: list[_Fault] = []
        values = [
            self._column(columns[place], place, spec, meanings, faults) for place, spec, meanings in self._columns
        ]
        faults = [*self._formula_faults(first, columns), *faults]
        bad = self._report(first, rows, faults, too_wide, skipped)
        names = self._names
        read = [
            Row(number, dict(zip(names, said, strict=False)))
            for number, said in zip(count(first), zip(*values, strict=True), strict=False)
        ]
        left_out = bad | skipped
        return [row for index, row in enumerate(read) if index not in left_out] if left_out else read

    def _squared(self, rows: list[Sequence[Any]], skipped: set[int]) -> tuple[list[Sequence[Any]], list[int]]:
        """Rows all as wide as the header, and those that had more to say."""
        if set(map(len, rows)) == {self._width}:
            return rows, []
        too_wide = [
            index
            for index, row in enumerate(rows)
            if len(row) > self._width and index not in skipped and any(words(cell) for cell in row[self._width :])
        ]
        padding = [""] * self._width
        return [[*row[: self._width], *padding[len(row) :]] for row in rows], too_wide

    def _filled(self, first: int, rows: list[Sequence[Any]]) -> list[Sequence[Any]]:
        """Rows in which a merged cell says in its lower rows what it says in the first."""
        filled = [list(row) for row in rows]
        for place, tops in self._merged.items():
            for index, row in enumerate(filled):
                top = tops.get(first + index)
                if top is None:
                    self._above[place] = (first + index, row[place])
                elif place in self._above and self._above[place][0] == top:
                    row[place] = self._above[place][1]
        return list(filled)

    def _column(
        self, cells: Sequence[Any], place: int, spec: ColumnSpec, meanings: _Meanings, faults: list[_Fault]
    ) -> list[Any]:
        if bool in set(map(type, cells)):  # True and 1.0 are one key, but not one meaning
            values = [meanings.of(cell) if isinstance(cell, bool) else meanings[cell] for cell in cells]
        else:
            values = [meanings[cell] for cell in cells]
        if meanings.refused:
            faults += [
                _Fault(index, place, spec, cells[index], value.sentence)
                for index, value in enumerate(values)
                if type(value) is _Refused
            ]
        return values

    def _sums(self, columns: Sequence[tuple[Any, ...]]) -> set[int]:
        """Rows in which one of the first columns says 合计 or the like."""
        found: set[int] = set()
        for cells in columns[:SUMS_WITHIN]:
            new = set(cells).difference(self._no_sums)
            said = {cell for cell in new if isinstance(cell, str) and _is_sum(cell)}
            if said:
                found.update(index for index, cell in enumerate(cells) if isinstance(cell, str) and cell in said)
            if len(self._no_sums) < MOST_REMEMBERED:
                self._no_sums |= new - said
        return found

    def _formula_faults(self, first: int, columns: list[tuple[Any, ...]]) -> Iterator[_Fault]:
        if not self._formulas:
            return
        portion = range(first, first + (len(columns[0]) if columns else 0))
        for place, spec, _ in self._columns:
            rows = self._formulas.get(place, set())
            for number in sorted(rows.intersection(portion)):
                yield _Fault(number - first, place, spec, columns[place][number - first], _FORMULA)

    def _report(
        self, first: int, rows: list[Sequence[Any]], faults: list[_Fault], too_wide: list[int], skipped: set[int]
    ) -> set[int]:
        """Say what is wrong, row by row; rows of nothing but blanks are none."""
        bad = set(too_wide)
        told: set[tuple[int, int]] = set()
        for index in too_wide:
            self._problems.add(first + index, "", None, "这一行比表头多出几格，可能有没加引号的逗号")
        for fault in sorted(faults, key=lambda one: (one.index, one.place)):
            index = fault.index
            if index in skipped or index in too_wide or (index, fault.place) in told:
                continue
            if _is_blank(rows[index]):
                skipped.add(index)
                continue
            told.add((index, fault.place))
            bad.add(index)
            self._problems.add(first + index, fault.spec.title, words(fault.cell), fault.sentence)
        return bad


def _repeated(source: Source, header: Header) -> dict[int, dict[int, int]]:
    wanted = {place for place, spec in header.places if spec.repeats}
    return {place: tops for place, tops in source.merged().items() if place in wanted}


def _blank(rows: Sequence[Sequence[Any]]) -> set[int]:
    return {index for index, row in enumerate(rows) if not any(row) and _is_blank(row)}


def _is_blank(cells: Sequence[Any]) -> bool:
    return not any(words(cell) for cell in cells)


def _is_sum(cell: str) -> bool:
    if not _LIKE_A_SUM.search(cell):
        return False
    return _SUMS.fullmatch(cell.replace(" ", "").replace("\u3000", "")) is not None
