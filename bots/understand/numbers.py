"""Chinese and Arabic numerals as people type them: 十二, 两百五, 一百二, 俩, 廿, 半, 1,200, 3万4."""

import re
from decimal import Decimal

_DIGITS = {
    sign: value
    for value, signs in enumerate(
        ["零〇○", "一壹幺", "二贰两俩倆", "三叁仨", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖"]
    )
    for sign in signs
}
_ARABIC = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
_CHINESE = "".join(_DIGITS) + "十拾百佰千仟万亿廿卅"
NUMERAL = rf"(?>半|(?:{_ARABIC}|[{_CHINESE}])[\d{_CHINESE}]*(?:点[{''.join(_DIGITS)}]+)?)"
"""Regex source of one numeral, to be built into larger patterns (it has no groups)."""

_WHOLE = re.compile(NUMERAL)
_SPOKEN_DIGITS = re.compile(rf"[{''.join(_DIGITS)}]+")
_ZERO = "[零〇○]"
_DIGIT = rf"(?:{_ARABIC}|[一壹幺二贰两俩倆三叁仨四肆五伍六陆七柒八捌九玖])"
_ONE_DIGIT = re.compile(_DIGIT)
_BELOW_TEN_THOUSAND = re.compile(
    rf"{_ZERO}?(?:(?P<k>{_DIGIT})?(?P<thousand>[千仟]))?"
    rf"{_ZERO}?(?:(?P<h>{_DIGIT})?(?P<hundred>[百佰]))?"
    rf"{_ZERO}?(?:(?P<t>{_DIGIT})?(?P<ten>[十拾])|(?P<tens>[廿卅]))?"
    rf"{_ZERO}?(?P<ones>{_DIGIT})?"
)
_PLACES = (("k", "thousand", 1000), ("h", "hundred", 100), ("t", "ten", 10))
_BIG = (("亿", 100_000_000), ("万", 10_000))
_LONGEST = 32  # signs; nobody counts bottles with more


def read_numeral(text: str) -> Decimal | None:
    """Return the value of a whole numeral; None for no numeral and for vague ones (两三, 三五)."""
    if len(text) > _LONGEST or not _WHOLE.fullmatch(text):
        return None
    if text == "半":
        return Decimal("0.5")
    whole, _, fraction = text.partition("点")
    value = _spoken_digits(whole) if _SPOKEN_DIGITS.fullmatch(whole) else _value(whole)
    if value is None or not fraction:
        return value
    digits = [_DIGITS.get(sign) for sign in fraction]
    if None in digits:
        return None
    return value + Decimal("0." + "".join(map(str, digits)))


def read_integer(text: str) -> int | None:
    """Return the value of a whole numeral when it is a whole number, else None."""
    value = read_numeral(text)
    return int(value) if value is not None and value == value.to_integral_value() else None


def to_chinese(number: int) -> str:
    """Write 0 to 99,999,999 the usual way (十二, 二百零五, 一万零三); ValueError beyond."""
    if not 0 <= number < 100_000_000:
        raise ValueError(f"only 0 to 99999999 can be written: {number}")
    if number == 0:
        return "零"
    high, low = divmod(number, 10_000)
    words = _below_ten_thousand(high) + "万" if high else ""
    if low:
        words += ("零" if high and low < 1000 else "") + _below_ten_thousand(low)
    return words.removeprefix("一") if words.startswith("一十") else words


def _below_ten_thousand(number: int) -> str:
    words, pending_zero = "", False
    for sign, unit in (("千", 1000), ("百", 100), ("十", 10), ("", 1)):
        digit = number // unit % 10
        if digit == 0:
            pending_zero = bool(words)
            continue
        words += ("零" if pending_zero else "") + "零一二三四五六七八九"[digit] + sign
        pending_zero = False
    return words


def _spoken_digits(text: str) -> Decimal | None:
    """Read digits without units: one is a number, 二零二六 a year, 两三 "two or three", so nothing."""
    if len(text) == 2 and text[0] not in "零〇○":
        return None
    return Decimal("".join(str(_DIGITS[sign]) for sign in text))


def _value(text: str) -> Decimal | None:
    """Read a numeral with units: split at 亿, then 万, then read what is below ten thousand."""
    for sign, unit in _BIG:
        high, found, low = text.rpartition(sign)
        if found:
            left = _value(high) if high else Decimal(1)
            right = _tail(low, unit)
            return None if left is None or right is None else left * unit + right
    return _below(text)


def _tail(text: str, unit: int) -> Decimal | None:
    """Read what follows a unit; a lone digit counts tenths of it: 三万五 is 35,000."""
    if not text:
        return Decimal(0)
    if len(text) == 1 and _ONE_DIGIT.fullmatch(text):
        return _digit(text) * unit / 10
    return _value(text)


def _below(text: str) -> Decimal | None:
    found = _BELOW_TEN_THOUSAND.fullmatch(text)
    if not found:
        return None
    total, last_unit = Decimal(0), 1
    for digit, sign, unit in _PLACES:
        if found[sign]:
            total += (_digit(found[digit]) if found[digit] else 1) * unit
            last_unit = unit
    if found["tens"]:
        total, last_unit = total + (20 if found["tens"] == "廿" else 30), 10
    if not found["ones"]:
        return total
    ones = _digit(found["ones"])
    after_zero = text[found.start("ones") - 1 : found.start("ones")] in set("零〇○")
    return total + (ones if after_zero or last_unit == 1 else ones * last_unit / 10)


def _digit(text: str) -> Decimal:
    known = _DIGITS.get(text)
    return Decimal(text.replace(",", "")) if known is None else Decimal(known)
