"""What a scanned text is, and counting scans without counting one bottle twice.

Reading needs no database: who knows the registered codes is asked through `Registry`. Text from a
camera is anything at all, so reading never raises; what is not understood is "unknown".
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from rules.gs1 import Gs1Facts, base_gtin, check_digit_fits, read_gs1, read_gtin

Kind = Literal["bottle", "case", "product", "document", "store", "unknown"]
Verdict = Literal["ok", "duplicate", "wrong_product", "wrong_batch", "not_in_scope", "needs_quantity"]

_LONGEST = 512  # characters; the longest QR code of ours is far shorter
_SCANNER_PREFIX = re.compile(
    r"(?:EAN_?13|EAN_?8|UPC_?A|UPC_?E|ITF(?:_?14)?|CODE_?(?:25|39|93|128)|CODABAR|QR_?CODE"
    r"|DATA_?MATRIX|PDF_?417|RSS_?14|AZTEC)\s*,\s*",
    re.IGNORECASE,
)
_PLAIN_SYMBOLOGY = re.compile(r"\][A-Za-z]\d")
_GS1_SYMBOLOGY = re.compile(r"\](?:C1|e0|d2|Q3|J1)")
_OUR_PATH = re.compile(r"/(?P<kind>[sd])/(?P<code>[^/\s]{1,64})/?$")
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}


@dataclass(frozen=True)
class UnitCode:
    """A code somebody registered for one bottle or one case, and what it is packed in or holds."""

    code: str
    kind: Literal["bottle", "case"]
    product_code: str
    batch: str = ""
    parent: str | None = None
    children: tuple[str, ...] = ()


class Registry(Protocol):
    """Who knows the codes. Both answer None for what they do not know and never raise."""

    def unit(self, code: str) -> UnitCode | None: ...

    def product_by_gtin(self, gtin: str) -> str | None: ...


@dataclass(frozen=True)
class ScannedCode:
    """What was scanned. `code` is one spelling for one thing, however the scanner wrote it.

    `serial` is set when the code names exactly one bottle or case, so a second scan is a
    duplicate. `count` is the number of bottles the code itself claims to be.
    """

    kind: Kind
    code: str
    product_code: str | None = None
    batch: str | None = None
    production_date: date | None = None
    serial: str | None = None
    expiry_date: date | None = None
    count: int | None = None


def parse_scan(text: str, registry: Registry, public_url: str = "") -> ScannedCode:
    """Say what a scanned or typed text is; never raises.

    With `public_url` only our own address counts as a store's or document's QR code.
    """
    code = _clean(text)
    if not code or len(code) > _LONGEST:
        return ScannedCode("unknown", code[:_LONGEST])
    return (
        _registered((code, code.upper()), registry)
        or _gs1(code, registry)
        or _registered(_in_address(code), registry)
        or _ours(code, public_url)
        or _bare_number(code, registry)
        or ScannedCode("unknown", code)
    )


def expand(code: str, registry: Registry) -> frozenset[str]:
    """Return the bottles behind a code: itself for a bottle, all inside for a case, empty if unknown.

    Sets, so a case and one of its bottles together are never more than the case.
    """
    return frozenset(_bottles(code, registry, set()))


def _bottles(code: str, registry: Registry, seen: set[str]) -> Iterator[str]:
    unit = registry.unit(code)
    if unit is None or code in seen:
        return
    seen.add(code)
    if unit.kind == "bottle":
        yield unit.code
    for child in unit.children:
        yield from _bottles(child, registry, seen)


def _clean(text: str) -> str:
    """Drop what scanners put around a code: blanks, format names, symbology marks of plain text."""
    code = text.translate(_FULL_WIDTH).strip(" \t\r\n\x00\ufeff\u3000")
    code = _SCANNER_PREFIX.sub("", code, count=1) if _SCANNER_PREFIX.match(code) else code
    if _PLAIN_SYMBOLOGY.match(code) and not _GS1_SYMBOLOGY.match(code):
        code = code[3:]
    return code


def _address(code: str) -> tuple[str, str] | None:
    """Return (path, query) of a web address or of a bare path, None for anything else."""
    if not code.lower().startswith(("http://", "https://", "/")):
        return None
    try:
        parts = urlsplit(code)
    except ValueError:
        return None
    return parts.path, parts.query


def _ours(code: str, public_url: str) -> ScannedCode | None:
    base = public_url.rstrip("/")
    if base and code.lower().startswith(base.lower()):
        code = code[len(base) :]
    elif base and not code.startswith("/"):
        return None
    path, _ = _address(code) or ("", "")
    found = _OUR_PATH.search(path)
    if not found:
        return None
    return ScannedCode("store" if found["kind"] == "s" else "document", unquote(found["code"]))


def _in_address(code: str) -> Iterator[str]:
    """Yield what in a maker's web address may be the code: the last part and every parameter."""
    path, query = _address(code) or ("", "")
    yield unquote(path.rstrip("/").rsplit("/", 1)[-1])
    yield from (value for _, value in parse_qsl(query))


def _registered(spellings: Iterable[str], registry: Registry) -> ScannedCode | None:
    unit = next((unit for code in spellings if code and (unit := registry.unit(code))), None)
    if unit is None:
        return None
    batch = unit.batch or None
    return ScannedCode(unit.kind, unit.code, unit.product_code, batch, serial=unit.code)


