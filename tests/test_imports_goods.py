"""Deliveries, counts and unit codes: what moves the ledger."""

import os
import warnings
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.catalog import UNKNOWN_BATCH, Hold, Lot, Product, Store, UnitCode
from models.people import Person
from models.recall import Campaign, Reason
from models.stock import Balance, ChannelStock, Delivery, Observation, StockMove, StockSource
from tests.intake_kit import NOW, Kit, csv_text, new_kit, xlsx

SHARED = Path(os.environ.get("JIUHUI_SHARED", Path(__file__).parents[2] / "shared"))
IOWA = SHARED / "data" / "iowa_liquor"
HEAD = "门店编码,商品编码,日期,瓶数\n"
COUNT_HEAD = "门店编码,商品编码,批号,生产日期,箱数,瓶数,入店日期,盘点日期\n"


@pytest.fixture
def kit(tmp_path) -> Iterator[Kit]:
    kit = new_kit(tmp_path)
    kit.masters()
    yield kit
    kit.database.close()


def test_deliveries_reach_the_shelf_by_month(kit):
    report = kit.take("deliveries", HEAD + "S1,A1,2026-01-05,12\nS1,A1,2026/1/20,6\nS1,A1,20260202,6\n")
    assert (report.accepted, report.created) == (3, {"批次": 2})
    assert [(lot.batch, kit.on_shelf(1, lot.id)) for lot in kit.all(Lot)] == [("到货202601", 18), ("到货202602", 6)]
    assert kit.books_are_right()


def test_same_deliveries_twice_change_nothing(kit):
    text = HEAD + "S1,A1,2026-01-05,12\nS1,A1,2026-01-05,12\nS2,B2,2026-01-05,12\n"
    assert kit.take("deliveries", text).accepted == 3
    again = kit.take("deliveries", text)
    assert (again.accepted, again.unchanged) == (0, 3)
    assert (kit.count(Delivery), kit.count(StockMove), kit.on_shelf(1, 1)) == (3, 3, 24)


def test_document_lines_are_known_by_number(kit):
    head = "单号,行号,门店编码,商品编码,日期,瓶数\n"
    kit.take("deliveries", head + "CK1,1,S1,A1,2026-01-05,12\n")
    report = kit.take("deliveries", head + "CK1,1,S1,A1,2026-01-05,18\nCK1,2,S1,A1,2026-01-05,12\n", skip_bad=True)
    assert (report.accepted, report.rejected_rows) == (1, 1)
    assert "已经登记过" in report.errors[0].sentence
    assert kit.on_shelf(1, 1) == 24


def test_bad_delivery_lines_are_reported_and_the_rest_is_loaded_when_asked_for(kit):
    text = HEAD + (
        "S1,A1,2026-01-05,12\nS1,A1,2026-01-05,-6\nS1,A1,2026-01-05,1.5\nS9,A1,2026-01-05,6\n"
        "S1,Z9,2026-01-05,6\nS1,A1,2026-04-01,6\nS1,A1,昨天,6\nS1,A1,2026-01-05,0\n合计,,,30\n"
    )
    report = kit.take("deliveries", text, skip_bad=True)
    assert (report.accepted, report.rejected_rows) == (1, 7)
    assert [error.row for error in report.errors] == sorted(
        [3, 4, 8, 5, 6, 7, 9], key=[e.row for e in report.errors].index
    )
    assert report.error_file is not None
    assert kit.count(Delivery) == 1


def test_deliveries_change_nothing_for_one_bad_line(kit):
    report = kit.take("deliveries", HEAD + "S1,A1,2026-01-05,12\nS1,A1,2026-01-05,-6\n")
    assert not report.written
    assert (kit.count(Delivery), kit.count(StockMove), kit.count(Balance)) == (0, 0, 0)


def test_cases_are_turned_into_bottles(kit):
    kit.take("deliveries", "门店编码,商品编码,日期,箱数,瓶数\nS1,A1,2026-01-05,2,3\n")
    assert kit.on_shelf(1, 1) == 15


def test_batches_keep_their_production_date(kit):
    head = "门店编码,商品编码,日期,瓶数,批号,生产日期\n"
    kit.take("deliveries", head + "S1,A1,2026-01-05,6,B1,\nS1,A1,2026-01-06,6,B1,2025-11-01\n")
    [lot] = kit.all(Lot)
    assert (lot.batch, lot.production_date) == ("B1", date(2025, 11, 1))
    report = kit.take("deliveries", head + "S1,A1,2026-01-07,6,B1,2025-12-01\nS1,A1,2026-01-07,6,,2026-02-01\n")
    assert ["已登记为 2025-11-01" in report.errors[0].sentence, "晚于发货日期" in report.errors[1].sentence] == [
        True,
        True,
    ]


