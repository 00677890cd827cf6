"""The take-back as people live it: who says what, who hears what, and what the numbers say meanwhile."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from models.catalog import Hold, Lot, Product, Store
from models.engine import History, Inbox
from models.people import Assignment, Person, Role
from models.recall import Campaign, CampaignState, Discrepancy, LegalKind, Reason, RecallTask, ScopeLine, TaskState
from models.stock import ChannelStock, PlaceKind, Reservation
from models.warning import StockWarning, WarningState
from sandbox.people import Persona
from tests.doorway import Doorway
from tests.world import World
from workflows import campaigns, flows, ledger, scope
from workflows.doorstep import undo_scan
from workflows.group_cards import refresh_group_cards
from workflows.refusals import InvalidInput, NotAllowed, NotPermitted

START = "发起回收 青溪老窖 20240312批次 滞销 9月30日前"
ALL_BACK, APPROVE = "全部退回", "同意"


@pytest.fixture
def door(world: World) -> Doorway:
    return Doorway(world)


def asked(world: World) -> None:
    """The manager asks, the rep approves, the stores have their cards."""
    world.says("qian", START, "dingtalk")
    world.presses("li", APPROVE, "dingtalk")


def add_person(world: World, code: str, role: Role, region: str = "城东", **more: object) -> None:
    with world.database.write() as session:
        person = Person(code=code, name=code, dingtalk_userid=code)
        person.assignments = [Assignment(role=role, region=region, **{"valid_from": date(2020, 1, 1), **more})]
        session.add(person)


def store_holds(world: World, bottles: int, store: str = "S01") -> None:
    """The store is believed to hold so many of the old lot."""
    with world.database.write() as session:
        store_id = session.scalar(select(Store.id).where(Store.code == store))
        lot_id = session.scalar(select(Lot.id).where(Lot.batch == "20240312"))
        where = (ChannelStock.store_id == store_id, ChannelStock.lot_id == lot_id)
        session.execute(update(ChannelStock).where(*where).values(bottles=bottles))


def flat(words: str) -> str:
    """Without spaces: where they stand between Chinese and Latin is the texts' own matter."""
    return words.replace(" ", "")


def heard(world: World, user: str, words: str, platform: str = "dingtalk") -> bool:
    return any(flat(words) in flat(title) for title in world.titles(user, platform))


def group_heard(world: World, words: str, group: str = "城东业务群") -> bool:
    return any(flat(words) in flat(bubble.title + bubble.body) for bubble in world.sandbox.group("wecom", group))


def status(world: World, user: str, title: str, platform: str = "dingtalk") -> str:
    """What the newest card with that title says instead of its buttons."""
    cards = [bubble for bubble in world.sandbox.chat(platform, user) if title in bubble.title]
    return "" if cards[-1].buttons and not cards[-1].status else cards[-1].status


def time_passes(world: World, **span: float) -> None:
    """Half hours pass; timers and letters only, for the daily digest has tests of its own."""
    end = world.clock.now + timedelta(**span)
    while world.clock.now < end:
        world.clock.now = min(end, world.clock.now + timedelta(minutes=30))
        world.worker.fire_timers()
        world.worker.deliver()


# The main loop


def test_take_back_from_the_first_word_to_the_closed_file(world: World, door: Doorway) -> None:
    made = world.says("qian", START, "dingtalk")
    assert "回收单 R1 已建" in made
    assert "2 家门店共 6 箱（36 瓶）" in made

    world.presses("li", APPROVE, "dingtalk")
    assert group_heard(world, "回收进行中 R1")
    assert door.sums("stores", "notified", "answered", "scoped", "outstanding") == {
        "stores": 2, "notified": 2, "answered": 0, "scoped": 36, "outstanding": 36,
    }  # fmt: skip

    assert "已登记：全部退回 18 瓶" in world.presses("zhang", ALL_BACK)
    assert "其余 6 瓶如已卖掉，请回复：卖了6瓶" in world.says("wang", "退12瓶")
    assert heard(world, "li", "城东1号店已答复 R1")
    assert door.sums("answered", "declared", "handed_over") == {"answered": 2, "declared": 30, "handed_over": 0}

    answers = door.scans("CASE-C1", "C1-B1", "C2-B1", "CASE-C2", "CASE-C3", "CASE-C3")
    assert [(a.verdict, a.bottles) for a in answers] == [
        ("ok", 6), ("duplicate", 0), ("ok", 1), ("ok", 5), ("ok", 6), ("duplicate", 0),
    ]  # fmt: skip
    door.signs()
    assert door.sums("handed_over", "in_transit", "received", "outstanding") == {
        "handed_over": 18, "in_transit": 18, "received": 0, "outstanding": 36,
    }  # fmt: skip

    door.arrives()
    door.receives()
    assert door.sums("in_transit", "received", "accepted") == {"in_transit": 0, "received": 18, "accepted": 0}
    door.inspects(A=12, B=5, X=1)
    world.worker.deliver()
    assert door.sums("accepted", "rejected", "outstanding", "done") == {
        "accepted": 17, "rejected": 1, "outstanding": 18, "done": 1,
    }  # fmt: skip
    assert heard(world, "zhang", "退货已办完 R1", "wecom")
    assert heard(world, "feng", "已到仓，请清点 R1")

    world.says("wang", "卖了6瓶")
    door.types(1, 12, store="S02")
    door.signs(giver="王老板")
    door.receives()
    door.inspects(A=12)
    world.worker.deliver()

    assert door.sums("done", "outstanding", "sold_before", "accepted", "rejected") == {
        "done": 2, "outstanding": 0, "sold_before": 6, "accepted": 29, "rejected": 1,
    }  # fmt: skip
    assert world.campaign().state is CampaignState.CLOSED
    assert group_heard(world, "回收结束 R1")
    assert "已结案" in world.says("qian", "进度 R1", "dingtalk")
    world.proves_itself()


