"""A look into a sheet's XML before the fast reader opens it.

The reader shows only the last results of formulas, and it lays a sheet out as one rectangle, so two
cells in opposite corners would take all memory there is. One pass over the unpacked bytes finds out how
far the sheet reaches; which cells hold formulas is only looked up when there are any and somebody asks.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath

_CHUNK = 1024 * 1024
_OVERLAP = 4_096  # bytes; longer than the opening tag of any cell
_SMALL_PART = 8 * 1024 * 1024
_SHEET = re.compile(rb"<(?:\w+:)?sheet\b[^>]*>")
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\b[^>]*>")
_ID = re.compile(rb"""\br:id=["']([^"']+)["']""")
_OWN_ID = re.compile(rb"""\bId=["']([^"']+)["']""")
_TARGET = re.compile(rb"""\bTarget=["']([^"']+)["']""")
_PREFIXED = re.compile(rb":(?:c|row|f)[\s>/]")  # the reader does not care for prefixes of names
_PREFIX = re.compile(rb"<(/?)\w+:")
_ROW = re.compile(rb"""<row\b[^>]*?\br\s*=\s*["'](\d+)""")
#: Ordinary cells are spelt <c r="A1" … and end at Z99999; only what is not ordinary is measured exactly.
_EXTRAORDINARY = re.compile(rb"""<c(?! r="[A-Z]\d{1,5}")[\s>/]""")
_ORDINARY_ROWS = 99_999
_ORDINARY_COLUMNS = 26
_LAST_ROW = b'<row r="'
_FAR_COLUMN = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{2,3})\d""")
_FAR_ROW = re.compile(rb"""\br\s*=\s*["'][A-Za-z]{1,3}(\d{6,})""")
_NAMELESS = re.compile(rb"""<c(?![^>]*?\br\s*=)[\s>/]""")
_CELL_NAME = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{1,3})(\d{1,7})["']""")
_FORMULA_TAG = re.compile(rb"f[\s>/]")


class NoSheet(Exception):
    """The book has no such sheet, or is no .xlsx at all."""


@dataclass
class Survey:
    """How far the sheet reaches, and whether it holds formulas. Columns are at least 26.

    A sheet of ordinary cells is only looked at in passing; `exact` looks at every row.
    """

    exact: bool = False
    rows: int = 0
    columns: int = _ORDINARY_COLUMNS
    has_formulas: bool = False
    _in_a_row: int = 0  # cells without names

    def most_cells(self) -> int:
        """The most cells the sheet can have, as far as it was looked at."""
        if self.exact or self.columns == _ORDINARY_COLUMNS:
            return self.rows * self.columns
        return max(self.rows, _ORDINARY_ROWS) * self.columns

    def see(self, window: bytes) -> None:
        """Look through a piece of the sheet; pieces overlap."""
        window = _without_prefixes(window)
        if self.exact or _EXTRAORDINARY.search(window):
            self._measure(window)
        elif (start := window.rfind(_LAST_ROW)) >= 0 and (row := _ROW.match(window, start)):
            self.rows = max(self.rows, int(row[1]))
        self.has_formulas = self.has_formulas or b"<f" in window

    def _measure(self, window: bytes) -> None:
        self.rows = max(self.rows, *map(int, _ROW.findall(window)), *map(int, _FAR_ROW.findall(window)), 0)
        far = {_column(letters) + 1 for letters in set(_FAR_COLUMN.findall(window))}
        self.columns = max(self.columns, *far, 0)
        if _NAMELESS.search(window):
            self._count_nameless(window)

    def _count_nameless(self, window: bytes) -> None:
        # Such cells stand one after the other from wherever the row was; rows without names likewise.
        pieces = window.split(b"<row")
        self._in_a_row += pieces[0].count(b"<c")
        for piece in pieces:
            self.columns = max(self.columns, 26 + self._in_a_row, 26 + piece.count(b"<c"))
        self._in_a_row = pieces[-1].count(b"<c") if len(pieces) > 1 else self._in_a_row
        self.rows += max(0, len(pieces) - 1 - len(_ROW.findall(window)))


def survey(archive: zipfile.ZipFile, part: str, *, most_cells: int) -> Survey:
    """Look through the sheet in that part of the archive, closely where it might have more cells than that.

    Raises BadZipFile for a broken one.
    """
    seen = _survey(archive, part, Survey())
    return seen if seen.most_cells() <= most_cells else _survey(archive, part, Survey(exact=True))


def _survey(archive: zipfile.ZipFile, part: str, seen: Survey) -> Survey:
    for window in _windows(archive, part):
        seen.see(window)
    return seen


def formula_rows(path: Path, part: str, wanted: frozenset[int]) -> dict[int, set[int]]:
    """The rows (from 1) that hold a formula, for each of the wanted columns (from 0)."""
    found: dict[int, set[int]] = {column: set() for column in wanted}
    with zipfile.ZipFile(path) as archive:
        for window in _windows(archive, part):
            for name, row in _formulas(_without_prefixes(window)):
                column = _column(name)
                if column in found:
                    found[column].add(int(row))
    return {column: rows for column, rows in found.items() if rows}


def part_of(archive: zipfile.ZipFile, sheet: int) -> str:
    """The name of the part that holds the sheet at that place of the book. Raises NoSheet."""
    tags = _SHEET.findall(_small(archive, "xl/workbook.xml"))
    wanted = _ID.search(tags[sheet]) if sheet < len(tags) else None
    for tag in _RELATION.findall(_small(archive, "xl/_rels/workbook.xml.rels")):
        own, target = _OWN_ID.search(tag), _TARGET.search(tag)
        if wanted and own and target and own[1] == wanted[1]:
            return _inside(archive, target[1].decode("utf-8", "replace"))
    raise NoSheet


def _formulas(window: bytes) -> Iterator[tuple[bytes, bytes]]:
    pieces = window.split(b"<f")
    for before, after in pairwise(pieces):
        start = before.rfind(b"<c")
        if start < 0 or not _FORMULA_TAG.match(b"f" + after[:1]):
            continue
        name = _CELL_NAME.search(before, start)
        if name is not None:
            yield name[1], name[2]


def _without_prefixes(window: bytes) -> bytes:
    return _PREFIX.sub(rb"<\1", window) if _PREFIXED.search(window) else window


def _inside(archive: zipfile.ZipFile, target: str) -> str:
    name = target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl") / target)
    if name not in archive.namelist():
        raise NoSheet
    return name


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    if name not in archive.namelist():
        raise NoSheet
    with archive.open(name) as stream:
        return stream.read(_SMALL_PART)


def _windows(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """The part in pieces that end before a row begins; where no row begins, before a tag, and they overlap."""
    rest = b""
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            rest += chunk
            end, start = rest.rfind(b"<row"), 0
            if end <= 0:
                end = rest.rfind(b"<")
                start = max(0, end - _OVERLAP)
            if end > 0:
                yield rest[:end]
                rest = rest[start or end :]
    yield rest


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number - 1
