"""Mornings of a whole distributor: jobs, both platforms, buttons, silence, the ladder, an outage, a missing calendar."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from bots.dingtalk import cards as dingtalk
from bots.wecom import cards as wecom
from models.engine import Card, Outbox, Sent
from models.people import Person
from models.warning import StockWarning, WarningState
from reports.fonts import DEFAULT_CACHE
from tests.world import World
from texts.message import Message

MORNING = datetime(2026, 9, 7, 0, 38, tzinfo=UTC)  # 08:38 on a Monday
LISTED = "今天先看"
ASKED = "还没有人处理"


@pytest.fixture
def world(tmp_path, migrated_url) -> Iterator[World]:
    (tmp_path / "fonts").symlink_to(DEFAULT_CACHE)  # made once for all tests
    world = World(tmp_path, migrated_url)
    world.clock.now = MORNING
    yield world
    world.database.close()


def ticks(world: World, until: datetime) -> None:
    """Time passes in steps of eleven minutes, and the worker does what falls due."""
    while world.clock.now < until:
        world.clock.now = min(until, world.clock.now + timedelta(minutes=11))
        world.worker.tick()


def on_the_card(world: World, user: str = "li", store: str = "城东1号店") -> StockWarning:
    """The warning of somebody's newest card about a store."""
    bubbles = reversed(world.sandbox.chat("dingtalk", user))
    card = next(b for b in bubbles if b.buttons and store in b.title)
    number = card.buttons[0]["key"].split(":")[1]
    with world.looking() as session:
        return session.get_one(StockWarning, int(number))


def settle(world: World) -> None:
    """Everything that waits goes out, as fast as the platforms allow."""
    for _ in range(30):
        world.clock.now += timedelta(seconds=2)
        world.worker.deliver()


def asked(world: World, user: str, words: str) -> list[str]:
    return [title for title in world.titles(user, "dingtalk") if words in title]


def sent_since(world: World, moment: datetime) -> list[Sent]:
    with world.looking() as session:
        return list(session.scalars(select(Sent).where(Sent.sent_at > moment)))


def nothing_is_stuck(world: World) -> None:
    with world.looking() as session:
        assert session.scalar(select(func.count(Outbox.id)).where(Outbox.dead.is_(True))) == 0


def test_a_morning_brings_each_person_one_list_and_a_few_cards(world):
    world.worker.tick()

    assert len(asked(world, "li", LISTED)) == 1
    assert len(asked(world, "sun", LISTED)) == 1
    cards = [b for b in world.sandbox.chat("dingtalk", "li") if b.buttons]
    assert 1 <= len(cards) <= 3
    for card in cards:
        assert {"发起回收", "找调剂", "去盘点", "稍后", "忽略"} <= {button["label"] for button in card.buttons}
    files = [b for b in world.sandbox.chat("dingtalk", "li") if b.sender == "bot" and b.kind in {"file", "image"}]
    assert {bubble.kind for bubble in files} == {"file", "image"}
    nothing_is_stuck(world)
    world.proves_itself()


def test_a_press_on_the_card_is_one_shared_piece_of_work(world):
    world.worker.tick()
    settle(world)
    warning = on_the_card(world)
    with world.looking() as session:
        copies = session.scalar(select(func.count(Card.card_ref)).where(Card.subject_id == warning.id, Card.open))

    world.presses("li", "知晓", "dingtalk", title="城东1号店")
    settle(world)

    with world.looking() as session:
        assert session.get_one(StockWarning, warning.id).state is WarningState.ACKNOWLEDGED
        painted = select(func.count(Sent.id)).where(
            Sent.kind == "update", Sent.card_ref.contains(f"warning-{warning.id}-")
        )
        assert session.scalar(painted) == copies
    assert copies
    world.proves_itself()


def test_a_snoozed_warning_comes_back_in_the_first_digest_after_its_silence(world):
    world.worker.tick()
    settle(world)
    warning = on_the_card(world)
    with world.database.write() as session:
        world.fire(session, session.get_one(StockWarning, warning.id), "snooze", "li", days=2)
    before = world.clock.now

    ticks(world, before + timedelta(days=1, hours=2))
    assert not [s for s in sent_since(world, before) if f"warning-{warning.id}-" in s.key and s.kind == "send"]
    ticks(world, before + timedelta(days=2, hours=2))
    again = [s for s in sent_since(world, before) if f"warning-{warning.id}-" in s.key and s.kind == "send"]
    assert [s.recipient for s in again][:1] == ["li"]


def test_what_nobody_notices_climbs_and_a_press_stops_it(world):
    world.worker.tick()
    with world.database.write() as session:
        for warning in session.scalars(select(StockWarning)):
            warning.level = 3
            warning.notified_level = 3
            if warning.escalate_at is not None or warning.told_at is not None:
                warning.escalate_at = world.house.calendar.add_working_hours(world.clock.now, 4)
    assert asked(world, "qian", ASKED) == []

    ticks(world, MORNING + timedelta(hours=5))
    assert len(asked(world, "qian", ASKED)) == 1
    with world.database.write() as session:
        for warning in session.scalars(select(StockWarning).where(StockWarning.state == WarningState.FIRING)):
            world.fire(session, warning, "acknowledge", "qian" if warning.store.region == "城东" else "wu")
    ticks(world, MORNING + timedelta(days=2))

    assert asked(world, "boss", ASKED) == []
    world.proves_itself()