def test_one_tap_on_a_warning_asks_the_rep(world: World) -> None:
    with world.database.write() as session:
        store, product, lot = (session.scalars(select(model)).first() for model in (Store, Product, Lot))
        warning = StockWarning(
            rule="aged_180", rule_version="1", store_id=store.id, product_id=product.id, lot_id=lot.id, bottles=18,
            state=WarningState.FIRING, figures={"batch": lot.batch}, fired_on=date(2026, 9, 7), seen_on=date(2026, 9, 7), changed_at=world.clock(),
        )  # fmt: skip
        session.add(warning)

    made = world.says("li", "发起回收 W1", "dingtalk")
    assert "1 家门店共 3 箱（18 瓶）" in made
    world.presses("li", APPROVE, "dingtalk")

    assert world.campaign().state is CampaignState.RUNNING
    assert heard(world, "zhang", "请退回青溪老窖", "wecom")
    assert "1 家门店共 3 箱（18 瓶）" in world.says("qian", START, "dingtalk")  # only what is still free


def test_store_asks_by_itself(world: World, door: Doorway) -> None:
    said = world.says("zhang", "退2箱青溪老窖 临期")
    assert "申请 R1 已收到" in said
    assert "2 箱（12 瓶）" in said

    world.presses("li", APPROVE, "dingtalk")
    world.says("zhang", "确认")
    door.scans("CASE-C1", "CASE-C2")
    door.signs()
    door.receives()
    door.inspects(A=12)

    assert world.campaign().state is CampaignState.CLOSED
    assert world.campaign().reason is Reason.NEAR_EXPIRY
    world.proves_itself()


def test_request_for_more_than_the_store_has_asks_for_what_is_there(world: World) -> None:
    world.says("zhang", "退30箱青溪老窖 临期")

    with world.database.read() as session:
        assert set(session.scalars(select(Campaign.scope_bottles))) <= {18}


# Answers in words


@pytest.mark.parametrize(
    ("words", "state", "declared"),
    [
        ("确认", TaskState.COLLECTING, 18),
        ("好的", TaskState.COLLECTING, 18),
        ("退12瓶", TaskState.COLLECTING, 12),
        ("两箱", TaskState.COLLECTING, 12),
        ("还有12瓶", TaskState.COLLECTING, 12),
        ("卖完了", TaskState.SOLD_OUT, 0),
        ("不退，原因是客户已经订走", TaskState.REFUSED, 0),
    ],
)
def test_answer_in_words(world: World, door: Doorway, words: str, state: TaskState, declared: int) -> None:
    asked(world)
    said = world.says("zhang", words)

    assert "已登记" in said
    assert world.task().state is state
    assert door.totals.declared == declared


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("退50瓶", "最多还能登记 18 瓶"),
        ("退12", "是瓶还是箱"),
        ("不退", "请写明原因"),
        ("天气真好", "没看懂"),
        ("退0瓶", ""),
    ],
)
def test_answer_that_cannot_be_changes_nothing(world: World, words: str, hint: str) -> None:
    asked(world)
    said = world.says("zhang", words)

    assert hint in said
    assert said
    assert world.task().state in {TaskState.ASKED, TaskState.SOLD_OUT} if not hint else TaskState.ASKED
    world.proves_itself()


def test_refused_goods_are_told_to_the_manager_with_the_reason(world: World) -> None:
    asked(world)
    world.says("zhang", "不退，原因是客户已经订走")

    cards = [bubble for bubble in world.sandbox.chat("dingtalk", "qian") if "城东1号店不退R1" in flat(bubble.title)]
    assert "客户已经订走" in cards[-1].body
    assert {button["label"] for button in cards[-1].buttons} == {"继续要求", "放行"}


def test_refusal_insisted_on_is_asked_again(world: World) -> None:
    asked(world)
    world.says("zhang", "不退，原因是客户已经订走")
    world.presses("qian", "继续要求", "dingtalk")

    assert world.task().state is TaskState.ASKED
    assert heard(world, "zhang", "请再答复", "wecom")
    assert "已登记：全部退回 18 瓶" in world.presses("zhang", ALL_BACK)


def test_refusal_waived_needs_a_reason_and_closes_the_task(world: World, door: Doorway) -> None:
    asked(world)
    world.says("zhang", "不退，原因是客户已经订走")
    assert "放行 R1-1" in world.presses("qian", "放行", "dingtalk")
    assert world.task().state is TaskState.REFUSED
    world.says("qian", "放行 R1-1 客户订单属实", "dingtalk")

    assert world.task().state is TaskState.CLOSED
    assert door.sums("waived", "outstanding") == {"waived": 18, "outstanding": 18}
    assert heard(world, "zhang", "退货已办完", "wecom")


