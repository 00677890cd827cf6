"""Cells, widths and saving, shared by all workbooks.

Every text cell is written as text: nothing a person typed may run as a formula in the reader's
Excel. The same content gives the same bytes. All sheets are streamed, so 100,000 rows need little
memory.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell, WriteOnlyCell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.writer.excel import ExcelWriter

Target = str | Path | BinaryIO
Row = Sequence[object]
Sheet = Any  # a write-only worksheet: the stubs leave out its widths, panes and filter

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
LONGEST_TEXT = 32_767  # Excel's limit for a cell
MOST_EXACT = 10**15  # Excel keeps 15 digits
NARROWEST, WIDEST = 8, 48  # characters of column width
SAMPLE = 200  # rows looked at to choose column widths
FIXED_DATE = datetime(2000, 1, 1)  # noqa: DTZ001 - a constant for file properties, not a moment
ZIP_DATE = (2000, 1, 1, 0, 0, 0)

HEAD_FILL = PatternFill("solid", fgColor="E8EAED")
LINE = Side(style="thin", color="BFBFBF")
BORDER = Border(left=LINE, right=LINE, top=LINE, bottom=LINE)
TEXT_FORMAT, DATE_FORMAT, DECIMAL_FORMAT = "@", "yyyy-mm-dd", "0.0"


def prepare(sheet: Sheet, headings: Sequence[str], rows: Sequence[Row]) -> None:
    """Set what a streamed sheet must know before its first row: widths, frozen head, filter."""
    for number, heading in enumerate(headings, start=1):
        seen = [row[number - 1] for row in rows[:SAMPLE] if len(row) >= number]
        widest = max(_width(str(value)) for value in [heading, *seen] if value is not None)
        letter = get_column_letter(number)
        sheet.column_dimensions[letter].width = min(max(widest + 3, NARROWEST), WIDEST)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(max(len(headings), 1))}{len(rows) + 1}"


def _width(text: str) -> int:
    """Count columns of the widest line: a Chinese character takes two."""
    lines = text.split("\n")
    return max(sum(1 + (unicodedata.east_asian_width(c) in "WFA") for c in line) for line in lines)


def head_cell(sheet: Sheet, value: object) -> Cell:
    """Make a heading: bold on grey with a border."""
    cell = value_cell(sheet, str(value or ""))
    cell.font = Font(bold=True)
    cell.fill = HEAD_FILL
    cell.border = BORDER
    cell.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
    return cell


def value_cell(sheet: Sheet, value: object, float_format: str = "General") -> Cell:
    """Make a cell that holds numbers and dates as such, and everything else as guarded text."""
    plain: Any = _plain(value)  # the stubs know no date
    cell = WriteOnlyCell(sheet, plain)
    if isinstance(plain, str):
        cell.data_type = "s"  # otherwise "#N/A" becomes an error value and "=1" a formula
    elif isinstance(plain, date):
        cell.number_format = DATE_FORMAT
    elif isinstance(plain, float):
        cell.number_format = float_format
    return cell


def _plain(value: object) -> str | int | float | date | None:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        # A longer number is a code and must not lose its end.
        return value if abs(value) < MOST_EXACT else safe(_whole(value))
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    return safe(str(value))


def _whole(number: float) -> str:
    # An int must not pass through a float on its way, which would change its end.
    return str(number) if isinstance(number, int) else f"{number:.0f}"


def safe(text: str) -> str:
    """Guard a text against running as a formula, and drop what a sheet cannot hold."""
    clean = ILLEGAL_CHARACTERS_RE.sub("", text)
    guarded = f"'{clean}" if clean.startswith(FORMULA_STARTS) else clean
    return guarded[:LONGEST_TEXT]


def comment(text: str) -> Comment:
    """Make a cell comment."""
    return Comment(safe(text), "Jiuhui", height=80, width=260)


def sheet_title(text: str) -> str:
    """Make a sheet name Excel accepts: at most 31 characters, none of []:*?/\\."""
    return re.sub(r"[\[\]:*?/\\']", " ", ILLEGAL_CHARACTERS_RE.sub("", text)).strip()[:31] or "数据"


def save(book: Workbook, target: Target, title: str) -> None:
    """Write the file with fixed dates inside, so that the same content gives the same bytes."""
    properties = book.properties
    properties.title, properties.creator = safe(title), "Jiuhui"
    properties.created = properties.modified = FIXED_DATE
    buffer = BytesIO()
    # Workbook.save would stamp the present moment into the properties.
    ExcelWriter(book, ZipFile(buffer, "w", ZIP_DEFLATED)).save()
    data = _fixed_dates(buffer)
    if isinstance(target, str | Path):
        Path(target).write_bytes(data)
    else:
        target.write(data)


def _fixed_dates(archive: BytesIO) -> bytes:
    result = BytesIO()
    with ZipFile(archive) as source, ZipFile(result, "w", ZIP_DEFLATED) as copy:
        for name in source.namelist():
            entry = ZipInfo(name, ZIP_DATE)
            entry.compress_type = ZIP_DEFLATED
            copy.writestr(entry, source.read(name))
    return result.getvalue()
