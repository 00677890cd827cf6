"""The morning's digests: who hears what, in which order, how much of it, and when it is said again."""

import re
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from openpyxl import load_workbook

from models.engine import Card, Outbox
from models.people import Role
from models.warning import WarningState
from rules.warnings import Action
from tests.digest_kit import BOSS, MANAGER, REP, RULES, Desk
from tests.intake_kit import TODAY
from texts.message import Message
from workflows.calendar_watch import push_alarm, push_time
from workflows.digest import compose_digests, write_digests
from workflows.digest_files import forget_old_papers
from workflows.house import Group
from workflows.outbox import LATER

GROUPS = (
    Group("东区群", ("东区",), wecom_robot=True, dingtalk_conversation="cid-east"),
    Group("西区群", ("西区",), wecom_robot=True, dingtalk_robot=True),
)
WARNING_BUTTONS = {"发起回收", "找调剂", "去盘点", "稍后", "忽略"}


@pytest.fixture
def desk(tmp_path, migrated_url) -> Iterator[Desk]:
    desk = Desk(tmp_path, migrated_url, GROUPS)
    desk.staff()
    yield desk
    desk.kit.database.close()


def lines_in(message: Message) -> list[str]:
    """The numbered lines of a list."""
    return [line for line in message.body.splitlines() if re.match(r"\d+\.【", line)]


# Who hears


def test_each_level_is_told_to_the_receivers_of_its_rule(desk):
    desk.warn(store=1, level=1)
    desk.warn(store=2, level=2)
    desk.warn(store=3, level=3)

    assert desk.push() == 4 + 4  # four people, two groups on two platforms

    assert "福顺" in desk.list_of("li").body
    assert "聚缘" in desk.list_of("li").body
    assert "西岭" not in desk.list_of("li").body
    assert "西岭" in desk.list_of("sun").body
    assert "福顺" not in desk.list_of("qian").body
    assert "聚缘" in desk.list_of("qian").body
    assert "福顺" not in desk.list_of("boss").body
    assert "西岭" in desk.list_of("boss").body


def test_the_nearest_holder_of_a_role_hears_of_a_store(desk):
    desk.person("wu", REP, store=2)
    desk.warn(store=1)
    desk.warn(store=2)

    desk.push()

    assert "聚缘" in desk.list_of("wu").body
    assert "聚缘" not in desk.list_of("li").body


def test_only_assignments_valid_that_day_count(desk):
    desk.person("old", REP, store=1, until=TODAY - timedelta(days=1))
    desk.person("new", REP, store=2, since=TODAY + timedelta(days=1))
    desk.warn(store=1)
    desk.warn(store=2)

    desk.push()

    assert not desk.letters("old")
    assert not desk.letters("new")
    assert {"福顺", "聚缘"} <= set(re.findall("福顺|聚缘", desk.list_of("li").body))


def test_a_missing_rep_is_said_to_the_manager_and_never_kept_from_everybody(tmp_path, migrated_url):
    desk = Desk(tmp_path, migrated_url)
    desk.person("qian", MANAGER, region="东区")
    desk.person("boss", BOSS)
    desk.person("nobody", REP, region="西区", platform="")
    desk.warn(store=1)
    desk.warn(store=3)

    assert desk.push() == 2

    assert r"福顺\[总店\]没有业务员（或联系不上），先发给您" in desk.list_of("qian").body
    assert "西岭商行没有业务员" in desk.list_of("boss").body  # 西区 has no manager either
    assert "福顺" not in desk.list_of("boss").body


def test_warnings_nobody_can_be_told_of_stay_untold(tmp_path, migrated_url):
    desk = Desk(tmp_path, migrated_url)
    told = desk.warn()

    assert desk.push() == 0
    assert desk.warning(told).notified_on is None


def test_whoever_it_was_given_to_hears_of_it_instead_of_the_rep(desk):
    wu = desk.person("wu", REP, region="东区")
    desk.warn(store=1, assignee_id=wu)

    desk.push()

    assert "福顺" in desk.list_of("wu").body
    assert not desk.letters("li")


