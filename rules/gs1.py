"""GS1 numbers and what a GS1 code says: check digits, GTINs, dates with two digits of year."""

import calendar
from dataclasses import dataclass
from datetime import date

from biip.checksums import gs1_standard_check_digit

_GTIN_LENGTHS = (8, 12, 13, 14)
_WINDOW = 51  # years: General Specifications, "Determination of century in dates"


@dataclass(frozen=True)
class Gs1Facts:
    """What one GS1 code says. `gtin` has 14 digits, `count` is AI 30 or 37, in trade items.

    `contained` marks a GTIN told by AI 02: the code stands for a carton holding `count` of it.
    """

    gtin: str = ""
    batch: str | None = None
    production_date: date | None = None
    expiry_date: date | None = None
    serial: str | None = None
    sscc: str | None = None
    count: int | None = None
    contained: bool = False
    packed_on: date | None = None
    best_before: date | None = None
    sell_by: date | None = None


def is_digits(text: str) -> bool:
    """Say whether the text is ASCII digits only (superscripts and 一二三 are not)."""
    return text.isascii() and text.isdigit()


def check_digit_fits(digits: str) -> bool:
    """Say whether a GTIN or SSCC ends in its right check digit."""
    if not is_digits(digits) or len(digits) < 2:
        return False
    return gs1_standard_check_digit(digits[:-1]) == int(digits[-1])


def read_gtin(text: str) -> str | None:
    """Return EAN-8, UPC-12, EAN-13 or ITF-14 digits as 14 digits, None when they are no GTIN."""
    if len(text) not in _GTIN_LENGTHS or not check_digit_fits(text):
        return None
    return text.zfill(14)


def looks_like_gtin(text: str) -> bool:
    """Say whether only a wrong check digit keeps the text from being an EAN-13 or ITF-14 number."""
    return len(text) in {13, 14} and is_digits(text) and not check_digit_fits(text)


def base_gtin(gtin: str) -> str:
    """Return the 14 digits of the single item inside a carton's GTIN (same digits, indicator 0)."""
    payload = "0" + gtin[1:13]
    return payload + str(gs1_standard_check_digit(payload))


def gtin_spellings(gtin: str) -> list[str]:
    """Return how 14 digits may be printed: with fewer leading zeros, as 14, 13, 12 or 8 digits."""
    zeros = len(gtin) - len(gtin.lstrip("0"))
    return [gtin[14 - length :] for length in (14, 13, 12, 8) if 14 - length <= zeros]


def facts_of(values: dict[str, str], today: date) -> Gs1Facts | None:
    """Pick out what a bottle of baijiu carries, from values by AI; None when they contradict each other."""
    if "01" in values and "02" in values:
        return None
    count = values.get("37") or values.get("30")
    return Gs1Facts(
        gtin=values.get("01") or values.get("02") or "",
        batch=values.get("10"),
        production_date=ai_date(values.get("11", ""), today),
        expiry_date=ai_date(values.get("17", ""), today),
        serial=values.get("21"),
        sscc=values.get("00"),
        count=int(count) if count else None,
        contained="01" not in values and "02" in values,
        packed_on=ai_date(values.get("13", ""), today),
        best_before=ai_date(values.get("15", ""), today),
        sell_by=ai_date(values.get("16", ""), today),
    )


def ai_date(yymmdd: str, today: date) -> date | None:
    """Read YYMMDD; day 00 is the last of the month. None for a date that does not exist."""
    if len(yymmdd) != 6 or not is_digits(yymmdd):
        return None
    year, month, day = (int(yymmdd[i : i + 2]) for i in (0, 2, 4))
    year = full_year(year, today.year)
    if not 1 <= month <= 12:
        return None
    last = calendar.monthrange(year, month)[1]
    return date(year, month, day or last) if day <= last else None


def full_year(two_digits: int, this_year: int) -> int:
    """Return the year two digits mean: from 49 years ago to 50 years ahead, as the General Specifications say."""
    ahead = two_digits - this_year % 100
    century = this_year - this_year % 100
    if ahead >= _WINDOW:
        century -= 100
    elif ahead <= -(_WINDOW - 1):
        century += 100
    return century + two_digits
