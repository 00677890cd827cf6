"""Reading GS1 data out of a scanned text: element strings, bracketed text, Digital Link, GTIN.

`biip` knows the standard; this file picks the few facts a bottle of baijiu carries and turns every
way of being wrong into None.
"""

import calendar
from dataclasses import dataclass
from datetime import date

from biip import ParseConfig, ParseError
from biip.checksums import gs1_standard_check_digit
from biip.gs1_digital_link_uris import GS1DigitalLinkURI
from biip.gs1_element_strings import GS1ElementStrings
from biip.gs1_messages import GS1Message

SEPARATOR = "\x1d"  # what a scanner sends for FNC1 between two elements

# A bad date must not make the whole code unreadable: dates are read here, not by biip.
_CONFIG = ParseConfig(gs1_element_strings_verify_date=False)
_MESSAGE_SYMBOLOGIES = ("]C1", "]e0", "]d2", "]Q3", "]J1")
_SPELLED_SEPARATORS = ("<GS>", "{GS}", "\u241d")
_FIRST_YEAR_OF_1900 = 77  # AI dates have two digits of year; no shelf holds what 2077 will make
_GTIN_LENGTHS = (8, 12, 13, 14)


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


def base_gtin(gtin: str) -> str:
    """Return the 14 digits of the single item inside a carton's GTIN (same digits, indicator 0)."""
    payload = "0" + gtin[1:13]
    return payload + str(gs1_standard_check_digit(payload))


def read_gs1(text: str) -> Gs1Facts | None:
    """Read an element string, bracketed text or Digital Link; None when it is none of them."""
    try:
        elements = _elements(text)
    except (ParseError, ValueError, ArithmeticError):
        return None
    return _facts(elements) if elements else None


def _elements(text: str) -> GS1ElementStrings | None:
    if text.lower().startswith(("http://", "https://")):
        scheme, rest = text.split("://", 1)
        link = GS1DigitalLinkURI.parse(f"{scheme.lower()}://{rest}", config=_CONFIG)
        return link.element_strings
    if text.startswith("("):
        return GS1Message.parse_hri(text, config=_CONFIG).element_strings
    body = _message_body(text)
    return GS1Message.parse(body, config=_CONFIG).element_strings if body else None


def _message_body(text: str) -> str | None:
    """Return the part to read as an element string, None for text that only looks a bit like one.

    Without a mark of the scanner any digits could be read as "elements", so then the text must
    begin with a whole GTIN or SSCC whose check digit fits.
    """
    marked = text.startswith(_MESSAGE_SYMBOLOGIES)
    for spelled in _SPELLED_SEPARATORS:
        text = text.replace(spelled, SEPARATOR)
    body = (text[3:] if marked else text).strip(SEPARATOR)
    if marked or SEPARATOR in body:
        return body
    gtin_first = body[:2] in {"01", "02"} and check_digit_fits(body[2:16]) and len(body) >= 16
    sscc_first = body[:2] == "00" and check_digit_fits(body[2:20]) and len(body) >= 20
    return body if gtin_first or sscc_first else None


def _facts(elements: GS1ElementStrings) -> Gs1Facts | None:
    """Pick our elements; None for a wrong check digit or a code that contradicts itself."""
    values: dict[str, str] = {}
    for element in elements:
        value = values.setdefault(element.ai.ai, element.value)
        if element.gtin_error or element.sscc_error or value != element.value:
            return None
    if "01" in values and "02" in values:
        return None
    count = values.get("37") or values.get("30")
    return Gs1Facts(
        gtin=values.get("01") or values.get("02") or "",
        batch=values.get("10"),
        production_date=_ai_date(values.get("11", "")),
        expiry_date=_ai_date(values.get("17", "")),
        serial=values.get("21"),
        sscc=values.get("00"),
        count=int(count) if count else None,
        contained="01" not in values and "02" in values,
    )


def _ai_date(yymmdd: str) -> date | None:
    """Read YYMMDD; day 00 is the last of the month. None for a date that does not exist."""
    if len(yymmdd) != 6 or not is_digits(yymmdd):
        return None
    year, month, day = (int(yymmdd[i : i + 2]) for i in (0, 2, 4))
    year += 1900 if year >= _FIRST_YEAR_OF_1900 else 2000
    if not 1 <= month <= 12:
        return None
    last = calendar.monthrange(year, month)[1]
    return date(year, month, day or last) if day <= last else None
