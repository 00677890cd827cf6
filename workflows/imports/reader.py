"""Opening a file somebody sent: what it is, whether it is safe to unpack, and its rows as they stand.

What a file is, its first bytes say, not its name. Sizes are checked before anything is unpacked, and
again while unpacking, because headers of archives can lie.
"""

import codecs
import csv
import gzip
import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from workflows.imports.sheet_xml import NoSheet, Survey, TooManyFormulas, survey

MOST_BYTES = 100 * 1024 * 1024  # of the file as it was sent
MOST_UNPACKED = 1024 * 1024 * 1024  # of a CSV file, streamed
MOST_UNPACKED_EXCEL = 512 * 1024 * 1024  # of an Excel file, held in memory by the reader
MOST_RATIO = 150  # times; real sheets shrink 5 to 30 times
RATIO_COUNTS_FROM = 4 * 1024 * 1024  # bytes; short files may be all blanks
MOST_ROWS = 2_000_000
MOST_CELLS = 25_000_000
MOST_ENTRIES = 2_000
_UNREADABLE = "不是能读的 Excel 文件，请另存为 .xlsx 或 .csv 再试。"
_CHUNK = 1024 * 1024
_BOMS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_SURELY_UTF8 = 3  # characters beyond ASCII that read well as UTF-8 do not do so by chance


class FileRefused(Exception):
    """The file as a whole cannot be taken; `str()` is the Chinese sentence."""


@dataclass(frozen=True)
class Source:
    """A file's rows as they stand. `rows()` starts over each time; `total` is a guess for the bar.

    `formulas` are the (row, column) of cells that hold a formula, row from 1 and column from 0.
    """

    rows: Callable[[], Iterator[Sequence[Any]]]
    total: int
    formulas: frozenset[tuple[int, int]] = field(default=frozenset())


