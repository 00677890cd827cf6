"""Finding GS1 data in a text: element strings, bracketed text, Digital Link addresses.

`biip` knows every element and checks it. What phones and printers make of the standard is mended here:
spelled separators, blanks inside brackets, missing https, names instead of numbers, lost separators.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import islice
from types import MappingProxyType
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from biip import ParseConfig, ParseError
from biip.gs1_digital_link_uris import GS1DigitalLinkURI
from biip.gs1_element_strings import GS1ElementString
from biip.gs1_messages import GS1Message

from rules.gs1 import Gs1Facts, ai_date, check_digit_fits, facts_of, is_digits

SEPARATOR = "\x1d"  # what a scanner sends for FNC1 between two elements

# The 30th of February must not make the whole code unreadable: days are read by ourselves.
_CONFIG = ParseConfig(gs1_element_strings_verify_date=False)
_MESSAGE_SYMBOLOGIES = ("]C1", "]e0", "]d2", "]Q3", "]J1")
#: None of these may stand in an element, so they can only mean the separator.
_SPELLED_SEPARATORS = re.compile(r"<(?:GS|FNC1)>|\{(?:GS|FNC1)\}|\[(?:GS|FNC1)\]|\\x1[dD]|\\u001[dD]|[\u241d^|]")
_BRACKETED = re.compile(r"(?<!\\)[(\[](\d{2,4})[)\]]")
_BARE_LINK = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?/\S*", re.IGNORECASE)
_LINK_WORDS = MappingProxyType({"gtin": "01", "sscc": "00", "cpv": "22", "lot": "10", "ser": "21"})
_DATES = frozenset({"11", "12", "13", "15", "16", "17"})
_FIXED = MappingProxyType({"00": 18, "01": 14, "02": 14, "20": 2} | dict.fromkeys(_DATES, 6))
_VARIABLE = MappingProxyType({"10": 20, "21": 20, "30": 8, "37": 8})
_LONGEST_UNSEPARATED = 120  # characters; all elements of ours together are shorter
_MOST_READINGS = 32

Values = dict[str, str]


def read_gs1(text: str, today: date) -> Gs1Facts | None:
    """Read an element string, bracketed text or Digital Link as the standard says; None when it is none."""
    try:
        values = _values(text)
    except (ParseError, ValueError, ArithmeticError):
        return None
    return facts_of(values, today) if values else None


def readings(text: str, today: date) -> tuple[Gs1Facts, ...]:
    """Return what a text may mean, the standard's reading first.

    More than one when a phone dropped the separators: then the end of a batch or serial is a guess.
    """
    standard = read_gs1(text, today)
    others = (facts_of(values, today) for values in _without_separators(text, today))
    return tuple(dict.fromkeys(facts for facts in (standard, *others) if facts))


def _values(text: str) -> Values | None:
    """Return values by AI; None for no GS1 text, a wrong check digit or a code that contradicts itself."""
    values: Values = {}
    for element in _elements(text):
        value = values.setdefault(element.ai.ai, element.value)
        if element.gtin_error or element.sscc_error or value != element.value:
            return None
    return values


def _elements(text: str) -> list[GS1ElementString]:
    if _BRACKETED.match(text):
        return [GS1ElementString.parse(part, config=_CONFIG) for part in _bracketed(text)]
    if text.lower().startswith(("http://", "https://")) or _BARE_LINK.match(text):
        return _link(text)
    body = _message_body(text)
    return list(GS1Message.parse(body, config=_CONFIG).element_strings) if body else []


def _bracketed(text: str) -> Iterator[str]:
    """Yield each element of (01)…(10)… as one string; a backslash makes a bracket part of the value."""
    parts = _BRACKETED.split(text)
    for ai, value in zip(parts[1::2], parts[2::2], strict=True):
        plain = value.strip().replace("\\(", "(").replace("\\[", "[")
        yield ai + (plain.replace(" ", "") if ai in _FIXED else plain)


def _link(text: str) -> list[GS1ElementString]:
    """Read a Digital Link; a path may hold words that only look like a key, so later keys are tried too."""
    parts = urlsplit(text if "://" in text else f"https://{text}")
    path = [_LINK_WORDS.get(part, part) for part in parts.path.rstrip("/").split("/")]
    pairs = [(_LINK_WORDS.get(k, k), v) for k, v in parse_qsl(parts.query.replace(";", "&"))]
    if len({key for key, _ in pairs}) < len(set(pairs)):
        raise ParseError("one attribute with two values")
    query = f"?{urlencode(pairs)}" if pairs else ""
    for start in range(len(path) - 1):
        if not is_digits(path[start]):
            continue
        link = f"https://a/{'/'.join(path[start:])}{query}"
        try:
            return list(GS1DigitalLinkURI.parse(link, config=_CONFIG).element_strings)
        except ParseError:
            continue
    return []


def as_link(facts: Mapping[str, str], address: str = "https://id.gs1.org") -> str:
    """Write values by AI as a Digital Link: key and qualifiers in the path, the rest as attributes."""
    key = "00" if "00" in facts else "01"
    path = [key, *(ai for ai in ("22", "10", "21") if key == "01" and ai in facts)]
    query = {ai: value for ai, value in sorted(facts.items()) if ai not in path}
    link = address + "".join(f"/{ai}/{quote(facts[ai], safe='')}" for ai in path)
    return f"{link}?{urlencode(query)}" if query else link


def _message_body(text: str) -> str | None:
    """Return the part to read as an element string, None for text that only looks a bit like one.

    Without a mark of the scanner any digits could be read as "elements", so then the text must
    begin with a whole GTIN or SSCC whose check digit fits.
    """
    marked = text.startswith(_MESSAGE_SYMBOLOGIES)
    body = _SPELLED_SEPARATORS.sub(SEPARATOR, text[3:] if marked else text)
    marked = marked or body.startswith(SEPARATOR)
    body = body.strip(SEPARATOR)
    if marked or SEPARATOR in body:
        return body
    gtin_first = body[:2] in {"01", "02"} and check_digit_fits(body[2:16]) and len(body) >= 16
    sscc_first = body[:2] == "00" and check_digit_fits(body[2:20]) and len(body) >= 20
    return body if gtin_first or sscc_first else None


def _without_separators(text: str, today: date) -> Iterator[Values]:
    """Yield the ways to cut a text without separators into elements of ours."""
    body = _message_body(text) if not _BRACKETED.match(text) else None
    if not body or SEPARATOR in body or len(body) > _LONGEST_UNSEPARATED or not body.isascii():
        return
    dead: set[tuple[int, frozenset[str]]] = set()
    yield from islice((dict(cut) for cut in _cuts(body, 0, frozenset(), today, dead)), _MOST_READINGS)


def _cuts(
    body: str, at: int, used: frozenset[str], today: date, dead: set[tuple[int, frozenset[str]]]
) -> Iterator[tuple[tuple[str, str], ...]]:
    """Yield every row of (AI, value) the rest can be cut into, longer values first; each AI once."""
    if at == len(body):
        yield ()
        return
    if (at, used) in dead:
        return
    found = False
    ai = body[at : at + 2]
    for length in _lengths(ai, len(body) - at - 2) if ai not in used else ():
        value = body[at + 2 : at + 2 + length]
        if not _plausible(ai, value, used, today):
            continue
        for rest in _cuts(body, at + 2 + length, used | {ai}, today, dead):
            found = True
            yield ((ai, value), *rest)
    if not found:
        dead.add((at, used))


def _lengths(ai: str, left: int) -> range:
    if ai in _FIXED:
        return range(_FIXED[ai], _FIXED[ai] - 1, -1) if left >= _FIXED[ai] else range(0)
    return range(min(_VARIABLE.get(ai, 0), left), 0, -1)


def _plausible(ai: str, value: str, used: frozenset[str], today: date) -> bool:
    """Say whether the value could be meant: a guess must be better founded than a marked element."""
    if ai in {"00", "01", "02"}:
        return check_digit_fits(value)
    if ai in _DATES:
        return ai_date(value, today) is not None
    if ai == "37":
        return is_digits(value) and "02" in used
    return is_digits(value) if ai in {"20", "30"} else value.isprintable() and " " not in value