def test_missing_stores_and_products_are_made_from_the_rows_own_columns(kit):
    head = "date,store,store_name,lat,lon,item,item_name,category,ml,pack,bottles\n"
    row = "2026-01-02,2500,HY-VEE,42.02,-93.66,4356,BALVENIE,SCOTCH,750,12,1\n"
    report = kit.take("deliveries", head + row + row.replace("4356", "9999").replace(",12,1", ",,1"), skip_bad=True)
    assert report.created == {"门店": 1, "商品": 1, "批次": 1}
    assert "没有箱规" in report.errors[0].sentence
    assert next(p for p in kit.all(Product) if p.code == "4356").case_size == 12
    assert next(s for s in kit.all(Store) if s.code == "2500").latitude == 42.02


def test_missing_stores_are_not_made_when_not_wanted(kit):
    head = "date,store,store_name,item,bottles\n"
    report = kit.take("deliveries", head + "2026-01-02,2500,HY-VEE,A1,1\n", create_missing=False)
    assert "没有这家门店" in report.errors[0].sentence


def test_held_batches_are_not_delivered(kit):
    kit.take("deliveries", "门店编码,商品编码,日期,瓶数,批号\nS1,A1,2026-01-05,6,B1\n")
    with kit.database.write() as session:
        session.add(Person(id=1, code="P", name="甲"))
        session.flush()
        session.add(
            Campaign(
                id=1,
                product_id=1,
                reason=Reason.SAFETY,
                deadline=date(2026, 4, 1),
                source="cli",
                creator_id=1,
                created_at=NOW,
                version=1,
            )
        )
        session.flush()
        session.add(Hold(lot_id=1, campaign_id=1, reason="x", placed_by="甲", placed_at=NOW))
    lines = "S2,A1,2026-01-06,6,B1\nS2,B2,2026-01-06,6,B1\n"
    report = kit.take("deliveries", "门店编码,商品编码,日期,瓶数,批号\n" + lines, skip_bad=True)
    assert (report.accepted, report.rejected_rows) == (1, 1)
    assert "已停售" in report.errors[0].sentence


def test_opening_counts_ask_for_the_day_of_arrival(kit):
    report = kit.take("stock", COUNT_HEAD + "S1,A1,B1,,1,2,,\n")
    assert "库龄会从 0 天算起" in report.errors[0].sentence
    assert kit.count(ChannelStock) == 0


def test_opening_counts_fill_shelves_and_warehouse(kit):
    text = COUNT_HEAD + "S1,A1,B1,2025-10-01,1,2,2025-11-01,2026-03-01\n仓库,A1,B1,,10,,,2026-03-01\n,B2,B7,,,5,,\n"
    report = kit.take("stock", text)
    assert (report.accepted, report.errors) == (3, [])
    stock = kit.believed()[1, 1]
    assert (stock.bottles, stock.received_on, stock.source) == (8, date(2025, 11, 1), StockSource.OPENING)
    assert kit.on_shelf(1, 1) == 8
    assert kit.count(ChannelStock) == 1
    again = kit.take("stock", text)
    assert (again.accepted, again.unchanged) == (0, 3)
    assert kit.books_are_right()


def test_a_later_count_makes_the_shelf_true(kit):
    kit.take("stock", COUNT_HEAD + "S1,A1,B1,,,12,2025-11-01,2026-02-01\nS1,A1,B2,,,6,2025-12-01,2026-02-01\n")
    report = kit.take("stock", COUNT_HEAD + "S1,A1,B1,,,7,2025-11-01,2026-03-01\n")
    assert report.accepted == 1
    assert (kit.on_shelf(1, 1), kit.on_shelf(1, 2)) == (7, 0)
    assert [(s.bottles, s.source) for s in kit.believed().values()] == [(7, StockSource.COUNT)]
    assert kit.books_are_right()


def test_a_count_on_the_same_day_may_be_corrected(kit):
    for bottles in (12, 6, 12):
        kit.now += timedelta(minutes=1)
        kit.take("stock", COUNT_HEAD + f"S1,A1,B1,,,{bottles},2025-11-01,2026-03-01\n")
        assert kit.on_shelf(1, 1) == bottles