def test_somebody_without_sight_of_the_store_gets_nothing_of_it(desk):
    sun = desk.person("sun", REP, region="西区")
    desk.warn(store=1, assignee_id=sun)

    desk.push()

    assert not desk.letters("sun")
    assert "福顺" in desk.list_of("li").body


def test_people_in_wecom_are_told_in_wecom(desk):
    desk.person("zhou", REP, store=1, platform="wecom")
    desk.warn(store=1)

    desk.push()

    [row, *cards] = [row for row in desk.rows() if row.recipient == "zhou"]
    assert {letter.channel for letter in (row, *cards)} == {"wecom:app"}
    assert '<a href="https://jiuhui.example/w/1">W1</a>' in row.message["body"]


# In which order


def test_lines_are_ranked_by_loss_avoided_for_each_minute(desk):
    desk.warn("aged", store=1, product=1, loss=100_000)  # 1,000 yuan, 60 of costs, 30 minutes and the way
    desk.warn("overstock", store=2, product=1, loss=60_000)  # 600 yuan, 5 minutes and the way

    desk.push()

    body = desk.list_of("li").body
    assert body.index("聚缘") < body.index("福顺")


def test_errands_in_one_store_share_the_way(desk):
    desk.settle(travel_minutes=120)
    desk.warn("aged", store=1, product=1, loss=110_000)
    desk.warn("aged", store=2, product=1, loss=100_000)
    desk.warn("aged", store=2, product=2, loss=100_000)

    desk.push()

    lines = lines_in(desk.list_of("li"))
    assert [re.findall("福顺|聚缘", line)[0] for line in lines] == ["聚缘", "聚缘", "福顺"]


def test_of_equal_gain_the_nearer_deadline_comes_first(desk):
    life = {"production_date": "2025-04-01", "life_months": 12}
    desk.warn("near_expiry", store=2, figures=life)
    desk.warn("near_expiry", store=1, figures={**life, "production_date": "2025-05-01"})

    desk.push()

    body = desk.list_of("li").body
    assert body.index("聚缘") < body.index("福顺")
    assert "4 月 1 日到期，还剩 22 天" in body


def test_the_same_morning_gives_the_same_words_twice(desk):
    for store in (1, 2, 3):
        desk.warn(store=store, loss=0)
    desk.push()
    first = [message.body for message in desk.letters()]
    desk.forget_letters()
    for warning in (1, 2, 3):
        desk.change(warning, notified_on=None, notified_level=0)
    desk.push()

    assert [message.body for message in desk.letters()] == first


def test_all_reasons_of_a_place_stand_in_one_line(desk):
    desk.warn("aged", lot=0, level=2, loss=50_000)
    desk.warn("overstock", value=8_000, loss=200_000)

    desk.push()

    [line] = [line for line in desk.list_of("li").body.splitlines() if line.startswith("1.")]
    assert "【橙】" in line
    assert "够卖 8 个月（月均 5 瓶），出仓 132 天（3 月 10 日盘点）→ 暂停补货" in line
    assert desk.list_of("li").body.count("福顺") == 1


def test_two_rules_about_the_same_bottles_save_them_once(desk):
    desk.warn("aged", lot=1, loss=30_000, bottles=10)
    desk.warn("aged", lot=2, loss=40_000, bottles=12)
    desk.warn("overstock", loss=50_000, bottles=22)

    desk.push()

    assert "预计能少损失 700.00 元" in desk.list_of("li").body


# How much


def test_the_list_is_capped_and_the_rest_counted(desk):
    desk.settle(lines_per_person=4)
    for store in desk.stores(41):
        desk.warn(store=store)

    desk.push()

    message = desk.list_of("li")
    assert message.title == "今天先看这 4 处 · 3 月 10 日"
    assert "还有 37 处，见附件。" in message.body
    assert len(lines_in(message)) == 4
    sheet = load_workbook(message.files[0]).active
    assert sheet.max_row == 42


