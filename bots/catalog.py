"""The products people may name, indexed once and looked at again when the catalogue changes."""

from datetime import date, datetime, timedelta

from sqlalchemy import func, select

from bots.understand import Product, ProductIndex, Said, understand
from models.catalog import Product as ProductRow
from models.prepared import Line, Prepared
from workflows.acting import business_day

SPOKEN_DIGITS = 5  # a purely numeric product code of this length may be said in a chat
FRESH = timedelta(seconds=60)  # a renamed product is known after this long at the latest
LOOK = timedelta(seconds=2)  # and a new one after this long
OFTEN_SAID = 12  # signs: longer words are rarely said twice
MOST_KEPT = 500


class Catalog:
    """Keeps the index of product names between messages; one per process."""

    def __init__(self) -> None:
        self._index = ProductIndex([])
        self._stamp: tuple[int, int] = (0, 0)
        self._built_at: datetime | None = None
        self._looked_at: datetime | None = None
        self._said: dict[tuple[str, date], Said] = {}

    def index(self, line: Line, now: datetime) -> ProductIndex:
        """The index of all products, built anew when some were added or a minute has passed."""
        if self._looked_at is not None and timedelta(0) <= now - self._looked_at < LOOK:
            return self._index
        [(count, last)] = _STAMP.rows(line)
        stamp = (count, last or 0)
        stale = self._built_at is None or now - self._built_at > FRESH
        if stamp != self._stamp or stale:
            self._index = ProductIndex(_products(line))
            self._stamp, self._built_at, self._said = stamp, now, {}
        self._looked_at = now  # last of all: until then other threads look for themselves
        return self._index

    def understood(self, text: str, line: Line, now: datetime) -> Said:
        """What the words mean. The few things everybody says all day are read once for an index and a day."""
        index, said_on = self.index(line, now), business_day(now)
        known = self._said.get((text, said_on))
        if known is None:
            known = understand(text, index, said_on)
            if len(text) <= OFTEN_SAID and len(self._said) < MOST_KEPT:
                self._said[text, said_on] = known
        return known


_STAMP = Prepared(select(func.count(ProductRow.id), func.max(ProductRow.id)))
_NAMES = Prepared(select(ProductRow.code, ProductRow.name, ProductRow.case_size, ProductRow.aliases))


def _products(line: Line) -> list[Product]:
    return [
        Product(code, name, case_size, (*(str(alias) for alias in aliases or ()), *_as_name(code)))
        for code, name, case_size, aliases in _NAMES.rows(line)
    ]


def _as_name(code: str) -> tuple[str, ...]:
    # A short number could as well be an amount: only codes nobody can mistake may be said.
    return (code,) if len(code) >= SPOKEN_DIGITS or not code.isdigit() else ()