def test_rep_cannot_waive(world: World) -> None:
    asked(world)
    world.says("zhang", "不退，原因是客户已经订走")

    assert "没有权限放行" in world.says("li", "放行 R1-1 熟客", "dingtalk")
    assert world.task().state is TaskState.REFUSED


def test_refusal_reaches_one_who_is_rep_and_manager_at_once(world: World) -> None:
    """In a small house one person does both; the store's answer must still go through."""
    with world.database.write() as session:
        both = session.scalar(select(Person).where(Person.code == "qian"))
        session.add(Assignment(person_id=both.id, role=Role.SALES_REP, region="城东", valid_from=date(2020, 1, 1)))
    world.says("zhang", "退2箱青溪老窖 临期")
    world.presses("li", APPROVE, "dingtalk")

    assert "已登记：不退" in world.says("zhang", "不退，原因是客户已经订走")
    assert world.task().state is TaskState.REFUSED


def test_sold_out_confirmed_by_the_rep_closes_the_task(world: World, door: Doorway) -> None:
    asked(world)
    world.presses("zhang", "已卖完")
    world.presses("li", "确认卖完", "dingtalk")

    assert world.task().state is TaskState.CLOSED
    assert door.sums("sold_before", "outstanding") == {"sold_before": 18, "outstanding": 18}
    world.proves_itself()


def test_sold_out_doubted_is_asked_again(world: World) -> None:
    asked(world)
    world.presses("zhang", "已卖完")
    world.presses("li", "再问门店", "dingtalk")

    assert world.task().state is TaskState.ASKED
    assert heard(world, "zhang", "请再答复", "wecom")


def test_problem_solved_by_the_rep_is_asked_again(world: World) -> None:
    asked(world)
    world.says("zhang", "有问题，漏了两瓶")
    assert world.task().state is TaskState.TROUBLED
    world.presses("li", "已处理", "dingtalk")

    assert world.task().state is TaskState.ASKED
    assert heard(world, "zhang", "请再答复", "wecom")


def test_problem_left_open_can_be_insisted_on_from_the_reminder(world: World) -> None:
    asked(world)
    world.says("zhang", "有问题，漏了两瓶")
    time_passes(world, days=2)
    world.presses("qian", "继续要求", "dingtalk", title="还没处理")

    assert world.task().state is TaskState.ASKED


# Cards that are old, and people who may not


def test_answered_card_has_no_buttons_any_more(world: World) -> None:
    asked(world)
    world.presses("zhang", ALL_BACK)

    assert "答复：全部退回" in status(world, "zhang", "请退回", "wecom")


def test_pressing_twice_answers_once(world: World) -> None:
    asked(world)
    bubble, key = world._button("wecom", "zhang", ALL_BACK, "")
    world.sandbox.press("wecom", "zhang", bubble.id, key)
    rows = steps_of_task(world)
    world.sandbox.faults.duplicated.next = 1
    world.says("zhang", "退12瓶")

    assert len(steps_of_task(world)) == len(rows) + 1


def steps_of_task(world: World) -> list[str]:
    with world.database.read() as session:
        return list(session.scalars(select(History.event).where(History.flow == "recall_task")))


def test_other_store_cannot_answer(world: World) -> None:
    asked(world)

    assert "没有权限全部退回" in world.says("zhao", "R1-1 确认")
    assert world.task().state is TaskState.ASKED


def test_rep_may_answer_for_the_store(world: World, door: Doorway) -> None:
    asked(world)
    world.says("li", "R1-1 退12瓶", "dingtalk")

    assert door.totals.declared == 12


def test_person_whose_assignment_ended_yesterday_has_no_right(world: World) -> None:
    world.says("qian", START, "dingtalk")
    with world.database.write() as session:
        li = session.scalar(select(Person.id).where(Person.code == "li"))
        yesterday = date(2026, 9, 6)
        session.execute(update(Assignment).where(Assignment.person_id == li).values(valid_to=yesterday))

    assert "没有权限同意" in world.presses("li", APPROVE, "dingtalk")
    assert world.campaign().state is CampaignState.AT_REP


def test_person_whose_assignment_ends_today_still_has_the_right(world: World) -> None:
    world.says("qian", START, "dingtalk")
    with world.database.write() as session:
        li = session.scalar(select(Person.id).where(Person.code == "li"))
        session.execute(update(Assignment).where(Assignment.person_id == li).values(valid_to=date(2026, 9, 7)))
    world.presses("li", APPROVE, "dingtalk")

    assert world.campaign().state is CampaignState.RUNNING


def test_hello_without_anything_to_do_is_greeted(world: World) -> None:
    assert "您好，张老板" in world.says("zhang", "好的")


def test_stranger_hears_that_he_is_unknown(world: World) -> None:
    with world.database.write() as session:
        session.execute(update(Person).where(Person.code == "zhang").values(wecom_userid="somebody"))
    world.sandbox.personas = lambda: [Persona("张老板", "店主", "wecom", "zhang")]

    assert "系统里还没有您的资料" in world.says("zhang", "确认")


