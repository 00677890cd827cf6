"""What a scanned or typed text is.

Reading needs no database: who knows the registered codes is asked through `Registry`. Text from a
camera is anything at all, so reading never raises; what is not understood is "unknown".
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from urllib.parse import parse_qsl, unquote, urlsplit

from models.catalog import Pack, UniquePer
from rules.code_schemes import is_replacement
from rules.gs1 import Gs1Facts, check_digit_fits, looks_like_gtin, read_gtin
from rules.gs1_text import readings
from rules.scanned import KINDS, Kind, KnownCode, KnownItem, Registry, ScannedCode

_LONGEST = 512  # characters; the longest QR code of ours is far shorter
_SCANNER_PREFIX = re.compile(
    r"(?:EAN_?13|EAN_?8|UPC_?A|UPC_?E|ITF(?:_?14)?|CODE_?(?:25|39|93|128)|CODABAR|QR_?CODE"
    r"|DATA_?MATRIX|PDF_?417|RSS_?14|AZTEC)\s*,\s*",
    re.IGNORECASE,
)
_PLAIN_SYMBOLOGY = re.compile(r"\][A-Za-z]\d")
_GS1_SYMBOLOGY = re.compile(r"\](?:C1|e0|d2|Q3|J1)")
_COMPOSITE = "|]e0"  # a second, stacked code read together with an EAN
_OUR_PATH = re.compile(r"/(?P<kind>[sd])/(?P<code>[^/\s]{1,64})/?$")
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}


def parse_scan(text: str, registry: Registry, today: date, public_url: str = "") -> ScannedCode:
    """Say what a scanned or typed text is; never raises.

    With `public_url` only our own address counts as a store's or document's QR code.
    """
    code = clean(text)
    if not code or len(code) > _LONGEST:
        return ScannedCode("unknown", code[:_LONGEST])
    inside = tuple(_in_address(code))
    return (
        _registered((code, code.upper()), registry)
        or _replacement((code, *inside))
        or _gs1(code, registry, today)
        or _registered(inside, registry)
        or _ours(code, public_url)
        or _bare_number(code, registry, only_known=True)
        or _of_a_brand((code, *inside), registry)
        or _bare_number(code, registry)
        or ScannedCode("unknown", code, problem="check_digit" if looks_like_gtin(code) else "")
    )


def clean(text: str) -> str:
    """Drop what scanners put around a code: blanks, format names, symbology marks of plain text."""
    code = text.translate(_FULL_WIDTH).strip(" \t\r\n\x00\ufeff\u3000")
    code = _SCANNER_PREFIX.sub("", code, count=1) if _SCANNER_PREFIX.match(code) else code
    if _PLAIN_SYMBOLOGY.match(code) and not _GS1_SYMBOLOGY.match(code):
        code = code[3:].split(_COMPOSITE)[0]
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
    """Look codes up as they are, then in the spelling of every brand whose codes look like that."""
    words = [word for word in dict.fromkeys(spellings) if word]
    unit = next((unit for word in words if (unit := registry.unit(word))), None)
    if unit is None:
        keys = dict.fromkeys(reading.key for word in words for reading in registry.brand_readings(word))
        units = [found for key in keys if (found := registry.unit(key))]
        if len(units) > 1:
            return ScannedCode("unknown", words[0], problem="ambiguous")
        unit = units[0] if units else None
    return _as_scanned(unit) if unit else None


def _as_scanned(unit: KnownCode) -> ScannedCode:
    return ScannedCode(
        unit.kind,
        unit.code,
        unit.product_code,
        unit.batch or None,
        serial=unit.code,
        unique_per=unit.unique_per,
        scheme=unit.scheme,
        registered=True,
    )


def _replacement(words: Iterable[str]) -> ScannedCode | None:
    found = next((word for word in words if is_replacement(word)), None)
    if found is None:
        return None
    return ScannedCode("bottle", found, unique_per=UniquePer.NONE, problem="replacement")


def _of_a_brand(words: Iterable[str], registry: Registry) -> ScannedCode | None:
    """Read a code of a brand's scheme that nobody registered: it says what it says by itself."""
    found = [reading for word in dict.fromkeys(words) if word for reading in registry.brand_readings(word)]
    if not found:
        return None
    if len({reading.scheme.name for reading in found}) > 1:
        return ScannedCode("unknown", found[0].printed.code, problem="ambiguous")
    reading = found[0]
    return ScannedCode(
        KINDS[reading.scheme.pack],
        reading.key,
        registry.product_of(reading),
        reading.printed.batch,
        reading.printed.production_date,
        serial=reading.key if reading.unique_per is UniquePer.UNIT else None,
        unique_per=reading.unique_per,
        scheme=reading.scheme.name,
        problem="replacement" if reading.printed.is_replacement else "",
    )


