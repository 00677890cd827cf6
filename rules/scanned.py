"""What comes of a scan, and what the reader of scans asks about codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Literal, Protocol

from models.catalog import Pack, UniquePer
from rules.code_schemes import BrandReading

Kind = Literal["cap", "bottle", "box", "case", "pallet", "product", "document", "store", "unknown"]
#: Why a text names nothing: wrong check digit, several brands' codes, printed instead of a spoilt code,
#: a batch or serial whose end is a guess.
Problem = Literal["", "check_digit", "ambiguous", "replacement", "unsure"]

KINDS: Mapping[Pack, Kind] = MappingProxyType(
    {Pack.CAP: "cap", Pack.BOTTLE: "bottle", Pack.BOX: "box", Pack.CASE: "case", Pack.PALLET: "pallet"}
)


@dataclass(frozen=True)
class KnownCode:
    """A code somebody registered, the lot it belongs to and how far it tells things apart."""

    code: str
    kind: Kind
    product_code: str
    batch: str = ""
    unique_per: UniquePer = UniquePer.UNIT
    scheme: str = ""


@dataclass(frozen=True)
class KnownItem:
    """What stands behind a GTIN: a product and, where it is known, the bottles in one such item."""

    product_code: str
    pack: Pack | None = None
    bottles: int | None = None


class Registry(Protocol):
    """Who knows the codes. None of these raises for what it does not know."""

    def unit(self, code: str) -> KnownCode | None:
        """The code as registered."""

    def trade_item(self, gtin: str, made_on: date | None) -> KnownItem | None:
        """What carries these 14 digits; goods made on a day are what the number meant then."""

    def has_batch(self, product_code: str, batch: str) -> bool:
        """Whether the product has such a batch."""

    def brand_readings(self, text: str) -> Sequence[BrandReading]:
        """What the brands' own schemes make of a text."""

    def product_of(self, reading: BrandReading) -> str | None:
        """The one product that carries codes of this scheme, None when there are several."""


@dataclass(frozen=True)
class ScannedCode:
    """What was scanned. `code` is one spelling for one thing, however the scanner wrote it.

    `serial` is set when the code names exactly one unit, so a second scan is a duplicate.
    `count` is the number of bottles the code stands for, where it is known.
    """

    kind: Kind
    code: str
    product_code: str | None = None
    batch: str | None = None
    production_date: date | None = None
    serial: str | None = None
    expiry_date: date | None = None
    count: int | None = None
    unique_per: UniquePer = UniquePer.UNIT
    scheme: str = ""
    problem: Problem = ""
    registered: bool = False
