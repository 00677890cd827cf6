"""Files of unit codes, barcodes and what happened to codes."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.catalog import Lot, Pack, TradeItem, UniquePer, UnitCode
from tests.intake_kit import Kit, csv_text, new_kit
from workflows.code_registry import resolve
from workflows.packing import units_of

PRODUCTS = "商品编码,商品名称,箱规,单价,品牌,条码\nA1,青岚,6,100,样例乙,6901234567892\nM1,大曲,6,100,样例甲,\n"
HEAD = "码,码类型,上级码,商品编码,批号,生效日期,失效日期,方案,瓶数,同一件的码\n"
TODAY = date(2026, 3, 10)


@pytest.fixture
def kit(tmp_path, database_url) -> Kit:
    kit = new_kit(tmp_path, database_url)
    assert kit.take("products", PRODUCTS).written
    return kit


def behind(kit: Kit, code: str, day: date = TODAY) -> set[str]:
    with kit.database.read() as session:
        return set(units_of(session, code, day))


def test_pallet_case_box_bottle_and_cap_in_any_order(kit):
    text = HEAD + (
        "CAP1,盖内,b1,A1,B1,,,,,\nb1,瓶,g1,A1,B1,,,,,\ng1,盒,c1,A1,B1,,,,,\nc1,箱,p1,A1,B1,,,,,\n"
        "c1in,箱,,A1,B1,,,,,c1\nb2,瓶,c1,A1,B1,,,,,\np1,垛,,A1,B1,,,,,\nc2,箱,p1,A1,B2,,,,4,\n"
    )
    assert kit.take("codes", text).accepted == 8
    again = kit.take("codes", text)
    assert (again.accepted, again.unchanged, again.errors) == (0, 8, [])
    assert behind(kit, "p1") == {"b1", "b2", "c2#1", "c2#2", "c2#3", "c2#4"}
    assert behind(kit, "c1in") == {"b1", "b2"}
    assert behind(kit, "CAP1") == {"b1"}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("b2,瓶,c9,A1,B1,,,,,", "没有这个箱码"),
        ("b2,瓶,b1,A1,B1,,,,,", "没有这个箱码"),
        ("b2,瓶,c1,A1,B2,,,,,", "箱和瓶不是同一批次"),
        ("c2,箱,c1,A1,B1,,,,,", "箱不能再装在箱里"),
        ("g2,盒,g1,A1,B1,,,,,", "盒不能再装在盒里"),
        ("p2,垛,c1,A1,B1,,,,,", "垛不能再装"),
        ("k1,盖内,,A1,B1,,,,,", "盖内码要写它的瓶码"),
        ("k1,盖内,c1,A1,B1,,,,,", "不是同一件"),
        ("k1,盖内,b9,A1,B1,,,,,", "没有这个瓶码"),
        ("b2,瓶,c1,A1,B1,,,,,b1", "只写一样"),
        ("b2,瓶,,A1,B1,,,,,c1", "不是同一件"),
        ("b2,瓶,b2,A1,B1,,,,,", "上级不能是它自己"),
        ("b2,瓶,,A1,B1,2026-02-02,2026-01-01,,,", "失效日期早于生效日期"),
        ("b2,瓶,,A1,B1,,,,6,", "瓶码和盖内码不写瓶数"),
        ("c3,箱,,A1,B1,,,,10001,", "最多 10000 瓶"),
        ("6901234567892,瓶,,A1,B1,,,,,", "这是商品条码或替代码"),
        ("0000000000,瓶,,A1,B1,,,,,", "这是商品条码或替代码"),
        ("X1,瓶,,A1,B1,,,没有的,,", "没有这个方案"),
        ("3120004567,箱,,A1,B1,,,sample_trunk,,", "不适用于这个商品的品牌"),
        ("31200045,箱,,M1,B1,,,sample_trunk,,", "不像方案"),
        ("9999999999,箱,,M1,B1,,,sample_trunk,,", "不像方案"),
        ("3120004567,瓶,,M1,B1,,,sample_trunk,,", "只登记箱"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(kit, row, why):
    report = kit.take("codes", HEAD + f"c1,箱,,A1,B1,,,,,\nb1,瓶,c1,A1,B1,,,,,\ng1,盒,c1,A1,B1,,,,,\n{row}\n")
    assert any(why in error.sentence for error in report.errors), report.errors
    assert (kit.count(UnitCode), kit.count(Lot)) == (0, 0)


def test_brand_code_is_registered_under_its_scheme_and_found_as_printed(kit):
    assert kit.take("codes", HEAD + "3120004567,箱,,M1,B1,,,样例甲·整箱同码,6,\n").accepted == 1
    [unit] = kit.all(UnitCode)
    assert (unit.code, unit.unique_per) == ("sample_trunk:3120004567", UniquePer.CASE)
    with kit.database.read() as session:
        found = resolve(session, "3120004567", TODAY)
    assert (found.product_code, found.batch, found.bottles) == ("M1", "B1", 6)


def test_code_repeated_far_down_the_file_is_one_code(kit):
    rows = [[f"b{n}", "瓶", "", "A1", "B1", "", "", "", "", ""] for n in range(6_000)]
    report = kit.take("codes", HEAD + csv_text([*rows, rows[3]]))
    assert (report.accepted, report.unchanged, kit.count(UnitCode)) == (6_000, 1, 6_000)
    other = [*rows[3][:4], "B2", *rows[3][5:]]
    assert "已经登记过" in kit.take("codes", HEAD + csv_text([*rows, other])).errors[0].sentence


def test_parents_may_come_in_a_later_portion(kit):
    rows = [[f"b{n}", "瓶", f"c{n // 6}", "A1", "B1", "", "", "", "", ""] for n in range(5_400)]
    rows += [[f"c{n}", "箱", "", "A1", "B1", "", "", "", "", ""] for n in range(900)]
    assert kit.take("codes", HEAD + csv_text(rows)).accepted == 6_300
    assert behind(kit, "c7") == {f"b{n}" for n in range(42, 48)}


EVENTS = "码,事件,日期,装进\n"


def test_events_open_redeem_and_pack(kit):
    kit.take(
        "codes",
        HEAD
        + "c1,箱,,A1,B1,,,,,\nb1,瓶,c1,A1,B1,,,,,\nb2,瓶,c1,A1,B1,,,,,\nk1,盖内,b1,A1,B1,,,,,\nn1,箱,,A1,B1,,,,,\n",
    )
    text = EVENTS + "c1,开箱,2026-03-01,\nk1,兑奖,2026-03-02,\nb2,装箱,2026-03-03,n1\n"
    assert kit.take("code_events", text).accepted == 3
    again = kit.take("code_events", text)
    assert (again.accepted, again.unchanged, again.errors) == (0, 3, [])
    assert (behind(kit, "c1"), behind(kit, "n1")) == (set(), {"b2"})
    assert behind(kit, "c1", date(2026, 2, 28)) == {"b1", "b2"}
    # The line's own file again: what it says was true once, so it is no contradiction.
    assert kit.take("codes", HEAD + "b2,瓶,c1,A1,B1,,,,,\n").unchanged == 1


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("c9,开箱,2026-03-01,", "没有登记过"),
        ("b1,开箱,2026-03-01,", "不是箱"),
        ("c1,兑奖,2026-03-01,", "不是单独一瓶"),
        ("c1,开箱,2026-03-11,", "日期在今天以后"),
        ("b1,装箱,2026-03-01,", "要写装进哪个箱码"),
        ("b1,装箱,2026-03-01,n1", "请先登记开箱"),
    ],
)
def test_events_that_cannot_be_are_refused(kit, row, why):
    kit.take("codes", HEAD + "c1,箱,,A1,B1,,,,,\nb1,瓶,c1,A1,B1,,,,,\nc2,箱,,A1,B1,,,,,\nn1,箱,,A1,B1,,,,,\n")
    report = kit.take("code_events", EVENTS + "c2,开箱,2026-03-01,\n" + row + "\n")
    assert any(why in error.sentence for error in report.errors), report.errors
    assert behind(kit, "c2")  # nothing half-written


BARCODES = "条码,商品编码,包装,瓶数,生效日期,失效日期\n"


def test_barcodes_of_four_and_six_and_a_number_used_again(kit):
    text = BARCODES + (
        "16901234567899,A1,箱,6,,2023-12-31\n26901234567896,A1,箱,4,,\n16901234567899,M1,箱,12,2024-01-01,\n"
    )
    assert kit.take("barcodes", text).accepted == 3
    assert kit.take("barcodes", text).unchanged == 3
    with kit.database.read() as session:
        assert resolve(session, "26901234567896", TODAY).bottles == 4
        assert resolve(session, "16901234567899", TODAY).bottles == 12
        assert resolve(session, "(01)16901234567899(11)230101", TODAY).product_code == "A1"
    assert kit.take("barcodes", BARCODES + "26901234567896,A1,箱,4,,2026-01-01\n").accepted == 1
    assert {(i.gtin, i.valid_to) for i in kit.all(TradeItem) if i.pack is Pack.CASE and i.bottles == 4} == {
        ("26901234567896", date(2026, 1, 1))
    }


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("16901234567890,A1,箱,6,,", "校验位不对"),
        ("16901234567899,Z9,箱,6,,", "没有这个商品"),
        ("16901234567899,A1,箱,0,,", "要大于 0"),
        ("6901234567892,A1,瓶,6,,", "瓶写 1"),
        ("26901234567896,A1,箱,6,,", "已登记为别的"),
        ("26901234567896,A1,箱,6,2024-01-01,", "重叠"),
        ("16901234567899,A1,箱,6,2024-01-01,2023-01-01", "失效日期早于"),
    ],
)
def test_barcodes_that_cannot_be_are_refused(kit, row, why):
    report = kit.take("barcodes", BARCODES + f"26901234567896,A1,箱,4,,\n{row}\n")
    assert any(why in error.sentence for error in report.errors), report.errors
    assert kit.count(TradeItem) == 0


WORDS = "c1 b1 b2 p1 瓶 箱 垛 盒 盖内 A1 M1 B1 B2 6 3120004567 =1 sample_trunk 2026-01-01 0000000000 合计 \x00 🍶"
CELL = st.sampled_from(["", *WORDS.split(" ")])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELL, min_size=10, max_size=10), max_size=8), kind=st.sampled_from(["codes", "barcodes"]))
def test_any_rows_are_loaded_or_reported(kit, rows, kind):
    head = HEAD if kind == "codes" else BARCODES
    report = kit.take(kind, (head + csv_text(rows)).encode("utf-8", "replace"))
    assert report.written or report.errors