def _bare_number(code: str, registry: Registry, *, only_known: bool = False) -> ScannedCode | None:
    digits = code.replace(" ", "").replace("-", "")
    gtin = read_gtin(digits)
    if gtin:
        item = registry.trade_item(gtin, None)
        if item is None and (only_known or len(digits) == 8):
            return None  # one in ten dates like 20240312 has a fitting check digit
        kind = _item_kind(gtin, item)
        return ScannedCode(kind, gtin.removeprefix("0"), _product(item), count=_bottles_of(item, kind))
    if len(digits) == 18 and check_digit_fits(digits) and not only_known:
        return ScannedCode("case", digits, serial=digits)
    return None


def _gs1(code: str, registry: Registry, today: date) -> ScannedCode | None:
    found = [facts for facts in readings(code, today) if facts.gtin or facts.sscc]
    if not found:
        return None
    best = next((facts for facts in found if _unit_of(facts, registry)), None)
    best = best or next((facts for facts in found if _batch_is_known(facts, registry)), None)
    if best is None and len(found) > 1 and _may_be_several(found):
        return _unsure(found[0], registry)
    return _scanned(best or found[0], registry)


def _may_be_several(found: Sequence[Gs1Facts]) -> bool:
    """Say whether the readings name different units; a batch alone that is unknown harms nobody."""
    return any(facts.serial for facts in found)


def _unsure(facts: Gs1Facts, registry: Registry) -> ScannedCode:
    """The product is certain, where batch and serial end is not: a person must say them."""
    item = registry.trade_item(facts.gtin, None)
    return ScannedCode(_item_kind(facts.gtin, item), facts.gtin.removeprefix("0"), _product(item), problem="unsure")


def _unit_of(facts: Gs1Facts, registry: Registry) -> KnownCode | None:
    """The registered unit. A serial is unique within its GTIN only, so another product's is not it."""
    found = (unit for code in _unit_spellings(facts) if (unit := registry.unit(code)))
    unit = next(found, None)
    item = registry.trade_item(facts.gtin, facts.production_date) if unit and facts.gtin else None
    return None if unit and item and item.product_code != unit.product_code else unit


def _batch_is_known(facts: Gs1Facts, registry: Registry) -> bool:
    item = registry.trade_item(facts.gtin, facts.production_date) if facts.batch else None
    return bool(item and facts.batch and registry.has_batch(item.product_code, facts.batch))


def _scanned(facts: Gs1Facts, registry: Registry) -> ScannedCode:
    unit = _unit_of(facts, registry)
    item = registry.trade_item(facts.gtin, facts.production_date) if facts.gtin else None
    kind, canonical = _identity(facts, item)
    return ScannedCode(
        kind=unit.kind if unit else kind,
        code=unit.code if unit else canonical,
        product_code=unit.product_code if unit else _product(item),
        batch=(unit.batch if unit else None) or facts.batch,
        production_date=facts.production_date,
        serial=unit.code if unit else facts.serial or facts.sscc,
        expiry_date=facts.expiry_date,
        count=_count(facts, item, kind),
        unique_per=unit.unique_per if unit else UniquePer.UNIT,
        scheme=unit.scheme if unit else "",
        registered=unit is not None,
    )


def _count(facts: Gs1Facts, item: KnownItem | None, kind: Kind) -> int | None:
    """Return the bottles the code stands for: items told by the label times the bottles in one."""
    of_one = item.bottles if item else None
    if of_one is None and facts.gtin.startswith("0"):
        of_one = 1
    if facts.count is not None:
        return facts.count * of_one if of_one else None
    return None if facts.contained else _bottles_of(item, kind)


def _bottles_of(item: KnownItem | None, kind: Kind) -> int | None:
    return item.bottles if item and kind != "product" else None


def _product(item: KnownItem | None) -> str | None:
    return item.product_code if item else None


def _item_kind(gtin: str, item: KnownItem | None) -> Kind:
    """Return what carries the GTIN: as registered, else a bottle's 69 code without indicator."""
    if item and item.pack:
        return "product" if item.pack is Pack.BOTTLE else KINDS[item.pack]
    return "product" if gtin.startswith("0") else "case"


def _identity(facts: Gs1Facts, item: KnownItem | None) -> tuple[Kind, str]:
    """Return the kind a GS1 code has by itself and its one spelling."""
    if facts.sscc:
        return "case", facts.sscc
    kind: Kind = "case" if facts.contained else _item_kind(facts.gtin, item)
    if facts.serial:
        return ("bottle" if kind == "product" else kind), f"01{facts.gtin}21{facts.serial}"
    return kind, facts.gtin.removeprefix("0") if kind == "product" else facts.gtin


def _unit_spellings(facts: Gs1Facts) -> Iterator[str]:
    if facts.sscc:
        yield facts.sscc
        yield f"00{facts.sscc}"
    if facts.serial:
        yield f"01{facts.gtin}21{facts.serial}"
        yield facts.serial
