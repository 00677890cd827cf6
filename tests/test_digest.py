"""The digest: once a day, per group, ranked, without money, leading to 发起回收."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from models.engine import Outbox, Sent
from models.stock import ChannelStock
from models.warning import StockWarning, WarningState
from reports.fonts import DEFAULT_CACHE, Fonts, ensure_fonts
from rules.warnings import load_rules
from tests.intake_kit import NOW, TODAY, Kit, new_kit
from tests.test_scan import hold, reserve, sell
from texts.message import Message
from workflows.digest import TOP_BUTTONS, push_digests
from workflows.digest_lines import findings, ranked
from workflows.house import Group
from workflows.scan import scan

GROUPS = (
    Group("东区群", ("东区",), wecom_robot=True, dingtalk_robot=True),
    Group("西区群", ("西区",), wecom_robot=True, dingtalk_conversation="cid-west"),
    Group("南区群", ("南区",), wecom_robot=True),
)


@pytest.fixture(scope="session")
def fonts() -> Fonts:
    return ensure_fonts(DEFAULT_CACHE)


@pytest.fixture
def kit(tmp_path) -> Iterator[Kit]:
    kit = new_kit(tmp_path, groups=GROUPS)
    products = "商品编码,商品名称,箱规,单价,效期依据,保质月数\nA1,青岚*42,6,100,无,\nB2,鹤汀,12,500,无,\nC3,露酒,6,50,标签,12\n"
    kit.take("products", products)
    kit.take("stores", "门店编码,门店名称,区域\nS1,福顺[总店],东区\nS2,聚缘,西区\n")
    yield kit
    kit.database.close()


def push(kit: Kit, fonts: Fonts, today: date = TODAY) -> int:
    with kit.database.write() as session:
        scan(session, load_rules(), today, NOW)
        return push_digests(session, kit.house, today, NOW, fonts=fonts)


def letters(kit: Kit) -> dict[str, Message]:
    return {letter.channel: Message.from_dict(letter.message) for letter in kit.all(Outbox)}


def test_every_group_hears_of_its_own_region_only(kit, fonts):
    hold(kit, 1, "B1", 8, days=100)
    hold(kit, 1, "B1", 9, days=120, store=2)
    assert push(kit, fonts) == 4
    said = letters(kit)
    assert set(said) == {"wecom:robot:东区群", "dingtalk:robot:东区群", "wecom:robot:西区群", "dingtalk:group:西区群"}
    assert "聚缘" not in said["wecom:robot:东区群"].body
    assert "9 瓶" in said["wecom:robot:西区群"].body


def test_a_second_run_that_day_sends_nothing_the_next_day_does(kit, fonts):
    hold(kit, 1, "B1", 8, days=100)
    assert push(kit, fonts) == 2
    assert push(kit, fonts) == 0
    with kit.database.write() as session:  # letters that went out are remembered too
        for letter in session.scalars(select(Outbox)):
            kept = {
                name: getattr(letter, name)
                for name in ("id", "key", "channel", "recipient", "kind", "message", "created_at")
            }
            session.add(Sent(**kept, sent_at=NOW, attempts=1))
            session.delete(letter)
    assert push(kit, fonts) == 0
    assert push(kit, fonts, TODAY + timedelta(days=1)) == 2


def test_nothing_to_say_is_not_said(kit, fonts):
    assert push(kit, fonts) == 0
    assert not (kit.house.files / "digests").exists()


def test_lines_lead_to_the_page_of_the_warning(kit, fonts):
    hold(kit, 1, "B1", 8, days=100)
    push(kit, fonts)
    message = letters(kit)["wecom:robot:东区群"]
    assert message.title == "东区群库存预警 · 3 月 10 日"
    assert message.body.splitlines() == [
        "共 1 条预警，1 家门店，8 瓶。",
        "按先后处理：",
        r"1. 福顺\[总店\] 青岚\*42：1 箱 2 瓶（8 瓶），库龄 100 天（3 月 10 日盘点）[发起回收](https://jiuhui.example/w/1)",
    ]
    assert [(b.key, b.url) for b in message.buttons] == [("", "https://jiuhui.example/w/1")]


def test_the_apps_own_card_has_buttons_that_call_back(kit, fonts):
    hold(kit, 1, "B1", 8, days=100, store=2)
    push(kit, fonts)
    assert [b.key for b in letters(kit)["dingtalk:group:西区群"].buttons] == ["warning:1:start_recall:1"]


def test_money_ranks_but_is_not_shown(kit, fonts):
    hold(kit, 1, "B1", 30, days=100)
    hold(kit, 2, "B2", 29, days=100)
    push(kit, fonts)
    body = letters(kit)["wecom:robot:东区群"].body
    assert body.index("鹤汀") < body.index("青岚")
    assert "元" not in body
    assert "¥" not in body


def test_longer_over_the_threshold_ranks_higher(kit):
    hold(kit, 1, "B1", 10, days=100)
    hold(kit, 1, "B2", 10, days=300)
    with kit.database.write() as session:
        scan(session, load_rules(), TODAY, NOW)
        found = findings(session, ["东区"])
    assert [round(f.factor, 2) for f in sorted(found, key=lambda f: f.lot_id)] == [1.11, 3.33]
    [place] = ranked(found)
    assert (place.first.lot_id, place.bottles) == (2, 20)


def test_all_reasons_of_a_product_stand_in_one_line(kit, fonts):
    hold(kit, 1, "B1", 40, days=100)
    sell(kit, 1, 5_000)
    hold(kit, 3, "C1", 6, days=10, made=date(2025, 6, 1))
    push(kit, fonts)
    body = letters(kit)["wecom:robot:东区群"].body
    assert "够卖 8 个月（月均 5 瓶），库龄 100 天" in body
    assert "6 月 1 日到期，还剩 83 天" in body
    assert body.count("/w/") == 2


def test_goods_past_their_end_and_goods_nobody_buys_are_said_plainly(kit, fonts):
    hold(kit, 3, "C1", 6, days=10, made=date(2025, 2, 1))
    hold(kit, 1, "B1", 6, days=10)
    sell(kit, 1, 0)
    push(kit, fonts)
    body = letters(kit)["wecom:robot:东区群"].body
    assert "2 月 1 日已到期" in body
    assert "近 6 个月没有动销" in body


def test_the_word_for_near_expiry_is_not_said_of_goods_without_a_basis(kit, fonts):
    hold(kit, 1, "B1", 40, days=100)
    sell(kit, 1, 5_000)
    push(kit, fonts)
    message = letters(kit)["wecom:robot:东区群"]
    sheet = load_workbook(message.files[0]).active
    assert sheet is not None
    words = " ".join(str(cell.value) for row in sheet.iter_rows() for cell in row) + message.body
    assert "临期" not in words
    assert "临近到期" not in words


def test_inferred_stock_says_so(kit, fonts):
    kit.take("deliveries", "门店编码,商品编码,日期,瓶数\nS1,A1,2025-11-20,12\n")
    hold(kit, 1, "B1", 8, days=100)
    with kit.database.write() as session:
        stock = session.scalars(select(ChannelStock)).one()
        stock.source = "inferred"
    push(kit, fonts)
    assert "（按发货推算）" in letters(kit)["wecom:robot:东区群"].body


def test_only_the_first_lines_are_shown_and_the_table_has_all(kit, fonts):
    for number in range(14):
        kit.take("products", f"商品编码,商品名称,箱规,单价\nN{number},新品{number},6,10\n")
        hold(kit, 4 + number, f"N{number}", 6 + number, days=100)
    push(kit, fonts)
    message = letters(kit)["wecom:robot:东区群"]
    assert "最该先处理的 10 处（共 14 处，全部见表格）：" in message.body
    assert message.body.count("发起回收") == 10
    assert len(message.buttons) == TOP_BUTTONS
    sheet = load_workbook(message.files[0]).active
    assert sheet is not None
    assert sheet.max_row == 15
    assert Path(message.image).read_bytes().startswith(b"\x89PNG")
    assert len(message.body.encode()) < 4_000


def test_goods_asked_for_and_warnings_taken_up_are_not_repeated(kit, fonts):
    lot = hold(kit, 1, "B1", 8, days=100)
    hold(kit, 2, "B2", 8, days=100)
    with kit.database.write() as session:
        scan(session, load_rules(), TODAY, NOW)
        taken = session.scalars(select(StockWarning).where(StockWarning.product_id == 2)).one()
        taken.state = WarningState.DISMISSED
    reserve(kit, lot)
    assert push(kit, fonts) == 0


def test_a_group_for_all_regions_hears_everything(kit, fonts):
    kit.house = replace(kit.house, groups=(Group("全部", (), wecom_robot=True),))
    hold(kit, 1, "B1", 8, days=100)
    hold(kit, 1, "B1", 9, days=120, store=2)
    assert push(kit, fonts) == 1
    assert "2 家门店，17 瓶" in letters(kit)["wecom:robot:全部"].body
