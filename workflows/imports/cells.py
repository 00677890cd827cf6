"""What people type into cells, made into values; every refusal is a Chinese sentence.

Parsers get a cell that is not empty: text from CSV, or text, number, date or truth value from Excel.
They return the value or raise `BadCell`.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cached_property
from typing import Any, Generic, TypeVar

from rules.gs1 import ai_date, check_digit_fits, is_digits

MOST_BOTTLES = 10_000_000
LONGEST_CODE = 64
LONGEST_TEXT = 200
_EXCEL_EPOCH = date(1899, 12, 30)
_EXCEL_SERIALS = range(18_000, 80_000)  # 1949 to 2119; anything else is a typing error
_YEARS = range(1950, 2100)
_ORDINARY_YUAN = 10**6
_FLOAT_DUST = 5e-7  # 12.1 travels through Excel as 12.100000000000001
_EXACT_DIGITS = 10**15  # Excel keeps 15 digits of a number
_CLOCK = r"(?:[ T]*(?:\(?(?:周|星期)[一二三四五六日天]\)?)?[ T]*(?:\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
_DATE = re.compile(rf"(\d{{4}})\s*[-/.年]\s*(\d{{1,2}})\s*[-/.月]\s*(\d{{1,2}})\s*[日号]?{_CLOCK}")
_COMPACT_DATE = re.compile(rf"(\d{{4}})(\d{{2}})(\d{{2}}){_CLOCK}")
_SHORT_DATE = re.compile(r"(\d{2})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号]?")
_DAY_OF_YEAR = re.compile(r"(\d{1,2})\s*月\s*(\d{1,2})\s*[日号]?")
_MARKED_DATE = re.compile(r"(?:\(1[1-7]\))?(\d{6})")  # as a machine prints it: YYMMDD, day 00 the last of the month
_SHORT_YEARS = range(13, 50)  # two digits that can be no month, so the year must stand first
_SCIENTIFIC = re.compile(r"\d(?:\.\d+)?[eE]\+\d{2}")
_BREAKS = re.compile(r"(?:_x000D_|[\t\r\n\v\f])+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PLAIN_CODE = re.compile(r"[A-Za-z0-9_\-./]{1,64}")
_ALIAS_MARKS = re.compile(r"[、,，;；|]")
_YES = frozenset({"是", "有", "对", "1", "y", "yes", "true", "√"})
_NO = frozenset({"否", "无", "不", "0", "n", "no", "false", "×"})

E = TypeVar("E", bound=StrEnum)


class BadCell(ValueError):
    """A cell that cannot be read; `str()` says why and what to write instead."""


@dataclass(frozen=True)
class OpenDay:
    """A day that can only be told by who knows today: 3月1日, or YYMMDD as a machine prints it."""

    month: int = 0
    day_of_month: int = 0
    yymmdd: str = ""

    def on(self, today: date) -> date:
        """The day meant on that day: 3月1日 is this year's, or last year's when it is still to come."""
        if self.yymmdd:
            found = ai_date(self.yymmdd, today)
            if found is None:
                raise BadCell("不是日期；请写成 2025-03-01")
            return found
        for year in (today.year, today.year - 1):
            found = _real_day(year, self.month, self.day_of_month)
            if found is not None and found <= today:
                return found
        raise BadCell("没有这一天；请写成 2025-03-01")


def words(cell: Any) -> str:
    """Return the cell as the person sees it: 195.0 is "195", blanks around are dropped."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    return str(cell).strip(" \t\r\n\u3000\ufeff\xa0")


def text(cell: Any) -> str:
    """Read free text of at most 200 characters; a line break in the cell becomes a blank."""
    return _clean(_BREAKS.sub(" ", words(cell)).strip())


def _clean(value: str) -> str:
    if len(value) > LONGEST_TEXT:
        raise BadCell(f"太长：最多 {LONGEST_TEXT} 个字")
    if _CONTROL.search(value):
        raise BadCell("里面有看不见的控制字符，请重新输入")
    return value