def test_after_an_outage_the_digest_comes_once_and_not_at_night(world):
    world.clock.now = MORNING - timedelta(days=3)  # a Friday on which nothing ran
    night = datetime(2026, 9, 6, 19, 10, tzinfo=UTC)  # 03:10 on Monday
    world.clock.now = night
    world.worker.tick()
    assert sent_since(world, night) == []

    ticks(world, datetime(2026, 9, 7, 9, 0, tzinfo=UTC))
    assert len(asked(world, "li", LISTED)) == 1
    first = min(s.sent_at for s in sent_since(world, night))
    assert datetime(2026, 9, 7, 0, 37, tzinfo=UTC) <= first


def test_a_slot_missed_in_the_morning_is_caught_up_within_the_day(world):
    world.clock.now = MORNING + timedelta(hours=3, minutes=9)
    world.worker.tick()
    world.worker.tick()

    assert len(asked(world, "li", LISTED)) == 1


def test_nothing_is_pushed_on_the_half_hours_or_on_holidays(world):
    for moment in (
        datetime(2026, 9, 7, 1, 0, tzinfo=UTC),
        datetime(2026, 9, 7, 1, 29, tzinfo=UTC),
        datetime(2026, 9, 7, 11, 5, tzinfo=UTC),  # after hours
        datetime(2026, 9, 25, 2, 10, tzinfo=UTC),  # 中秋
        datetime(2026, 10, 1, 2, 10, tzinfo=UTC),  # 国庆
    ):
        world.clock.now = moment
        world.worker.tick()
        assert asked(world, "li", LISTED) == []

    world.clock.now = datetime(2026, 9, 20, 2, 10, tzinfo=UTC)  # a Sunday worked for 国庆
    world.worker.tick()
    assert len(asked(world, "li", LISTED)) == 1


def test_a_year_without_a_calendar_is_said_once_a_day_and_on_the_desk(world):
    world.clock.now = datetime(2027, 3, 3, 0, 40, tzinfo=UTC)
    world.worker.tick()
    world.worker.tick()
    ticks(world, world.clock.now + timedelta(hours=2))

    said = [b.body for b in world.sandbox.chat("dingtalk", "boss") if "2027 年的法定节假日" in b.body]
    assert len(said) == 1
    world.clock.now += timedelta(days=1)
    world.worker.tick()
    assert len([b for b in world.sandbox.chat("dingtalk", "boss") if "2027 年的法定节假日" in b.body]) == 2
    for address in ("/desk/", "/desk/quotas"):
        assert "2027 年的法定节假日" in signed_in(world).get(address).get_data(as_text=True)


def test_the_desk_shows_quotas_to_people_of_the_house_only(world):
    world.worker.tick()
    page = signed_in(world).get("/desk/quotas").get_data(as_text=True)

    assert "钉钉接口调用（每月）" in page
    assert "5,000" in page
    assert world.app.test_client().get("/desk/quotas").status_code == 401
    assert "2026 年的法定节假日" not in page


def signed_in(world: World):
    """A browser the boss opened the desk with."""
    client = world.app.test_client()
    answer = world.says("boss", "看板", "dingtalk")
    path = "/t/" + answer.split("/t/")[1].split()[0].rstrip(")")
    page = client.get(path).get_data(as_text=True)
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    assert client.post(f"{path}/enter", data={"csrf": csrf}).status_code in {200, 302, 303}
    return client


def longest_names(world: World) -> None:
    """Names as long as somebody may ever type them, in Chinese."""
    with world.database.write() as session:
        for warning in session.scalars(select(StockWarning)):
            warning.store.name = ("临江路福顺烟酒店" * 8)[:60] + warning.store.code
            if warning.product:
                warning.product.name = ("青岚坊柔和浓香型白酒" * 8)[:60] + warning.product.code
        for person in session.scalars(select(Person)):
            person.name = "欧阳" + person.name


def test_digests_and_cards_keep_within_the_platforms_limits(world):
    world.worker.run_jobs()
    with world.database.write() as session:
        session.execute(Outbox.__table__.delete())
        session.execute(StockWarning.__table__.update().values(notified_on=None, notified_level=0))
    longest_names(world)
    world.clock.now += timedelta(days=1)
    world.worker.run_jobs()

    with world.looking() as session:
        letters = [(row.channel, Message.from_dict(row.message)) for row in session.scalars(select(Outbox))]
    assert any(message.buttons for _, message in letters)
    for channel, message in letters:
        assert len(message.buttons) <= 6  # a WeCom card takes six
        assert all(len(button.key.encode()) <= 1024 for button in message.buttons)
        if channel.startswith("dingtalk"):
            within_dingtalk(message)
        else:
            within_wecom(message)
    settle(world)
    nothing_is_stuck(world)


def within_dingtalk(message: Message) -> None:
    values = dingtalk.card_params(message)
    assert max(len(value.encode()) for value in values.values()) <= 1024
    assert len(json.loads(values["buttons"])) == len(message.buttons)
    _, body = dingtalk.robot_message(message, lambda key: f"https://jiuhui.example/{key}")
    assert len(json.dumps(body, ensure_ascii=False).encode()) <= 15_000
    assert len(json.dumps(dingtalk.webhook_body(message, "@media"), ensure_ascii=False).encode()) <= 20_000


def within_wecom(message: Message) -> None:
    for body in wecom.text_bodies(message):
        assert len(body["text"]["content"].encode()) <= 2048
    if message.buttons:
        card = wecom.button_card(message, "ref")
        assert len(card["button_list"]) <= 6
        assert len(card["main_title"]["title"]) <= 36
        assert all(len(button["text"]) <= 10 for button in card["button_list"])
