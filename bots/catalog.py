"""The products people may name, indexed once and looked at again when the catalogue changes."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bots.understand import Product, ProductIndex
from models.catalog import Product as ProductRow

SPOKEN_DIGITS = 5  # a purely numeric product code of this length may be said in a chat
FRESH = timedelta(seconds=60)  # a renamed product is known after this long at the latest
LOOK = timedelta(seconds=2)  # and a new one after this long


class Catalog:
    """Keeps the index of product names between messages; one per process."""

    def __init__(self) -> None:
        self._index = ProductIndex([])
        self._stamp: tuple[int, int] = (0, 0)
        self._built_at: datetime | None = None
        self._looked_at: datetime | None = None

    def index(self, session: Session, now: datetime) -> ProductIndex:
        """The index of all products, built anew when some were added or a minute has passed."""
        if self._looked_at is not None and timedelta(0) <= now - self._looked_at < LOOK:
            return self._index
        self._looked_at = now
        count, last = session.execute(select(func.count(ProductRow.id), func.max(ProductRow.id))).one()
        stamp = (count, last or 0)
        stale = self._built_at is None or now - self._built_at > FRESH
        if stamp != self._stamp or stale:
            self._index = ProductIndex(_products(session))
            self._stamp, self._built_at = stamp, now
        return self._index


def _products(session: Session) -> list[Product]:
    query = select(ProductRow.code, ProductRow.name, ProductRow.case_size, ProductRow.aliases)
    return [
        Product(code, name, case_size, (*(str(alias) for alias in aliases or ()), *_as_name(code)))
        for code, name, case_size, aliases in session.execute(query)
    ]


def _as_name(code: str) -> tuple[str, ...]:
    # A short number could as well be an amount: only codes nobody can mistake may be said.
    return (code,) if len(code) >= SPOKEN_DIGITS or not code.isdigit() else ()