def test_cards_are_few_and_carry_the_five_acts(desk):
    for store in desk.stores(5):
        desk.warn(store=store)

    desk.push()

    cards = desk.cards_of("li")
    assert len(cards) == 3
    assert {button.label for button in cards[0].buttons} >= WARNING_BUTTONS
    assert all(button.key.startswith("warning:") for button in cards[0].buttons)
    kept = [card for card in desk.kit.all(Card) if card.recipient == "li"]
    assert {(card.flow, card.open) for card in kept} == {("warning", True)}
    assert len(kept) == 3


def test_no_cards_where_none_are_wanted(desk):
    desk.settle(cards_per_person_per_day=0)
    desk.warn()

    desk.push()

    assert desk.cards_of("li") == []
    assert "卡片" not in desk.list_of("li").body


def test_everything_of_a_digest_can_wait(desk):
    desk.warn()
    desk.push()

    assert {row.priority for row in desk.rows()} == {LATER}


def test_the_first_days_tell_only_what_is_grave(desk):
    desk.settle(ramp_days=7)
    stores = desk.stores(500)
    for store in stores:
        desk.warn(store=store)
    grave = desk.warn(store=1, level=3, loss=0)

    desk.push()

    message = desk.list_of("li")
    assert len(lines_in(message)) == 1
    assert "头几天只列最要紧的；还有 7 天转为正常" in message.body
    assert "501 处要看：红 1 处、黄 500 处" in message.body
    assert "按商品：青岚" in message.body
    assert "还有 500 处，见附件" in message.body
    assert len(desk.letters("li")) == 2  # the list and one card
    assert desk.warning(grave).notified_on == TODAY
    assert sum(w.notified_on is not None for w in map(desk.warning, range(1, 502))) == 1


def test_five_hundred_old_findings_do_not_become_five_hundred_cards(desk):
    desk.settle(ramp_days=7, ramp_lines=5)
    for store in desk.stores(500):
        desk.warn(store=store)

    desk.push()

    assert len(desk.rows()) == 1 + 3 + 2  # one list, three cards, one letter to each of the group's platforms
    assert len(lines_in(desk.list_of("li"))) == 5


def test_after_the_first_days_the_whole_list_is_told(desk):
    desk.settle(ramp_days=7, renotify_workdays=20)
    desk.warn(store=1, notified_on=TODAY - timedelta(days=7), notified_level=1)
    for store in desk.stores(9):
        desk.warn(store=store)

    desk.push()

    assert len(lines_in(desk.list_of("li"))) == 9
    assert "头几天" not in desk.list_of("li").body


def test_five_hundred_lots_of_one_shelf_are_one_line(desk):
    for lot in range(1, 501):
        desk.warn(lot=lot, bottles=2, loss=1_000)

    desk.push()

    assert "1 家门店有 1 处要看" in desk.list_of("li").body
    assert "166 箱 4 瓶（1000 瓶）" in desk.list_of("li").body


# When again


def test_a_second_run_that_day_says_nothing(desk):
    desk.warn()
    assert desk.push() == 3
    assert desk.push() == 0
    assert len(desk.rows()) == 4


def test_what_was_told_is_not_told_again_the_next_day(desk):
    told = desk.warn(level=2)
    desk.push()
    desk.on(1)

    assert desk.push() == 0
    assert desk.warning(told).notified_on == TODAY
    assert desk.warning(told).notified_level == 2


def test_a_graver_level_is_told_again(desk):
    told = desk.warn(level=1)
    desk.push()
    desk.forget_letters()
    desk.change(told, level=2)
    desk.on(1)

    assert desk.push() == 4  # the rep, the manager and the group
    assert "【橙】" in desk.list_of("qian").body


def test_a_level_that_fell_is_no_news(desk):
    told = desk.warn(level=3)
    desk.push()
    desk.change(told, level=1)
    desk.on(1)

    assert desk.push() == 0


def test_a_warning_is_told_again_after_so_many_working_days(desk):
    desk.settle(renotify_workdays=5)
    desk.warn()
    desk.push()
    desk.on(4)
    assert desk.push() == 0
    desk.on(1)
    assert desk.push() == 3


