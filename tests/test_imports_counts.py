"""Counts, opening balances and sell-out: what stores hold and sell, as files say it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from models.catalog import UNKNOWN_BATCH, Lot
from models.importing import ImportRun
from models.stock import ChannelStock, Observation, SellOut, StockMove, StockSource
from tests.intake_kit import TODAY, Kit, new_kit, xlsx

DELIVERIES = "门店编码,商品编码,日期,瓶数,批号\nS1,A1,2026-01-05,12,B1\nS1,A1,2026-02-05,6,B2\n"
HEAD = "门店编码,商品编码,瓶数,盘点日期\n"


@pytest.fixture
def kit(tmp_path, database_url) -> Kit:
    kit = new_kit(tmp_path, database_url)
    kit.masters()
    assert kit.take("deliveries", DELIVERIES).written
    return kit


def believed(kit: Kit) -> dict[str, int]:
    names = {lot.id: lot.batch for lot in kit.all(Lot)}
    return {names[lot]: stock.bottles for (_, lot), stock in kit.believed().items()}


def test_a_count_needs_no_lots(kit):
    report = kit.take("counts", HEAD + "S1,A1,1箱2瓶,2026-03-01\n")
    assert (report.accepted, report.changed) == (1, 0)
    assert believed(kit) == {"B2": 6, "B1": 2}
    [seen] = kit.all(Observation)
    assert (seen.bottles, seen.lot_id, seen.source, seen.confidence) == (8, None, StockSource.COUNT, 90)
    assert (seen.as_of, seen.observed_by) == (date(2026, 3, 1), "测试")
    assert kit.books_are_right()


def test_the_same_count_twice_is_one_and_a_corrected_one_another(kit):
    first = HEAD + "S1,A1,8,2026-03-01\nS1,B2,3,2026-03-01\n"
    kit.take("counts", first)
    moves = kit.count(StockMove)
    again = kit.take("counts", first)
    assert (again.accepted, again.unchanged, kit.count(StockMove)) == (0, 2, moves)
    assert any("导入过" in note for note in again.notes)
    corrected = kit.take("counts", HEAD + "S1,A1,9,2026-03-01\nS1,B2,3,2026-03-01\n")
    assert (corrected.accepted, corrected.changed, corrected.unchanged) == (1, 1, 1)
    assert sum(bottles for lot, bottles in believed(kit).items() if lot != UNKNOWN_BATCH) == 9
    back = kit.take("counts", first)
    assert (back.accepted, back.unchanged) == (1, 1)
    assert kit.count(Observation) == 4
    assert kit.books_are_right()


def test_two_people_importing_the_same_file_at_once_import_it_once(kit):
    path = kit.write(HEAD + "S1,A1,8,2026-03-01\nS1,B2,3,2026-03-01\nS2,A1,4,2026-03-01\n")
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda _: kit.take("counts", path), range(3)))
    assert sum(report.accepted for report in reports) == 3
    assert all(report.written or "请重试" in report.errors[0].sentence for report in reports)
    assert kit.count(Observation) == 3
    assert kit.books_are_right()


def test_an_older_count_arriving_later_is_kept_and_changes_nothing(kit):
    kit.take("counts", HEAD + "S1,A1,8,2026-03-05\n")
    before = believed(kit), kit.count(StockMove)
    report = kit.take("counts", HEAD + "S1,A1,2,2026-03-01\n")
    assert (report.written, report.accepted) == (True, 1)
    assert "早于已有的盘点" in report.notes[0]
    assert (believed(kit), kit.count(StockMove)) == before
    assert kit.count(Observation) == 2


def test_a_file_may_hold_the_counts_of_many_days(kit):
    days = "".join(f"S1,A1,{18 - week},2026-02-{week * 7:02d}\n" for week in range(1, 4))
    assert kit.take("counts", HEAD + days).accepted == 3
    assert sum(believed(kit).values()) == 15
    assert kit.count(Observation) == 3


def test_books_below_nothing_are_nothing_with_a_margin(kit):
    report = kit.take("counts", HEAD + "S1,A1,-3,2026-03-01\n")
    assert "按 0 瓶记" in report.notes[-1]
    [seen] = kit.all(Observation)
    assert (seen.bottles, seen.margin_bottles) == (0, 3)
    assert set(believed(kit).values()) == {0}


def test_goods_are_found_by_name_barcode_and_alias(kit):
    kit.take(
        "products", "商品编码,商品名称,规格,箱规,69码,别名\nC3,云峰,500ml,6,6902952880294,小云\nC4,云峰,375ml,6,,\n"
    )
    head = "客户名称,品名,规格型号,数量,单位\n"
    good = "福顺烟酒,小云,,2,箱\n福顺烟酒,云峰,375ml,5,瓶\n福顺烟酒,鹤汀 52 度,,1,件\n"
    assert kit.take("counts", head + good).accepted == 3
    assert sorted(seen.bottles for seen in kit.all(Observation)) == [5, 12, 12]
    assert kit.take("counts", HEAD + "S2,6902952880294,4,\n").accepted == 1
    unsure = kit.take("counts", head + "福顺烟酒,云峰,,2,箱\n没有的店,小云,,2,箱\n福顺烟酒,没有的酒,,2,箱\n")
    assert [error.sentence for error in unsure.errors] == [
        "第 2 行“商品名称”（写的是 云峰）：有 2 个商品叫这个名字，请写商品编码：C3 云峰、C4 云峰。",
        "第 3 行“门店名称”（写的是 没有的店）：没有这家门店，请先导入门店。",
        "第 4 行“商品名称”（写的是 没有的酒）：没有这个商品，请先导入商品。",
    ]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("S1,A1,,2026-03-01", "至少写一样"),
        ("S1,A1,1,2026-04-01", "今天以后"),
        (",A1,1,2026-03-01", "门店编码和门店名称至少写一样"),
        ("S1,,1,2026-03-01", "商品编码和商品名称至少写一样"),
        ("S1,A1,9,2026-03-02", "重复"),
    ],
)
def test_counts_that_cannot_be_change_nothing(kit, row, why):
    report = kit.take("counts", HEAD + "S1,A1,8,2026-03-02\n" + row + "\n")
    assert any(why in error.sentence for error in report.errors)
    assert (kit.count(Observation), kit.count(ChannelStock)) == (0, 0)
    assert {run.kind for run in kit.all(ImportRun)} == {"products", "stores", "deliveries"}


def test_opening_balances_must_say_how_old_they_are(kit):
    head = "门店编码,商品编码,瓶数,入店日期,库龄天数\n"
    report = kit.take("opening", head + "S1,A1,12,,\nS1,B2,6,2025-06-01,\n")
    assert [error.sentence for error in report.errors] == [
        "第 2 行“入店日期”：要写库龄：填“入店日期”（如 2025-02-01）或“库龄天数”（如 120），不然库龄会从 0 天算起。"
    ]
    assert kit.count(Observation) == 0
    assert "入店日期（或库龄天数）" in kit.take("opening", "门店编码,商品编码,瓶数\nS1,A1,12\n").errors[0].sentence


def test_opening_balances_take_either_way_to_say_the_age(kit):
    head = "门店编码,商品编码,瓶数,入店日期,库龄天数\n"
    assert kit.take("opening", head + "S2,A1,12,,300天\nS2,A1,6,2026-02-01,\nS2,B2,5,,0\n").accepted == 3
    stock = {(s.product_id, s.received_on): (s.bottles, s.source) for s in kit.all(ChannelStock) if s.store_id == 2}
    assert stock == {
        (1, TODAY - timedelta(days=300)): (12, StockSource.OPENING),
        (1, date(2026, 2, 1)): (6, StockSource.OPENING),
        (2, TODAY): (5, StockSource.OPENING),
    }
    assert kit.books_are_right()


def test_own_warehouse_needs_no_store_column_and_adds_its_rooms(kit):
    head = "仓库名称,存货编码,存货名称,规格型号,主计量单位,现存数量,批号\n"
    rows = "主仓,A1,青岚 42 度,,瓶,30,B9\n二号库,A1,青岚 42 度,,瓶,12,B9\n主仓,B2,鹤汀 52 度,,箱,2,\n"
    assert kit.take("stock", head + rows).accepted == 2
    assert kit.count(Observation) == 0
    assert kit.take("stock", head + rows).accepted == 0
    assert kit.books_are_right()


def test_own_stock_below_nothing_is_refused_with_a_reason(kit):
    report = kit.take("stock", "存货编码,现存量\nA1,-3\n")
    assert report.errors[0].sentence == "第 2 行“瓶数”（写的是 -3）：账面是负数，先在原来的系统里查清再导入。"


def test_a_column_of_stores_under_an_unknown_name_is_not_taken_for_the_warehouse(kit):
    report = kit.take("stock", "售货店面,存货编码,现存量\nS1,A1,3\n")
    assert "请改成“门店编码”" in report.errors[0].sentence
    assert not report.written


def test_an_older_count_of_the_warehouse_does_not_turn_time_back(kit):
    head = "商品编码,瓶数,盘点日期\n"
    kit.take("stock", head + "A1,30,2026-03-05\n")
    report = kit.take("stock", head + "A1,50,2026-03-01\n")
    assert "已有更新的盘点" in report.skipped[0].sentence
    assert kit.take("stock", head + "A1,30,2026-03-05\n").unchanged == 1


SOLD = "门店编码,商品编码,销售日期,销量\n"


def test_sales_of_one_day_are_added_up_and_known_again(kit):
    text = SOLD + "S1,A1,2026-03-01,3\nS1,A1,2026-03-01,2\nS1,A1,2026-03-01,-1\nS1,A1,2026-03-02,1箱\n"
    report = kit.take("sellout", text)
    assert report.accepted == 2
    assert "4 行合成 2 条" in report.notes[0]
    assert sorted((s.first_day, s.last_day, s.bottles) for s in kit.all(SellOut)) == [
        (date(2026, 3, 1), date(2026, 3, 1), 4),
        (date(2026, 3, 2), date(2026, 3, 2), 6),
    ]
    again = kit.take("sellout", text)
    assert (again.accepted, again.unchanged) == (0, 2)
    corrected = kit.take("sellout", SOLD + "S1,A1,2026-03-01,5\n")
    assert (corrected.changed, kit.count(SellOut)) == (1, 2)


def test_a_month_that_is_not_over_grows(kit):
    kit.take("sellout", SOLD + "S1,A1,2026-03,7\n")
    kit.now += timedelta(days=7)
    assert kit.take("sellout", SOLD + "S1,A1,2026-03,11\n").changed == 1
    [sold] = kit.all(SellOut)
    assert (sold.first_day, sold.last_day, sold.bottles) == (date(2026, 3, 1), TODAY + timedelta(days=7), 11)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("S1,A1,2026-02,30", "会重复计算"),
        ("S1,A1,2026-01-20至2026-02-20,30", "会重复计算"),
        ("S1,A1,2026-04-01,1", "今天以后"),
        ("S1,A1,,1", "要写销售日期"),
        ("S1,A1,2026-03-01,-1", "合计是负数"),
        ("S1,A1,2026-03-01,", "至少写一样"),
    ],
)
def test_sales_that_would_count_twice_or_never_were_are_refused(kit, row, why):
    kit.take("sellout", SOLD + "S1,A1,2026-02-10,3\nS1,B2,2026-02-10,3\n")
    report = kit.take("sellout", SOLD + row + "\n")
    assert any(why in error.sentence for error in report.errors)
    assert kit.count(SellOut) == 2


def test_spans_of_one_file_may_not_share_a_day(kit):
    head = "门店编码,商品编码,开始日期,结束日期,销量\n"
    report = kit.take("sellout", head + "S1,A1,2026-02-01,2026-02-15,3\nS1,A1,2026-02-15,2026-02-28,3\n")
    assert "与第 2 行的日期重叠" in report.errors[0].sentence
    assert kit.count(SellOut) == 0


def test_cells_merged_downwards_say_the_same_in_every_row(kit):
    path = kit.folder / "merged.xlsx"
    path.write_bytes(xlsx([["门店编码", "商品编码", "瓶数"], ["S1", "A1", 3], [None, "B2", 4]]))
    merged = kit.merged(path, "A2:A3")
    assert kit.take("counts", merged).accepted == 2
    wrong = kit.merged(path, "C2:C3")  # a quantity is not said twice
    assert "不能空着" in kit.take("counts", wrong).errors[0].sentence or kit.count(Observation) == 2