def code(cell: Any) -> str:
    """Read a code: text, or a number that Excel has not shortened; no formulas."""
    if isinstance(cell, str) and _PLAIN_CODE.fullmatch(cell):
        return cell
    if isinstance(cell, (int, float)) and abs(cell) >= _EXACT_DIGITS:
        raise BadCell("被 Excel 当成了数字，超过 15 位已经失真；请把这一列设为“文本”后重新填写")
    if isinstance(cell, (bool, date, timedelta)):
        raise BadCell("不是编码；请把这一列设为“文本”后重新填写")
    value = unicodedata.normalize("NFKC", _clean(words(cell)))
    _refuse_formula(value)
    if _SCIENTIFIC.fullmatch(value):
        raise BadCell("是科学计数法，编码已经失真；请把这一列设为“文本”后重新填写")
    if len(value) > LONGEST_CODE:
        raise BadCell(f"太长：编码最多 {LONGEST_CODE} 个字符")
    return value


def whole(cell: Any) -> int:
    """Read a count of bottles or cases: 0, 12, "1,200"; never negative, never a fraction."""
    if isinstance(cell, float) and 0 <= cell <= MOST_BOTTLES and cell.is_integer():
        return int(cell)
    number = _number(cell)
    if number < 0:
        raise BadCell("不能是负数")
    if number != number.to_integral_value():
        raise BadCell("要写整数，不能有小数")
    if number > MOST_BOTTLES:
        raise BadCell(f"太大：最多 {MOST_BOTTLES:,}")
    return int(number)


def counting(cell: Any) -> int:
    """Read a whole number of at least 1."""
    number = whole(cell)
    if number == 0:
        raise BadCell("要大于 0")
    return number


def money(cell: Any) -> int:
    """Read yuan with at most two decimals; return 分."""
    if isinstance(cell, float) and 0 <= cell <= _ORDINARY_YUAN:
        nearest = round(cell * 100)
        if abs(cell - nearest / 100) < _FLOAT_DUST:
            return nearest
    number = _number(cell, strip="¥￥元")
    if isinstance(cell, float):
        number = round(number, 6)  # 12.1 travels through Excel as 12.100000000000001
    fen = number * 100
    if fen < 0:
        raise BadCell("不能是负数")
    if fen != fen.to_integral_value():
        raise BadCell("金额最多两位小数")
    if fen > 10**11:
        raise BadCell("金额太大")
    return int(fen)


def day(cell: Any) -> date | OpenDay:
    """Read a day as people type it: 2025-3-1, 2025/3/1, 2025.3.1, 20250301, 2025年3月1日, an Excel serial.

    25/3/1 has its year in front; 3月1日 and 250301 wait for somebody who knows today. A clock time is dropped.
    """
    if isinstance(cell, datetime):
        return _sane(cell.date())
    if isinstance(cell, date):
        return _sane(cell)
    if isinstance(cell, bool):
        raise BadCell("不是日期；请写成 2025-03-01")
    value = unicodedata.normalize("NFKC", words(cell))
    serial = value.split(".")[0] if isinstance(cell, float) else value
    if is_digits(serial) and len(serial) <= 5 and int(serial) in _EXCEL_SERIALS:
        return _EXCEL_EPOCH + timedelta(days=int(serial))
    for shape, read in _SHAPES:
        if match := shape.fullmatch(value):
            return read(*match.groups())
    raise BadCell("不是日期；请写成 2025-03-01")


def _full_day(year: str, month: str, day_of_month: str) -> date:
    if day_of_month == "00" and len(month) == 2:  # as on labels: the last day of the month
        found = ai_date(f"{year[2:]}{month}00", date(int(year), 1, 1)) if int(year) in _YEARS else None
    else:
        found = _real_day(int(year), int(month), int(day_of_month))
    if found is None:
        raise BadCell("没有这一天；请写成 2025-03-01")
    return _sane(found)


def _short_day(year: str, month: str, day_of_month: str) -> date:
    if int(year) not in _SHORT_YEARS:
        raise BadCell("年份只写了两位，分不清哪个是年；请写成 2025-03-01")
    return _full_day(f"20{year}", month, day_of_month)


