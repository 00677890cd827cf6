"""What the platforms allow: counted from rows, shown, warned of, and kept for what cannot wait."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from models.engine import Attempt, Inbox, Outbox, Sent, Tally
from settings.schema import QuotaSection
from tests.digest_kit import Desk
from tests.intake_kit import NOW
from texts.message import Message
from workflows import outbox
from workflows.house import Group
from workflows.letters import Letter, Receipt
from workflows.outbox_room import MEMBER_MESSAGES
from workflows.quotas import Quota, channels_that_wait, keep_counts, quotas, watch_quotas

GROUPS = (Group("东区群", ("东区",), dingtalk_robot=True),)


@pytest.fixture
def desk(tmp_path, migrated_url) -> Iterator[Desk]:
    desk = Desk(tmp_path, migrated_url, GROUPS)
    desk.staff()
    limits = QuotaSection(wecom_accounts=1, dingtalk_calls_per_month=100, dingtalk_messages_per_month=50)
    desk.kit.house = replace(desk.kit.house, quotas=limits)
    yield desk
    desk.kit.database.close()


def sent(desk: Desk, channel: str, count: int, *, to: str = "zhang", at: datetime = NOW, messages: int = 1,
         calls: int = 1) -> None:  # fmt: skip
    """So many letters went out."""
    with desk.kit.database.write() as session:
        have = session.query(Sent).count()
        for n in range(have, have + count):
            session.add(Sent(id=1_000_000 + n, key=f"k{n}", channel=channel, recipient=to, kind="send", message={}, created_at=at,
                             sent_at=at, attempts=1, messages=messages, calls=calls))  # fmt: skip


def heard(desk: Desk, count: int, *, at: datetime = NOW, platform: str = "dingtalk") -> None:
    with desk.kit.database.write() as session:
        have = session.query(Inbox).count()
        session.add_all(Inbox(key=f"{platform}:m{n}", received_at=at, reply=None) for n in range(have, have + count))


def found(desk: Desk, name: str) -> Quota:
    with desk.kit.database.read() as session:
        return next(quota for quota in quotas(session, desk.kit.house, desk.now) if quota.name == name)


def waiting(desk: Desk) -> tuple[str, ...]:
    with desk.kit.database.read() as session:
        return channels_that_wait(session, desk.kit.house, desk.now)


# Counting


def test_person_times_of_wecom_are_counted_by_the_chinese_day(desk):
    midnight = datetime(2026, 3, 9, 16, tzinfo=UTC)
    sent(desk, "wecom:app", 3, at=midnight)
    sent(desk, "wecom:app", 5, at=midnight - timedelta(seconds=1))
    sent(desk, "wecom:robot:东区群", 7)
    sent(desk, "wecom:app", 2, messages=4)
    sent(desk, "wecom:app", 2, messages=0)  # repainted cards are no messages

    day = found(desk, "wecom_day")
    assert (day.used, day.allowed) == (3 + 8, 200)
    assert (day.since, day.until) == (midnight, midnight + timedelta(days=1))


def test_requests_to_dingtalk_are_counted_by_the_chinese_month(desk):
    first = datetime(2026, 2, 28, 16, tzinfo=UTC)
    sent(desk, "dingtalk:app", 4, at=first, calls=2)
    sent(desk, "dingtalk:group:东区群", 3)
    sent(desk, "dingtalk:app", 9, at=first - timedelta(seconds=1))
    sent(desk, "dingtalk:robot:东区群", 6)

    assert found(desk, "dingtalk_calls").used == 8 + 3
    assert found(desk, "dingtalk_calls").until == datetime(2026, 3, 31, 16, tzinfo=UTC)


def test_what_was_heard_stays_counted_after_its_rows_are_forgotten(desk):
    heard(desk, 5, at=NOW - timedelta(days=4))
    heard(desk, 7, at=NOW - timedelta(days=3))
    heard(desk, 2)
    heard(desk, 4, platform="wecom")
    sent(desk, "dingtalk:robot:东区群", 3)
    assert found(desk, "dingtalk_messages").used == 5 + 7 + 2 + 3

    for _ in range(2):  # as the tidying job does, and once more
        with desk.kit.database.write() as session:
            before = NOW - timedelta(days=2)
            keep_counts(session, before)
            session.query(Inbox).filter(Inbox.received_at < before).delete()

    assert found(desk, "dingtalk_messages").used == 5 + 7 + 2 + 3
    assert [(row.name, row.day, row.used) for row in desk.kit.all(Tally)] == [
        ("received:dingtalk", date(2026, 3, 6), 5),
        ("received:dingtalk", date(2026, 3, 7), 7),
    ]


def test_last_months_tally_is_not_this_months(desk):
    heard(desk, 5, at=datetime(2026, 2, 27, tzinfo=UTC))
    with desk.kit.database.write() as session:
        keep_counts(session, NOW)
        session.query(Inbox).delete()

    assert found(desk, "dingtalk_messages").used == 0


def test_the_member_who_gets_most_is_named(desk):
    sent(desk, "wecom:app", 4, to="wang", at=NOW - timedelta(minutes=30))
    sent(desk, "wecom:app", 2, to="zhang", at=NOW - timedelta(seconds=30))

    minute, hour = found(desk, "wecom_member_minute"), found(desk, "wecom_member_hour")
    assert (minute.about, minute.used, minute.allowed) == ("zhang", 2, 30)
    assert (hour.about, hour.used, hour.allowed) == ("wang", 4, 1_000)


def test_robots_are_counted_each_by_the_minute_in_messages(desk):
    with desk.kit.database.write() as session:
        for seconds, messages in ((10, 3), (50, 4), (70, 9)):
            at = NOW - timedelta(seconds=seconds)
            session.add(Attempt(channel="dingtalk:robot:东区群", finished_at=at, messages=messages))

    robot = found(desk, "robot_minute")
    assert (robot.about, robot.used, robot.allowed) == ("dingtalk:robot:东区群", 7, 20)


# Warning and waiting


def test_the_boss_is_warned_once_a_period_at_eighty_percent(desk):
    sent(desk, "dingtalk:app", 79)
    watch(desk)
    assert desk.letters("boss") == []

    sent(desk, "dingtalk:app", 1)
    watch(desk)
    watch(desk)
    [message] = desk.letters("boss")
    assert "钉钉接口调用（每月）已用 80%（80 / 100），4 月 1 日 00:00重新计。" in message.body
    assert "回收照常" in message.body

    desk.now += timedelta(days=30)
    sent(desk, "dingtalk:app", 85, at=desk.now)
    watch(desk)
    assert len(desk.letters("boss")) == 2


def watch(desk: Desk) -> None:
    with desk.kit.database.write() as session:
        watch_quotas(session, desk.kit.house, desk.now)


def test_digests_wait_while_the_rest_is_kept_and_recalls_do_not(desk):
    desk.warn(store=1, level=3)
    sent(desk, "dingtalk:app", 90)
    assert waiting(desk) == ("dingtalk:app", "dingtalk:group:")

    assert desk.push() == 1  # the group's robot draws on another quota
    assert desk.letters("li") == []
    assert desk.warning(1).notified_on is None

    with desk.kit.database.write() as session:  # what cannot wait is written and sent as ever
        outbox.put(session, key="r", channel="dingtalk:app", recipient="li", message=Message("回收"), now=NOW)
    assert deliver(desk) == ["r", "digest:2026-03-10:dingtalk:robot:东区群"]


def test_the_next_month_tells_what_waited(desk):
    desk.warn(store=1)
    sent(desk, "dingtalk:app", 95)
    desk.push()
    assert desk.letters("li") == []

    desk.now = datetime(2026, 4, 1, 1, tzinfo=UTC)
    desk.push()
    assert "福顺" in desk.list_of("li").body


@pytest.mark.parametrize(("used", "waits"), [(179, False), (180, True), (400, True)])
def test_a_part_of_the_day_is_kept(desk, used, waits):
    sent(desk, "wecom:app", used)

    assert waiting(desk) == (("wecom:app",) if waits else ())


def test_nothing_is_kept_when_nothing_is_to_be(desk):
    limits = QuotaSection(wecom_accounts=1, reserve_percent=0)
    desk.kit.house = replace(desk.kit.house, quotas=limits)
    sent(desk, "wecom:app", 199)
    assert waiting(desk) == ()
    sent(desk, "wecom:app", 1)
    assert waiting(desk) == ("wecom:app",)


# Sending


class Platform:
    """Takes everything; a letter with a picture is as many messages as it has parts."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    def send(self, letter: Letter) -> Receipt:
        self.letters.append(letter)
        parts = 1 + bool(letter.message.image) + len(letter.message.files)
        return Receipt(messages=parts, calls=2 * parts - 1)


