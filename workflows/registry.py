"""The registered codes, as the reader of scans asks for them."""

from collections.abc import Sequence
from datetime import date
from functools import cache

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog import Lot, Pack, Product, TradeItem, UnitCode
from rules.code_schemes import WRITTEN, BrandReading, CodeScheme, SchemesWrong, load_schemes, understood
from rules.gs1 import base_gtin, gtin_spellings
from rules.scanned import KINDS, KnownCode, KnownItem

log = structlog.get_logger()


@cache
def schemes_in_force() -> tuple[CodeScheme, ...]:
    """The brands' schemes. Where the file is broken, scanning goes on with those that need no file."""
    try:
        return load_schemes()
    except SchemesWrong as wrong:
        log.error("code_schemes_wrong", problem=str(wrong))  # noqa: TRY400 - the sentence says it all
        return WRITTEN


class CodeRegistry:
    """Looks codes up in the database; remembers them for one request.

    `day` decides what a GTIN means. `wanted` is the product a scan is expected to be of: where the codes
    of several brands look alike, its brand's scheme is the one that counts.
    """

    def __init__(
        self,
        session: Session,
        day: date,
        wanted: Product | None = None,
        schemes: Sequence[CodeScheme] | None = None,
    ) -> None:
        self._session, self._day, self._wanted = session, day, wanted
        self._schemes = schemes_in_force() if schemes is None else schemes
        self._rows: dict[str, UnitCode | None] = {}
        self._items: dict[tuple[str, date | None], KnownItem | None] = {}

    def row(self, code: str) -> UnitCode | None:
        """The registered code as it stands in the table."""
        if code not in self._rows:
            # What cannot be seen was never registered, and not every database can be asked for it.
            self._rows[code] = self._session.get(UnitCode, code) if code.isprintable() else None
        return self._rows[code]

    def unit(self, code: str) -> KnownCode | None:
        """The code as registered."""
        row = self.row(code)
        if row is None:
            return None
        lot = self._session.get_one(Lot, row.lot_id)
        return KnownCode(row.code, KINDS[row.kind], lot.product.code, lot.batch, row.unique_per, row.scheme)

    def key_of(self, code: str) -> str:
        """The spelling a typed code is registered under; the code itself when nobody registered it."""
        keys = [code, *(reading.key for reading in self.brand_readings(code))]
        return next((key for key in keys if self.row(key)), code)

    def trade_item(self, gtin: str, made_on: date | None) -> KnownItem | None:
        """What carries these 14 digits; goods made on a day are what the number meant then."""
        if (gtin, made_on) not in self._items:
            self._items[gtin, made_on] = self._item(gtin, made_on) if gtin else None
        return self._items[gtin, made_on]

    def _item(self, gtin: str, made_on: date | None) -> KnownItem | None:
        rows = self._session.execute(
            select(TradeItem, Product.code)
            .join(Product, Product.id == TradeItem.product_id)
            .where(TradeItem.gtin == gtin)
            .order_by(TradeItem.valid_from.desc())
        ).all()
        if not rows:
            return self._by_barcode(gtin)
        days = (made_on, self._day) if made_on else (self._day,)
        items = (KnownItem(code, item.pack, item.bottles) for day in days for item, code in rows if _holds(item, day))
        return next(items, None)

    def has_batch(self, product_code: str, batch: str) -> bool:
        """Whether the product has such a batch."""
        query = select(Lot.id).join(Product, Product.id == Lot.product_id)
        return self._session.scalar(query.where(Product.code == product_code, Lot.batch == batch)) is not None

    def brand_readings(self, text: str) -> list[BrandReading]:
        """What the brands' schemes make of a text: the wanted product's, where one of them fits."""
        found = understood(text, self._schemes)
        if self._wanted is None:
            return found
        mine = [r for r in found if r.scheme.covers(self._wanted.code, self._wanted.brand)]
        return mine or found

    def product_of(self, reading: BrandReading) -> str | None:
        """The one product that carries codes of this scheme, None when there are several."""
        products = self._session.execute(select(Product.code, Product.brand)).all()
        covered = [code for code, brand in products if reading.scheme.covers(code, brand)]
        return covered[0] if len(covered) == 1 else None

    def _by_barcode(self, gtin: str) -> KnownItem | None:
        """Look 14 digits up as printed, then as the single item in the carton."""
        found = self._session.execute(
            select(Product.barcode, Product.code).where(Product.barcode.in_(gtin_spellings(gtin)))
        ).first()
        if found:
            return KnownItem(found.code, pack=Pack.BOTTLE if gtin.startswith("0") else None)
        base = base_gtin(gtin)
        item = self.trade_item(base, None) if base != gtin else None
        # It is a carton of that item, but nobody said of how many.
        return KnownItem(item.product_code) if item else None


def _holds(item: TradeItem, day: date) -> bool:
    return item.valid_from <= day and (item.valid_to is None or day <= item.valid_to)