def _day_of_year(month: str, day_of_month: str) -> OpenDay:
    if _real_day(2024, int(month), int(day_of_month)) is None:  # a leap year has every day there is
        raise BadCell("没有这一天；请写成 2025-03-01")
    return OpenDay(int(month), int(day_of_month))


def _marked_day(yymmdd: str) -> OpenDay:
    return OpenDay(yymmdd=yymmdd)


_SHAPES: tuple[tuple[re.Pattern[str], Callable[..., date | OpenDay]], ...] = (
    (_DATE, _full_day),
    (_COMPACT_DATE, _full_day),
    (_SHORT_DATE, _short_day),
    (_DAY_OF_YEAR, _day_of_year),
    (_MARKED_DATE, _marked_day),
)


def batch(cell: Any) -> str:
    """Read a batch as it is printed. A batch that is a date is one however it is typed: 20250301."""
    if isinstance(cell, (datetime, date)):
        return f"{cell:%Y%m%d}"
    value = code(cell)
    match = _DATE.fullmatch(value)
    found = _real_day(*map(int, match.groups())) if match else None
    return f"{found:%Y%m%d}" if found else value


def _real_day(year: int, month: int, day_of_month: int) -> date | None:
    try:
        return date(year, month, day_of_month)
    except ValueError:
        return None


def yes(cell: Any) -> bool:
    """Read 是 or 否."""
    value = words(cell).lower()
    if value in _YES or value in _NO:
        return value in _YES
    raise BadCell("请写“是”或“否”")


def barcode(cell: Any) -> str:
    """Read an EAN-8, UPC-12, EAN-13 or ITF-14 number with its right check digit."""
    value = code(cell)
    if not is_digits(value) or len(value) not in {8, 12, 13, 14}:
        raise BadCell("不是条码；69 码是 13 位数字")
    if not check_digit_fits(value):
        raise BadCell("条码的校验位不对，请核对有没有抄错")
    return value


def names(cell: Any) -> list[str]:
    """Read other names, separated by 、 , or ;."""
    found = [name.strip() for name in _ALIAS_MARKS.split(text(cell))]
    return list(dict.fromkeys(name for name in found if name))


@dataclass(frozen=True)
class Degrees:
    """Reads degrees between -limit and limit."""

    limit: int

    def __call__(self, cell: Any) -> float:
        """Read one cell."""
        number = _number(cell)
        if abs(number) > self.limit:
            raise BadCell(f"要在 -{self.limit} 到 {self.limit} 之间")
        return float(number)


@dataclass(frozen=True, eq=False)
class OneOf(Generic[E]):
    """Reads listed words; the enum's own values are understood too."""

    choices: Mapping[str, E]

    def __call__(self, cell: Any) -> E:
        """Read one cell."""
        value = self._known.get(words(cell).lower())
        if value is None:
            raise BadCell(f"只能写：{'、'.join(self.choices)}")
        return value

    @cached_property
    def _known(self) -> dict[str, E]:
        known = {word.lower(): value for word, value in self.choices.items()}
        return known | {value.value: value for value in self.choices.values()}


def degrees(limit: int) -> Degrees:
    """Make a reader of degrees between -limit and limit."""
    return Degrees(limit)


def one_of(choices: Mapping[str, E]) -> OneOf[E]:
    """Make a reader of listed words; the enum's own values are understood too."""
    return OneOf(choices)


def _refuse_formula(value: str) -> None:
    if value.startswith("="):
        raise BadCell("是公式；请复制后“选择性粘贴”成数值")


def _number(cell: Any, strip: str = "") -> Decimal:
    if isinstance(cell, (bool, date, timedelta)):
        raise BadCell("不是数字")
    if isinstance(cell, float) and not math.isfinite(cell):
        raise BadCell("不是数字")
    value = unicodedata.normalize("NFKC", words(cell))
    _refuse_formula(value)
    value = value.strip(strip + " ").replace(",", "")
    if len(value) > 40:
        raise BadCell("不是数字")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise BadCell("不是数字") from None
    if not number.is_finite() or abs(number) > Decimal("1e15"):
        raise BadCell("不是合理的数字")
    return number


def _sane(value: date) -> date:
    if value.year not in _YEARS:
        raise BadCell("年份不对；请写成 2025-03-01")
    return value