def test_lines_that_found_no_room_come_the_next_morning(desk):
    desk.settle(lines_per_person=2)
    for store in desk.stores(3):
        desk.warn(store=store)
    desk.push()
    first = desk.list_of("li").body
    desk.forget_letters()
    desk.on(1)
    desk.push()

    second = desk.list_of("li").body
    assert "今天先看这 1 处" in desk.list_of("li").title
    assert "另有 2 处以前提过、还没有处理，也在附件里" in second
    [shown] = re.findall(r"东区\d号店", second)
    assert shown not in re.findall(r"东区\d号店", first)


def test_when_a_silence_ends_it_is_in_the_next_digest(desk):
    quiet = desk.warn()
    desk.push()
    desk.forget_letters()
    desk.fire(quiet, "snooze", "li", days=3)
    desk.forget_letters()
    desk.on(2)
    assert desk.push() == 0
    desk.on(1)

    assert desk.push() == 3
    assert "福顺" in desk.list_of("li").body
    desk.on(1)
    assert desk.push() == 0


def test_what_somebody_snoozed_or_took_up_is_not_told(desk):
    for store, state in ((1, WarningState.ACKNOWLEDGED), (2, WarningState.IN_ACTION), (3, WarningState.DISMISSED)):
        desk.warn(store=store, state=state)
    desk.warn("overstock", store=1, snoozed_until=TODAY + timedelta(days=1))
    desk.warn("overstock", store=2, inhibited_by="recall:7")
    desk.warn("overstock", store=3, state=WarningState.RESOLVED)
    desk.warn("likely_loss", store=3, state=WarningState.PENDING)

    assert desk.push() == 0


def test_goods_an_open_task_asks_for_are_not_told(desk):
    lot = desk.lot("B1")
    desk.warn("aged", lot=lot)
    desk.warn("overstock")
    desk.warn("aged", product=2)
    desk.reserve(lot)

    desk.push()

    assert "青岚" not in desk.list_of("li").body
    assert "鹤汀" in desk.list_of("li").body


def test_a_warning_the_scan_made_speak_again_is_told_again(desk):
    told = desk.warn()
    desk.push()
    desk.fire(told, "acknowledge", "li")
    desk.now += timedelta(hours=1)
    desk.fire(told, "refire")
    desk.forget_letters()
    desk.on(1)

    assert desk.push() == 3


# Stale data


def test_stale_data_becomes_a_request_to_count(desk):
    desk.warn(stale=True, figures={"as_of": "2025-12-01"})

    assert desk.push() == 1

    message = desk.list_of("li")
    assert message.title == "请顺路盘点 1 处 · 3 月 10 日"
    assert r"· 福顺\[总店\] · 青岚\*42：12 月 1 日的数据 [W1](https://jiuhui.example/w/1)" in message.body
    assert "要看" not in message.body
    assert desk.cards_of("li") == []
    assert desk.letters(channel="wecom:robot") == []


def test_only_so_many_counts_are_asked_for_in_a_day(desk):
    desk.settle(counts_per_person=2)
    for store in desk.stores(5):
        desk.warn(store=store, stale=True, state=WarningState.PENDING)

    desk.push()
    assert desk.list_of("li").body.count("· 东区") == 2
    assert "还有 3 处数据太旧，见附件" in desk.list_of("li").body
    desk.on(1)
    desk.push()
    assert "请顺路盘点 2 处" in desk.list_of("li").title


def test_once_counted_what_still_fires_is_news(desk):
    told = desk.warn(stale=True, state=WarningState.PENDING, level=1)
    desk.push()
    desk.forget_letters()
    desk.change(told, stale=False, state=WarningState.FIRING)
    desk.on(1)

    assert desk.push() == 3
    assert "【黄】" in desk.list_of("li").body


# Files


