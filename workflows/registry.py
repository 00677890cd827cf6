"""The registered unit codes, as the reader of scans asks for them."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog import Lot, Product, UnitCode
from rules import codes


class CodeRegistry:
    """Looks codes up in the database; remembers them for one request."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen: dict[str, codes.UnitCode | None] = {}
        self._lots: dict[str, int] = {}

    def unit(self, code: str) -> codes.UnitCode | None:
        """The bottle or case with that code."""
        if code not in self._seen:
            self._seen[code] = self._load(code)
        return self._seen[code]

    def product_by_gtin(self, gtin: str) -> str | None:
        """The product whose 69 code this is."""
        return self._session.scalar(select(Product.code).where(Product.barcode == gtin))

    def lot_of(self, code: str) -> int:
        """The lot of a registered code that was looked up before."""
        return self._lots[code]

    def _load(self, code: str) -> codes.UnitCode | None:
        row = self._session.get(UnitCode, code)
        if row is None:
            return None
        lot = self._session.get_one(Lot, row.lot_id)
        children = self._session.scalars(select(UnitCode.code).where(UnitCode.parent_code == code))
        self._lots[code] = lot.id
        return codes.UnitCode(
            code=row.code,
            kind="case" if row.is_case else "bottle",
            product_code=lot.product.code,
            batch=lot.batch,
            parent=row.parent_code,
            children=tuple(children) if row.is_case else (),
        )
