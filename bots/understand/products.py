"""Which product is meant. Names are cut out before anything else is read: they hold digits."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from bots.understand.normal import normalise

_MAX_ALIAS = 40  # signs
_SHORTEST_GUESS = 3  # signs; of two signs one wrong leaves nothing to recognise
_CANDIDATES_CHECKED = 40
_HALF, _MOST = 0.5, 0.6  # share of a name that must be right
_AS_GOOD = 0.1  # two names this near to each other are both offered
_COMMON = 300  # a pair of signs shared by more aliases tells little
_CANDIDATES_SHOWN = 5
_SPEC = re.compile(r"(?:\d+(?:\.\d+)?(?:度|ml|毫升|l|升|斤装|%vol|vol)|\*\d+|[·()/\-])")
_TRAILING_DIGITS = re.compile(r"\d+$")
_DEGREES_AFTER = re.compile(r"[ (]?(\d{2})(?:\.\d)?度")
_DEGREES_BEFORE = re.compile(r"(?<!\d)(\d{2})(?:\.\d)?度 ?的?$")
_MORE_DIGITS = re.compile(r"\d{2,4}(?![\d度瓶箱件支盒提坛个.,m])")


@dataclass(frozen=True)
class Product:
    """One product as people may name it; `case_size` in bottles, `aliases` besides the name."""

    code: str
    name: str
    case_size: int
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Named:
    """A name found in a text: one product, or several that share the name.

    `exact` is False when the strength said with the name is none of theirs.
    """

    products: tuple[Product, ...]
    exact: bool = True


@dataclass(frozen=True)
class Guess:
    """Products that may have been meant, best first, at most 5, and the words that look like them."""

    products: tuple[Product, ...]
    words: str


@dataclass(frozen=True)
class _Close:
    name: str
    words: str
    score: float


class ProductIndex:
    """Finds names in a text; built once per change of the product list, then asked per message."""

    def __init__(self, products: Iterable[Product]) -> None:
        self._names: dict[str, list[Product]] = defaultdict(list)
        derived: dict[str, list[Product]] = defaultdict(list)
        for product in products:
            for name in {product.name, product.code, *product.aliases}:
                self._add(self._names, name, product)
            for name in _short_forms(product):
                self._add(derived, name, product)
        self._short = {name for name in derived if name not in self._names}
        for name in self._short:
            self._names[name] = derived[name]
        self._by_start: dict[str, list[str]] = defaultdict(list)
        self._by_pair: dict[str, list[str]] = defaultdict(list)
        for name in sorted(self._names, key=len, reverse=True):
            self._by_start[name[:2]].append(name)
            for pair in _pairs(name):
                self._by_pair[pair].append(name)

    def cut(self, text: str, sign: str) -> tuple[str, list[Named]]:
        """Replace every known name by `sign` and return the names in order of their place."""
        found: list[Named] = []
        out: list[str] = []
        at = 0
        while at < len(text):
            name, end = self._longest(text, at)
            if name:
                more = _MORE_DIGITS.match(text, end) if name in self._short else None
                if more:  # "青花30" is not the 青花20 we know
                    end = more.end()
                named = _of_strength(self._names[name], text[:at], text[end:])
                found.append(Named(named.products, exact=False) if more else named)
                out.append(sign)
                at = end
            else:
                out.append(text[at])
                at += 1
        return "".join(out), found

    def guess(self, words: str) -> Guess | None:
        """Return the products whose name is closest to something in `words`, None if none is close.

        A guess is never acted on: the person is asked "您是说 …？".
        """
        shared: Counter[str] = Counter()
        for pair in _pairs(words):
            names = self._by_pair.get(pair, ())
            if len(names) <= _COMMON:
                shared.update(names)
        close = [_closest(name, words) for name, _ in shared.most_common(_CANDIDATES_CHECKED)]
        scored = sorted((c for c in close if c.score), key=lambda c: (-c.score, c.name))
        if not scored:
            return None
        near = [c.name for c in scored if c.score >= scored[0].score - _AS_GOOD]
        products = {p.code: p for name in near for p in self._names[name]}
        return Guess(tuple(products.values())[:_CANDIDATES_SHOWN], scored[0].words)

    def _add(self, names: dict[str, list[Product]], name: str, product: Product) -> None:
        name = normalise(name).replace(" ", "")
        if 2 <= len(name) <= _MAX_ALIAS and not (name.isdigit() and len(name) < 4):
            owners = names[name]
            if product not in owners:
                owners.append(product)

    def _longest(self, text: str, at: int) -> tuple[str, int]:
        if text[at] == " ":
            return "", at
        start = text[at : at + 3].replace(" ", "")[:2]
        for name in self._by_start.get(start, ()):
            end = _match_end(text, at, name)
            if end:
                return name, end
        return "", at


def _match_end(text: str, at: int, name: str) -> int:
    """Return where `name` ends in `text`, blanks inside it ignored; 0 if it is not there whole."""
    if text.startswith(name, at):
        end = at + len(name)
    else:
        end = at
        for sign in name:
            while end < len(text) and text[end] == " " and end > at:
                end += 1
            if end >= len(text) or text[end] != sign:
                return 0
            end += 1
    cuts_before = at > 0 and _joined(text[at - 1], name[0])
    cuts_after = end < len(text) and _joined(name[-1], text[end])
    return 0 if cuts_before or cuts_after else end


def _joined(left: str, right: str) -> bool:
    """Say whether two neighbours belong to one number or one Latin word."""
    if left.isdigit() and right.isdigit():
        return True
    latin = left.isascii() and right.isascii()
    return latin and left.isalnum() and right.isalnum() and not (left.isdigit() or right.isdigit())


def _short_forms(product: Product) -> Iterator[str]:
    """Yield the name without strength, volume and trailing digits: 剑南春52度500ml is 剑南春."""
    for name in (product.name, *product.aliases):
        bare = _SPEC.sub("", normalise(name).replace(" ", ""))
        yield bare
        yield _TRAILING_DIGITS.sub("", bare)


def _of_strength(products: Sequence[Product], before: str, after: str) -> Named:
    """Keep the products of the strength said next to the name; several stay if none was said."""
    found = _DEGREES_AFTER.match(after) or _DEGREES_BEFORE.search(before[-8:])
    if not found:
        return Named(tuple(products))
    fitting = tuple(p for p in products if any(found[1] in n for n in (p.name, *p.aliases)))
    return Named(fitting) if fitting else Named(tuple(products), exact=False)


def _pairs(text: str) -> set[str]:
    """Return pairs of signs up to three apart, so one wrong sign of three leaves a pair."""
    return {
        text[i] + text[j]
        for i in range(len(text))
        for j in range(i + 1, min(i + 4, len(text)))
        if not (text[i].isdigit() and text[j].isdigit())
    }


def _closest(name: str, words: str) -> _Close:
    """Compare a name with every stretch of `words` of its length, and a part of it with `words`."""
    best = _Close(name, "", 0.0)
    if len(name) < _SHORTEST_GUESS:
        return best
    for start in range(len(words) - len(name) + 1):
        stretch = words[start : start + len(name)]
        same = sum(a == b for a, b in zip(name, stretch, strict=True)) / len(name)
        if same > best.score and same >= (_HALF if len(name) == 4 else _MOST):
            best = _Close(name, stretch, same)
    return best if best.score else _shortened(name, words)


def _shortened(name: str, words: str) -> _Close:
    """Find a run of at least two signs of the name, or the name with a sign left out or doubled."""
    matcher = SequenceMatcher(None, name, words, autojunk=False)
    run = matcher.find_longest_match()
    if run.size >= max(2, (len(name) + 1) // 2):
        return _Close(name, words[run.b : run.b + run.size], run.size / len(name) * _MOST)
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    if not blocks:
        return _Close(name, "", 0.0)
    stretch = words[blocks[0].b : blocks[-1].b + blocks[-1].size]
    same = sum(block.size for block in blocks) / max(len(name), len(stretch))
    return _Close(name, stretch, same if same >= _MOST else 0.0)