def test_an_older_count_is_kept_and_changes_nothing(kit):
    kit.take("stock", COUNT_HEAD + "S1,A1,B1,,,12,2025-11-01,2026-02-01\n")
    report = kit.take("stock", COUNT_HEAD + "S1,A1,B1,,,3,2025-11-01,2026-01-01\n")
    assert (report.written, report.accepted) == (True, 1)
    assert any("早于已有的盘点" in note for note in report.notes)
    assert (kit.believed()[1, 1].bottles, kit.on_shelf(1, 1), kit.count(Observation)) == (12, 12, 2)


def test_counting_leaves_later_deliveries_standing(kit):
    head = "门店编码,商品编码,日期,瓶数,批号\n"
    kit.take("deliveries", head + "S1,A1,2026-01-05,12,B1\nS1,A1,2026-03-05,6,B1\n")
    kit.take("stock", COUNT_HEAD + "S1,A1,B1,,,4,2026-01-05,2026-02-01\n")
    assert kit.on_shelf(1, 1) == 10


@pytest.mark.parametrize("first", ["deliveries", "stock"])
def test_order_of_deliveries_and_count_does_not_matter(kit, first):
    deliveries = "门店编码,商品编码,日期,瓶数,批号\nS1,A1,2026-01-05,12,B1\nS1,A1,2026-03-05,6,B1\n"
    stock = COUNT_HEAD + "S1,A1,B1,,,4,2026-01-05,2026-02-01\n"
    files = {"deliveries": deliveries, "stock": stock}
    for kind in sorted(files, key=lambda kind: kind != first):
        kit.take(kind, files[kind])
    assert (kit.count(Delivery), kit.on_shelf(1, 1)) == (2, 10)
    assert kit.books_are_right()


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("S9,A1,B1,,,1,2026-01-01,", "没有这家门店"),
        ("S1,Z9,B1,,,1,2026-01-01,", "没有这个商品"),
        ("S1,A1,B1,,,,2026-01-01,", "至少写一样"),
        ("S1,A1,B1,,,-1,2026-01-01,", "负数"),
        ("S1,A1,B1,,,1,2026-01-01,2027-01-01", "日期在今天以后"),
        ("S1,A1,B1,,,1,2026-03-02,2026-03-01", "入店日期晚于盘点日期"),
        ("S1,A1,B1,2026-02-01,,1,2026-01-01,", "生产日期晚于入店日期"),
        ("S1,A1,B0,,,9,2025-01-01,", "重复"),
        ("S1,A1,B2,,,9,2025-01-01,2026-01-01", "盘点日期与第 2 行同一商品的不同"),
    ],
)
def test_counts_that_cannot_be_are_refused(kit, row, why):
    report = kit.take("stock", COUNT_HEAD + "S1,A1,B0,,,5,2025-01-01,\n" + row + "\n")
    assert any(why in error.sentence for error in report.errors)
    assert (kit.count(ChannelStock), kit.count(StockMove)) == (0, 0)


def test_unknown_batch_has_a_name_of_its_own(kit):
    kit.take("stock", COUNT_HEAD + "S1,A1,,,,5,2025-01-01,\nS1,B2,,2025-06-01,,5,2025-07-01,\n")
    assert [lot.batch for lot in kit.all(Lot)] == [UNKNOWN_BATCH, "生产20250601"]


CODES = "码,类型,所在箱码,商品编码,批号\n"


def test_codes_name_their_case_in_any_order(kit):
    text = CODES + "b1,瓶,c1,A1,B1\nb2,瓶,c1,A1,B1\nc1,箱,,A1,B1\n"
    assert kit.take("codes", text).accepted == 3
    again = kit.take("codes", text)
    assert (again.accepted, again.unchanged) == (0, 3)
    assert {u.code: u.parent_code for u in kit.all(UnitCode)} == {"b1": "c1", "b2": "c1", "c1": None}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("b2,瓶,c9,A1,B1", "没有这个箱码"),
        ("b2,瓶,b1,A1,B1", "没有这个箱码"),
        ("b2,瓶,c1,A1,B2", "箱和瓶不是同一批次"),
        ("c2,箱,c1,A1,B1", "箱不能再装在箱里"),
        ("b1,瓶,c1,A1,B1", "与第 3 行重复"),
        ("b2,罐,c1,A1,B1", "只能写：瓶、盒、箱"),
        ("b2,瓶,c1,A1,", "至少写一样"),
    ],
)
def test_codes_that_cannot_be_are_refused(kit, row, why):
    report = kit.take("codes", CODES + f"c1,箱,,A1,B1\nb1,瓶,c1,A1,B1\n{row}\n")
    assert any(why in error.sentence for error in report.errors)
    assert (kit.count(UnitCode), kit.count(Lot)) == (0, 0)


