"""The stock of an earlier day is worked out beside the stock of today, which stays as it is."""

from datetime import date, datetime, time
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from models.catalog import Lot, Store
from models.stock import Balance, ChannelStock, Delivery, SalesRate, StockMove
from tests.intake_kit import PRODUCTS, STORES, Kit, new_kit
from workflows.acting import SHANGHAI
from workflows.channel_stock import refresh_channel_stock
from workflows.past_stock import turn_to

EARLIER, TODAY = date(2026, 6, 1), date(2026, 9, 7)
DELIVERIES = """单据号,门店编码,商品编码,批号,出库日期,数量(瓶)
D1,S1,A1,L1,2026-01-10,24
D2,S1,A1,L2,2026-03-10,24
D3,S1,A1,L3,2026-05-20,36
D4,S2,B2,M1,2026-04-01,12
"""
LATER = """D5,S1,A1,L4,2026-07-01,60
D6,S2,B2,M2,2026-08-01,24
"""
COUNT = "门店编码,商品编码,批号,数量(瓶),盘点日期,入店日期\nS1,A1,L3,7,{},2026-05-20\n"


def house_of(folder: Path, url: str, deliveries: str, *counts: str) -> Kit:
    folder.mkdir()
    kit = new_kit(folder, url)
    kit.now = datetime.combine(TODAY, time(9, 0), SHANGHAI)
    kit.take("products", PRODUCTS)
    kit.take("stores", STORES)
    report = kit.take("deliveries", deliveries)
    assert report.errors == []
    for day in counts:
        report = kit.take("stock", COUNT.format(day))
        assert report.errors == []
    return kit


def beliefs(session) -> tuple[list, list]:
    """What is believed, in words that are the same in every database."""
    stock = (
        select(Store.code, Lot.batch, ChannelStock.bottles, ChannelStock.received_on, ChannelStock.source)
        .join(Store, Store.id == ChannelStock.store_id)
        .join(Lot, Lot.id == ChannelStock.lot_id)
        .where(ChannelStock.bottles > 0)
        .order_by(Store.code, Lot.batch)
    )
    rates = select(SalesRate.store_id, SalesRate.product_id, SalesRate.monthly_millibottles, SalesRate.months)
    return [tuple(row) for row in session.execute(stock)], sorted(tuple(row) for row in session.execute(rates))


@pytest.fixture
def known_now(tmp_path, migrated_url):
    """A house that knows everything until today, counted in May and again in August."""
    kit = house_of(tmp_path / "now", migrated_url, DELIVERIES + LATER, "2026-05-25", "2026-08-20")
    with kit.database.write() as session:
        refresh_channel_stock(session, TODAY)
    yield kit
    kit.database.close()


def test_past_is_seen_as_a_house_saw_it_that_knew_no_more(tmp_path, migrated_url):
    now = house_of(tmp_path / "now", migrated_url, DELIVERIES + LATER)
    then = house_of(tmp_path / "then", "", DELIVERIES)
    with then.database.write() as session:
        refresh_channel_stock(session, EARLIER)
        seen_then = beliefs(session)

    with now.database.read() as session:
        turn_to(session, EARLIER)
        seen_now = beliefs(session)

    assert seen_now == seen_then
    assert seen_now[0] != []
    now.database.close()


def test_nothing_of_today_is_changed_by_looking_back(known_now):
    with known_now.database.read() as session:
        before, moves = beliefs(session), session.scalar(select(func.count(StockMove.id)))
    with known_now.database.read() as session:
        turn_to(session, EARLIER)
        assert beliefs(session) != before
    with known_now.database.read() as session:
        assert beliefs(session) == before
        assert session.scalar(select(func.count(StockMove.id))) == moves
    assert known_now.books_are_right()


def test_count_made_later_is_not_known_on_the_day(known_now):
    with known_now.database.read() as session:
        turn_to(session, EARLIER)
        counted = session.scalar(select(func.max(ChannelStock.as_of)))
    assert counted <= EARLIER


def test_house_goes_on_working_while_somebody_looks_back(known_now):
    with known_now.database.read() as looking:
        turn_to(looking, EARLIER)
        with known_now.database.write() as session:
            session.execute(delete(SalesRate))
            refresh_channel_stock(session, TODAY)
        assert looking.scalar(select(func.max(SalesRate.as_of))) == EARLIER
    with known_now.database.read() as session:
        assert session.scalar(select(func.max(SalesRate.as_of))) == TODAY


def test_balances_of_the_day_are_the_moves_until_then(known_now):
    with known_now.database.read() as session:
        turn_to(session, date(2000, 1, 1))
        assert session.scalar(select(func.count()).select_from(Balance)) == 0
        assert session.scalar(select(func.count(Delivery.id))) == 6
        assert beliefs(session) == ([], [])


def test_same_house_can_be_looked_at_on_many_days_in_turn(known_now):
    seen = []
    with known_now.database.read() as session:
        for day in (EARLIER, TODAY, EARLIER):
            turn_to(session, day)
            seen.append(beliefs(session))
    assert seen[0] == seen[2] != seen[1]