# Approving


def test_nobody_approves_the_own_request(world: World) -> None:
    world.says("li", START, "dingtalk")

    assert world.campaign().state is CampaignState.AT_MANAGER
    assert "没有权限同意" in world.says("li", "同意 R1", "dingtalk")
    assert world.campaign().state is CampaignState.AT_MANAGER


def test_only_the_manager_of_the_region_is_asked(world: World) -> None:
    world.says("li", START, "dingtalk")

    assert heard(world, "qian", "待审批 R1")
    assert not heard(world, "wu", "待审批 R1")


def test_manager_of_another_region_has_no_right(world: World) -> None:
    world.says("li", START, "dingtalk")

    assert "没有权限同意" in world.says("wu", "同意 R1", "dingtalk")


def test_rep_then_manager_then_boss_by_value(world: World) -> None:
    store_holds(world, 1_200)  # 120,000 yuan and more
    world.says("zhang", "退200箱青溪老窖 临期")
    assert world.campaign().scope_bottles == 1_200
    world.presses("li", APPROVE, "dingtalk")
    assert world.campaign().state is CampaignState.AT_MANAGER
    assert "已由李业务" in flat(status(world, "li", "待审批"))
    world.presses("qian", APPROVE, "dingtalk")
    assert world.campaign().state is CampaignState.AT_BOSS
    world.presses("boss", APPROVE, "dingtalk")

    assert world.campaign().state is CampaignState.RUNNING
    assert [approval["name"] for approval in world.campaign().approvals] == ["李业务", "钱经理", "周总"]


def test_value_at_the_limit_needs_no_manager(world: World) -> None:
    store_holds(world, 50)  # 5,000 yuan
    world.says("zhang", "退50瓶青溪老窖 临期")
    world.presses("li", APPROVE, "dingtalk")

    assert world.campaign().state is CampaignState.RUNNING


def test_boss_who_asked_for_much_is_not_asked_again(world: World) -> None:
    store_holds(world, 1_200)
    world.says("boss", "发起回收 青溪老窖 20240312批次 1200瓶 滞销 9月30日前", "dingtalk")
    world.presses("li", APPROVE, "dingtalk")
    world.presses("qian", APPROVE, "dingtalk")

    assert world.campaign().state is CampaignState.RUNNING


def test_rejection_needs_a_reason_and_goes_to_who_asked(world: World) -> None:
    world.says("qian", START, "dingtalk")
    assert "请写明原因" in world.presses("li", "驳回", "dingtalk")
    assert world.campaign().state is CampaignState.AT_REP
    world.says("li", "驳回 R1 数量不对", "dingtalk")

    assert world.campaign().state is CampaignState.DRAFT
    letter = next(b for b in world.sandbox.chat("dingtalk", "qian") if "被驳回" in (b.title or b.body))
    assert "数量不对" in letter.body
    assert "已由李业务" in flat(status(world, "li", "待审批"))
    assert not heard(world, "zhang", "请退回", "wecom")


def test_changed_quantity_is_approved_anew(world: World, door: Doorway) -> None:
    world.says("qian", START, "dingtalk")
    old, _ = world._button("dingtalk", "li", APPROVE, "")
    world.says("li", "改 R1 20瓶", "dingtalk")
    assert world.campaign().scope_bottles == 20
    world.presses("li", APPROVE, "dingtalk")

    assert door.totals.scoped == 20
    assert "数量已由李业务" in flat(status_of(world, "li", old.id))


def status_of(world: World, user: str, bubble_id: int) -> str:
    return next(b.status for b in world.sandbox.chat("dingtalk", user) if b.id == bubble_id)


def test_lot_dropped_by_a_changed_quantity_is_not_held(world: World) -> None:
    with world.database.write() as session:
        store = session.scalar(select(Store).where(Store.code == "S01"))
        lot = session.scalar(select(Lot).where(Lot.batch == "20240901"))
        believed = {"bottles": 6, "received_on": date(2026, 8, 1), "as_of": date(2026, 9, 1), "source": "count"}
        session.add(ChannelStock(store_id=store.id, product_id=lot.product_id, lot_id=lot.id, **believed))
    world.says("qian", "发起回收 青溪老窖 滞销 9月30日前", "dingtalk")
    assert world.campaign().scope_bottles == 42
    world.says("li", "改 R1 18瓶", "dingtalk")
    world.presses("li", APPROVE, "dingtalk")

    with world.database.read() as session:
        asked_for = set(session.scalars(select(ScopeLine.lot_id).where(ScopeLine.scope_version == 2)))
        held = set(session.scalars(select(Hold.lot_id)))
    assert held == asked_for


def test_withdrawn_before_approval_tells_no_store(world: World) -> None:
    world.says("qian", START, "dingtalk")
    world.says("qian", "取消 R1", "dingtalk")

    assert world.campaign().state is CampaignState.CANCELLED
    assert "撤回" in status(world, "li", "待审批")
    assert not heard(world, "zhang", "请退回", "wecom")


