"""Opening a file somebody sent: what it is, whether it is safe to unpack, and its rows as they stand.

What a file is, its first bytes say, not its name.
"""

import codecs
import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from workflows.imports.excel import MOST_ROWS, check_ratio, open_excel, open_old_excel
from workflows.imports.source import FileRefused, Source

MOST_BYTES = 100 * 1024 * 1024  # of the file as it was sent
MOST_UNPACKED = 1024 * 1024 * 1024  # of a CSV file, streamed
_CHUNK = 1024 * 1024
_BOMS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_MARKLESS = 0.3  # of every second byte is zero: UTF-16 that lost its mark
_SURELY_UTF8 = 3  # characters beyond ASCII that read well as UTF-8 do not do so by chance


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
        return open_excel(path)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        return open_old_excel(path)
    return _csv(path, size, packed=start.startswith(b"\x1f\x8b"))


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
                check_ratio(unpacked, size)
            guess = guess or _first_look(chunk)
            guess.feed(chunk)
            lines += chunk.count(b"\n")
    if guess is None:
        raise FileRefused("文件是空的。")
    return guess.answer(), lines + 1


def _first_look(chunk: bytes) -> "_Encodings":
    if chunk[:512].lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<html", b"<HTML", b"<table", b"<!DOC", b"<?xml")):
        raise FileRefused("这是网页格式的表格，只是名字像 Excel；请用 Excel 或 WPS 打开，另存为 .xlsx 再导入。")
    return _Encodings(chunk)


class _Encodings:
    """Finds the encoding while the bytes go by: UTF-16 by its mark, else UTF-8, else GB18030."""

    def __init__(self, start: bytes) -> None:
        self._marked = next((name for bom, name in _BOMS.items() if start.startswith(bom)), "") or _utf16(start)
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


def _utf16(start: bytes) -> str:
    """The UTF-16 that text without a mark is in, by where its zero bytes stand; nothing for other text."""
    sample = start[:4_096]
    for name, first in (("utf-16-le", 1), ("utf-16-be", 0)):
        zeros, others = sample[first::2].count(0), sample[1 - first :: 2].count(0)
        if zeros > _MARKLESS * len(sample) / 2 and not others:
            return name
    return ""


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
            for number, cells in enumerate(csv.reader(stream, delimiter=delimiter, strict=True), start=1):
                if number > MOST_ROWS:
                    raise FileRefused(f"行数太多：最多 {MOST_ROWS:,} 行，请分成几个文件。")
                yield cells
        except csv.Error:
            raise FileRefused(f"第 {number + 1} 行读不下去：引号没有配对，或一格里内容太长。") from None
