"""Rules, stock and days for the tests of the scan."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import select, update

from models.catalog import Lot, Store
from models.people import Role
from models.stock import ChannelStock, SalesRate, StockSource
from models.warning import StockWarning, WarningEvent, WarningState
from rules.warning_rules import Action, Metric, Rule, Ruleset, Scope, Thresholds
from tests.intake_kit import NOW, TODAY, Kit
from workflows.scan import ScanResult, scan

PRODUCTS = (
    "商品编码,商品名称,箱规,单价,价位段,效期依据,保质月数,老酒\n"
    "A1,青岚,6,100,中档,无,,否\nB2,老酒,6,900,高档,无,,是\nC3,露酒,6,50,低档,标签,12,否\n"
)
STORES = "门店编码,门店名称,区域\nS1,福顺,东区\nS2,聚缘,西区\n"
MANY_MONTHS_AGO = TODAY - timedelta(days=400)


def rule(name: str, metric: Metric, *levels: float, clears: float | None = None, **options) -> Rule:
    """A rule with one row of thresholds, in the metric's unit."""
    milli = tuple(round(level * 1000) for level in levels)
    row = Thresholds(Scope(), milli, milli[0] if clears is None else round(clears * 1000))
    fields = {"version": "v1", "fresh_days": 45, **options}
    return Rule(name, name, metric, (row,), ((Role.SALES_REP,),), Action.START_RECALL, **fields)


def ruleset(*rules: Rule, version: str = "file1") -> Ruleset:
    """The rules of a day."""
    return Ruleset(version, rules)


AGED = rule("aged", Metric.AGE_IN_STORE, 90, 180)
COVER = rule("cover", Metric.MONTHS_OF_COVER, 3, 6, clears=2.5)


class Channel:
    """A distributor's stock, and the days that pass over it."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.rules = ruleset(AGED, COVER)
        assert kit.take("products", PRODUCTS).written
        assert kit.take("stores", STORES).written

    # What stands where

    def hold(self, bottles: int, *, days: int = 1, product: int = 1, batch: str = "B1", store: int = 1, **more) -> int:
        """Let a store hold bottles of a lot that came so many days before today; return the lot's id."""
        made = more.pop("made", None)
        with self.kit.database.write() as session:
            lot = session.scalar(select(Lot).where(Lot.product_id == product, Lot.batch == batch))
            if lot is None:
                lot = Lot(product_id=product, batch=batch, production_date=made)
                session.add(lot)
                session.flush()
            values = {"received_on": TODAY - timedelta(days=days), "as_of": TODAY, "source": StockSource.COUNT, **more}
            session.add(ChannelStock(store_id=store, product_id=product, lot_id=lot.id, bottles=bottles, **values))
            return lot.id

    def sells(self, monthly: float, *, product: int = 1, store: int = 1, **more) -> None:
        """Let a store sell bottles of a product each month, for a year or more."""
        values = {
            "monthly_millibottles": round(monthly * 1000),
            "months": 12,
            "as_of": TODAY,
            "source": StockSource.INFERRED,
            "first_arrived_on": MANY_MONTHS_AGO,
            "last_arrived_on": MANY_MONTHS_AGO,
            **more,
        }
        with self.kit.database.write() as session:
            session.merge(SalesRate(store_id=store, product_id=product, **values))

    def stock(self, **values) -> None:
        """Change all stock there is."""
        with self.kit.database.write() as session:
            session.execute(update(ChannelStock).values(**values))

    def stores(self, *codes: tuple[str, str, str]) -> list[int]:
        """More stores, by code, region and tier; return their ids."""
        with self.kit.database.write() as session:
            new = [Store(code=code, name=code, region=region, tier=tier) for code, region, tier in codes]
            session.add_all(new)
            session.flush()
            return [store.id for store in new]

    def change(self, table, **values) -> None:
        """Change all rows of a table."""
        with self.kit.database.write() as session:
            session.execute(update(table).values(**values))

    # Days

    def scan(self, days: int = 0) -> ScanResult:
        """Scan so many days after the first."""
        day = TODAY + timedelta(days=days)
        with self.kit.database.write() as session:
            return scan(session, self.rules, day, NOW + timedelta(days=days), house=self.kit.house)

    # What came of it

    def all(self) -> list[StockWarning]:
        """All warnings, by store, product, lot, rule and episode: their numbers depend on the database."""
        return sorted(self.kit.all(StockWarning), key=lambda w: (w.store_id, w.product_id, w.lot_id, w.rule, w.episode))

    def one(self) -> StockWarning:
        [warning] = self.all()
        return warning

    def states(self) -> list[str]:
        return [warning.state.value for warning in self.all()]

    def firing(self) -> set[tuple[str, int, int, int]]:
        """Rule, store, lot and level of everything that fires."""
        return {(w.rule, w.store_id, w.lot_id, w.level) for w in self.all() if w.state is WarningState.FIRING}

    def events(self) -> list[str]:
        """What the scan did, in order."""
        rows = sorted(self.kit.all(WarningEvent), key=lambda event: (event.warning_id, event.version))
        return [event.event for event in rows]

    def put(self, state: WarningState, **values) -> None:
        """A person moves the only warning."""
        with self.kit.database.write() as session:
            warning = session.scalars(select(StockWarning)).one()
            warning.version += 1
            warning.state = state
            for name, value in values.items():
                setattr(warning, name, value)


def days_on(start: int, count: int) -> Iterator[int]:
    """Days one after the other."""
    return iter(range(start, start + count))


def of_day(days: int) -> date:
    """So many days after the first."""
    return TODAY + timedelta(days=days)


def changed(one: Rule, **options) -> Rule:
    """The rule with something else in it."""
    return replace(one, **options)