def deliver(desk: Desk, rounds: int = 50) -> list[str]:
    """Send what may go now; the keys in their order."""
    platform = Platform()
    for _ in range(rounds):
        done = outbox.deliver_due(desk.kit.database, {"": platform}, desk.now, worker="w", clock=lambda: desk.now)
        if not done.sent:
            break
    return [letter.key for letter in platform.letters]


def put(
    desk: Desk, key: str, *, to: str = "zhang", channel: str = "wecom:app", priority: int = 0, files: int = 0
) -> None:
    message = Message("标题", files=[f"f{n}" for n in range(files)])
    row = outbox.letter_row(key=key, channel=channel, recipient=to, message=message, now=desk.now, priority=priority)
    with desk.kit.database.write() as session:
        assert outbox.put_row(session, row)


def test_what_can_wait_goes_after_everything_else(desk):
    put(desk, "digest", priority=outbox.LATER)
    put(desk, "recall")

    assert deliver(desk) == ["recall", "digest"]


def test_a_letter_written_twice_is_one(desk):
    put(desk, "once")
    row = outbox.letter_row(key="once", channel="wecom:app", recipient="x", message=Message("b"), now=desk.now)
    with desk.kit.database.write() as session:
        assert not outbox.put_row(session, row)


def test_one_member_gets_no_more_than_a_minutes_share(desk):
    for n in range(30):
        put(desk, f"z{n:02}")
    put(desk, "other", to="wang")

    first = deliver(desk)
    assert len([key for key in first if key.startswith("z")]) == MEMBER_MESSAGES
    assert "other" in first
    desk.now += timedelta(seconds=40)
    assert deliver(desk) == []
    desk.now += timedelta(seconds=40)
    assert len(deliver(desk)) == 30 - MEMBER_MESSAGES


def test_a_robot_counts_messages_and_not_letters(desk):
    for n in range(8):
        put(desk, f"r{n}", to="东区群", channel="wecom:robot:东区群", files=2)

    assert len(deliver(desk)) == 6  # 18 messages
    desk.now += timedelta(seconds=61)
    assert len(deliver(desk)) == 2
    assert [row.messages for row in desk.kit.all(Sent)] == [3] * 8
    assert [row.calls for row in desk.kit.all(Sent)] == [5] * 8


def test_a_letter_larger_than_the_limit_goes_alone(desk):
    put(desk, "huge", to="东区群", channel="wecom:robot:东区群", files=40)
    put(desk, "next", to="东区群", channel="wecom:robot:东区群")

    assert deliver(desk) == ["huge"]
    assert [row.key for row in desk.kit.all(Outbox)] == ["next"]
    desk.now += timedelta(seconds=61)
    assert deliver(desk) == ["next"]
