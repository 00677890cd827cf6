"""Quantities as people write them: 12, 2箱3瓶, 2件, a bare number beside a column that says 箱."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from workflows.imports.cells import MOST_BOTTLES, BadCell, one_of, whole, words


class Measure(StrEnum):
    """What a bare number counts."""

    BOTTLE = "bottle"
    CASE = "case"


#: 盒 is the box of one bottle. 提 and 组 hold different numbers at every maker, so they are asked about.
_BOTTLES = ("瓶", "支", "盒", "罐", "坛", "听")
_CASES = ("箱", "件")
UNITS = {**dict.fromkeys(_BOTTLES, Measure.BOTTLE), **dict.fromkeys(_CASES, Measure.CASE)}
unit = one_of(UNITS)
_NUMBER = r"(\d[\d,]{0,11}(?:\.\d{1,4})?)"
_MIXED = re.compile(
    rf"(?:{_NUMBER}\s*[{''.join(_CASES)}])?\s*(?:零|又|\+|，|,)?\s*(?:{_NUMBER}\s*[{''.join(_BOTTLES)}])?"
)
_MINUS = re.compile(r"[-−—]\s*(\d.*)")


@dataclass(frozen=True)
class Amount:
    """So many cases and so many bottles; what a case is, the product says. `sign` is -1 for less than nothing."""

    cases: Decimal = Decimal(0)
    bottles: int = 0
    sign: int = 1

    def in_bottles(self, case_size: int) -> int:
        """All of it in bottles. Raises BadCell when a part of a case is no whole number of bottles."""
        loose = self.cases * case_size
        if loose != loose.to_integral_value():
            raise BadCell(f"{self.cases} 箱折不成整瓶（一箱 {case_size} 瓶）")
        return self.sign * (int(loose) + self.bottles)


def quantity(cell: Any) -> int | Amount:
    """Read a number of bottles, or cases and bottles: 12, "1,200", "2箱3瓶", "2件", "2.5箱"; never negative."""
    if isinstance(cell, str) and (found := _mixed(cell)) is not None:
        return found
    return whole(cell)


def signed_quantity(cell: Any) -> int | Amount:
    """Read a quantity that may be below nothing, as books sometimes say."""
    if isinstance(cell, (int, float)) and not isinstance(cell, bool) and cell < 0:
        return -whole(-cell)
    if isinstance(cell, str) and (minus := _MINUS.fullmatch(unicodedata.normalize("NFKC", words(cell)))):
        found = quantity(minus[1])
        return -found if isinstance(found, int) else Amount(found.cases, found.bottles, -1)
    return quantity(cell)


def bottles_said(values: Mapping[str, Any], case_size: int) -> int | None:
    """The bottles a row says in its columns bottles, unit and cases; None when it says nothing.

    Raises BadCell for what is no whole number of bottles, or too many.
    """
    said, cases = values.get("bottles"), values.get("cases")
    if said is None and cases is None:
        return None
    total = (cases or 0) * case_size
    if isinstance(said, Amount):
        total += said.in_bottles(case_size)
    elif said is not None:
        total += said * (case_size if values.get("unit") is Measure.CASE else 1)
    if abs(total) > MOST_BOTTLES:
        raise BadCell(f"太大：最多 {MOST_BOTTLES:,} 瓶")
    return total


def _mixed(cell: str) -> Amount | None:
    value = unicodedata.normalize("NFKC", words(cell))
    match = _MIXED.fullmatch(value) if value and value[0].isdigit() else None
    if match is None:
        return None
    cases = Decimal((match[1] or "0").replace(",", ""))
    loose = Decimal((match[2] or "0").replace(",", ""))
    if loose != loose.to_integral_value():
        raise BadCell("要写整瓶，不能有小数")
    if cases > MOST_BOTTLES or loose > MOST_BOTTLES:
        raise BadCell(f"太大：最多 {MOST_BOTTLES:,}")
    return Amount(cases, int(loose))
