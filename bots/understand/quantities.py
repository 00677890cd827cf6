"""How much: 12瓶, 两箱半, 3箱零2瓶, 半箱, 一提, and a bare 12 that must be asked about."""

import re
from dataclasses import dataclass
from decimal import Decimal

from bots.understand.numbers import NUMERAL, read_numeral

_CASE = "箱件"
_BOTTLES_IN = {"瓶": 1, "支": 1, "盒": 1, "坛": 1, "罐": 1, "樽": 1, "提": 2, "打": 12}
_LOOSE = "".join(_BOTTLES_IN)
_UNIT = f"[{_CASE}{_LOOSE}]"
_MOST = 1_000_000  # bottles; more is a phone number or a slip of the thumb

_VAGUE = re.compile(
    rf"(?:{NUMERAL}(?:[-~到至]|或者?)){NUMERAL}(?:个|多)?{_UNIT}"  # 3-5瓶
    rf"|(?:{NUMERAL})?(?:[几多余来]|若干)(?:十|百)?(?:个|整)?{_UNIT}"  # 十几瓶, 几箱, 20来瓶
    rf"|[一二两三四五六七八九]{{2}}(?:个|整)?{_UNIT}"  # 两三瓶
    rf"|(?:少|小|大)?半{_UNIT}?(?:左右)?的?货|一半|部分|一些|一点|好多|不少|很多|少量|若干|大半|少半|小半"
)
_ABOUT_BEFORE = r"(?:(?P<about>大概|大约|差不多|估计|可能|约|近)(?:有|是)? ?)?"
_ABOUT_AFTER = r"(?P<around>左右|上下)?"
_COUNTED = re.compile(
    rf"{_ABOUT_BEFORE}(?P<number>{NUMERAL}) ?(?:整|大|小|个)?(?P<unit>{_UNIT})(?P<half>半)?"
    rf"(?:(?: ?(?:[零又另加和]|外加|带|\+)? ?)(?P<loose>{NUMERAL}) ?(?P<loose_unit>[{_LOOSE}])"
    rf"|[零又] ?(?P<rest>{NUMERAL})(?![\d{_CASE}]))?{_ABOUT_AFTER}"
)
_FOREIGN = "度元块毛折斤年月日号点%％人家店次条楼分小时米公里岁期批种款类层ml升k天周名位班路"
_BARE = re.compile(
    rf"{_ABOUT_BEFORE}(?<![\da-z.#第\-])(?P<number>\d{{1,3}}(?:,\d{{3}})+|\d{{1,6}})(?![\d.,a-z\-~{_FOREIGN}])个?{_ABOUT_AFTER}"
)
_BARE_CHINESE = re.compile(
    r"(?<![^\s,，。；、!！?退卖剩有收改成到是要回掉了])(?P<number>[一二两三四五六七八九十百千俩仨廿]{1,7})个?"
    r"(?P<about>)(?P<around>左右)?(?![^\s,，。；、!！?退吧了])"
)


@dataclass(frozen=True)
class Quantity:
    """An amount as it was said; what was not said is None.

    `bottles` when said in bottles (提 is two, 打 is twelve), `cases` and `loose` bottles when said
    in cases, with `halves` half cases on top (两箱半 is cases 2, halves 1); `bare` is a number
    without a unit, which must be asked about. Cases need the product's case size: `to_bottles`.
    """

    bottles: int | None = None
    cases: int | None = None
    loose: int | None = None
    bare: int | None = None
    halves: int = 0

    @property
    def said(self) -> bool:
        """Say whether any number was told."""
        return (self.bottles, self.cases, self.bare) != (None, None, None)


@dataclass(frozen=True)
class Amount:
    """One mention in a text; `vague` ones (十几瓶, 大概12瓶) must be asked back."""

    quantity: Quantity
    vague: bool = False


def to_bottles(q: Quantity, case_size: int) -> int:
    """Return the amount in bottles.

    Raises ValueError for a bare number or no number at all, a case size below 1, and half a case
    of an odd number of bottles.
    """
    if q.bottles is not None:
        return q.bottles
    if q.cases is None:
        raise ValueError("the amount has no unit")
    if case_size < 1:
        raise ValueError(f"a case holds at least 1 bottle: {case_size}")
    if q.halves and case_size % 2:
        raise ValueError(f"half a case of {case_size} bottles is no whole number")
    return q.cases * case_size + q.halves * (case_size // 2) + (q.loose or 0)


def cut_amounts(text: str, sign: str) -> tuple[str, list[Amount]]:
    """Replace every amount by `sign`; return the text and the amounts in order of their place."""
    found: list[tuple[int, Amount]] = []

    def cut(pattern: re.Pattern[str], text: str) -> str:
        def keep(match: re.Match[str]) -> str:
            amount = _VAGUELY if pattern is _VAGUE else _amount(match)
            if amount is None:
                return match[0]
            found.append((match.start(), amount))
            return sign + "\x00" * (len(match[0]) - 1)

        return pattern.sub(keep, text)

    for pattern in (_VAGUE, _COUNTED, _BARE, _BARE_CHINESE):
        text = cut(pattern, text)
    return text.replace("\x00", ""), [amount for _, amount in sorted(found, key=lambda p: p[0])]


_VAGUELY = Amount(Quantity(), vague=True)


def _amount(match: re.Match[str]) -> Amount | None:
    number = read_numeral(match["number"])
    if number is None or number > _MOST:
        return None
    about = bool(match["about"] or match["around"])
    groups = match.groupdict()
    if "unit" not in groups:
        return Amount(Quantity(bare=int(number)), about)
    if match["unit"] in _CASE:
        return _in_cases(number, groups, about)
    per_unit = _BOTTLES_IN[match["unit"]]
    return _in_bottles(number * per_unit + (Decimal(per_unit) / 2 if match["half"] else 0), groups, about)


def _in_bottles(bottles: Decimal, groups: dict[str, str | None], about: bool) -> Amount:
    more = _loose(groups)
    if bottles != bottles.to_integral_value() or more is None:
        return _VAGUELY
    return Amount(Quantity(bottles=int(bottles) + more), about)


def _in_cases(cases: Decimal, groups: dict[str, str | None], about: bool) -> Amount:
    cases += Decimal("0.5") if groups["half"] else 0
    halves, odd = divmod(cases * 2, 1)
    loose = _loose(groups)
    if odd or loose is None:
        return _VAGUELY
    whole, half = divmod(int(halves), 2)
    return Amount(Quantity(cases=whole, loose=loose, halves=half), about)


def _loose(groups: dict[str, str | None]) -> int | None:
    """Return the single bottles said after the first amount, 0 for none, None for vague ones."""
    said = groups["loose"] or groups["rest"]
    if not said:
        return 0
    number = read_numeral(said)
    if number is None or number != number.to_integral_value():
        return None
    return int(number) * _BOTTLES_IN[groups["loose_unit"] or "瓶"]
