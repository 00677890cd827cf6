"""A look into a sheet's XML before the fast reader opens it.

The reader shows only the last results of formulas, and it lays a sheet out as one rectangle, so two
cells in opposite corners would take all memory there is.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MOST_FORMULAS = 200_000
_CHUNK = 1024 * 1024
_OVERLAP = 4_096  # bytes; longer than the opening tag of any cell
_SMALL_PART = 8 * 1024 * 1024
_SHEET = re.compile(rb"<(?:\w+:)?sheet\b[^>]*>")
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\b[^>]*>")
_ID = re.compile(rb"""\br:id=["']([^"']+)["']""")
_OWN_ID = re.compile(rb"""\bId=["']([^"']+)["']""")
_TARGET = re.compile(rb"""\bTarget=["']([^"']+)["']""")
_FORMULA = re.compile(rb"""<(?:\w+:)?c\b[^>]*?\br=["']([A-Z]{1,3})(\d{1,7})["'][^>]*>\s*<(?:\w+:)?f\b""")
_ROW = re.compile(rb"""<(?:\w+:)?row\b[^>]*?\br=["'](\d{1,7})["']""")
# Ordinary cells (A1 to Z99999) are not looked at one by one; these are the far ones.
_FAR_COLUMN = re.compile(rb"""\br=["']([A-Z]{2,3})\d""")
_FAR_ROW = re.compile(rb"""\br=["'][A-Z]{1,3}(\d{6,7})["']""")


class NoSheet(Exception):
    """The book has no such sheet, or is no .xlsx at all."""


class TooManyFormulas(Exception):
    """A sheet that is all formulas."""


@dataclass(frozen=True)
class Survey:
    """How far the sheet reaches, and its formulas as (row from 1, column from 0)."""

    rows: int
    columns: int
    formulas: frozenset[tuple[int, int]]


def survey(path: Path, sheet: int) -> Survey:
    """Look through the sheet at that place of the book.

    Raises NoSheet, or TooManyFormulas above 200,000.
    """
    rows, columns = 0, 26
    formulas: set[tuple[int, int]] = set()
    with zipfile.ZipFile(path) as archive:
        for window in _windows(archive, _part_of(archive, sheet)):
            reached = [int(row) for row in (*_ROW.findall(window), *_FAR_ROW.findall(window))]
            rows = max([rows, *reached])
            far = {_column(letters) + 1 for letters in _FAR_COLUMN.findall(window)}
            columns = max([columns, *far])
            formulas.update((int(row), _column(name)) for name, row in _FORMULA.findall(window))
            if len(formulas) > MOST_FORMULAS:
                raise TooManyFormulas
    return Survey(rows, columns, frozenset(formulas))


def _part_of(archive: zipfile.ZipFile, sheet: int) -> str:
    tags = _SHEET.findall(_small(archive, "xl/workbook.xml"))
    wanted = _ID.search(tags[sheet]) if sheet < len(tags) else None
    for tag in _RELATION.findall(_small(archive, "xl/_rels/workbook.xml.rels")):
        own, target = _OWN_ID.search(tag), _TARGET.search(tag)
        if wanted and own and target and own[1] == wanted[1]:
            return _inside(archive, target[1].decode("utf-8", "replace"))
    raise NoSheet


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
    tail = b""
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            window = tail + chunk
            yield window
            tail = window[-_OVERLAP:]


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1