def test_same_goods_are_not_asked_for_twice(world: World) -> None:
    world.says("qian", START, "dingtalk")
    said = world.says("li", START, "dingtalk")

    assert "R1（青溪老窖 52度 500ml，期限 09-30）正在回收同样的货" in said
    assert world.campaign().number == "R1"


def test_commercial_take_back_never_says_the_word_of_the_food_law(world: World) -> None:
    said = world.says("qian", "发起回收 青溪老窖 20240312批次 原因：召回 9月30日前", "dingtalk")

    assert "商业回收不能写“召回”二字" in said


def test_two_approvers_press_at_once(world: World) -> None:
    add_person(world, "liu", Role.SALES_REP)
    world.says("qian", START, "dingtalk")
    world.worker.deliver()
    cards = {user: world._button("dingtalk", user, APPROVE, "") for user in ("li", "liu")}
    start = threading.Barrier(2)

    def press(user: str) -> None:
        bubble, key = cards[user]
        start.wait()
        world.sandbox.press("dingtalk", user, bubble.id, key)

    threads = [threading.Thread(target=press, args=(user,)) for user in cards]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    world.worker.deliver()

    assert world.campaign().state is CampaignState.RUNNING
    said = {user: " ".join(b.body for b in world.sandbox.chat("dingtalk", user) if not b.title) for user in cards}
    assert sorted("已同意：R1" in words for words in said.values()) == [False, True]
    assert sum("这张卡片已经过时" in words for words in said.values()) == 1
    assert all("同意" in status(world, user, "待审批") for user in cards)
    with world.database.read() as session:
        steps = session.scalars(
            select(History.event).where(History.flow == "recall_campaign", History.event == "approve")
        )
        assert len(steps.all()) == 1
        assert len(session.scalars(select(RecallTask)).all()) == 2
    world.proves_itself()


# At the door and after


def collecting(world: World) -> None:
    asked(world)
    world.presses("zhang", ALL_BACK)


def test_partial_hand_over_needs_a_day_for_the_rest(world: World, door: Doorway) -> None:
    collecting(world)
    door.scans("CASE-C1")
    with pytest.raises(InvalidInput, match="还有 12 瓶没有交接"):
        door.signs()
    door.signs(remaining_on=date(2026, 9, 9))
    world.worker.deliver()

    assert world.task().promised_on == date(2026, 9, 9)
    assert door.sums("handed_over", "in_transit", "outstanding") == {
        "handed_over": 6,
        "in_transit": 6,
        "outstanding": 36,
    }
    letter = next(b for b in world.sandbox.chat("wecom", "zhang") if "已交接" in (b.title or b.body))
    assert "还剩2箱（12瓶），约9月9日再来取" in flat(letter.body)
    door.receives()
    door.inspects(A=6)
    assert world.task().state is TaskState.COLLECTING
    door.scans("CASE-C2", "CASE-C3")
    door.signs()
    door.receives()
    door.inspects(A=12)
    assert world.task().state is TaskState.CLOSED
    world.proves_itself()


def test_store_names_another_day(world: World) -> None:
    collecting(world)
    said = world.says("zhang", "改约9月15日")

    assert "已改约 9 月 15 日" in said
    assert world.task().promised_on == date(2026, 9, 15)


def test_day_in_the_past_is_refused(world: World, door: Doorway) -> None:
    collecting(world)
    door.scans("CASE-C1")

    with pytest.raises(InvalidInput):
        door.signs(remaining_on=date(2026, 9, 6))


def test_signatures_of_one_hand_are_refused(world: World, door: Doorway) -> None:
    collecting(world)
    door.scans("CASE-C1", "CASE-C2", "CASE-C3")

    with pytest.raises(InvalidInput, match="同一张图"):
        door.signs(giver_png=SAME, taker_png=SAME)
    with pytest.raises(InvalidInput, match="签名没有收到"):
        door.signs(taker_png=b"no picture")


SAME = b"\x89PNG\r\n\x1a\n same"


def test_rep_of_another_region_may_not_take(world: World, door: Doorway) -> None:
    collecting(world)

    with pytest.raises(NotPermitted):
        door.scans("CASE-C1", taker="sun")


def test_who_took_the_goods_may_not_count_them_in(world: World, door: Doorway) -> None:
    with world.database.write() as session:
        li = session.scalar(select(Person).where(Person.code == "li"))
        session.add(Assignment(person_id=li.id, role=Role.WAREHOUSE_KEEPER, valid_from=date(2020, 1, 1)))
    collecting(world)
    door.scans("CASE-C1", "CASE-C2", "CASE-C3")
    door.signs()

    with pytest.raises(NotPermitted):
        door.receives(keeper="li")


def test_scan_sent_twice_counts_once(world: World, door: Doorway) -> None:
    collecting(world)
    first = door.types(1, 6)
    door._scans -= 1
    again = door.types(1, 6)

    assert (first.verdict, again.verdict) == ("ok", "ok")
    assert sum(line.counted for line in world.handover().lines) == 6


def test_wrong_batch_goes_along_and_can_be_taken_back(world: World, door: Doorway) -> None:
    collecting(world)
    answer = door.types(2, 3)
    assert answer.verdict == "wrong_batch"
    with world.database.write() as session:
        hand = session.merge(world.handover())
        undo_scan(session, hand, answer.client_id, world.actor(session, "li"))

    assert sum(line.extra + line.counted for line in world.handover().lines) == 0


