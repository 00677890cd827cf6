"""What stands in a digest: firing warnings gathered by store and product, the gravest first.

Rank: bottles × price × how far over the threshold (1 at the threshold, at most 4); of several
warnings of one product in one store the highest counts. A product without a price ranks by bottles
alone, behind those with one. The rank is for ordering only: no money of a store is shown to a group.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from models.catalog import Lot, Product, Store
from models.stock import Reservation
from models.warning import StockWarning, WarningState
from rules.deadlines import expiry_date
from rules.sell_through import DAYS_IN_MONTH
from rules.warnings import LARGEST_FACTOR, over_factor


@dataclass(frozen=True)
class Finding:
    """One firing warning with the words of its store and product."""

    id: int
    version: int
    rule: str
    level: int
    bottles: int
    lot_id: int
    figures: dict[str, Any]
    store_id: int
    store_code: str
    store: str
    region: str
    product_id: int
    product_code: str
    product: str
    case_size: int
    price_fen: int

    @property
    def rank(self) -> float:
        """What is at stake: 分 times how far over the threshold."""
        return self.bottles * max(self.price_fen, 1) * self.factor

    @property
    def factor(self) -> float:
        """How far over its threshold the warning is, 1 to 4."""
        figures = self.figures
        if figures["kind"] == "age":
            return over_factor(figures["age_days"], figures["threshold_days"])
        if figures["kind"] == "expiry":
            left = max(self.days_left, 1)
            return over_factor(figures["threshold_months"] * DAYS_IN_MONTH, left)
        cover = self.months_of_cover
        if cover is None:
            return LARGEST_FACTOR
        return over_factor(cover, figures["threshold_months"])

    @property
    def months_of_cover(self) -> float | None:
        """How many months the stock lasts, None when nothing is sold at all or it is not asked."""
        monthly = self.figures.get("monthly_millibottles")
        return self.bottles * 1000 / monthly if monthly else None

    @property
    def expiry(self) -> date:
        """The last day of the goods' life; only for warnings of kind expiry."""
        produced = date.fromisoformat(self.figures["production_date"])
        return expiry_date(produced, self.figures["life_months"])

    @property
    def days_left(self) -> int:
        """Days until the goods' end on the day the warning was last seen."""
        return (self.expiry - date.fromisoformat(self.figures["day"])).days


@dataclass(frozen=True)
class Place:
    """A product in a store, with all that is wrong with it; the gravest finding first."""

    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        """The finding that ranks highest."""
        return self.findings[0]

    @property
    def bottles(self) -> int:
        """Bottles concerned: the product as a whole, or the sum of its lots."""
        whole = [finding.bottles for finding in self.findings if not finding.lot_id]
        lots = {finding.lot_id: finding.bottles for finding in self.findings if finding.lot_id}
        return max([*whole, sum(lots.values())])


def findings(session: Session, regions: Iterable[str]) -> list[Finding]:
    """Firing warnings of the regions (none: all) whose goods no task asks for yet."""
    where = [StockWarning.state == WarningState.FIRING, ~_is_asked_for()]
    wanted = list(regions)
    if wanted:
        where.append(Store.region.in_(wanted))
    query = (
        select(
            StockWarning.id,
            StockWarning.version,
            StockWarning.rule,
            StockWarning.level,
            StockWarning.bottles,
            StockWarning.lot_id,
            StockWarning.figures,
            Store.id,
            Store.code,
            Store.name,
            Store.region,
            Product.id,
            Product.code,
            Product.name,
            Product.case_size,
            Product.price_fen,
        )
        .join(Store, Store.id == StockWarning.store_id)
        .join(Product, Product.id == StockWarning.product_id)
        .where(and_(*where))
    )
    return [Finding(*row) for row in session.execute(query)]


def _is_asked_for() -> ColumnElement[bool]:
    """Whether an open task of the store speaks for the goods of the warning."""
    asked = (
        select(Reservation.id)
        .join(Lot, Lot.id == Reservation.lot_id)
        .where(
            Reservation.store_id == StockWarning.store_id,
            Lot.product_id == StockWarning.product_id,
            or_(StockWarning.lot_id == 0, StockWarning.lot_id == Reservation.lot_id),
            Reservation.bottles > 0,
        )
    )
    return asked.exists()


def ranked(found: Iterable[Finding]) -> list[Place]:
    """Gather findings by store and product and put the gravest first."""
    places: dict[tuple[int, int], list[Finding]] = {}
    for finding in sorted(found, key=lambda f: (-f.rank, f.id)):
        places.setdefault((finding.store_id, finding.product_id), []).append(finding)
    return [Place(tuple(same)) for same in places.values()]
