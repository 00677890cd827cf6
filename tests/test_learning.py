"""What the house expects of its stock: learnt from its own past, by TSB before it has one, lot by lot."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from models.stock import ChannelStock, Experience, SalesRate, StockSource
from tests.intake_kit import TODAY, Kit, new_kit
from workflows.channel_stock import believed_day, refresh_channel_stock
from workflows.learning import experience, learn_if_due, learn_now

HEAD = "门店编码,商品编码,日期,瓶数,批号\n"
COUNTS = "门店编码,商品编码,批号,瓶数,入店日期,盘点日期\n"
MANY = 120  # stores and products of the house with a past


@pytest.fixture
def kit(tmp_path, database_url) -> Iterator[Kit]:
    kit = new_kit(tmp_path, database_url)
    kit.masters()
    yield kit
    kit.database.close()


def refresh(kit: Kit, as_of: date = TODAY) -> None:
    with kit.database.write() as session:
        refresh_channel_stock(session, as_of)


def with_a_past(kit: Kit) -> None:
    """Every store gets every product each month for two years; half of them end with a push of 600 bottles."""
    products = "".join(f"P{n},商品{n} 42 度,6,100,中档\n" for n in range(MANY // 10))
    stores = "".join(f"T{n},{n}号店,东区\n" for n in range(MANY // 3))
    kit.take("products", "商品编码,商品名称,箱规,单价,价位段\n" + products)
    kit.take("stores", "门店编码,门店名称,区域\n" + stores)
    rows = []
    for store in range(MANY // 3):
        for product in range(MANY // 10):
            months = 8 if product % 2 else 24
            rows += [
                f"T{store},P{product},{_day(store, month)},{600 if month == 7 and product % 2 else 24},B{product}"
                for month in range(months)
            ]
    assert kit.take("deliveries", HEAD + "\n".join(rows) + "\n").written


def _day(store: int, month: int) -> date:
    return TODAY - timedelta(days=730 - 30 * month - store % 20)


def test_a_young_house_expects_by_pace_and_tail(kit):
    kit.take("deliveries", HEAD + "S1,A1,2025-11-10,12,B1\nS1,A1,2025-12-10,12,B1\nS1,A1,2026-03-08,240,B1\n")
    refresh(kit)
    assert kit.count(Experience) == 0
    [rate] = kit.all(SalesRate)
    assert rate.segment == ""
    assert rate.slow_permille > 950
    assert 100_000 < rate.unsold_millibottles < 240_000


def test_goods_without_any_sale_are_expected_to_stay(kit):
    kit.take("deliveries", HEAD + "S1,A1,2024-01-10,12,B1\nS1,A1,2024-02-10,12,B1\n")
    kit.take("stock", COUNTS + "S1,A1,B1,12,2024-02-10,2025-12-01\n")
    kit.take("stock", COUNTS + "S1,A1,B1,12,2024-02-10,2026-03-01\n")
    refresh(kit)
    [rate] = kit.all(SalesRate)
    assert rate.monthly_millibottles == 0
    assert rate.source is StockSource.COUNT
    assert rate.unsold_millibottles > 6_000
    assert rate.last_sold_on < date(2025, 12, 2)


def test_a_house_with_a_past_learns_and_keeps_what_it_learnt(kit):
    with_a_past(kit)
    refresh(kit)
    groups = kit.all(Experience)
    assert groups
    assert sum(group.slow for group in groups) > 0
    rates = kit.all(SalesRate)
    assert {rate.segment for rate in rates if rate.unsold_millibottles} == {
        group.segment for group in groups if group.left_permille
    }
    with kit.database.read() as session:
        tree = experience(session)
    assert {group.name for group in tree.groups} == {group.segment for group in groups}


def test_learning_again_the_same_day_changes_nothing(kit):
    with_a_past(kit)
    before = _learnt(kit)
    assert before == _learnt(kit)


def _learnt(kit: Kit) -> list[tuple[object, ...]]:
    with kit.database.write() as session:
        learn_now(session, TODAY)
    return sorted((row.segment, row.cases, row.slow, str(row.questions)) for row in kit.all(Experience))


def test_it_learns_once_in_four_weeks(kit):
    with_a_past(kit)
    with kit.database.write() as session:
        assert learn_if_due(session, TODAY)
    with kit.database.write() as session:
        assert not learn_if_due(session, TODAY + timedelta(days=27))
        assert learn_if_due(session, TODAY + timedelta(days=28))


def test_what_is_left_stands_in_the_lots_sold_last(kit):
    kit.take(
        "deliveries",
        HEAD + "S1,A1,2025-09-10,12,B1\nS1,A1,2026-03-01,60,B2\nS1,A1,2026-03-01,60,B3\n",
    )
    refresh(kit)
    [rate] = kit.all(SalesRate)
    lots = sorted(kit.all(ChannelStock), key=lambda stock: stock.lot_id)
    assert sum(lot.unsold_millibottles for lot in lots) == rate.unsold_millibottles > 0
    assert lots[0].unsold_millibottles < lots[-1].unsold_millibottles <= lots[-1].bottles * 1_000


def test_goods_that_came_from_another_store_keep_their_age_in_the_channel(kit):
    """Trap 7: a transfer does not make old goods young."""
    kit.take("deliveries", HEAD + "S1,A1,2025-03-01,12,B1\n")
    kit.take("stock", COUNTS + "S2,A1,B1,6,2026-02-01,2026-03-01\n")
    refresh(kit)
    moved = next(stock for stock in kit.all(ChannelStock) if stock.store_id == 2)
    assert (moved.received_on, moved.channel_since) == (date(2026, 2, 1), date(2025, 3, 1))


def test_beliefs_are_not_carried_on_where_deliveries_stopped_coming_in(kit):
    """Trap 58: a feed that is silent for weeks is no store that sells."""
    kit.take("deliveries", HEAD + "S1,A1,2026-03-01,12,B1\n")
    with kit.database.read() as session:
        assert believed_day(session, date(2026, 3, 10)) == date(2026, 3, 10)
        assert believed_day(session, date(2026, 4, 10)) == date(2026, 3, 1)


def test_counts_make_the_pace_with_its_interval(kit):
    kit.take("deliveries", HEAD + "S1,A1,2025-11-01,60,B1\n")
    kit.take("stock", COUNTS + "S1,A1,B1,60,2025-11-01,2026-01-01\n")
    kit.take("stock", COUNTS + "S1,A1,B1,30,2025-11-01,2026-03-01\n")
    refresh(kit)
    [rate] = kit.all(SalesRate)
    assert rate.monthly_millibottles == pytest.approx(30_000 / 59 * 30.4375, abs=2)
    assert rate.low_millibottles <= rate.monthly_millibottles <= rate.high_millibottles
    assert (rate.received_bottles, rate.last_sold_on) == (60, date(2026, 3, 1))