def test_short_on_arrival_blocks_only_its_bottles_until_decided(world: World, door: Doorway) -> None:
    collecting(world)
    door.scans("CASE-C1", "CASE-C2", "CASE-C3")
    door.signs()
    door.receives(16)
    door.inspects(A=16)
    world.worker.deliver()
    assert heard(world, "qian", "少货 2 瓶 R1")
    assert world.task().state is TaskState.COLLECTING
    assert door.sums("accepted", "in_transit", "outstanding") == {"accepted": 16, "in_transit": 2, "outstanding": 20}

    assert "没有权限认定丢失" in world.presses("li", "认定丢失", "dingtalk")
    world.says("qian", "认定丢失 C1 路上摔碎两瓶", "dingtalk")

    assert world.task().state is TaskState.CLOSED
    assert door.sums("accepted", "lost", "outstanding", "in_transit") == {
        "accepted": 16, "lost": 2, "outstanding": 18, "in_transit": 0,
    }  # fmt: skip
    world.proves_itself()


def test_short_found_again_is_no_longer_in_transit(world: World, door: Doorway) -> None:
    collecting(world)
    door.scans("CASE-C1", "CASE-C2", "CASE-C3")
    door.signs()
    door.receives(16)
    door.inspects(A=16)
    world.says("qian", "找到 C1 车厢角落", "dingtalk")

    assert world.task().state is TaskState.CLOSED
    assert door.sums("accepted", "received", "in_transit") == {"accepted": 18, "received": 18, "in_transit": 0}
    world.proves_itself()


def test_extra_bottles_missing_and_found_again_are_in_the_books(world: World, door: Doorway) -> None:
    collecting(world)
    door.types(1, 20)
    door.signs()
    door.receives(17)
    door.inspects(A=17)
    for _ in range(2):  # one of the task's, two of the extra
        door.decides("qian", "found")

    assert door.sums("scoped", "accepted", "received", "in_transit") == {
        "scoped": 38, "accepted": 20, "received": 20, "in_transit": 0,
    }  # fmt: skip
    world.proves_itself()


def test_more_than_asked_for_is_taken_in_or_given_back(world: World, door: Doorway) -> None:
    collecting(world)
    door.types(1, 20)
    door.signs()
    door.receives()
    door.inspects(A=18)
    world.worker.deliver()
    assert heard(world, "qian", "多货 2 瓶 R1")
    world.presses("qian", "收下", "dingtalk")

    assert world.task().state is TaskState.CLOSED
    assert door.sums("scoped", "accepted", "outstanding") == {"scoped": 38, "accepted": 20, "outstanding": 18}
    world.proves_itself()


def test_extra_goods_given_back_stand_on_the_shelf_again(world: World, door: Doorway) -> None:
    collecting(world)
    door.types(2, 3)
    door.scans("CASE-C1", "CASE-C2", "CASE-C3")
    door.signs()
    door.receives()
    with world.database.write() as session:
        hand = session.merge(world.handover())
        grades = {line.lot_id: {"A": line.received} for line in hand.lines}
        world.fire(session, hand, "inspect", "feng", grades=grades)
    door.decides("qian", "give_back")

    with world.database.read() as session:
        store = session.scalar(select(Store.id).where(Store.code == "S01"))
        assert ledger.balance(session, PlaceKind.STORE_SHELF, store, 2) == 0
        assert ledger.balance(session, PlaceKind.QUARANTINE, 0, 2) == 0
    assert world.task().state is TaskState.CLOSED
    world.proves_itself()


def test_goods_moved_on_before_are_explained_though_their_lot_is_held(world: World, door: Doorway) -> None:
    collecting(world)
    door.task_event("li", "report_transfer", bottles=6)

    assert door.totals.outstanding == 30
    world.proves_itself()


def test_goods_destroyed_in_the_store_need_a_witness(world: World, door: Doorway) -> None:
    collecting(world)
    with pytest.raises(InvalidInput, match="见证人"):
        door.task_event("li", "destroy_on_site", bottles=6)
    door.task_event("li", "destroy_on_site", bottles=18, witness="王芳", reason="漏酒")

    assert world.task().state is TaskState.CLOSED
    world.proves_itself()


# Stopping


def test_abort_lets_goods_on_the_road_arrive(world: World, door: Doorway) -> None:
    collecting(world)
    door.scans("CASE-C1")
    door.signs(remaining_on=date(2026, 9, 9))
    assert "中止要写明原因" in world.says("boss", "中止 R1", "dingtalk")
    world.says("boss", "中止 R1 厂家取消政策", "dingtalk")

    assert world.campaign().state is CampaignState.WINDING_DOWN
    assert (world.task("S01").state, world.task("S02").state) == (TaskState.WINDING_DOWN, TaskState.CANCELLED)
    assert heard(world, "wang", "不用再退 R1", "wecom")
    assert door.sums("waived", "in_transit", "outstanding") == {"waived": 30, "in_transit": 6, "outstanding": 6}
    door.receives()
    door.inspects(A=6)
    assert world.campaign().state is CampaignState.ABORTED
    assert world.task("S01").state is TaskState.CANCELLED
    with world.database.read() as session:
        assert session.scalars(select(Reservation)).all() == []
        assert session.scalar(select(Hold.id).where(Hold.released_at.is_(None))) is None
    world.proves_itself()