def test_a_known_code_may_not_mean_something_else(kit):
    kit.take("codes", CODES + "b1,瓶,,A1,B1\n")
    report = kit.take("codes", CODES + "b1,瓶,,A1,B2\n")
    assert "已经登记过" in report.errors[0].sentence


CELL = st.one_of(
    st.sampled_from(["S1", "S2", "A1", "B2", "2026-01-05", "20260106", "6", "12", "-1", "1.5", "=1", "", "合计"]),
    st.text(max_size=6),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELL, max_size=6), max_size=8))
def test_any_rows_are_loaded_or_reported_and_the_books_stay_right(kit, rows):
    content = csv_text([["门店编码", "商品编码", "日期", "瓶数"], *rows])
    report = kit.take("deliveries", content.encode("utf-8", "replace"))
    assert report.accepted + report.unchanged + report.rejected_rows <= len(rows)
    assert kit.books_are_right()
    assert kit.count(Delivery) == kit.count(StockMove)


def test_excel_and_csv_say_the_same(kit):
    rows = [["门店编码", "商品编码", "日期", "瓶数"], ["S1", "A1", date(2026, 1, 5), 12]]
    kit.take("deliveries", xlsx(rows))
    assert kit.take("deliveries", csv_text(rows)).unchanged == 1


def test_both_databases_take_all_kinds_alike(tmp_path, database_url):
    kit = new_kit(tmp_path, database_url)
    kit.masters()
    files = {
        "people": "人员编码,姓名,角色,门店编码,企业微信账号\nP1,甲,店主,S1,jia\n",
        "deliveries": "门店编码,商品编码,日期,瓶数,批号\nS1,A1,2026-01-05,12,B1\nS1,A1,2026-03-05,6,B1\nS1,A1,2026-03-05,x,B1\n",
        "stock": COUNT_HEAD + "S1,A1,B1,2025-11-01,,4,2026-01-05,2026-02-01\n仓库,A1,B9,,3,,,\n",
        "codes": CODES + "b1,瓶,c1,A1,B1\nc1,箱,,A1,B1\n",
    }
    taken = {kind: kit.take(kind, text, skip_bad=True).accepted for kind, text in files.items()}
    assert taken == {"people": 1, "deliveries": 2, "stock": 2, "codes": 2}
    again = {kind: kit.take(kind, text, skip_bad=True).accepted for kind, text in files.items()}
    assert again == dict.fromkeys(files, 0)
    [lot] = [lot for lot in kit.all(Lot) if lot.batch == "B1"]
    assert (kit.on_shelf(1, lot.id), lot.production_date) == (10, date(2025, 11, 1))
    assert kit.books_are_right()
    kit.database.close()


def iowa(name: str) -> Path:
    path = IOWA / name
    if not path.exists():
        warnings.warn(f"real deliveries are not here ({name}); their tests did not run", stacklevel=2)
        pytest.skip("REAL DATA ABSENT: set JIUHUI_SHARED to the folder that holds data/iowa_liquor")
    return path


@pytest.mark.filterwarnings("default:real deliveries")
def test_a_real_file_is_loaded_whole(tmp_path):
    sample = iowa("sample_ames_2020_2021.csv.gz")
    kit = new_kit(tmp_path)
    assert kit.take("stores", iowa("stores.csv.gz")).accepted == 1641
    products = kit.take("products", iowa("items.csv.gz"))
    assert (products.accepted, len(products.skipped)) == (4862, 1745)
    seen: list[tuple[int, int]] = []
    report = kit.take("deliveries", sample, progress=lambda done, total: seen.append((done, total)), skip_bad=True)
    assert report.accepted + report.rejected_rows == 130_749
    assert report.rejected_rows == 322
    assert {"没有箱规" in error.sentence for error in report.errors} == {True}
    assert seen[-1] == (130_750, 130_750)
    assert kit.books_are_right()