def rows_of(path: str) -> list[dict[str, object]]:
    head, *rows = load_workbook(path).active.iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_the_table_shows_where_every_figure_comes_from(desk):
    desk.warn("overstock", value=8_000, threshold=3_000, level=2, figures={"source": "visit"})
    desk.push()

    [row] = rows_of(desk.list_of("li").files[0])

    assert row["原因"] == "够卖 8 个月（月均 5 瓶）"
    assert (row["当前值"], row["门槛"], row["规则版本"]) == ("8 个月", "3 个月", "v1")
    assert (row["规则"], row["级别"], row["建议"]) == ("库存偏高", "橙", "暂停补货")
    assert (row["数据来源"], row["库龄（天）"], row["预警号"]) == ("3 月 10 日到店盘点", 132, "W1")
    assert row["预计损失（元）"] == 1000.0
    assert row["详情"] == "https://jiuhui.example/w/1"


def test_a_persons_table_holds_only_that_persons_stores(desk):
    for store in (1, 2, 3):
        desk.warn(store=store, level=3)
    desk.push()

    assert {row["门店编码"] for row in rows_of(desk.list_of("li").files[0])} == {"S1", "S2"}
    assert {row["门店编码"] for row in rows_of(desk.list_of("sun").files[0])} == {"S3"}
    assert {row["门店编码"] for row in rows_of(desk.list_of("boss").files[0])} == {"S1", "S2", "S3"}


def test_a_product_name_cannot_run_as_a_formula(desk):
    products = '商品编码,商品名称,箱规,单价\nF1,"=HYPERLINK(""http://evil"",""点我"")",6,10\n'
    assert desk.kit.take("products", products).written
    desk.warn(product=3)
    desk.push()

    [row] = rows_of(desk.list_of("li").files[0])
    cell = load_workbook(desk.list_of("li").files[0]).worksheets[0]["E2"]
    assert cell.data_type == "s"
    assert str(row["商品"]).startswith("'=")


def test_a_picture_and_a_table_go_with_each_digest(desk):
    desk.settle(chart=True)
    desk.warn()
    desk.push()

    for message in (desk.list_of("li"), desk.letters(channel="wecom:robot:东区群")[0]):
        assert Path(message.image).read_bytes().startswith(b"\x89PNG")
        assert Path(message.files[0]).exists()
    assert desk.list_of("li").files != desk.letters(channel="wecom:robot:东区群")[0].files


def test_old_files_are_forgotten(desk):
    desk.warn()
    desk.push()
    path = Path(desk.list_of("li").files[0])
    later = datetime.fromtimestamp(path.stat().st_mtime, UTC)

    assert forget_old_papers(desk.kit.house, later + timedelta(days=29)) == 0
    assert forget_old_papers(desk.kit.house, later + timedelta(days=31)) == 2
    assert not path.exists()


# Groups


def test_a_group_hears_of_its_own_region_without_money(desk):
    desk.warn("likely_loss", store=1, value=3_200_000, level=3, loss=320_000)
    desk.warn(store=3)
    desk.push()

    [said] = desk.letters(channel="wecom:robot:东区群")
    assert "西岭" not in said.body
    assert "预计卖不掉的多" in said.body
    words = " ".join(str(v) for row in rows_of(said.files[0]) for pair in row.items() for v in pair)
    for text in (said.title, said.body, words):
        assert "元" not in text.replace("单元", "")
        assert "¥" not in text
        assert "损失（" not in text
        assert "3200" not in text
        assert "3,200" not in text


def test_group_lines_lead_to_the_page_and_the_apps_own_card_calls_back(desk):
    desk.warn(store=1)
    desk.push()

    [robot] = desk.letters(channel="wecom:robot:东区群")
    [card] = desk.letters(channel="dingtalk:group:东区群")
    assert robot.title == "东区群库存预警 · 3 月 10 日"
    assert robot.body.splitlines() == [
        "新的或要再提的 1 条，1 家门店，20 瓶。",
        "按先后处理：",
        r"1. 福顺\[总店\] · 青岚\*42：3 箱 2 瓶（20 瓶），出仓 132 天（3 月 10 日盘点）[发起回收](https://jiuhui.example/w/1)",
    ]
    assert [(b.key, b.url) for b in robot.buttons] == [("", "https://jiuhui.example/w/1")]
    assert [b.key for b in card.buttons] == ["warning:1:start_recall:1"]