def test_abort_with_nothing_on_the_road_ends_at_once_and_is_told_in_order(world: World) -> None:
    asked(world)
    world.says("boss", "中止 R1 厂家取消政策", "dingtalk")

    assert world.campaign().state is CampaignState.ABORTED
    with world.database.read() as session:
        rows = session.scalars(select(History).where(History.flow == "recall_campaign").order_by(History.id)).all()
    assert [(row.from_state, row.to_state) for row in rows[-2:]] == [
        ("running", "winding_down"),
        ("winding_down", "aborted"),
    ]


def test_manager_who_asked_may_not_abort_alone(world: World) -> None:
    asked(world)

    assert "没有权限中止" in world.says("qian", "中止 R1 算了", "dingtalk")


# Time


def test_silent_store_is_reminded_then_rep_then_manager(world: World) -> None:
    asked(world)
    time_passes(world, hours=5)
    assert heard(world, "zhang", "还等您答复", "wecom")
    assert not heard(world, "li", "还没答复")
    time_passes(world, days=1)
    assert heard(world, "li", "城东1号店还没答复 R1")
    assert not heard(world, "qian", "一直没答复")
    time_passes(world, days=1)
    assert heard(world, "qian", "升级：城东1号店一直没答复 R1")
    assert not heard(world, "wu", "一直没答复")


def test_answered_store_is_left_alone(world: World) -> None:
    asked(world)
    world.presses("zhang", ALL_BACK)
    time_passes(world, days=1)

    assert not heard(world, "zhang", "还等您答复", "wecom")
    assert not heard(world, "li", "城东1号店还没答复")


def test_nobody_is_reminded_at_night_or_on_the_weekend(world: World) -> None:
    world.clock.now = datetime(2026, 9, 11, 9, 30, tzinfo=UTC)  # Friday 17:30 in China
    asked(world)
    before = {user: len(world.titles(user, "wecom")) for user in ("zhang", "wang")}
    time_passes(world, hours=62)  # until Monday 07:30

    assert {user: len(world.titles(user, "wecom")) for user in before} == before
    time_passes(world, hours=5)  # Monday 12:30: half an hour on Friday, four hours today
    assert heard(world, "zhang", "还等您答复", "wecom")


def test_approver_is_reminded_in_working_hours(world: World) -> None:
    world.says("qian", START, "dingtalk")
    time_passes(world, hours=5)

    assert heard(world, "li", "催办：回收单 R1 还没审批")
    world.presses("li", APPROVE, "dingtalk", title="催办")
    assert world.campaign().state is CampaignState.RUNNING


def test_sold_out_nobody_checks_is_reminded(world: World) -> None:
    asked(world)
    world.presses("zhang", "已卖完")
    time_passes(world, days=2)

    assert heard(world, "li", "催办：核实城东1号店是否卖完")


def test_goods_on_the_road_too_long_are_reported(world: World, door: Doorway) -> None:
    collecting(world)
    door.scans("CASE-C1", "CASE-C2", "CASE-C3")
    door.signs()
    time_passes(world, days=4)

    assert heard(world, "qian", "在途超时 R1")
    assert heard(world, "li", "在途超时 R1")


def test_store_that_lets_the_deadline_pass_is_overdue(world: World, door: Doorway) -> None:
    world.says("qian", "发起回收 青溪老窖 20240312批次 滞销 9月8日前", "dingtalk")
    world.presses("li", APPROVE, "dingtalk")
    time_passes(world, days=4)

    assert door.totals.overdue == 2


# Food safety


def recalled(world: World, known: int = 1) -> None:
    """The quality officer stops the sale of the old lot."""
    with world.database.write() as session:
        product = session.scalar(select(Product).where(Product.code == "P1"))
        request = campaigns.Request(
            scope.Ask(product.id, ("20240312",)), Reason.SAFETY, date(2026, 9, 30), "cli",
            reason_text="塑化剂超标", kind=LegalKind.FOOD_SAFETY, legal_class=known,
        )  # fmt: skip
        campaigns.start(session, world.house, request, world.actor(session, "wei"), world.clock())
    world.worker.deliver()


def test_recall_holds_first_and_is_ratified_after(world: World, door: Doorway) -> None:
    recalled(world)
    assert world.campaign().state is CampaignState.HOLDING
    assert group_heard(world, "紧急停售 R1")
    assert not heard(world, "zhang", "停售并召回", "wecom")
    with world.database.read() as session:
        assert session.scalars(select(Hold.final)).all() == [True]

    assert "没有权限追认" in world.says("wei", "同意 R1", "dingtalk")
    world.presses("boss", "追认召回", "dingtalk")
    assert world.campaign().state is CampaignState.RUNNING
    assert all(heard(world, user, "停售并召回", "wecom") for user in ("zhang", "wang", "zhao"))

    world.presses("zhang", "已封存")
    door.scans("CASE-C1", "CASE-C2", "CASE-C3")
    door.signs()
    door.receives()
    with pytest.raises(InvalidInput, match="只能定为 X 级"):
        door.inspects(A=18)
    door.inspects(X=18)
    assert door.sums("accepted", "rejected") == {"accepted": 18, "rejected": 0}
    assert world.task("S01").state is TaskState.CLOSED

    for user, store in (("wang", "S02"), ("zhao", "S11")):
        world.presses(user, "已卖完")
        door.task_event("li" if store == "S02" else "sun", "confirm_sold_out", store)
    assert world.campaign().state is CampaignState.CLOSED
    with world.database.read() as session:
        assert session.scalar(select(Hold.id).where(Hold.released_at.is_(None))) is not None
    world.proves_itself()


