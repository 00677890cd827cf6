"""Spans of days as people write them: one day, a month, or from one day to another."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from rules.deadlines import add_months
from workflows.imports.cells import BadCell, OpenDay, day, words

_MONTH = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*月?|(\d{4})(\d{2})")
_FROM_TO = re.compile(r"(.+?)\s*(?:至|到|~|～|—+|--)\s*(.+)")
LONGEST_SPAN = timedelta(days=400)


@dataclass(frozen=True)
class Span:
    """From one day to another, both counted."""

    first: date
    last: date


def span(cell: Any) -> date | Span | OpenDay:
    """Read a day, a month (2025-03, 2025年3月, 202503), or 2025-03-01 至 2025-03-31."""
    value = unicodedata.normalize("NFKC", words(cell)) if isinstance(cell, (str, float, int)) else ""
    if match := _MONTH.fullmatch(value):
        year, month = match[1] or match[3], match[2] or match[4]
        try:
            first = date(int(year), int(month), 1)
        except ValueError:
            raise BadCell("没有这个月；请写成 2025-03") from None
        return Span(first, add_months(first, 1) - timedelta(days=1))
    if match := _FROM_TO.fullmatch(value):
        first_day, last_day = day(match[1]), day(match[2])
        if isinstance(first_day, OpenDay) or isinstance(last_day, OpenDay):
            raise BadCell("起止日期要写年份，例如 2025-03-01 至 2025-03-31")
        return checked(first_day, last_day)
    return day(cell)


def checked(first: date, last: date) -> Span:
    """The span from one day to another. Raises BadCell when it runs backwards or is too long to mean anything."""
    if last < first:
        raise BadCell("结束日期早于开始日期")
    if last - first > LONGEST_SPAN:
        raise BadCell(f"起止日期相差太久：最多 {LONGEST_SPAN.days} 天")
    return Span(first, last)
