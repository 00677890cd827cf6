"""Batches named in files: what a batch without a number is called, and lots made when first seen."""

from collections.abc import Iterable, Mapping
from datetime import date

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from models.catalog import Lot
from workflows.imports.intake import portions

Key = tuple[int, str]  # product id, batch


def pseudo_batch(production_date: date | None, arrived_on: date | None) -> str | None:
    """Name goods without a batch number by production day, else by the month of delivery."""
    if production_date is not None:
        return f"生产{production_date:%Y%m%d}"
    return None if arrived_on is None else f"到货{arrived_on:%Y%m}"


class LotBook:
    """Lots by product and batch, looked up once per product and kept while the import runs."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ids: dict[Key, int] = {}
        self._produced: dict[Key, date | None] = {}
        self._learnt: set[int] = set()

    def learn(self, products: Iterable[int]) -> None:
        """Look up all lots of the products not asked for before."""
        new = sorted(set(products) - self._learnt)
        self._learnt.update(new)
        for some in portions(new):
            query = select(Lot.id, Lot.product_id, Lot.batch, Lot.production_date).where(Lot.product_id.in_(some))
            for lot_id, product, batch, produced in self._session.execute(query):
                self._ids[product, batch] = lot_id
                self._produced[product, batch] = produced

    def differs(self, key: Key, produced: date | None) -> date | None:
        """The production date on file when it is another one than the given, else None."""
        kept = self._produced.get(key)
        return kept if produced is not None and kept is not None and kept != produced else None

    def make(self, wanted: Mapping[Key, date | None]) -> int:
        """Make the lots that are missing and fill in production dates; return how many are new."""
        new = [key for key in wanted if key not in self._ids]
        for some in portions(new):
            rows = [
                {"product_id": product, "batch": batch, "production_date": wanted[product, batch]}
                for product, batch in some
            ]
            made = insert(Lot).returning(Lot.id, Lot.product_id, Lot.batch)
            for lot_id, product, batch in self._session.execute(made, rows):
                self._ids[product, batch] = lot_id
                self._produced[product, batch] = wanted[product, batch]
        for key, produced in wanted.items():
            if produced is not None and self._produced[key] is None:
                self._date(key, produced)
        return len(new)

    def get(self, key: Key) -> int | None:
        """The lot's id, None when it is not known."""
        return self._ids.get(key)

    def __getitem__(self, key: Key) -> int:
        return self._ids[key]

    def _date(self, key: Key, produced: date) -> None:
        where = Lot.id == self._ids[key]
        self._session.execute(update(Lot).where(where).values(production_date=produced))
        self._produced[key] = produced
