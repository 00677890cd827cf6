"""A small .xls file by hand: one sheet of texts and numbers, for tests of the reader of old files."""

import struct
from collections.abc import Iterable

Cell = tuple[int, int, str | float]  # row and column from 0, value
_SECTOR = 512
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def xls(cells: Iterable[Cell]) -> bytes:
    """A BIFF8 workbook with these cells in its only sheet."""
    sheet = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0))
    sheet += b"".join(_cell(row, column, value) for row, column, value in cells) + _record(0x000A, b"")
    name = b"Sheet1"
    start = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0)) + _record(0x0042, b"\xb0\x04")
    entry = 4 + 4 + 2 + 2 + len(name)
    offset = len(start) + entry + 4
    bound = _record(0x0085, struct.pack("<IHBB", offset, 0, len(name), 0) + name)
    return _compound(start + bound + _record(0x000A, b"") + sheet)


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def _cell(row: int, column: int, value: str | float) -> bytes:
    if isinstance(value, str):
        text = value.encode("utf-16-le")
        return _record(0x0204, struct.pack("<HHHHB", row, column, 0, len(text) // 2, 1) + text)
    return _record(0x0203, struct.pack("<HHHd", row, column, 0, value))


def _compound(stream: bytes) -> bytes:
    """The stream "Workbook" in a compound file."""
    size = max(len(stream), 4096)
    sectors = -(-size // _SECTOR)
    stream = stream.ljust(sectors * _SECTOR, b"\0")
    fats = -(-(sectors + 2 + sectors // 128) // 128) + 1
    chain = [*range(1, sectors), _END, _END, *[_FAT] * fats]
    fat = struct.pack(f"<{len(chain)}I", *chain).ljust(fats * _SECTOR, b"\xff")
    directory = _entry("Root Entry", 5, _END, 0, child=1) + _entry("Workbook", 2, 0, size)
    first_fat = sectors + 1
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, fats, sectors, 0, 4096, _END, 0, _END, 0)
    places = [first_fat + number for number in range(fats)]
    header += struct.pack("<109I", *places, *[_FREE] * (109 - fats))
    return header + stream + directory.ljust(_SECTOR, b"\0") + fat


def _entry(name: str, kind: int, start: int, size: int, child: int = _FREE) -> bytes:
    coded = (name + "\0").encode("utf-16-le")
    return (
        coded.ljust(64, b"\0")
        + struct.pack("<HBBIII", len(coded), kind, 1, _FREE, _FREE, child)
        + bytes(36)
        + struct.pack("<IQ", start, size)
    )
