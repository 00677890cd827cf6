"""What people type into cells, made into values; every refusal is a Chinese sentence.

Parsers get a cell that is not empty: text from CSV, or text, number, date or truth value from Excel.
They return the value or raise `BadCell`.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar

from rules.gs1 import check_digit_fits, is_digits

MOST_BOTTLES = 10_000_000
LONGEST_CODE = 64
LONGEST_TEXT = 200
_EXCEL_EPOCH = date(1899, 12, 30)
_EXCEL_SERIALS = range(18_000, 80_000)  # 1949 to 2119; anything else is a typing error
_YEARS = range(1950, 2100)
_EXACT_DIGITS = 10**15  # Excel keeps 15 digits of a number
_DATE = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
)
_COMPACT_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SCIENTIFIC = re.compile(r"\d(?:\.\d+)?[eE]\+\d{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ALIAS_MARKS = re.compile(r"[、,，;；|]")
_YES = frozenset({"是", "有", "对", "1", "y", "yes", "true", "√"})
_NO = frozenset({"否", "无", "不", "0", "n", "no", "false", "×"})

E = TypeVar("E", bound=StrEnum)


class BadCell(ValueError):
    """A cell that cannot be read; `str()` says why and what to write instead."""


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
    """Read free text of at most 200 characters."""
    value = words(cell)
    if len(value) > LONGEST_TEXT:
        raise BadCell(f"太长：最多 {LONGEST_TEXT} 个字")
    if _CONTROL.search(value):
        raise BadCell("里面有看不见的控制字符，请重新输入")
    return value


def code(cell: Any) -> str:
    """Read a code: text, or a number that Excel has not shortened; no formulas."""
    if isinstance(cell, (int, float)) and abs(cell) >= _EXACT_DIGITS:
        raise BadCell("被 Excel 当成了数字，超过 15 位已经失真；请把这一列设为“文本”后重新填写")
    if isinstance(cell, (bool, date, timedelta)):
        raise BadCell("不是编码；请把这一列设为“文本”后重新填写")
    value = unicodedata.normalize("NFKC", text(cell))
    _refuse_formula(value)
    if _SCIENTIFIC.fullmatch(value):
        raise BadCell("是科学计数法，编码已经失真；请把这一列设为“文本”后重新填写")
    if len(value) > LONGEST_CODE:
        raise BadCell(f"太长：编码最多 {LONGEST_CODE} 个字符")
    return value


def whole(cell: Any) -> int:
    """Read a count of bottles or cases: 0, 12, "1,200"; never negative, never a fraction."""
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


def day(cell: Any) -> date:
    """Read a day as people type it: 2025-03-01, 2025/3/1, 20250301, 2025年3月1日, an Excel serial."""
    if isinstance(cell, datetime):
        return _sane(cell.date())
    if isinstance(cell, date):
        return _sane(cell)
    value = unicodedata.normalize("NFKC", words(cell))
    if is_digits(value) and len(value) <= 5 and int(value) in _EXCEL_SERIALS:
        return _EXCEL_EPOCH + timedelta(days=int(value))
    match = _DATE.fullmatch(value) or _COMPACT_DATE.fullmatch(value)
    if match is None:
        raise BadCell("不是日期；请写成 2025-03-01")
    try:
        return _sane(date(*(int(part) for part in match.groups())))
    except ValueError:
        raise BadCell("没有这一天；请写成 2025-03-01") from None


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


def degrees(limit: int) -> Callable[[Any], float]:
    """Make a reader of degrees between -limit and limit."""

    def read(cell: Any) -> float:
        number = _number(cell)
        if abs(number) > limit:
            raise BadCell(f"要在 -{limit} 到 {limit} 之间")
        return float(number)

    return read


def one_of(choices: Mapping[str, E]) -> Callable[[Any], E]:
    """Make a reader of listed words; the enum's own values are understood too."""
    known = {word.lower(): value for word, value in choices.items()}
    known |= {value.value: value for value in choices.values()}

    def read(cell: Any) -> E:
        value = words(cell).lower()
        if value not in known:
            raise BadCell(f"只能写：{'、'.join(choices)}")
        return known[value]

    return read


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