def test_announcements_stay_when_the_live_card_is_repainted(world: World) -> None:
    recalled(world)
    world.presses("boss", "追认召回", "dingtalk")
    with world.database.write() as session:
        refresh_group_cards(session, world.house, world.clock())
    world.worker.deliver()

    titles = [bubble.title for bubble in world.sandbox.group("dingtalk", "城东业务群")]
    assert [title.split()[0] for title in titles] == ["紧急停售", "食品安全召回进行中"]


def test_false_alarm_lifts_the_hold(world: World) -> None:
    recalled(world)
    world.presses("boss", "解除停售", "dingtalk")

    assert world.campaign().state is CampaignState.CANCELLED
    assert group_heard(world, "解除停售 R1")
    with world.database.read() as session:
        assert session.scalar(select(Hold.id).where(Hold.released_at.is_(None))) is None


@pytest.mark.parametrize(("legal_class", "hours"), [(1, 24), (2, 48), (3, 72)])
def test_legal_clock_runs_at_night_and_on_the_weekend(world: World, legal_class: int, hours: int) -> None:
    world.clock.now = datetime(2026, 9, 11, 10, 0, tzinfo=UTC)  # Friday evening
    recalled(world, legal_class)
    time_passes(world, hours=hours - 0.5)
    assert not heard(world, "boss", "超过法定启动时限")
    time_passes(world, hours=1)

    assert heard(world, "boss", "警报：R1 超过法定启动时限")
    assert heard(world, "wei", "警报：R1 超过法定启动时限")


def test_store_is_reminded_of_a_recall_at_night(world: World) -> None:
    world.clock.now = datetime(2026, 9, 11, 13, 0, tzinfo=UTC)  # Friday 21:00
    recalled(world)
    world.presses("boss", "追认召回", "dingtalk")
    time_passes(world, hours=9)

    assert heard(world, "zhang", "紧急：请答复召回", "wecom")
    assert heard(world, "li", "紧急：城东1号店还没答复召回")
    assert heard(world, "qian", "升级：城东1号店一直没答复召回")


def test_recall_lets_nobody_go_by_waiver(world: World, door: Doorway) -> None:
    recalled(world)
    world.presses("boss", "追认召回", "dingtalk")
    world.says("zhang", "不退，原因是客户已经订走")
    assert world.task("S01").state is TaskState.REFUSED

    assert "现在不能放行" in world.says("boss", "放行 R1-1 算了", "dingtalk")
    with pytest.raises(NotAllowed):
        door.task_event("boss", "waive", reason="算了")
    assert world.task("S01").state is TaskState.REFUSED


def test_refused_recall_goes_to_those_who_may_insist(world: World) -> None:
    recalled(world)
    world.presses("boss", "追认召回", "dingtalk")
    world.says("zhang", "不退，原因是客户已经订走")
    world.presses("wei", "继续要求", "dingtalk")

    assert world.task("S01").state is TaskState.ASKED
    assert heard(world, "zhang", "请再答复召回", "wecom")


def test_store_that_finds_bottles_after_all_may_say_so(world: World) -> None:
    recalled(world)
    world.presses("boss", "追认召回", "dingtalk")
    world.presses("zhang", "已卖完")
    world.says("zhang", "还有12瓶")

    assert world.task("S01").state is TaskState.COLLECTING


def test_commercial_take_back_of_a_recalled_lot_can_still_be_settled(world: World, door: Doorway) -> None:
    """The exit stays open: what is found again of a lot recalled meanwhile goes to destruction."""
    collecting(world)
    door.scans("CASE-C1", "CASE-C2", "CASE-C3")
    door.signs()
    door.receives(17)
    door.inspects(A=17)
    recalled(world)
    world.says("qian", "找到 C1 车厢角落", "dingtalk")

    with world.database.read() as session:
        assert ledger.balance(session, PlaceKind.WAREHOUSE_X, 0, 1) == 1
        assert session.scalar(select(Discrepancy.state)) == "found"
    world.proves_itself()


def test_every_message_was_answered_once(world: World) -> None:
    asked(world)
    world.sandbox.faults.duplicated.chance = 1.0
    world.says("zhang", "退12瓶")
    world.says("zhang", "确认")

    with world.database.read() as session:
        assert len(session.scalars(select(Inbox.key).where(Inbox.key.startswith("wecom:"))).all()) == 2
    assert steps_of_task(world).count("answer_part") == 1
    assert steps_of_task(world).count("answer_all") == 1


assert flows.ALL  # importing the flows enters them into the engine
