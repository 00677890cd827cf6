"""Excel files: whether they are safe to unpack, and their first visible sheet.

Sizes are checked before anything is unpacked and again while unpacking, because headers of archives can
lie. An old .xls is no archive and cannot be looked through beforehand, so another process with little
memory reads it.
"""

import os
import resource
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from workflows.imports.sheet_xml import NoSheet, Survey, formula_rows, part_of, survey
from workflows.imports.source import FileRefused, Merged, Places, Source

MOST_UNPACKED_EXCEL = 512 * 1024 * 1024  # held in memory by the reader
MOST_RATIO = 150  # times; real sheets shrink 5 to 30 times
RATIO_COUNTS_FROM = 4 * 1024 * 1024  # bytes; short files may be all blanks
MOST_ROWS = 2_000_000
MOST_CELLS = 25_000_000
MOST_ENTRIES = 2_000
MOST_MERGED = 500_000  # rows
MOST_BYTES_OLD = 40 * 1024 * 1024
MEMORY_OLD = 2 * 1024 * 1024 * 1024
SECONDS_OLD = 90
_UNREADABLE = "不是能读的 Excel 文件，请另存为 .xlsx 或 .csv 再试。"
_LOCKED = "Excel 文件已损坏或加了密码，请去掉密码、另存一份再试。"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_CHUNK = 1024 * 1024


def check_ratio(unpacked: int, packed: int) -> None:
    """Raise FileRefused for what shrank more than real files do."""
    if unpacked > RATIO_COUNTS_FROM and unpacked > MOST_RATIO * max(packed, 1):
        raise FileRefused("压缩比大得不正常（可能是压缩炸弹），没有打开。")


def open_excel(path: Path) -> Source:
    """Check an .xlsx file and make its first visible sheet readable. Raises FileRefused."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_archive(archive)
            book = CalamineWorkbook.from_path(path)
            place = _first_sheet(book)
            part = part_of(archive, place)
            seen = survey(archive, part, most_cells=MOST_CELLS)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError):
        raise FileRefused(_LOCKED) from None
    except PasswordError:
        raise FileRefused(_LOCKED) from None
    except (CalamineError, NoSheet, ValueError):
        raise FileRefused(_UNREADABLE) from None
    _refuse_endless(seen)
    sheet = _Sheet(book, place)

    def formulas(columns: frozenset[int]) -> Places:
        return formula_rows(path, part, columns) if seen.has_formulas and columns else {}

    return Source(sheet.rows, seen.rows, formulas, sheet.merged)


def open_old_excel(path: Path) -> Source:
    """Read an .xls file (WPS writes .et alike) in a process of its own. Raises FileRefused."""
    content = path.read_bytes()
    if _ENCRYPTED in content:
        raise FileRefused(_LOCKED)
    if len(content) > MOST_BYTES_OLD:
        raise FileRefused(f"旧版 Excel 文件太大：最多 {MOST_BYTES_OLD // 1024 // 1024} MB，请另存为 .xlsx。")
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_little_memory) as pool:
            rows, merged = pool.submit(_read_old, str(path)).result(timeout=SECONDS_OLD)
    except (BrokenExecutor, TimeoutError, MemoryError, CalamineError, ValueError, OSError):
        raise FileRefused(_UNREADABLE) from None
    return Source(lambda: iter(rows), len(rows), merged=lambda: merged)


def _little_memory() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # running out of memory is expected, its trace is of no use
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_OLD, MEMORY_OLD))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_OLD, SECONDS_OLD))


def _read_old(path: str) -> tuple[list[list[Any]], Merged]:
    with CalamineWorkbook.from_path(path) as book:
        sheet = book.get_sheet_by_index(_first_sheet(book))
        return [list(row) for row in _rows_of(sheet)], _merged_down(sheet)


def _check_archive(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_ENTRIES or total > MOST_UNPACKED_EXCEL:
        raise FileRefused("压缩包解开后太大，不像正常的 Excel 文件，没有打开。")
    for entry in entries:
        check_ratio(entry.file_size, entry.compress_size)
    for entry in entries:
        # The sheet that is read is looked through later; of the others only the size matters.
        if not entry.filename.startswith("xl/worksheets/"):
            _unpack(archive, entry)


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    # Reading stops at the size the header names and then checks the sum, so a lying header is found.
    with archive.open(entry) as stream:
        while stream.read(_CHUNK):
            pass


def _refuse_endless(seen: Survey) -> None:
    if seen.rows > MOST_ROWS or seen.most_cells() > MOST_CELLS:
        raise FileRefused("表格太大：请删去右边和下面的空行空列，或者分成几个文件。")


def _first_sheet(book: CalamineWorkbook) -> int:
    for place, sheet in enumerate(book.sheets_metadata):
        if sheet.visible == SheetVisibleEnum.Visible and sheet.typ == SheetTypeEnum.WorkSheet:
            return place
    raise FileRefused("Excel 文件里没有工作表。")


class _Sheet:
    """A sheet that is read into memory when its rows are first asked for, and only once."""

    def __init__(self, book: CalamineWorkbook, place: int) -> None:
        self._book = book
        self._place = place
        self._loaded: CalamineSheet | None = None

    def rows(self) -> Iterator[Sequence[Any]]:
        """The rows from the first one on."""
        return _rows_of(self._sheet())

    def merged(self) -> Merged:
        """Where cells are merged downwards."""
        return _merged_down(self._sheet())

    def _sheet(self) -> CalamineSheet:
        if self._loaded is None:
            try:
                self._loaded = self._book.get_sheet_by_index(self._place)
            except (CalamineError, ValueError, OSError):
                raise FileRefused(_UNREADABLE) from None
            self._book.close()
        return self._loaded


def _rows_of(sheet: CalamineSheet) -> Iterator[Sequence[Any]]:
    # Rows come from the first one on, columns only from the first in use.
    if not sheet.start or not sheet.start[1]:
        return iter(sheet.iter_rows())
    margin = [None] * sheet.start[1]
    return ([*margin, *row] for row in sheet.iter_rows())


def _merged_down(sheet: CalamineSheet) -> Merged:
    merged: Merged = {}
    left_over = MOST_MERGED
    for (top, left), (bottom, _right) in sheet.merged_cell_ranges or ():
        last = min(bottom, sheet.total_height)
        left_over -= max(0, last - top)
        if left_over < 0:
            raise FileRefused("合并的单元格太多；请取消合并单元格再导入。")
        merged.setdefault(left, {}).update(dict.fromkeys(range(top + 2, last + 2), top + 1))
    return merged
