"""Asking how much is left: the card, the words, the rep when nobody answers, and who may say what."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from models.catalog import Product, Store
from models.observing import CountLine, CountReason, CountRequest, CountState
from models.people import Assignment, Person, Role
from models.stock import ChannelStock, Observation, SellOut, StockSource
from tests.world import World
from workflows.count_requests import request_count, request_counts, take_counts_seen
from workflows.observations import Seen, observe

LIQUOR, OTHER = "P1", "P2"


def asks(world: World, *products: str, store: str = "S01", who: str = "li") -> CountRequest:
    """Somebody wants to know how much is left; the letters go out."""
    with world.database.write() as session:
        store_id = session.scalars(select(Store.id).where(Store.code == store)).one()
        ids = [session.scalars(select(Product.id).where(Product.code == code)).one() for code in products]
        actor = world.actor(session, who)
        request = request_counts(session, world.house, store_id, ids, actor, world.clock(), CountReason.WARNING)
        found = request.id
    world.worker.deliver()
    return look(world, found)


def look(world: World, request_id: int) -> CountRequest:
    with world.database.read() as session:
        return session.get_one(CountRequest, request_id)


def seen(world: World) -> list[tuple[str, int, str, int]]:
    """All observations as (product, bottles, source, confidence)."""
    with world.database.read() as session:
        query = select(Product.code, Observation).join(Product, Product.id == Observation.product_id)
        rows = session.execute(query.order_by(Observation.id)).all()
        return [(code, o.bottles, o.source.value, o.confidence) for code, o in rows]


def believed(world: World, product: str = LIQUOR, store: str = "S01") -> int:
    with world.database.read() as session:
        query = select(ChannelStock.bottles).join(Product, Product.id == ChannelStock.product_id)
        query = query.join(Store, Store.id == ChannelStock.store_id)
        return sum(session.scalars(query.where(Product.code == product, Store.code == store)))


def test_card_carries_the_last_number_and_its_age(world):
    asks(world, LIQUOR)

    card = world.sandbox.chat("wecom", "zhang")[-1]
    assert card.title == "青溪老窖 52度 500ml 还有 18 瓶？"
    assert "上次记 3 箱（18 瓶），数据 6 天前，门店盘点" in card.body
    assert world.buttons("zhang") == ["对", "改"]


def test_one_tap_says_that_nothing_changed(world):
    request = asks(world, LIQUOR)

    said = world.presses("zhang", "对")

    assert "已登记：青溪老窖 52度 500ml 3 箱（18 瓶）" in said
    assert look(world, request.id).state is CountState.ANSWERED
    assert seen(world) == [("P1", 18, "report", 70)]
    assert world.titles("li", "dingtalk")[-1] == "已报数：城东1号店"
    assert "18 瓶 → 18 瓶（张老板）" in world.sandbox.chat("dingtalk", "li")[-1].body
    world.proves_itself()


def test_other_number_is_asked_for_and_a_bare_one_is_the_answer(world):
    request = asks(world, LIQUOR)

    assert "现在几瓶？直接回复数字" in world.presses("zhang", "改")
    assert "已登记：青溪老窖 52度 500ml 1 箱 1 瓶（7 瓶）" in world.says("zhang", "7")

    assert believed(world) == 7
    assert look(world, request.id).state is CountState.ANSWERED
    world.proves_itself()


@pytest.mark.parametrize(
    ("words", "bottles"),
    [
        ("还有7瓶", 7),
        ("7瓶", 7),
        ("还剩 1箱2瓶", 8),
        ("没有了", 0),
        ("0瓶", 0),
        ("改成7瓶", 7),
        ("卖完了", 0),
        ("青溪老窖还有5瓶", 5),
        ("不对，还有9瓶", 9),
    ],
)
def test_words_answer_the_open_card(world, words, bottles):
    asks(world, LIQUOR)

    assert "已登记" in world.says("zhang", words)

    assert seen(world) == [("P1", bottles, "report", 70)]
    assert believed(world) == bottles


@pytest.mark.parametrize("words", ["好的", "对", "嗯", "ok", "是的", "好"])
def test_agreeing_in_words_is_no_number(world, words):  # trap 27
    request = asks(world, LIQUOR)

    assert "要报库存，请点卡片上的按钮" in world.says("zhang", words)

    assert seen(world) == []
    assert look(world, request.id).state is CountState.ASKED


@pytest.mark.parametrize(
    "words",
    ["7", "0", "没有", "明天来拉", "你好", "多少钱", "7号送货", "还有7瓶吗", "快没了", "没卖完", "退7瓶", "拉走7瓶"],
)
def test_words_about_other_things_are_no_number(world, words):
    asks(world, LIQUOR)

    world.says("zhang", words)

    assert seen(world) == []


def test_bare_number_with_a_verb_is_asked_for_its_unit(world):
    asks(world, LIQUOR)

    assert "“7”是瓶还是箱" in world.says("zhang", "还有7")
    assert seen(world) == []


def test_number_that_looks_like_cases_is_asked_back_and_the_unit_settles_it(world):
    asks(world, LIQUOR)
    world.presses("zhang", "改")

    assert "是不是箱和瓶弄混了" in world.says("zhang", "3")
    assert seen(world) == []
    world.says("zhang", "3箱")

    assert seen(world) == [("P1", 18, "report", 70)]


def test_question_back_is_no_number(world):
    asks(world, LIQUOR)
    world.presses("zhang", "改")

    world.says("zhang", "你们那边还有7瓶吗")

    assert seen(world) == []


def test_nothing_left_may_be_said_as_a_number_after_the_button(world):
    asks(world, LIQUOR)
    world.presses("zhang", "改")

    world.says("zhang", "0")

    assert seen(world) == [("P1", 0, "report", 70)]


def test_number_after_half_an_hour_means_nothing_any_more(world):
    asks(world, LIQUOR)
    world.presses("zhang", "改")
    world.clock.now += timedelta(minutes=31)

    world.says("zhang", "7")

    assert seen(world) == []


def test_number_of_a_colleague_does_not_answer_what_somebody_else_was_asked(world):
    asks(world, LIQUOR)
    world.presses("zhang", "改")

    world.says("wang", "7")

    assert seen(world) == []


def test_several_products_stand_on_one_card(world):
    request = asks(world, LIQUOR, OTHER)

    card = world.sandbox.chat("wecom", "zhang")[-1]
    assert card.title == "请核对 2 种酒的库存"
    assert "1. 青溪老窖 52度 500ml 3 箱（18 瓶）" in card.body
    world.presses("zhang", "都对")

    assert seen(world) == [("P1", 18, "report", 70), ("P2", 12, "report", 70)]
    assert look(world, request.id).state is CountState.ANSWERED


def test_one_of_several_is_answered_and_the_card_asks_for_the_rest(world):
    request = asks(world, LIQUOR, OTHER)

    assert "哪一种" in world.says("zhang", "还有7瓶")
    world.says("zhang", "竹海特曲还有4瓶")

    assert seen(world) == [("P2", 4, "report", 70)]
    assert look(world, request.id).state is CountState.ASKED
    assert world.titles("zhang")[-1] == "青溪老窖 52度 500ml 还有 18 瓶？"
    world.presses("zhang", "对")
    assert look(world, request.id).state is CountState.ANSWERED


def test_old_press_gets_the_state_of_today(world):
    request = asks(world, LIQUOR)
    card = world.sandbox.chat("wecom", "zhang")[-1]
    key = next(button["key"] for button in card.buttons if button["label"] == "对")
    world.sandbox.say("wecom", "zhang", "还有7瓶")  # the card is not repainted yet

    world.sandbox.press("wecom", "zhang", card.id, key)
    world.worker.deliver()

    assert any("这一单现在的状态是“已有数”" in title for title in world.titles("zhang"))
    assert seen(world) == [("P1", 7, "report", 70)]
    assert look(world, request.id).lines[0].answered == 7


def test_silent_store_makes_the_rep_count(world):
    request = asks(world, LIQUOR)

    world.waits(hours=10)
    world.waits(hours=24)

    assert look(world, request.id).state is CountState.AT_REP
    assert "请到店盘点：城东1号店" in world.titles("li", "dingtalk")
    assert world.titles("zhang")[-1] == "还等您报数：青溪老窖 52度 500ml 还有 18 瓶？"
    world.presses("zhang", "对")  # late, and still an answer
    assert look(world, request.id).state is CountState.ANSWERED


def test_nobody_counts_and_nothing_is_made_up(world):  # trap 58
    request = asks(world, LIQUOR)

    world.waits(days=9)

    assert look(world, request.id).state is CountState.EXPIRED
    assert seen(world) == []
    assert believed(world) == 18
    assert "没有人报数：城东1号店" in world.titles("li", "dingtalk")
    assert "点卡片" not in world.says("zhang", "好的")


def test_store_without_people_is_counted_by_its_rep_at_once(world):
    with world.database.write() as session:
        person = session.scalars(select(Person).where(Person.code == "wang")).one()
        person.assignments[0].valid_to = date(2026, 9, 1)

    request = asks(world, LIQUOR, store="S02")

    assert request.state is CountState.AT_REP
    assert world.titles("li", "dingtalk")[-1] == "请到店盘点：城东2号店"
    assert world.titles("wang") == []


def test_asking_twice_is_one_question_and_both_hear_the_answer(world):
    first = asks(world, LIQUOR)
    second = asks(world, LIQUOR, who="qian")

    assert second.id == first.id
    assert len([title for title in world.titles("zhang") if "还有 18 瓶" in title]) == 1
    world.presses("zhang", "对")
    assert world.titles("li", "dingtalk")[-1] == "已报数：城东1号店"
    assert world.titles("qian", "dingtalk")[-1] == "已报数：城东1号店"


def test_products_asked_about_already_stay_in_their_question(world):
    first = asks(world, LIQUOR)
    second = asks(world, LIQUOR, OTHER)

    assert second.id != first.id
    assert [line.product.code for line in second.lines] == ["P2"]


def test_answered_product_may_be_asked_about_again(world):
    first = asks(world, LIQUOR)
    world.presses("zhang", "对")

    assert asks(world, LIQUOR).id != first.id


def test_open_recall_task_has_the_first_claim_on_the_words(world):
    world.says("li", "发起回收 青溪老窖 滞销 9月30日前", "dingtalk")
    world.presses("li", "同意", "dingtalk") if "同意" in world.buttons("li", "dingtalk") else None
    world.presses("qian", "同意", "dingtalk") if "同意" in world.buttons("qian", "dingtalk") else None
    assert world.task("S01").state == "asked"
    asks(world, LIQUOR)

    world.says("zhang", "还有7瓶")

    assert seen(world) == []


def test_product_of_the_question_alone_is_not_taken_for_the_task(world):
    world.says("li", "发起回收 青溪老窖 滞销 9月30日前", "dingtalk")
    for who in ("li", "qian"):
        if "同意" in world.buttons(who, "dingtalk"):
            world.presses(who, "同意", "dingtalk")
    assert world.task("S01").state == "asked"
    asks(world, OTHER)

    world.says("zhang", "竹海特曲还有7瓶")

    assert seen(world) == [("P2", 7, "report", 70)]
    assert world.task("S01").state == "asked"


def test_count_from_elsewhere_answers_the_question(world):
    request = asks(world, LIQUOR)
    world.clock.now += timedelta(hours=1)
    with world.database.write() as session:
        line = session.scalars(select(CountLine)).one()
        today = date(2026, 9, 7)
        one = Seen("file:1", request.store_id, line.product_id, None, 11, today, StockSource.COUNT, "导入")
        observe(session, [one], world.clock())

    world.waits(minutes=30)

    assert look(world, request.id).state is CountState.ANSWERED
    assert "18 瓶 → 11 瓶（导入）" in world.sandbox.chat("dingtalk", "li")[-1].body


def test_count_of_today_answers_what_was_only_inferred_today(world):
    with world.database.write() as session:
        for stock in session.scalars(select(ChannelStock)):
            stock.source, stock.as_of = StockSource.INFERRED, date(2026, 9, 7)
    request = asks(world, LIQUOR)
    assert "只按发货推算，没有人数过" in world.sandbox.chat("wecom", "zhang")[-1].body
    with world.database.write() as session:
        product = session.scalars(select(CountLine.product_id)).one()
        one = Seen("file:2", request.store_id, product, None, 11, date(2026, 9, 7), StockSource.COUNT, "导入")
        observe(session, [one], world.clock() + timedelta(seconds=1))

    with world.database.write() as session:
        assert take_counts_seen(session, world.house, world.clock()) == 1

    assert look(world, request.id).state is CountState.ANSWERED


def test_product_nobody_ever_saw_there_is_asked_without_a_number(world):
    asks(world, OTHER, store="S02")

    card = world.sandbox.chat("wecom", "wang")[-1]
    assert card.title == "竹海特曲 42度 500ml 还有几瓶？"
    assert world.buttons("wang") == ["报数"]
    world.says("wang", "没有了")
    assert seen(world) == [("P2", 0, "report", 70)]


def test_store_that_is_not_there_is_refused(world):
    with world.database.write() as session, pytest.raises(Exception, match="没有找到"):
        request_count(session, world.house, 999, 1, world.actor(session, "li"), world.clock(), "试试")


def test_plain_wechat_owner_gets_the_page_and_may_write_what_the_buttons_say(world):
    with world.database.write() as session:
        session.scalars(select(Person).where(Person.code == "zhang")).one().plain_wechat = True
    request = asks(world, LIQUOR)

    bubble = world.sandbox.chat("wecom", "zhang")[-1]
    assert (bubble.kind, bubble.buttons[0]["url"].startswith("http://jiuhui.test/t/")) == ("card", True)
    assert "可直接回复：对、改" in bubble.body
    assert "要报库存" in world.says("zhang", "好的")
    assert "现在几瓶？" in world.says("zhang", "改")
    assert "已登记" in world.says("zhang", "对")

    assert look(world, request.id).state is CountState.ANSWERED
    assert seen(world) == [("P1", 18, "report", 70)]


# Orders


def test_rep_asks_for_the_page_of_a_store(world):
    said = world.says("li", "盘点 S01", "dingtalk")

    assert "到店盘点城东1号店" in said
    assert "/t/" in said
    assert "/t/" in world.says("li", "盘点城东2号店", "dingtalk")


@pytest.mark.parametrize("words", ["盘点 S11", "盘点 没有这家店", "盘点 %"])
def test_store_of_somebody_else_is_not_found(world, words):
    assert "不归您负责" in world.says("li", words, "dingtalk")


def test_stores_of_one_name_are_told_apart_by_code(world):
    with world.database.write() as session:
        session.add_all([Store(code="D1", name="福顺", region="城东"), Store(code="D2", name="福顺", region="城东")])

    assert "有 2 家门店叫这个名字" in world.says("li", "盘点 福顺", "dingtalk")


def test_owner_may_begin_the_answer_with_the_word_count(world):
    asks(world, LIQUOR)

    world.says("zhang", "盘点了 还有7瓶")

    assert seen(world) == [("P1", 7, "report", 70)]


def test_opened_bottle_is_told_in_a_chat(world):
    assert "已记开瓶：青溪老窖 52度 500ml C1-B1" in world.says("zhang", "开瓶 C1-B1")
    assert "已经记过开封，没有重复记" in world.says("zhang", "开瓶 C1-B1")
    assert "已记开箱" in world.says("zhang", "开箱 CASE-C2")
    assert "认不出这个码" in world.says("zhang", "开瓶 6901234567892")
    assert "不知道是哪家店开的" in world.says("li", "开瓶 C3-B1", "dingtalk")
    with world.database.read() as session:
        assert sorted(session.scalars(select(SellOut.bottles))) == [0, 1]


# Two at once


def test_two_people_answer_at_once_and_one_is_told(tmp_path, postgres_url):
    world = World(tmp_path, postgres_url)
    with world.database.write() as session:
        clerk = Person(code="xiao", name="小赵", wecom_userid="xiao")
        store = session.scalars(select(Store.id).where(Store.code == "S01")).one()
        clerk.assignments = [Assignment(role=Role.STORE_OWNER, store_id=store, valid_from=date(2020, 1, 1))]
        session.add(clerk)
    request = asks(world, LIQUOR)
    keys = {}
    for user in ("zhang", "xiao"):
        card = world.sandbox.chat("wecom", user)[-1]
        keys[user] = (card.id, next(b["key"] for b in card.buttons if b["label"] == "对"))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda user: world.sandbox.press("wecom", user, *keys[user]), keys))
    world.worker.deliver()

    assert look(world, request.id).state is CountState.ANSWERED
    assert seen(world) == [("P1", 18, "report", 70)]
    assert sum("已有数" in " ".join(world.titles(user)) for user in keys) == 1
    world.proves_itself()
    world.database.close()


def test_two_ask_at_once_and_the_store_gets_one_question(tmp_path, postgres_url):
    world = World(tmp_path, postgres_url)
    gate = Barrier(2)

    def ask(who: str) -> int:
        gate.wait()
        return asks(world, LIQUOR, OTHER, who=who).id

    with ThreadPoolExecutor(2) as pool:
        ids = set(pool.map(ask, ("li", "qian")))

    assert len(ids) == 1
    with world.database.read() as session:
        assert len(session.scalars(select(CountLine)).all()) == 2
    world.database.close()