def open_source(path: Path) -> Source:
    """Look at the file and make it readable. Raises FileRefused."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            start = stream.read(8)
    except OSError:
        raise FileRefused("文件打不开，请检查路径和权限。") from None
    if size == 0:
        raise FileRefused("文件是空的。")
    if size > MOST_BYTES:
        raise FileRefused(f"文件太大：最多 {MOST_BYTES // 1024 // 1024} MB。")
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        _check_archive(path)
        return _excel(path, old=False)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        return _excel(path, old=True)
    return _csv(path, size, packed=start.startswith(b"\x1f\x8b"))


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_sizes(entries)
            for entry in entries:
                _unpack(archive, entry)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError):
        raise FileRefused("Excel 文件已损坏或加了密码，请另存一份再试。") from None


def _check_sizes(entries: list[zipfile.ZipInfo]) -> None:
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_ENTRIES or total > MOST_UNPACKED_EXCEL:
        raise FileRefused("压缩包解开后太大，不像正常的 Excel 文件，没有打开。")
    for entry in entries:
        _check_ratio(entry.file_size, entry.compress_size)


def _check_ratio(unpacked: int, packed: int) -> None:
    if unpacked > RATIO_COUNTS_FROM and unpacked > MOST_RATIO * max(packed, 1):
        raise FileRefused("压缩比大得不正常（可能是压缩炸弹），没有打开。")


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    # Reading stops at the size the header names and then checks the sum, so a lying header is found.
    with archive.open(entry) as stream:
        while stream.read(_CHUNK):
            pass


def _excel(path: Path, *, old: bool) -> Source:
    try:
        with CalamineWorkbook.from_path(path) as book:
            place = _first_sheet(book)
        seen = Survey(0, 0, frozenset()) if old else survey(path, place)
    except TooManyFormulas:
        raise FileRefused("公式太多；请复制整张表，“选择性粘贴”成数值后再导入。") from None
    except (CalamineError, NoSheet, ValueError, OSError):
        raise FileRefused(_UNREADABLE) from None
    if seen.rows > MOST_ROWS or seen.rows * seen.columns > MOST_CELLS:
        raise FileRefused("表格太大：请删去右边和下面的空行空列，或者分成几个文件。")
    return Source(_Sheet(path, place).rows, seen.rows, seen.formulas)


def _first_sheet(book: CalamineWorkbook) -> int:
    for place, sheet in enumerate(book.sheets_metadata):
        if sheet.visible == SheetVisibleEnum.Visible and sheet.typ == SheetTypeEnum.WorkSheet:
            return place
    raise FileRefused("Excel 文件里没有工作表。")


class _Sheet:
    """A sheet that is read into memory when its rows are first asked for, and only once."""

    def __init__(self, path: Path, place: int) -> None:
        self._path = path
        self._place = place
        self._loaded: CalamineSheet | None = None

    def rows(self) -> Iterator[Sequence[Any]]:
        sheet = self._loaded = self._loaded or self._load()
        # Rows come from the first one on, columns only from the first in use.
        margin = [None] * (sheet.start[1] if sheet.start else 0)
        for row in sheet.iter_rows():
            yield [*margin, *row] if margin else row

    def _load(self) -> CalamineSheet:
        try:
            with CalamineWorkbook.from_path(self._path) as book:
                return book.get_sheet_by_index(self._place)
        except (CalamineError, ValueError, OSError):
            raise FileRefused(_UNREADABLE) from None


def _csv(path: Path, size: int, *, packed: bool) -> Source:
    try:
        encoding, lines = _look_through(path, size, packed=packed)
        delimiter = _delimiter(path, encoding, packed=packed)
    except (gzip.BadGzipFile, EOFError, OSError):
        raise FileRefused("压缩文件已损坏，请重新上传。") from None
    return Source(lambda: _csv_rows(path, encoding, delimiter, packed=packed), lines)


def _open(path: Path, *, packed: bool) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb")) if packed else path.open("rb")


def _look_through(path: Path, size: int, *, packed: bool) -> tuple[str, int]:
    """Read once through the file: the size it unpacks to, its encoding, its number of lines."""
    unpacked = lines = 0
    guess: _Encodings | None = None
    with _open(path, packed=packed) as stream:
        while chunk := stream.read(_CHUNK):
            unpacked += len(chunk)
            if unpacked > MOST_UNPACKED:
                raise FileRefused("解压后太大，没有导入；请分成几个文件。")
            if packed:
                _check_ratio(unpacked, size)
            guess = guess or _Encodings(chunk)
            guess.feed(chunk)
            lines += chunk.count(b"\n")
    if guess is None:
        raise FileRefused("文件是空的。")
    return guess.answer(), lines + 1


class _Encodings:
    """Finds the encoding while the bytes go by: UTF-16 by its mark, else UTF-8, else GB18030."""

    def __init__(self, start: bytes) -> None:
        self._marked = next((name for bom, name in _BOMS.items() if start.startswith(bom)), "")
        names = (self._marked,) if self._marked else ("utf-8", "gb18030")
        self._decoders = {name: codecs.getincrementaldecoder(name)() for name in names}
        self._beyond_ascii = 0
        self._utf8_broke_at = 0
        self._line = 1

    def feed(self, chunk: bytes) -> None:
        if not self._marked and b"\x00" in chunk:
            raise FileRefused("不是 CSV 或 Excel 文件（里面是二进制内容）。")
        for name in tuple(self._decoders):
            self._decode(name, chunk)
        self._line += chunk.count(b"\n")
        self._refuse_unreadable()

    def answer(self) -> str:
        for name in tuple(self._decoders):
            self._decode(name, b"", final=True)
        self._refuse_unreadable()
        name = next(iter(self._decoders))
        return "utf-8-sig" if name == "utf-8" else name

    def _decode(self, name: str, chunk: bytes, *, final: bool = False) -> None:
        try:
            said = self._decoders[name].decode(chunk, final)
        except UnicodeDecodeError as problem:
            del self._decoders[name]
            if name == "utf-8":
                before = problem.object[: problem.start]
                self._beyond_ascii += _beyond_ascii(before.decode("utf-8", "ignore"))
                self._utf8_broke_at = self._line + before.count(b"\n")
            return
        if name == "utf-8":
            self._beyond_ascii += _beyond_ascii(said)

    def _refuse_unreadable(self) -> None:
        if self._utf8_broke_at and self._beyond_ascii >= _SURELY_UTF8:
            raise FileRefused(f"文字编码坏了：第 {self._utf8_broke_at} 行有不是 UTF-8 的内容；请另存为 CSV UTF-8。")
        if not self._decoders:
            raise FileRefused("认不出文字编码；请另存为“CSV UTF-8”再导入。")


def _beyond_ascii(said: str) -> int:
    return 0 if said.isascii() else len(said) - len(said.encode("ascii", "ignore"))


def _text(path: Path, encoding: str, *, packed: bool) -> io.TextIOWrapper:
    return io.TextIOWrapper(_open(path, packed=packed), encoding=encoding, newline="")


def _delimiter(path: Path, encoding: str, *, packed: bool) -> str:
    with _text(path, encoding, packed=packed) as stream:
        start = stream.read(8_192)
    return max(",\t;", key=start.count)


def _csv_rows(path: Path, encoding: str, delimiter: str, *, packed: bool) -> Iterator[Sequence[Any]]:
    with _text(path, encoding, packed=packed) as stream:
        number = 0
        try:
            for number, cells in enumerate(csv.reader(stream, delimiter=delimiter), start=1):
                if number > MOST_ROWS:
                    raise FileRefused(f"行数太多：最多 {MOST_ROWS:,} 行，请分成几个文件。")
                yield cells
        except csv.Error:
            raise FileRefused(f"第 {number + 1} 行读不下去：引号没有配对，或一格里内容太长。") from None