def test_a_group_without_people_is_told_once(tmp_path, migrated_url):
    desk = Desk(tmp_path, migrated_url, GROUPS)
    told = desk.warn(store=1)

    assert desk.push() == 2
    assert desk.warning(told).notified_on == TODAY
    desk.on(1)
    assert desk.push() == 0


def test_a_whole_store_has_no_button_that_moves_goods(desk):
    desk.warn("slow_store", product=0, value=4_200)
    desk.push()

    [card] = desk.letters(channel="dingtalk:group:东区群")
    assert [b.key for b in card.buttons] == [""]
    assert "整店" in card.body
    assert {b.label for b in desk.cards_of("li")[0].buttons} & {"发起回收", "找调剂"} == set()
    assert "整店存货偏多，偏离同类门店 4.2 倍" in desk.list_of("li").body


# Wording


def test_goods_without_a_basis_are_never_called_near_their_end(desk):
    desk.warn("aged", level=3)
    desk.warn("overstock", store=2, figures={"monthly_millibottles": 0})
    desk.push()

    for message in desk.letters():
        words = message.title + message.body
        words += " ".join(str(v) for path in message.files for row in rows_of(path) for v in row.values())
        assert "临期" not in words
        assert "到期" not in words
    assert "近 6 个月没有动销" in desk.list_of("li").body


def test_goods_past_their_end_are_said_plainly(desk):
    desk.warn("near_expiry", figures={"production_date": "2025-02-01", "life_months": 12})
    desk.push()

    assert "2 月 1 日已到期" in desk.list_of("li").body


def test_inferred_stock_says_so(desk):
    desk.warn(figures={"source": "inferred"})
    desk.push()

    assert "（按发货推算）" in desk.list_of("li").body


def test_a_warning_of_a_rule_that_is_gone_is_still_told(desk):
    desk.warn("aged", rule_version="old", figures={"metric": "gone"})
    desk.change(1, rule="dropped")
    desk.push()

    assert "dropped" in desk.list_of("li").body
    assert "发起回收" in desk.list_of("li").body


def test_every_action_has_its_effort_and_its_word(desk):
    section, texts = desk.kit.house.digest, desk.kit.house.texts
    for action in Action:
        assert section.effort_minutes[action.value] > 0
        assert texts.label("action", action.value) != action.value
    for role in Role:
        if role not in {Role.STORE_OWNER, Role.STORE_CLERK}:
            assert texts.label("missing_role", role.value) != role.value


def test_the_morning_after_an_outage_tells_once(desk):
    desk.warn()
    desk.on(3)
    desk.push()
    desk.push()

    assert len([row for row in desk.kit.all(Outbox) if row.recipient == "li"]) == 2
    assert "3 月 13 日" in desk.list_of("li").title
    assert date(2026, 3, 13) == desk.warning(1).notified_on


def test_a_push_time_on_the_hour_is_moved_and_said(desk):
    house = desk.kit.house

    assert push_time(house, time(9)) == time(8, 57)
    assert push_alarm(house, time(9)) == (
        "schedule.push_at 写的是 09:00，不在工作时间，或离整点、半点不到 2 分钟，已改在 08:57 推送。"
    )
    assert push_time(house, time(8, 37)) == time(8, 37)
    assert push_alarm(house, time(8, 37)) == ""


def test_two_workers_composing_at_once_tell_once(tmp_path, postgres_url):
    desk = Desk(tmp_path, postgres_url)
    desk.staff()
    for store in desk.stores(5):
        desk.warn(store=store, level=3)
    barrier, told = threading.Barrier(2), []

    def work() -> None:
        with desk.kit.database.read() as session:
            digests = compose_digests(session, desk.kit.house, RULES, TODAY, desk.now)
        barrier.wait()
        with desk.kit.database.write() as session:
            told.append(write_digests(session, desk.kit.house, digests, desk.now))

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(told) == [0, 3]
    assert len(desk.rows()) == 3 * 4
    desk.kit.database.close()
