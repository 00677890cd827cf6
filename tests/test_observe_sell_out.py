"""F-2 from what the tables hold, and cases and bottles scanned when they are opened."""

import tracemalloc
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select

from models.catalog import Lot, Product, Store, UniquePer, UnitCode
from models.database import Database
from models.stock import Delivery, MoveKind, Observation, PlaceKind, SellOut, SellOutSource, StockSource
from rules.sell_out import Basis, Doubt
from workflows.ledger import Move, post
from workflows.observations import Seen, observe
from workflows.refusals import InvalidInput
from workflows.scan_open import Opening, note_opening, note_openings
from workflows.sell_out import sell_out_periods

START = date(2026, 6, 1)
NOW = datetime(2026, 9, 7, 1, 0, tzinfo=UTC)
TODAY = date(2026, 9, 7)


@pytest.fixture
def database(migrated_url):
    database = Database(migrated_url)
    with database.write() as session:
        liquor = Product(code="P1", name="青溪老窖", case_size=6, barcode="6901234567892")
        other = Product(code="P2", name="竹海特曲", case_size=6)
        session.add_all([liquor, other, *(Store(code=f"S{n}", name=f"{n}号店") for n in (1, 2))])
        session.flush()
        lot = Lot(product_id=liquor.id, batch="B1")
        session.add_all([lot, Lot(product_id=other.id, batch="B1")])
        session.flush()
        session.add(UnitCode(code="CASE-1", is_case=True, lot_id=lot.id))
        session.flush()
        session.add_all(UnitCode(code=f"BOTTLE-{n}", lot_id=lot.id, parent_code="CASE-1") for n in range(1, 7))
        session.add(UnitCode(code="SHARED-1", lot_id=lot.id, unique_per=UniquePer.CASE))
    yield database
    database.close()


def day(after: int) -> date:
    return START + timedelta(days=after)


def counts(database: Database, *seen: tuple[int, int], store=1, product=1, margin=0, at=NOW) -> None:
    """Counts as (days after the start, bottles), each learnt of in its turn."""
    for after, bottles in seen:
        key = f"count:{store}:{product}:{after}:{at.isoformat()}"
        one = Seen(key, store, product, None, bottles, day(after), StockSource.COUNT, "盘点", margin=margin)
        with database.write() as session:
            observe(session, [one], at)


def delivers(database: Database, after: int, bottles: int, store=1, product=1) -> None:
    with database.write() as session:
        lot = session.scalars(select(Lot.id).where(Lot.product_id == product)).first()
        many = session.scalar(select(func.count(Delivery.id)))
        row = Delivery(key=f"d{many}", store_id=store, product_id=product, lot_id=lot, bottles=bottles)
        row.delivered_on = day(after)
        session.add(row)


def moves(database: Database, kind: MoveKind, after: int, bottles: int, *, into: bool = False) -> None:
    shelf, away = (PlaceKind.STORE_SHELF, 1), (PlaceKind.OUTSIDE, 0)
    source, target = (away, shelf) if into else (shelf, away)
    with database.write() as session:
        post(session, [Move(f"m:{kind}:{after}", kind, 1, source, target, bottles, day(after))], NOW, "试")


def found(database: Database, as_of=TODAY, store=None) -> dict[tuple[int, int], list]:
    with database.read() as session:
        rows = [(s, p, periods) for s, p, periods in sell_out_periods(session, as_of, store)]
    assert [(s, p) for s, p, _ in rows] == sorted((s, p) for s, p, _ in rows)
    return {(s, p): periods for s, p, periods in rows}


def test_sale_between_two_counts(database):
    counts(database, (0, 20), (10, 12), margin=1)
    delivers(database, 4, 6)

    [period] = found(database)[1, 1]

    assert (period.first_day, period.last_day) == (day(1), day(10))
    assert (period.low, period.best, period.high, period.doubt) == (12, 14, 16, None)


def test_returns_and_transfers_are_no_sales(database):
    counts(database, (0, 20))
    moves(database, MoveKind.HAND_OVER, 2, 5)
    moves(database, MoveKind.TRANSFER, 3, 4)
    moves(database, MoveKind.GIVE_BACK, 4, 2, into=True)
    counts(database, (10, 6))

    assert [p.best for p in found(database)[1, 1]] == [20 - 5 - 4 + 2 - 6]


def test_variance_posted_by_a_count_is_no_movement_of_its_own(database):
    counts(database, (0, 20), (10, 12), (20, 12))

    assert [p.best for p in found(database)[1, 1]] == [8, 0]


def test_declared_sold_is_proof_and_not_taken_off_twice(database):
    counts(database, (0, 20))
    moves(database, MoveKind.SOLD, 5, 3)
    counts(database, (10, 15))

    [period] = found(database)[1, 1]

    assert (period.best, period.at_least, period.doubt) == (5, 3, None)


def test_delivery_learnt_of_late_is_counted_where_it_belongs(database):  # trap 10
    counts(database, (0, 10), (7, 12), (14, 9))
    assert [p.doubt for p in found(database)[1, 1]] == [Doubt.NEGATIVE, None]

    delivers(database, 5, 6)

    assert [(p.best, p.doubt) for p in found(database)[1, 1]] == [(4, None), (3, None)]


