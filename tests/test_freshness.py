"""How old the data is: in words, in the share of stores counted lately, and in who is asked each day."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, true

from models.catalog import Lot, Product, Store
from models.database import Database
from models.observing import CountRequest
from models.people import Assignment, Person, Role
from models.stock import ChannelStock, StockSource
from models.warning import StockWarning, WarningState
from rules.deadlines import WorkCalendar
from settings.schema import Limits
from texts.render import Texts
from workflows import flows
from workflows.count_asking import ask_for_counts, choose
from workflows.flow import FLOWS
from workflows.freshness import age_words, freshness, known_of
from workflows.house import House

NOW = datetime(2026, 9, 7, 1, 30, tzinfo=UTC)
TODAY = date(2026, 9, 7)
STORES, PRODUCTS = 6, 4


def house(tmp_path, **limits) -> House:
    assert {flow.name for flow in flows.ALL} <= FLOWS.keys()
    return House(Limits(**limits), WorkCalendar(), Texts(), "https://jiuhui.example", "secret", tmp_path)


@pytest.fixture
def database(migrated_url):
    """Six stores, three a rep, all stock only inferred; the higher store and product number, the more money."""
    database = Database(migrated_url)
    with database.write() as session:
        products = [Product(code=f"P{n}", name=f"酒{n}", case_size=6, price_fen=1_000 * n) for n in range(1, 5)]
        stores = [
            Store(code=f"S{n}", name=f"{n}号店", region="城东" if n <= STORES // 2 else "城西") for n in range(1, 7)
        ]
        session.add_all([*products, *stores])
        session.flush()
        lots = [Lot(product_id=p.id, batch="B") for p in products]
        session.add_all(lots)
        session.flush()
        for store in stores:
            for lot in lots:
                row = ChannelStock(store_id=store.id, product_id=lot.product_id, lot_id=lot.id, bottles=store.id)
                row.received_on, row.as_of, row.source = date(2026, 3, 1), TODAY, StockSource.INFERRED
                session.add(row)
        for code, region in (("east", "城东"), ("west", "城西")):
            person = Person(code=code, name=code, dingtalk_userid=code)
            person.assignments = [Assignment(role=Role.SALES_REP, region=region, valid_from=date(2020, 1, 1))]
            session.add(person)
    yield database
    database.close()


def counted(database: Database, store: int, on: date, product: int | None = None) -> None:
    with database.write() as session:
        query = select(ChannelStock).where(ChannelStock.store_id == store)
        for row in session.scalars(query if product is None else query.where(ChannelStock.product_id == product)):
            row.as_of, row.source = on, StockSource.COUNT


def asked(database: Database) -> list[tuple[int, list[int], str]]:
    with database.read() as session:
        requests = session.scalars(select(CountRequest).order_by(CountRequest.id)).all()
        return [(r.store_id, [line.product_id for line in r.lines], r.reason) for r in requests]


@pytest.mark.parametrize(
    ("known_on", "source", "words"),
    [
        (date(2026, 8, 26), StockSource.REPORT, "数据 12 天前，店主自报"),
        (TODAY, StockSource.VISIT, "数据是今天的，业务员盘点"),
        (date(2026, 9, 9), StockSource.SYSTEM, "数据是今天的，门店系统"),
        (None, None, "还没有人报过数"),
        (TODAY, StockSource.INFERRED, "只按发货推算，没有人数过"),
    ],
)
def test_age_in_words(tmp_path, known_on, source, words):
    assert age_words(house(tmp_path), known_on, source, TODAY) == words


def test_delivery_since_the_count_does_not_make_it_fresh(database):
    with database.write() as session:
        lot = Lot(product_id=1, batch="B2")
        session.add(lot)
        session.flush()
        row = ChannelStock(store_id=1, product_id=1, lot_id=lot.id, bottles=6)
        row.received_on, row.as_of, row.source = TODAY, TODAY, StockSource.INFERRED
        session.add(row)
    counted(database, 1, date(2026, 8, 1), product=1)
    with database.write() as session:
        newest = session.scalars(select(ChannelStock).order_by(ChannelStock.id.desc())).first()
        newest.source, newest.as_of = StockSource.INFERRED, TODAY

    with database.read() as session:
        known = known_of(session, 1, [1])[1]

    assert (known.bottles, known.as_of, known.source) == (7, date(2026, 8, 1), StockSource.COUNT)


def test_share_of_fresh_stores_and_the_stalest_first(database):
    counted(database, 1, date(2026, 9, 1))
    counted(database, 2, date(2026, 5, 1))

    with database.read() as session:
        found = freshness(session, TODAY, 30, true())

    assert (found.stores, found.fresh, found.percent) == (6, 1, 16)
    assert [(row.store.code, row.counted_on) for row in found.stalest] == [
        ("S6", None), ("S5", None), ("S4", None), ("S3", None), ("S2", date(2026, 5, 1)), ("S1", date(2026, 9, 1)),
    ]  # fmt: skip
    assert found.stalest[0].value_fen == 6 * 10_000


def test_house_without_stock_is_not_stale(migrated_url):
    database = Database(migrated_url)
    with database.read() as session:
        assert freshness(session, TODAY, 30, true()).percent == 100
    database.close()


def test_most_money_is_asked_about_first_within_the_limits_of_store_and_rep(database, tmp_path):
    limits = house(tmp_path, counts_per_store_day=2, count_stores_per_rep_day=2)

    assert ask_for_counts(database, limits, NOW) == 4

    assert sorted(asked(database)) == [
        (2, [4, 3], "unsure"), (3, [4, 3], "unsure"), (5, [4, 3], "unsure"), (6, [4, 3], "unsure"),
    ]  # fmt: skip


def test_second_run_of_a_day_asks_nobody_beyond_the_limits(database, tmp_path):
    limits = house(tmp_path, counts_per_store_day=2, count_stores_per_rep_day=2)
    ask_for_counts(database, limits, NOW)

    assert ask_for_counts(database, limits, NOW + timedelta(hours=1)) == 0


def test_what_was_asked_lately_is_not_asked_again_until_days_have_passed(database, tmp_path):
    limits = house(tmp_path, counts_per_store_day=4, count_stores_per_rep_day=9, count_again_days=14)
    assert ask_for_counts(database, limits, NOW) == 6
    with database.write() as session:
        for request in session.scalars(select(CountRequest)):
            for line in request.lines:
                line.open_key = None

    assert ask_for_counts(database, limits, NOW + timedelta(days=13)) == 0
    assert ask_for_counts(database, limits, NOW + timedelta(days=15)) == 6


def test_fresh_counts_are_left_alone_and_old_ones_are_not(database, tmp_path):
    limits = house(tmp_path, counts_per_store_day=1, count_stores_per_rep_day=9)
    for store in range(1, 6):
        counted(database, store, date(2026, 9, 1))
    counted(database, 6, date(2026, 7, 1))

    ask_for_counts(database, limits, NOW)

    assert asked(database) == [(6, [4], "stale")]


def test_warning_without_fresh_data_is_asked_about_before_all_others(database, tmp_path):
    limits = house(tmp_path, counts_per_store_day=1, count_stores_per_rep_day=1)
    counted(database, 1, date(2026, 9, 1))
    with database.write() as session:
        warning = StockWarning(rule="aged", rule_version="1", store_id=1, product_id=1, bottles=1, figures={})
        warning.state, warning.stale, warning.loss_fen = WarningState.FIRING, True, 9_000_000
        warning.fired_on = warning.seen_on = TODAY
        warning.changed_at = NOW
        session.add(warning)

    ask_for_counts(database, limits, NOW)

    assert asked(database) == [(1, [1], "warning"), (6, [4], "unsure")]


def test_closed_store_is_not_asked(database, tmp_path):
    with database.write() as session:
        for store in session.scalars(select(Store)):
            store.active = store.code == "S1"

    assert ask_for_counts(database, house(tmp_path), NOW) == 1


def test_limit_of_nothing_asks_nobody(database, tmp_path):
    assert ask_for_counts(database, house(tmp_path, counts_per_store_day=0), NOW) == 0


def test_choosing_writes_nothing(database, tmp_path):
    with database.read() as session:
        chosen = choose(session, house(tmp_path), NOW)

    assert len(chosen) == 6
    assert asked(database) == []
