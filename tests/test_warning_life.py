"""What people do with a warning, in chats and on cards, on both databases."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from bots.catalog import Catalog
from bots.messages import Incoming
from bots.router import Deps, answer
from bots.understand.warning_orders import Verb, read_warning_order
from models.catalog import Hold, Lot, Store
from models.engine import Card, History
from models.observing import CountRequest
from models.people import Assignment, Person, Role
from models.recall import Campaign
from models.transfer import TransferProposal
from models.warning import WarningState
from rules.transfer_ideas import Taker, ideas, metres_between, surplus
from tests.warning_kit import AGE, DAY, new_warning, see, sells
from tests.world import World
from texts.render import FOLDER, Texts
from workflows.flow import FLOWS
from workflows.timers import fire_due


def li(world: World, words: str) -> str:
    """The rep of the region writes in DingTalk."""
    return world.says("li", words, "dingtalk")


def time_passes(world: World, days: int) -> None:
    """Only the timers of the flow; the daily scan has tests of its own."""
    for _ in range(days):
        world.clock.now += timedelta(days=1)
        fire_due(world.database, world.house, FLOWS, world.clock.now)


def steps(world: World, number: int) -> list[History]:
    with world.looking() as session:
        query = select(History).where(History.flow == "warning", History.subject_id == number).order_by(History.id)
        return list(session.scalars(query))


# Taking notice


def test_knowing_stops_the_ladder_and_remembers_the_level(world):
    number = new_warning(world)

    said = li(world, f"知晓 W{number}")

    assert said == f"已知晓：W{number} 城东1号店 青溪老窖 52度 500ml。"
    seen = see(world, number)
    assert (seen.state, seen.acked_level, seen.escalate_at) == (WarningState.ACKNOWLEDGED, 2, None)
    assert [(s.event, s.actor) for s in steps(world, number)] == [("acknowledge", "李业务")]
    world.proves_itself()


def test_knowing_after_it_is_over_does_not_open_it_again(world):
    number = new_warning(world, state=WarningState.RESOLVED)

    said = li(world, f"知晓 W{number}")

    assert "已解除" in said
    assert see(world, number).state is WarningState.RESOLVED


def test_snooze_has_author_reason_and_end(world):
    number = new_warning(world)

    said = li(world, f"稍后 W{number} 三天 店主周五自己来拉")

    assert "9 月 10 日" in said
    seen = see(world, number)
    assert (seen.state, seen.snoozed_until, seen.acked_level) == (WarningState.FIRING, date(2026, 9, 10), 2)
    assert [(s.event, s.actor, s.reason) for s in steps(world, number)] == [("snooze", "李业务", "店主周五自己来拉")]


@pytest.mark.parametrize("days", ["0天", "31天", "999天"])
def test_silence_of_a_foolish_length_is_refused_with_an_example(world, days):
    number = new_warning(world)

    said = li(world, f"稍后 W{number} {days}")

    assert f"稍后 W{number} 7天" in said
    assert see(world, number).snoozed_until is None
    assert steps(world, number) == []


def test_snoozing_what_is_known_lets_it_speak_again_afterwards(world):
    number = new_warning(world)
    li(world, f"知晓 W{number}")

    li(world, f"稍后 W{number} 7天")

    seen = see(world, number)
    assert (seen.state, seen.snoozed_until) == (WarningState.FIRING, date(2026, 9, 14))


# Dismissal


def test_dismissal_is_bound_to_level_quantity_and_time(world):
    number = new_warning(world)

    said = li(world, f"忽略 W{number} 已谈好下周促销")

    assert "14 至 22 瓶" in said
    seen = see(world, number)
    assert seen.state is WarningState.DISMISSED
    assert (seen.dismissed_level, seen.band_low, seen.band_high) == (2, 14, 22)
    assert seen.dismissed_until == DAY + timedelta(days=30)
    assert steps(world, number)[-1].reason == "已谈好下周促销"


def test_dismissal_without_a_reason_is_refused_with_an_example(world):
    number = new_warning(world)

    said = li(world, f"忽略 W{number}")

    assert f"忽略 W{number} 已谈好下周促销" in said
    assert see(world, number).state is WarningState.FIRING


def test_dismissal_can_be_taken_back(world):
    number = new_warning(world)
    li(world, f"忽略 W{number} 90天 客户已订走")
    assert see(world, number).dismissed_until == DAY + timedelta(days=90)

    li(world, f"重开 W{number}")

    seen = see(world, number)
    assert seen.state is WarningState.FIRING
    assert (seen.dismissed_until, seen.dismissed_level, seen.band_low, seen.band_high) == (None, None, None, None)


# Assigning


def test_given_to_a_colleague_who_answers_for_the_store(world):
    number = new_warning(world)

    said = world.says("qian", f"把 W{number} 转给李业务", "dingtalk")

    assert said.endswith(f"已把 W{number} 转给李业务，卡片已发过去。")
    assert see(world, number).state is WarningState.FIRING  # somebody named is not yet somebody who knows
    assert any(title.startswith(f"W{number}") for title in world.titles("li", "dingtalk"))


def test_not_given_to_somebody_without_the_store(world):
    number = new_warning(world)

    said = li(world, f"转给 W{number} 孙业务")

    assert "可以转给：李业务、钱经理、周总" in said
    assert see(world, number).assignee_id is None
    assert steps(world, number) == []


def test_taking_it_oneself_is_taking_notice(world):
    number = new_warning(world)

    li(world, f"转给 W{number} 我")

    seen = see(world, number)
    assert (seen.state, seen.acked_level) == (WarningState.ACKNOWLEDGED, 2)


def test_of_two_people_with_one_name_it_is_asked_which(world):
    number = new_warning(world)
    with world.database.write() as session:
        twin = Person(code="li2", name="李业务", dingtalk_userid="li2")
        twin.assignments = [Assignment(role=Role.SALES_REP, region="城东", valid_from=date(2020, 1, 1))]
        session.add(twin)

    said = world.says("qian", f"转给 W{number} 李业务", "dingtalk")

    assert "李业务（li）、李业务（li2）" in said
    world.says("qian", f"转给 W{number} li2", "dingtalk")
    with world.looking() as session:
        assert session.get(Person, see(world, number).assignee_id).code == "li2"


def test_who_left_the_company_keeps_nothing_by_having_been_given_it(world):
    number = new_warning(world)
    world.says("qian", f"转给 W{number} 李业务", "dingtalk")
    with world.database.write() as session:
        person = session.scalars(select(Person).where(Person.code == "li")).one()
        person.assignments[0].valid_to = date(2026, 9, 6)

    said = li(world, f"知晓 W{number}")

    assert f"没有找到 W{number}" in said
    assert see(world, number).state is WarningState.FIRING


# Who may not


@pytest.mark.parametrize(
    ("user", "platform"), [("sun", "dingtalk"), ("wu", "dingtalk"), ("feng", "dingtalk"), ("zhang", "wecom")]
)
@pytest.mark.parametrize(
    "words", ["预警 W{}", "知晓 W{}", "忽略 W{} 不要了", "发起回收 W{}", "为什么 W{}", "转给 W{} 我"]
)
def test_whoever_does_not_look_after_the_store_learns_and_does_nothing(world, user, platform, words):
    number = new_warning(world)

    said = world.says(user, words.format(number), platform)

    assert said == f"没有找到 W{number}，或者它不归您负责。回复“预警”可以看您负责的预警。"
    assert see(world, number).version == 1
    assert steps(world, number) == []


def test_a_number_nobody_has_is_answered_like_one_that_is_not_yours(world):
    assert "没有找到 W999" in li(world, "知晓 W999")
    assert "没有找到 W999999999" in li(world, "为什么 w999999999")


def test_a_store_that_says_later_is_not_taken_to_speak_of_warnings(world):
    assert "预警" not in world.says("zhang", "稍后")


# Cards: one piece of work, many viewers


def test_the_first_to_act_repaints_the_cards_of_all(world):
    number = new_warning(world)
    li(world, f"预警 W{number}")
    world.says("qian", f"预警 W{number}", "dingtalk")
    assert world.buttons("qian", "dingtalk") == ["发起回收", "找调剂", "去盘点", "知晓", "稍后", "忽略"]

    world.presses("li", "知晓", "dingtalk")

    card = [b for b in world.sandbox.chat("dingtalk", "qian") if b.buttons][-1]
    assert [button["label"] for button in card.buttons] == ["发起回收", "找调剂", "去盘点", "稍后", "忽略"]
    assert "李业务已于 9 月 7 日 09:00 知晓" in card.body


def test_a_press_on_an_old_copy_brings_the_present_one_and_changes_nothing(world):
    number = new_warning(world)
    world.says("qian", f"预警 W{number}", "dingtalk")
    bubble, key = world._button("dingtalk", "qian", "发起回收", f"W{number}")
    world.sandbox.say("dingtalk", "li", f"忽略 W{number} 已谈好下周促销")  # the repaint is still on its way

    world.sandbox.press("dingtalk", "qian", bubble.id, key)
    world.worker.deliver()

    with world.looking() as session:
        assert session.scalars(select(Campaign)).all() == []
    said = "\n".join(bubble.body for bubble in world.sandbox.chat("dingtalk", "qian"))
    assert f"W{number} 现在是“已忽略”，刚才没有改动什么。" in said
    assert "李业务已忽略到 10 月 7 日（已谈好下周促销）" in said


def test_a_forwarded_button_does_nothing_for_somebody_else(world):
    number = new_warning(world)
    key = f"warning:{number}:acknowledge:1"
    pressed = Incoming("dingtalk", "button", "key", "sun", world.clock(), button=key)

    said = answer(Deps(world.database, world.house, Catalog()), pressed, world.clock())

    assert said.text == "您没有权限知晓这一单。如果人员有变动，请联系区域经理更新人员表。"
    assert see(world, number).state is WarningState.FIRING


def test_the_same_press_twice_is_one_step(world):
    number = new_warning(world)
    li(world, f"预警 W{number}")
    bubble, key = world._button("dingtalk", "li", "知晓", f"W{number}")

    world.sandbox.press("dingtalk", "li", bubble.id, key)
    world.sandbox.press("dingtalk", "li", bubble.id, key)
    world.worker.deliver()

    assert [s.event for s in steps(world, number)] == ["acknowledge"]


def test_asked_for_again_only_the_newest_copy_is_repainted(world):
    number = new_warning(world)
    li(world, f"预警 W{number}")
    world.clock.now += timedelta(minutes=1)
    li(world, f"预警 W{number}")

    world.says("qian", f"知晓 W{number}", "dingtalk")

    with world.looking() as session:
        cards = session.scalars(select(Card).where(Card.flow == "warning").order_by(Card.card_ref)).all()
    assert [(card.open, card.repaints) for card in cards] == [(False, 0), (True, 1)]


def test_two_people_at_the_same_moment_make_one_winner(tmp_path, postgres_url):
    world = World(tmp_path, postgres_url)
    number = new_warning(world)
    deps = Deps(world.database, world.house, Catalog())
    start = threading.Barrier(2)

    def says(user: str, words: str) -> str:
        start.wait()
        incoming = Incoming("dingtalk", "text", f"{user} at once", user, world.clock(), text=words)
        return answer(deps, incoming, world.clock()).text

    with ThreadPoolExecutor(2) as pool:
        tasks = [
            pool.submit(says, "li", f"发起回收 W{number}"),
            pool.submit(says, "qian", f"忽略 W{number} 已谈好下周促销"),
        ]
        said = [task.result() for task in tasks]

    taken = [step.event for step in steps(world, number)]
    assert taken in (["start_recall"], ["dismiss"], ["dismiss", "start_recall"], ["start_recall", "dismiss"])
    assert see(world, number).version == 1 + len(taken)
    assert all(said)
    world.proves_itself()
    world.database.close()


def test_pressing_ignore_asks_for_the_reason(world):
    number = new_warning(world)
    li(world, f"预警 W{number}")

    said = world.presses("li", "忽略", "dingtalk")

    assert f"忽略 W{number} 已谈好下周促销" in said
    assert see(world, number).state is WarningState.FIRING


def test_pressing_later_is_until_tomorrow(world):
    number = new_warning(world)
    li(world, f"预警 W{number}")

    world.presses("li", "稍后", "dingtalk")

    assert see(world, number).snoozed_until == DAY + timedelta(days=1)


# Acting


def test_a_take_back_is_started_and_the_warning_is_in_action(world):
    number = new_warning(world)
    li(world, f"预警 W{number}")

    said = world.presses("li", "发起回收", "dingtalk")

    assert world.campaign().warning_id == number
    assert f"回收单 {world.campaign().number} 已建" in said
    assert see(world, number).state is WarningState.IN_ACTION


def test_a_second_take_back_of_the_same_goods_is_refused(world):
    number = new_warning(world)
    li(world, f"发起回收 W{number}")

    said = world.says("qian", f"发起回收 W{number}", "dingtalk")

    assert "没有重复建单" in said
    with world.looking() as session:
        assert len(session.scalars(select(Campaign)).all()) == 1


def test_a_rejected_take_back_makes_the_warning_speak_again(world):
    number = new_warning(world)
    li(world, f"发起回收 W{number}")
    world.says("li", f"驳回 {world.campaign().number} 店主不同意", "dingtalk")
    assert world.campaign().state.value == "cancelled"

    time_passes(world, days=4)

    seen = see(world, number)
    assert (seen.state, seen.acked_level) == (WarningState.FIRING, 2)


def test_while_the_take_back_is_open_the_warning_stays_in_action(world):
    number = new_warning(world)
    li(world, f"发起回收 W{number}")

    time_passes(world, days=9)

    assert see(world, number).state is WarningState.IN_ACTION


def test_stores_nearby_that_sell_well_are_proposed_to_the_rep(world):
    sells(world, "S01", 1)
    sells(world, "S02", 12, holds=3)
    with world.database.write() as session:
        for store in session.scalars(select(Store)):
            store.latitude, store.longitude = 31.0 + int(store.code[1:]) / 100, 121.0
    number = new_warning(world)

    said = world.says("qian", f"找调剂 W{number}", "dingtalk")

    assert f"W{number} 有 1 家门店可以接" in said
    card = world.sandbox.chat("dingtalk", "li")[-1]
    assert card.title == f"W{number} 调剂建议 · 城东1号店"
    assert "1. 城东2号店：可接 2 箱（12 瓶）；月均卖 12.0 瓶，现有 3 瓶；1.1 公里" in card.body
    assert see(world, number).state is WarningState.IN_ACTION
    with world.looking() as session:
        [idea] = session.scalars(select(TransferProposal))
        assert (idea.warning_id, idea.to_store.code, idea.bottles, idea.rank) == (number, "S02", 12, 1)


def test_nothing_is_proposed_across_regions_or_to_a_store_that_is_warned_itself(world):
    sells(world, "S11", 30, holds=0)
    sells(world, "S02", 30, holds=0)
    new_warning(world, "S02")
    number = new_warning(world)

    said = li(world, f"找调剂 W{number}")

    assert f"没有调剂建议。可以改为：发起回收 W{number}" in said
    assert see(world, number).state is WarningState.FIRING


def test_goods_that_may_not_be_sold_are_not_passed_on(world):
    sells(world, "S02", 30, holds=0)
    number = new_warning(world)
    li(world, f"发起回收 W{number}")
    with world.database.write() as session:
        lot = session.scalars(select(Lot)).first()
        campaign = session.scalars(select(Campaign)).one()
        session.add(Hold(lot_id=lot.id, campaign_id=campaign.id, reason="", placed_by="", placed_at=world.clock()))

    assert "被停售" in li(world, f"找调剂 W{number}")


def test_a_proposal_nobody_followed_makes_the_warning_speak_again(world):
    sells(world, "S02", 30, holds=0)
    number = new_warning(world)
    li(world, f"找调剂 W{number}")

    time_passes(world, days=4)

    assert see(world, number).state is WarningState.FIRING


def test_the_store_is_asked_for_a_count_and_the_rep_gets_the_page(world):
    number = new_warning(world)

    said = li(world, f"盘点 W{number}")

    assert f"已请城东1号店报数（W{number}）" in said
    assert "/t/" in said
    with world.looking() as session:
        [request] = session.scalars(select(CountRequest))
        assert request.store.code == "S01"
    seen = see(world, number)
    assert (seen.state, seen.snoozed_until) == (WarningState.FIRING, DAY + timedelta(days=3))


def test_a_warning_of_a_whole_store_offers_what_makes_sense(world):
    number = new_warning(world, product="", rule="turnover", figures={"metric": "turnover", "day": "2026-09-07"})

    assert "没有指明商品" in li(world, f"发起回收 W{number}")
    li(world, f"预警 W{number}")
    assert world.buttons("li", "dingtalk") == ["知晓", "稍后", "忽略"]


# Many at once, and lists


def test_several_are_known_in_one_message_and_what_cannot_be_is_said(world):
    mine, over, other = (
        new_warning(world),
        new_warning(world, lot_id=1, state=WarningState.RESOLVED),
        new_warning(world, "S11"),
    )

    said = li(world, f"知晓 W{mine}、W{over}、W{other}").splitlines()

    assert said[0].startswith(f"已知晓：W{mine}")
    assert said[1].startswith(f"W{over}：")
    assert said[2].startswith(f"没有找到 W{other}")
    assert see(world, mine).state is WarningState.ACKNOWLEDGED
    assert see(world, other).state is WarningState.FIRING
    world.proves_itself()


def test_the_list_is_ones_own_the_most_worth_saving_first(world):
    small = new_warning(world, loss_fen=1_000)
    large = new_warning(world, "S02", loss_fen=900_000)
    new_warning(world, "S11", loss_fen=5_000_000)
    new_warning(world, lot_id=1, snoozed_until=date(2026, 9, 20), acked_level=2)
    new_warning(world, lot_id=2, stale=True)

    said = li(world, "我的预警")

    assert said.index(f"W{large}（") < said.index(f"W{small}（")
    assert "您有 2 条预警" in said
    assert "城西" not in said
    assert "另有 1 条在静默或被压住" in said
    assert "另有 1 条数据太旧，要先盘点" in said


def test_nothing_to_do_is_said(world):
    assert li(world, "预警") == "您现在没有要处理的预警。"


def test_without_a_number_it_is_asked_which(world):
    number = new_warning(world)

    said = li(world, "稍后")

    assert f"请写明是哪一条预警，例如：稍后 W{number} 3天" in said


def test_in_a_group_the_content_goes_to_the_person_only(world):
    number = new_warning(world)
    group = world.house.groups[0].name

    world.sandbox.say_in_group("dingtalk", group, "li", f"为什么 W{number}")
    world.worker.deliver()

    assert all("瓶" not in bubble.body for bubble in world.sandbox.group("dingtalk", group))
    assert any("【规则】" in bubble.body for bubble in world.sandbox.chat("dingtalk", "li"))


def test_why_explains_in_the_chat(world):
    number = new_warning(world)

    said = li(world, f"为什么 W{number}")

    assert "可销月数 = 库存 18 瓶 ÷ 月均 2.0 瓶 = 9.0 个月" in said
    assert "业务员到店盘点" in said


def test_why_survives_figures_of_an_older_kind(world):
    number = new_warning(world, figures={"kind": "age", "age_days": 100}, rule="aged")

    assert "【规则】" in li(world, f"为什么 W{number}")


def test_the_mark_of_an_age_warning_names_its_lot(world):
    number = new_warning(world, lot_id=1, rule="aged", figures=AGE, value=190_000, threshold=180_000)

    said = li(world, f"预警 W{number}")

    assert "在店库龄 190 天，门槛 180 天" in said


# Reading


@pytest.mark.parametrize(
    ("text", "verb", "numbers", "days", "words"),
    [
        ("预警", Verb.LIST, (), None, ""),
        ("我的预警", Verb.LIST, (), None, ""),
        ("今天有哪些预警？", Verb.LIST, (), None, ""),
        ("预警 W12", Verb.SHOW, (12,), None, ""),
        ("ｗ１２", Verb.SHOW, (12,), None, ""),
        ("预警12", Verb.SHOW, (12,), None, ""),
        ("W12 知道了", Verb.ACKNOWLEDGE, (12,), None, ""),
        ("知晓w12、13 W15", Verb.ACKNOWLEDGE, (12, 13, 15), None, ""),
        ("知晓 12", Verb.ACKNOWLEDGE, (12,), None, ""),
        ("稍后 W12 3天", Verb.SNOOZE, (12,), 3, ""),
        ("W12 稍后三天 店主周五来拉", Verb.SNOOZE, (12,), 3, "店主周五来拉"),
        ("w12 过三天再提醒我", Verb.SNOOZE, (12,), 3, ""),
        ("W12 下周再说", Verb.SNOOZE, (12,), 7, ""),
        ("稍后 W12 一周", Verb.SNOOZE, (12,), 7, ""),
        ("稍后 W12 半个月", Verb.SNOOZE, (12,), 15, ""),
        ("忽略W12：3天后有宴席", Verb.DISMISS, (12,), None, "3天后有宴席"),
        ("忽略 W12 60天，客户已订", Verb.DISMISS, (12,), 60, "客户已订"),
        ("把W12这条忽略，客户已订走", Verb.DISMISS, (12,), None, "客户已订走"),
        ("把 w12 转给李业务", Verb.ASSIGN, (12,), None, "李业务"),
        ("W12 找调剂", Verb.FIND_TRANSFER, (12,), None, ""),
        ("盘点 W12", Verb.ASK_COUNT, (12,), None, ""),
        ("为啥 W12", Verb.WHY, (12,), None, ""),
        ("W12 怎么算的", Verb.WHY, (12,), None, ""),
        ("回收W12", Verb.START_RECALL, (12,), None, ""),
        ("取消忽略 W12", Verb.REOPEN, (12,), None, ""),
        # Questions and reports do nothing.
        ("W12 忽略吗？", Verb.SHOW, (12,), None, ""),
        ("发起回收 W12？", Verb.SHOW, (12,), None, ""),
        ("W12 回收了", Verb.SHOW, (12,), None, ""),
        ("W12 盘点过了", Verb.SHOW, (12,), None, ""),
    ],
)
def test_orders_are_read_as_people_type_them(text, verb, numbers, days, words):
    order = read_warning_order(text)

    assert order is not None
    assert (order.verb, order.numbers, order.days, order.words) == (verb, numbers, days, words)


@pytest.mark.parametrize(
    "text",
    ["收到", "盘点 12 瓶", "盘点 福顺店", "退12瓶", "为什么", "W12 不知道", "先别回收 W12", "W12 不回收", "预警规则怎么改",
     "确认", "稍后 3天来拉", "wifi 12 坏了", "转给 R12 不对", "W12 已经回收了", "转账给你了"],
)  # fmt: skip
def test_other_talk_is_no_order_that_changes_a_warning(text):
    order = read_warning_order(text)

    assert order is None or not order.numbers


@given(st.text(max_size=500))
def test_reading_never_raises_and_never_invents_a_number(text):
    order = read_warning_order(text)

    if order is not None:
        assert all(0 <= number < 10**9 for number in order.numbers)
        assert len(order.numbers) <= 20


@given(st.text(alphabet="Ww12３知晓忽略稍后转给天三、，: 　\x00[]()*", max_size=60))
def test_reading_survives_what_looks_like_an_order(text):
    read_warning_order(text)


# Deciding who could take goods over


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 100_000), st.none() | st.integers(0, 100_000)), max_size=30),
    st.integers(0, 500),
    st.integers(1, 12),
)
def test_proposals_never_overfill_and_come_in_whole_cases(stores, spare, case_size):
    takers = [Taker(number, *store) for number, store in enumerate(stores)]

    found = ideas(takers, spare, case_size)

    assert found == ideas(reversed(takers), spare, case_size)
    for idea in found:
        assert 0 < idea.bottles <= min(spare, idea.taker.room)
        assert case_size == 1 or idea.bottles % case_size == 0


@given(st.integers(0, 10_000), st.integers(0, 1_000_000))
def test_a_store_keeps_what_it_sells_itself(bottles, monthly):
    assert 0 <= surplus(bottles, monthly) <= bottles


@given(*[st.tuples(st.floats(-90, 90), st.floats(-180, 180))] * 2)
def test_distance_is_the_same_both_ways_and_never_longer_than_half_the_earth(first, second):
    assert metres_between(first, second) == metres_between(second, first)
    assert 0 <= metres_between(first, second) <= 20_020_000


# Words

LIFE_GOLDEN = Path(__file__).parent / "golden" / "texts_warning_life.txt"
SAMPLE = {
    "number": "W12", "rule": "库存偏高", "level": "橙", "store": "临江路福顺烟酒店（二分店）", "headline": "可销月数 9.0 个月，门槛 6.0 个月",
    "product": "青岚坊柔和 42 度 500ml", "batch": "20240312", "stock": "3 箱（18 瓶）", "state": "预警中", "who": "王芳",
    "marks": ["李业务已于 9 月 7 日 09:00 知晓", "负责人：王芳"], "lines": "第一条\n第二条", "url": "https://jiuhui.example/w/12",
    "bottles": 12, "case_size": 6, "monthly": "12.0", "place": "1.1 公里", "since": DAY, "at": datetime(2026, 9, 7, 1, tzinfo=UTC),
    "what": "发起回收 R12", "until": date(2026, 10, 7), "why": "已谈好下周促销", "low": 14, "high": 22, "cause": "已卖掉", "on": DAY,
    "as_of": date(2026, 8, 1), "days": 37, "name": "王芳", "rung": 1, "times": 2, "total": 12, "shown": 10, "quiet": 3,
    "stale": 2, "first": 12, "held": 3, "example": "知晓 W12", "names": "李业务（li）、钱经理（qian）", "stores": 2, "link": "https://jiuhui.example/t/x",
    "event": "知晓", "value": "12.0 个月",
}  # fmt: skip


def life_texts() -> str:
    texts = Texts()
    names = [
        name for name in yaml.safe_load((FOLDER / "warning_life.yaml").read_text(encoding="utf-8")) if name != "labels"
    ]
    parts = [f"== {name}\n{_shown(texts, name)}\n" for name in names]
    return "\n".join(parts)


def _shown(texts: Texts, name: str) -> str:
    said = texts.say(name, key_for="warning:12", version=1, **SAMPLE)
    rows = [f"{label}：{value}" for label, value in said.fields]
    return "\n".join(part for part in [said.title, said.body, *rows] if part)


def test_wording_is_the_golden_one():
    assert life_texts() == LIFE_GOLDEN.read_text(encoding="utf-8"), "run: python -m tests.test_warning_life"


def test_cards_of_warnings_never_call_goods_near_their_end():
    assert not re.search("临期|过期商品|召回", life_texts())


if __name__ == "__main__":
    LIFE_GOLDEN.write_text(life_texts(), encoding="utf-8")
