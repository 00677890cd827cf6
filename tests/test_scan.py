"""The daily scan: what fires, what stays, what ends, on both databases."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from models.catalog import Lot, Product, Store
from models.engine import History
from models.people import Person
from models.recall import Campaign, Reason, RecallTask
from models.stock import ChannelStock, Reservation, SalesRate, StockSource
from models.warning import StockWarning, WarningState
from rules.warnings import Ruleset, read_rules
from tests.intake_kit import NOW, TODAY, Kit, new_kit
from workflows.scan import ScanResult, scan

RULES = """
rules:
  - {name: aged, title: 库龄过长, kind: age, days: [90, 180]}
  - {name: overstock, title: 库存偏高, kind: cover, months: [3, 6], history_months: 3, min_bottles: 6}
  - {name: near_expiry, title: 临近到期, kind: expiry, months_left: [6, 5, 4, 3]}
"""
PRODUCTS = (
    "商品编码,商品名称,箱规,单价,价位段,效期依据,保质月数,老酒\n"
    "A1,青岚,6,100,中档,无,,否\nB2,老酒,6,900,高档,无,,是\nC3,露酒,6,50,低档,标签,12,否\n"
)
STORES = "门店编码,门店名称,区域\nS1,福顺,东区\nS2,聚缘,西区\n"


@pytest.fixture
def kit(tmp_path, database_url) -> Iterator[Kit]:
    kit = new_kit(tmp_path, database_url)
    assert kit.take("products", PRODUCTS).written
    assert kit.take("stores", STORES).written
    yield kit
    kit.database.close()


def hold(
    kit: Kit, product: int, batch: str, bottles: int, *, days: int, store: int = 1, made: date | None = None
) -> int:
    """Let a store hold bottles of a lot that came so many days ago; return the lot's id."""
    with kit.database.write() as session:
        lot = session.scalar(select(Lot).where(Lot.product_id == product, Lot.batch == batch))
        if lot is None:
            lot = Lot(product_id=product, batch=batch, production_date=made)
            session.add(lot)
            session.flush()
        session.add(
            ChannelStock(
                store_id=store,
                product_id=product,
                lot_id=lot.id,
                bottles=bottles,
                received_on=TODAY - timedelta(days=days),
                as_of=TODAY,
                source=StockSource.COUNT,
            )
        )
        return lot.id


def sell(kit: Kit, product: int, millibottles: int, *, months: int = 6, store: int = 1) -> None:
    with kit.database.write() as session:
        session.add(
            SalesRate(
                store_id=store,
                product_id=product,
                monthly_millibottles=millibottles,
                months=months,
                as_of=TODAY,
                source=StockSource.INFERRED,
            )
        )


def run(kit: Kit, today: date = TODAY, rules: str = RULES) -> ScanResult:
    ruleset: Ruleset = read_rules(rules)
    with kit.database.write() as session:
        return scan(session, ruleset, today, NOW, house=kit.house)


def open_warnings(kit: Kit) -> set[tuple[str, int, int, int]]:
    return {(w.rule, w.store_id, w.lot_id, w.level) for w in kit.all(StockWarning) if w.state is WarningState.FIRING}


@pytest.mark.parametrize(("days", "level"), [(90, None), (91, 1), (180, 1), (181, 2)])
def test_age_fires_above_its_threshold(kit, days, level):
    lot = hold(kit, 1, "B1", 6, days=days)
    run(kit)
    assert open_warnings(kit) == ({("aged", 1, lot, level)} if level else set())


def test_figures_tell_why(kit):
    hold(kit, 1, "B1", 6, days=100)
    run(kit)
    [warning] = kit.all(StockWarning)
    assert warning.figures == {
        "kind": "age",
        "day": "2026-03-10",
        "threshold_days": 90,
        "age_days": 100,
        "batch": "B1",
        "received_on": "2025-11-30",
        "source": "count",
        "as_of": "2026-03-10",
    }
    assert warning.rule_version == read_rules(RULES).version
    assert (warning.version, warning.visit, warning.bottles, warning.episode) == (1, 1, 6, 1)


def test_liquor_that_gains_with_age_is_never_too_old(kit):
    hold(kit, 2, "B1", 6, days=4000)
    assert run(kit).fired["aged"] == 0


def test_scope_narrows_by_band_and_region(kit):
    first = hold(kit, 1, "B1", 6, days=100)
    hold(kit, 1, "B1", 6, days=100, store=2)
    hold(kit, 3, "C1", 6, days=100)
    rules = "rules:\n  - {name: a, title: x, kind: age, days: [90], price_bands: [中档], regions: [东区]}\n"
    run(kit, rules=rules)
    assert open_warnings(kit) == {("a", 1, first, 1)}


def test_closed_stores_and_empty_shelves_are_quiet(kit):
    hold(kit, 1, "B1", 0, days=100)
    hold(kit, 1, "B1", 6, days=100, store=2)
    with kit.database.write() as session:
        session.execute(update(Store).where(Store.id == 2).values(active=False))
    assert run(kit).fired["aged"] == 0


@pytest.mark.parametrize(
    ("bottles", "rate", "months", "level"),
    [(18, 6_000, 6, None), (19, 6_000, 6, 1), (37, 6_000, 6, 2), (19, 6_000, 2, None), (5, 100, 6, None), (6, 0, 6, 2)],
)
def test_cover_fires_above_so_many_months_of_sales(kit, bottles, rate, months, level):
    hold(kit, 1, "B1", bottles, days=1)
    sell(kit, 1, rate, months=months)
    run(kit)
    assert open_warnings(kit) == ({("overstock", 1, 0, level)} if level else set())


