"""The invented distributor of the demo: it imports cleanly on any day and some of its goods are slow."""

from datetime import date, datetime, time
from pathlib import Path

import pytest

from models.catalog import Lot, Product, Store, UnitCode
from models.people import Person
from models.warning import StockWarning
from rules.warnings import load_rules
from sandbox.sample_data import SLOW_CASES, SLOW_PRODUCT, bottle_codes, case_codes, write_sample
from tests.intake_kit import new_kit
from workflows.acting import SHANGHAI
from workflows.channel_stock import refresh_channel_stock
from workflows.scan import scan

KINDS = ("products", "stores", "people", "deliveries", "stock", "codes")
DAYS = [date(2026, 9, 7), date(2027, 3, 1), date(2028, 2, 29)]


@pytest.mark.parametrize("today", DAYS)
@pytest.mark.parametrize("kinds", [KINDS, ("products", "stores", "people", "stock", "codes", "deliveries")])
def test_sample_is_imported_and_its_slow_goods_are_found(tmp_path, today, kinds):
    kit = new_kit(tmp_path)
    kit.now = datetime.combine(today, time(8, 0), SHANGHAI)
    write_sample(tmp_path / "sample", today)
    for kind in kinds:
        report = kit.take(kind, tmp_path / "sample" / f"{kind}.csv")
        assert (report.errors, report.notes) == ([], [])
        assert report.accepted > 0
    with kit.database.write() as session:
        refresh_channel_stock(session, today)
        fired = scan(session, load_rules(), today, kit.now).fired
    assert {rule: number for rule, number in fired.items() if number} == {
        "aged": 5,
        "overstock": 5,
        "no_sale": 5,
        "near_expiry": 3,
    }
    assert {kit.count(Product), kit.count(Store), kit.count(Person)} == {12, 10, 18}
    assert kit.books_are_right()
    slow = next(p for p in kit.all(Product) if p.code == SLOW_PRODUCT)
    batches = {lot.id for lot in kit.all(Lot) if lot.product_id == slow.id}
    hits = [w for w in kit.all(StockWarning) if w.lot_id in batches]
    assert len({w.lot_id for w in hits}) == 1
    assert {w.store.code for w in hits} == set(SLOW_CASES)


def test_codes_of_the_slow_batch_are_cases_with_their_bottles(tmp_path):
    today = DAYS[0]
    kit = new_kit(tmp_path)
    kit.now = datetime.combine(today, time(8, 0), SHANGHAI)
    write_sample(tmp_path, today)
    for kind in KINDS:
        kit.take(kind, tmp_path / f"{kind}.csv")
    units = {unit.code: unit for unit in kit.all(UnitCode)}
    for store, cases in SLOW_CASES.items():
        assert len(case_codes(today, store)) == cases
        for case in case_codes(today, store):
            assert units[case].is_case
            assert [units[b].parent_code for b in bottle_codes(case)] == [case] * 6


def test_the_same_day_gives_the_same_files(tmp_path):
    for folder in ("a", "b"):
        write_sample(tmp_path / folder, DAYS[0])

    def content(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    assert content(tmp_path / "a") == content(tmp_path / "b")