def test_count_learnt_of_late_splits_the_period(database):  # trap 10
    counts(database, (0, 20), (20, 8))
    assert [p.best for p in found(database)[1, 1]] == [12]

    counts(database, (10, 15), at=NOW + timedelta(minutes=1))

    assert [p.best for p in found(database)[1, 1]] == [5, 7]


def test_nothing_after_the_day_asked_about_is_looked_at(database):
    counts(database, (0, 20), (10, 12), (20, 4))
    delivers(database, 15, 60)

    assert [p.best for p in found(database, as_of=day(12))[1, 1]] == [8]


def test_one_store_alone_can_be_asked_about(database):
    counts(database, (0, 20), (10, 12))
    counts(database, (0, 9), (10, 8), store=2, product=2)

    assert found(database, store=2).keys() == {(2, 2)}
    assert found(database).keys() == {(1, 1), (2, 2)}


def test_reports_of_the_stores_system_stand_where_nobody_counted(database):
    with database.write() as session:
        row = {"store_id": 2, "product_id": 1, "first_day": day(1), "last_day": day(1), "bottles": 3}
        session.add(SellOut(**row, key="k", source=SellOutSource.SYSTEM, recorded_at=NOW))

    [period] = found(database)[2, 1]

    assert (period.low, period.best, period.high, period.source) == (3, 3, 3, Basis.REPORTED)


def test_goods_never_counted_have_no_period(database):
    delivers(database, 3, 60)

    assert found(database) == {}


def test_memory_stays_flat_over_many_series(database):
    with database.write() as session:
        session.execute(insert(Store), [{"code": f"M{n}", "name": "m"} for n in range(3_000)])
        ids = session.scalars(select(Store.id).where(Store.code.like("M%"))).all()
        shared = {"product_id": 1, "source": StockSource.COUNT, "confidence": 90, "recorded_at": NOW}
        rows = [
            {**shared, "key": f"{store}:{n}", "store_id": store, "bottles": 20 - n, "as_of": day(n * 7)}
            for store in ids
            for n in range(6)
        ]
        session.execute(insert(Observation), rows)
    peaks = []
    for as_of in (day(8), day(60)):
        tracemalloc.start()
        with database.read() as session:
            series = sum(1 for _ in sell_out_periods(session, as_of))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert series == 3_000

    assert max(peaks) < 8_000_000  # bytes; the rows alone would take more


# Opened units


def opens(database: Database, *codes: str, store: int | None = 1, on=TODAY) -> list[str]:
    with database.write() as session:
        openings = [Opening(code, store, on, "张老板") for code in codes]
        return [opened.verdict for opened in note_openings(session, openings, NOW)]


def proofs(database: Database) -> list[tuple[int, bool, str]]:
    with database.read() as session:
        rows = session.scalars(select(SellOut).order_by(SellOut.id)).all()
        return [(row.bottles, row.is_lower_bound, row.source.value) for row in rows]


def test_opened_bottle_is_one_sold_at_least(database):
    assert opens(database, "BOTTLE-1", "BOTTLE-2") == ["bottle", "bottle"]
    assert proofs(database) == [(1, True, "scan_open"), (1, True, "scan_open")]


def test_opened_unit_counts_once_whoever_tells_it(database):
    opens(database, "BOTTLE-1")

    assert opens(database, "bottle-1", "BOTTLE-1") == ["before", "before"]
    assert opens(database, "BOTTLE-1", store=2) == ["before"]
    assert len(proofs(database)) == 1


def test_opened_case_proves_no_bottle_and_is_never_added_to_its_bottles(database):
    assert opens(database, "CASE-1", "BOTTLE-1") == ["case", "bottle"]
    assert sum(bottles for bottles, _, _ in proofs(database)) == 1
    with database.read() as session:
        assert session.get_one(UnitCode, "CASE-1").opened_at is not None


@pytest.mark.parametrize("code", ["6901234567892", "SHARED-1", "不是码", "", "x" * 600])
def test_code_that_names_no_single_bottle_proves_nothing(database, code):
    assert opens(database, code) == ["unknown"]
    assert proofs(database) == []


def test_opening_without_a_store_is_not_counted_anywhere(database):
    assert opens(database, "BOTTLE-1", store=None) == ["nowhere"]
    assert opens(database, "BOTTLE-1", store=99) == ["nowhere"]
    assert proofs(database) == []


def test_opening_of_tomorrow_is_refused(database):
    with database.write() as session, pytest.raises(InvalidInput, match="今天以后"):
        note_opening(session, Opening("BOTTLE-1", 1, TODAY + timedelta(days=1), "张"), NOW)


def test_scans_contradict_a_count_that_was_too_high(database):
    counts(database, (0, 20), (10, 19))
    opens(database, "BOTTLE-1", "BOTTLE-2", "BOTTLE-3", on=day(5))

    [period] = found(database)[1, 1]

    assert (period.best, period.at_least, period.doubt) == (1, 3, Doubt.BELOW_PROOF)
