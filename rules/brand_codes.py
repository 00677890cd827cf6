"""Brand codes that need more than a form: their own arithmetic. What is here is invented, as a pattern to follow."""

from dataclasses import dataclass
from datetime import date, timedelta

from models.catalog import Pack, UniquePer

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FIRST_DAY = date(2000, 1, 1)
_LONGEST_LIFE = 36_525  # days; a code of a hundred years later is a misreading


@dataclass(frozen=True)
class Printed:
    """What a brand's code says by itself: `code` is the part that identifies."""

    code: str
    batch: str | None = None
    production_date: date | None = None
    is_replacement: bool = False


@dataclass(frozen=True)
class CheckedCode:
    """QD, days since 2000 in base 36 (4), line and number (9), a check character (ISO 7064 MOD 37,36)."""

    name: str
    title: str
    brands: frozenset[str]
    examples: tuple[str, ...]
    pack: Pack = Pack.BOTTLE
    unique_per: UniquePer = UniquePer.UNIT

    def covers(self, product: str, brand: str) -> bool:  # noqa: ARG002 - the signature is CodeScheme's
        """Whether goods of this brand carry such codes."""
        return brand in self.brands

    def read(self, text: str) -> Printed | None:
        """What the code says, None for any other text or a wrong check character."""
        if len(text) != 16 or not text.startswith("QD") or not set(text) <= set(_LETTERS):
            return None
        days = int(text[2:6], 36)
        if check_character(text[:-1]) != text[-1] or days > _LONGEST_LIFE:
            return None
        return Printed(text, production_date=_FIRST_DAY + timedelta(days=days))


def check_character(text: str) -> str:
    """Return the ISO 7064 MOD 37,36 check character of digits and capital letters."""
    product = 36
    for letter in text:
        product = (product + _LETTERS.index(letter)) % 36 or 36
        product = product * 2 % 37
    return _LETTERS[(37 - product) % 36]
