"""What stores are believed to hold, from deliveries and counts together."""

from collections.abc import Iterator
from datetime import date

import pytest

from models.stock import MoveKind, PlaceKind, SalesRate, StockSource
from tests.intake_kit import NOW, TODAY, Kit, new_kit
from workflows.channel_stock import last_delivery, refresh_channel_stock
from workflows.ledger import Move, post

HEAD = "门店编码,商品编码,日期,瓶数\n"
COUNT_HEAD = "门店编码,商品编码,批号,瓶数,入店日期,盘点日期\n"


@pytest.fixture
def kit(tmp_path, database_url) -> Iterator[Kit]:
    kit = new_kit(tmp_path, database_url)
    kit.masters()
    yield kit
    kit.database.close()


def refresh(kit: Kit, as_of: date = TODAY) -> None:
    with kit.database.write() as session:
        refresh_channel_stock(session, as_of)


def bottles(kit: Kit) -> list[tuple[int, int, StockSource]]:
    return [(s.lot_id, s.bottles, s.source) for s in kit.believed().values()]


def test_stock_and_rate_are_inferred_from_deliveries(kit):
    kit.take("deliveries", HEAD + "S1,A1,2025-11-10,12\nS1,A1,2025-12-10,12\nS1,A1,2026-02-08,24\n")
    refresh(kit)
    [rate] = kit.all(SalesRate)
    assert rate.monthly_millibottles == round(24_000 / (90 / 30.4375))
    assert (rate.months, rate.source) == (3, StockSource.INFERRED)
    # thirty days since the last delivery: eight bottles sold of the 24
    assert bottles(kit) == [(3, 24 - 8, StockSource.INFERRED)]
    assert kit.believed()[1, 3].received_on == date(2026, 2, 8)


def test_one_delivery_takes_the_rate_of_the_other_stores(kit):
    kit.take(
        "deliveries", HEAD + "S1,A1,2025-11-10,12\nS1,A1,2025-12-10,12\nS2,A1,2026-02-08,24\nS2,B2,2026-02-08,24\n"
    )
    refresh(kit)
    rates = {(r.store_id, r.product_id): r.monthly_millibottles for r in kit.all(SalesRate)}
    assert rates[2, 1] == round(12_000 / (30 / 30.4375))
    assert rates[1, 1] == round(0.3 * 12_000 / (30 / 30.4375))  # silent for three times its gap
    assert (2, 2) not in rates
    believed = {(s.store_id, s.product_id): s.bottles for s in kit.believed().values()}
    assert believed == {(1, 1): 2, (2, 1): 12, (2, 2): 24}  # without any rate all of it may still be there


def test_files_of_the_past_are_seen_as_of_their_last_day(kit):
    kit.take("deliveries", HEAD + "S1,A1,2020-01-10,12\nS1,A1,2020-02-10,12\n")
    with kit.database.read() as session:
        assert last_delivery(session) == date(2020, 2, 10)
    refresh(kit, date(2020, 2, 10))
    assert [b for _, b, _ in bottles(kit)] == [12]
    refresh(kit)
    assert bottles(kit) == []


def test_counted_stock_wins_until_a_later_delivery(kit):
    kit.take("deliveries", HEAD + "S1,A1,2025-11-10,12\nS1,A1,2025-12-10,12\n")
    kit.take("stock", COUNT_HEAD + "S1,A1,B1,40,2025-06-01,2026-01-10\n")
    refresh(kit)
    assert [(b, s) for _, b, s in bottles(kit)] == [(40, StockSource.OPENING)]
    kit.take("deliveries", HEAD + "S1,A1,2026-02-10,6\n")
    refresh(kit)
    refresh(kit)
    # two deliveries of 12 in 92 days make 7.94 a month; 59 days since the count: 15 sold, the oldest first
    stocks = sorted(kit.believed().values(), key=lambda s: s.received_on)
    assert [(s.bottles, s.source, s.as_of) for s in stocks] == [
        (25, StockSource.OPENING, date(2026, 1, 10)),
        (6, StockSource.INFERRED, TODAY),
    ]


def test_a_counted_batch_delivered_again_is_not_counted_twice(kit):
    head = "门店编码,商品编码,日期,瓶数,批号\n"
    kit.take("stock", COUNT_HEAD + "S1,A1,B1,10,2025-06-01,2026-01-10\n")
    kit.take("deliveries", head + "S1,A1,2026-02-10,6,B1\n")
    refresh(kit)
    assert [b for _, b, _ in bottles(kit)] == [16]


def test_what_a_task_took_away_is_gone(kit):
    kit.take("deliveries", HEAD + "S1,A1,2026-03-01,24\n")
    move = Move("h1", MoveKind.HAND_OVER, 1, (PlaceKind.STORE_SHELF, 1), (PlaceKind.VEHICLE, 1), 18, TODAY)
    with kit.database.write() as session:
        post(session, [move], NOW, "测试")
    refresh(kit)
    assert [b for _, b, _ in bottles(kit)] == [6]


def test_what_a_task_took_of_counted_goods_is_gone(kit):
    kit.take("stock", COUNT_HEAD + "S1,A1,B1,24,2025-06-01,2026-01-10\n")
    move = Move("h1", MoveKind.HAND_OVER, 1, (PlaceKind.STORE_SHELF, 1), (PlaceKind.VEHICLE, 1), 18, TODAY)
    with kit.database.write() as session:
        post(session, [move], NOW, "测试")
    kit.take("deliveries", HEAD + "S1,B2,2026-03-01,24\n")
    refresh(kit)
    kit.take("deliveries", HEAD + "S1,A1,2026-03-01,6\n")
    refresh(kit)
    assert sorted(s.bottles for s in kit.believed().values() if s.product_id == 1) == [6, 6]