def _product(gtin: str, registry: Registry) -> str | None:
    """Look 14 digits up as printed (14, 13 or 12 of them), then as the single item in the carton."""
    if not gtin:
        return None
    base = base_gtin(gtin)
    spellings = [gtin, gtin[1:] if gtin.startswith("0") else "", base, base[1:]]
    if gtin.startswith("00"):
        spellings.append(gtin[2:])
    found = (registry.product_by_gtin(digits) for digits in spellings if digits)
    return next((product for product in found if product), None)


def _bare_number(code: str, registry: Registry) -> ScannedCode | None:
    digits = code.replace(" ", "").replace("-", "")
    gtin = read_gtin(digits)
    if gtin:
        product = _product(gtin, registry)
        if len(digits) == 8 and product is None:
            return None  # one in ten dates like 20240312 has a fitting check digit
        if gtin.startswith("0"):
            return ScannedCode("product", gtin[1:], product)
        return ScannedCode("case", gtin, product)
    if len(digits) == 18 and check_digit_fits(digits):
        return ScannedCode("case", digits, serial=digits)
    return None


def _gs1(code: str, registry: Registry) -> ScannedCode | None:
    facts = read_gs1(code)
    if facts is None or not (facts.gtin or facts.sscc):
        return None
    kind, canonical = _identity(facts)
    found = next((unit for c in _unit_spellings(facts) if (unit := registry.unit(c))), None)
    return ScannedCode(
        kind=found.kind if found else kind,
        code=found.code if found else canonical,
        product_code=found.product_code if found else _product(facts.gtin, registry),
        batch=(found.batch if found else None) or facts.batch,
        production_date=facts.production_date,
        serial=found.code if found else facts.serial or facts.sscc,
        expiry_date=facts.expiry_date,
        count=facts.count if facts.gtin.startswith("0") else None,
    )


def _identity(facts: Gs1Facts) -> tuple[Kind, str]:
    """Return the kind a GS1 code has by itself and its one spelling."""
    if facts.sscc:
        return "case", facts.sscc
    is_case = facts.contained or not facts.gtin.startswith("0")
    if facts.serial:
        return "case" if is_case else "bottle", f"01{facts.gtin}21{facts.serial}"
    if is_case:
        return "case", facts.gtin
    return "product", facts.gtin[1:]


def _unit_spellings(facts: Gs1Facts) -> Iterator[str]:
    if facts.sscc:
        yield facts.sscc
        yield f"00{facts.sscc}"
    if facts.serial:
        yield f"01{facts.gtin}21{facts.serial}"
        yield facts.serial


@dataclass
class Tally:
    """Counts scans towards one task, in bottles, and says at once what was wrong with a scan.

    Empty `products` or `batches` and `expected=None` mean "any". A code that tells no batch is
    taken: goods can always come back, and the person at the shelf reads the label. A scan is added
    only when the verdict is "ok", so scanning twice never counts twice.
    `units` holds (product code, bottles) per unit code, `loose` bottles of codes without identity.
    """

    registry: Registry
    products: frozenset[str] = frozenset()
    batches: frozenset[str] = frozenset()
    expected: frozenset[str] | None = None
    units: dict[str, tuple[str | None, int]] = field(default_factory=dict)
    loose: Counter[str | None] = field(default_factory=Counter)

    def add(self, scan: ScannedCode, quantity: int | None = None) -> Verdict:
        """Count one scan; `quantity` in bottles for a code that does not say how many it is.

        Raises ValueError for a quantity below 1.
        """
        if quantity is not None and quantity < 1:
            raise ValueError(f"a quantity is at least 1 bottle: {quantity}")
        wrong = self._wrong(scan)
        if wrong:
            return wrong
        known = expand(scan.code, self.registry)
        if not known and scan.kind == "bottle":
            known = frozenset({scan.code})
        if known:
            return self._add_bottles(known, scan.product_code)
        return self._add_quantity(scan, quantity or scan.count)

    def total(self, product_code: str | None = None) -> int:
        """Return the bottles counted so far, of one product or of all."""
        counts = [*self.units.values(), *self.loose.items()]
        return sum(n for product, n in counts if product_code in {None, product})

    def _wrong(self, scan: ScannedCode) -> Verdict | None:
        if scan.kind not in {"bottle", "case", "product"}:
            return "not_in_scope"
        if self.products and scan.product_code is None:
            return "not_in_scope"
        if self.products and scan.product_code not in self.products:
            return "wrong_product"
        if self.batches and scan.batch and scan.batch not in self.batches:
            return "wrong_batch"
        return None

    def _add_bottles(self, bottles: frozenset[str], product_code: str | None) -> Verdict:
        if self.expected is not None and not bottles <= self.expected:
            return "not_in_scope"
        new = [code for code in bottles if code not in self.units and not self._in_counted(code)]
        for code in new:
            unit = self.registry.unit(code)
            self.units[code] = (unit.product_code if unit else product_code, 1)
        return "ok" if new else "duplicate"

    def _in_counted(self, code: str) -> bool:
        """Say whether the bottle sits in a case that was already counted by its number."""
        unit = self.registry.unit(code)
        return unit is not None and unit.parent in self.units

    def _add_quantity(self, scan: ScannedCode, quantity: int | None) -> Verdict:
        if scan.serial and scan.code in self.units:
            return "duplicate"
        if quantity is None:
            return "needs_quantity"
        if not scan.serial:
            self.loose[scan.product_code] += quantity
            return "ok"
        self.units[scan.code] = (scan.product_code, max(quantity - self._out_of(scan.code), 0))
        return "ok"

    def _out_of(self, case: str) -> int:
        """Count the bottles already scanned one by one that came out of this case."""
        units = (self.registry.unit(code) for code in self.units)
        return sum(1 for unit in units if unit and unit.parent == case)