def test_cover_sums_all_lots_and_needs_a_known_rate(kit):
    hold(kit, 1, "B1", 10, days=1)
    hold(kit, 1, "B2", 10, days=20)
    assert run(kit).fired["overstock"] == 0
    sell(kit, 1, 6_000)
    run(kit)
    [warning] = kit.all(StockWarning)
    assert (warning.bottles, warning.figures["received_on"]) == (20, "2026-02-18")


@pytest.mark.parametrize(
    ("made", "level"),
    [
        (date(2025, 9, 11), None),
        (date(2025, 9, 10), 1),
        (date(2025, 8, 10), 2),
        (date(2025, 7, 10), 3),
        (date(2025, 6, 10), 4),
        (date(2024, 1, 1), 4),
    ],
)
def test_expiry_fires_by_months_left(kit, made, level):
    lot = hold(kit, 3, "C1", 6, days=1, made=made)
    run(kit)
    assert open_warnings(kit) == ({("near_expiry", 1, lot, level)} if level else set())


def test_goods_without_an_expiry_basis_are_never_near_their_end(kit):
    hold(kit, 1, "B1", 6, days=1, made=date(2010, 1, 1))
    with kit.database.write() as session:
        session.execute(update(Product).where(Product.id == 3).values(expiry_months=None))
    hold(kit, 3, "C1", 6, days=1, made=date(2010, 1, 1))
    assert run(kit).fired["near_expiry"] == 0


def test_the_same_day_twice_changes_nothing(kit):
    hold(kit, 1, "B1", 6, days=100)
    assert run(kit).fired["aged"] == 1
    again = run(kit)
    assert (again.fired["aged"], again.still["aged"], again.resolved["aged"]) == (0, 1, 0)
    assert kit.count(StockWarning) == 1


def test_figures_and_level_follow_the_days(kit):
    hold(kit, 1, "B1", 6, days=100)
    run(kit)
    run(kit, TODAY + timedelta(days=90))
    [warning] = kit.all(StockWarning)
    assert (warning.level, warning.figures["age_days"], warning.fired_on) == (2, 190, TODAY)
    assert warning.seen_on == TODAY + timedelta(days=90)


def empty_shelf(kit: Kit, bottles: int = 0) -> None:
    with kit.database.write() as session:
        session.execute(update(ChannelStock).values(bottles=bottles))


def test_it_ends_when_it_is_no_longer_true_and_fires_again_as_a_new_episode(kit):
    hold(kit, 1, "B1", 6, days=100)
    run(kit)
    empty_shelf(kit)
    assert run(kit).resolved["aged"] == 1
    [warning] = kit.all(StockWarning)
    assert (warning.state, warning.version, warning.visit) == (WarningState.RESOLVED, 2, 2)
    [step] = kit.all(History)
    assert (step.flow, step.event, step.from_state, step.to_state) == ("warning", "resolve", "firing", "resolved")
    empty_shelf(kit, 6)
    assert run(kit).fired["aged"] == 1
    assert sorted(w.episode for w in kit.all(StockWarning)) == [1, 2]


def test_dismissed_stays_dismissed_until_its_cause_is_gone(kit):
    hold(kit, 1, "B1", 6, days=100)
    run(kit)
    with kit.database.write() as session:
        session.execute(update(StockWarning).values(state=WarningState.DISMISSED))
    assert run(kit).fired["aged"] == 0
    empty_shelf(kit)
    assert run(kit).resolved["aged"] == 1


def test_a_rule_taken_out_of_the_file_ends_its_warnings(kit):
    hold(kit, 1, "B1", 6, days=100)
    run(kit)
    run(kit, rules="rules:\n  - {name: other, title: x, kind: age, days: [900]}\n")
    assert [w.state for w in kit.all(StockWarning)] == [WarningState.RESOLVED]


def reserve(kit: Kit, lot: int) -> None:
    """An open task asks store 1 for the lot."""
    with kit.database.write() as session:
        session.add(Person(id=1, code="P1", name="甲"))
        session.flush()
        session.add(
            Campaign(
                id=1,
                product_id=1,
                reason=Reason.SLOW,
                deadline=TODAY,
                source="cli",
                creator_id=1,
                created_at=NOW,
                version=1,
            )
        )
        session.flush()
        session.add(RecallTask(id=1, campaign_id=1, store_id=1, deadline=TODAY, version=1))
        session.flush()
        session.add(Reservation(task_id=1, store_id=1, lot_id=lot, bottles=6))


def test_goods_an_open_task_asks_for_fire_nothing_new(kit):
    lot = hold(kit, 1, "B1", 6, days=100)
    other = hold(kit, 1, "B1", 6, days=100, store=2)
    sell(kit, 1, 100)
    reserve(kit, lot)
    run(kit)
    assert open_warnings(kit) == {("aged", 2, other, 1)}


def test_a_warning_taken_up_does_not_end_while_its_goods_are_asked_for(kit):
    lot = hold(kit, 1, "B1", 6, days=100)
    run(kit)
    reserve(kit, lot)
    with kit.database.write() as session:
        session.execute(update(StockWarning).values(state=WarningState.IN_ACTION))
    result = run(kit)
    assert (result.still["aged"], result.resolved["aged"], result.fired["aged"]) == (1, 0, 0)


def test_two_scans_in_one_transaction_do_not_meet(kit):
    hold(kit, 1, "B1", 6, days=100)
    with kit.database.write() as session:
        scan(session, read_rules(RULES), TODAY, NOW)
        assert scan(session, read_rules(RULES), TODAY, NOW).still["aged"] == 1
