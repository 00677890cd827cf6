"""The ladder: a warning nobody notices goes to the manager and the boss, in working hours, until somebody does."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from models.warning import WarningState
from rules.deadlines import WorkCalendar
from settings.schema import EscalationSection
from tests.digest_kit import BOSS, MANAGER, REP, RULES, Desk, moment
from tests.intake_kit import TODAY
from workflows.escalation import escalate

FRIDAY = date(2026, 3, 13)


@pytest.fixture
def desk(tmp_path, migrated_url) -> Iterator[Desk]:
    desk = Desk(tmp_path, migrated_url)
    desk.staff()
    desk.kit.house = replace(desk.kit.house, escalation=EscalationSection(hours={2: 9.5, 3: 4}))
    yield desk
    desk.kit.database.close()


def climb(desk: Desk) -> int:
    with desk.kit.database.write() as session:
        return escalate(session, desk.kit.house, RULES, desk.now)


def told(desk: Desk, **columns: object) -> int:
    """A warning the rep was told of just now; letters so far are forgotten."""
    warning = desk.warn(**columns)
    desk.push()
    desk.forget_letters()
    return warning


def titles(desk: Desk, user: str) -> list[str]:
    return [message.title for message in desk.letters(user)]


def test_rep_then_manager_then_boss(desk):
    red = told(desk, level=3)
    desk.now += timedelta(hours=3, minutes=59)
    assert climb(desk) == 0

    desk.now += timedelta(minutes=1)
    assert climb(desk) == 1
    assert titles(desk, "qian") == ["1 处预警还没有人处理"]
    assert "提醒后li先生没有回应" in desk.letters("qian")[0].body
    assert desk.warning(red).escalated == 1

    desk.forget_letters()
    desk.now += timedelta(hours=4)
    assert climb(desk) == 1
    assert titles(desk, "boss") == ["1 处预警还没有人处理"]
    assert "提醒后li先生、qian先生没有回应" in desk.letters("boss")[0].body

    desk.forget_letters()
    desk.now += timedelta(days=30)
    assert climb(desk) == 0  # nobody stands above the boss
    assert desk.warning(red).escalated == 2


def test_the_same_moment_twice_tells_once(desk):
    told(desk, level=3)
    desk.now += timedelta(hours=5)

    assert climb(desk) == 1
    assert climb(desk) == 0
    assert len(desk.letters("qian")) == 1


def test_each_level_waits_its_own_hours_and_light_ones_never_climb(desk):
    for store, level in ((1, 1), (2, 2), (3, 3)):
        desk.warn(store=store, level=level)
    desk.push()
    desk.forget_letters()

    desk.now += timedelta(hours=4)
    climb(desk)
    assert "西岭" in desk.letters("boss")[0].body  # 西区 has no manager
    assert desk.letters("qian") == []

    desk.now += timedelta(hours=20)
    climb(desk)
    assert "聚缘" in desk.letters("qian")[0].body
    assert "福顺" not in desk.letters("qian")[0].body

    desk.now += timedelta(days=20)
    climb(desk)
    assert desk.warning(1).escalated == 0


def test_only_working_hours_count(desk):
    desk.now = moment(FRIDAY, 16)
    told(desk, level=3)

    desk.now = moment(FRIDAY + timedelta(days=2), 16)
    assert climb(desk) == 0
    desk.now = moment(FRIDAY + timedelta(days=3), 10, 29)  # two hours on Friday, two on Monday
    assert climb(desk) == 0
    desk.now = moment(FRIDAY + timedelta(days=3), 10, 30)
    assert climb(desk) == 1


def test_a_worked_saturday_counts_and_a_holiday_does_not(desk):
    saturday = date(2026, 2, 14)  # 调休 before 春节, which lasts to 23 February
    desk.now = moment(saturday, 16)
    told(desk, level=3, fired_on=saturday, notified_on=None)

    desk.now = moment(date(2026, 2, 23), 18)
    assert climb(desk) == 0
    desk.now = moment(date(2026, 2, 24), 10, 30)
    assert climb(desk) == 1


@pytest.mark.parametrize("event", ["acknowledge", "snooze", "dismiss"])
def test_anything_a_person_does_stops_it(desk, event):
    red = told(desk, level=3)
    desk.now += timedelta(hours=1)
    desk.fire(red, event, "li", days=30, reason="已谈好")
    desk.forget_letters()

    desk.now += timedelta(days=3)
    assert climb(desk) == 0
    assert desk.letters() == []


def test_giving_it_to_somebody_stops_it(desk):
    red = told(desk, level=3)
    wu = desk.person("wu", REP, region="东区")
    desk.now += timedelta(minutes=1)
    desk.fire(red, "assign", "li", person_id=wu)

    desk.now += timedelta(days=3)
    assert climb(desk) == 0


def test_taking_notice_between_two_rungs_stops_it(desk):
    red = told(desk, level=3)
    desk.now += timedelta(hours=5)
    climb(desk)
    desk.fire(red, "acknowledge", "qian")
    desk.forget_letters()

    desk.now += timedelta(days=3)
    assert climb(desk) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"state": WarningState.RESOLVED},
        {"state": WarningState.ACKNOWLEDGED},
        {"state": WarningState.IN_ACTION},
        {"state": WarningState.DISMISSED},
        {"snoozed_until": TODAY + timedelta(days=60)},
        {"inhibited_by": "recall:4"},
        {"stale": True},
        {"acked_level": 3},
    ],
)
def test_what_is_over_known_or_silenced_never_climbs(desk, change):
    red = told(desk, level=3)
    desk.change(red, **change)

    desk.now += timedelta(days=30)
    assert climb(desk) == 0
    assert desk.letters() == []


def test_a_graver_level_begins_the_ladder_anew(desk):
    red = told(desk, level=2)
    desk.fire(red, "acknowledge", "li")
    desk.change(red, state=WarningState.FIRING, level=3)
    desk.on(1)
    desk.push()
    desk.forget_letters()

    desk.now += timedelta(hours=4)
    assert climb(desk) == 1
    assert "【红】" in desk.letters("qian")[0].body


def test_a_missing_manager_is_skipped_and_said(desk):
    told(desk, store=3, level=3)
    desk.now += timedelta(hours=5)

    climb(desk)

    assert "西岭商行没有区域经理（或联系不上），所以直接报给您。" in desk.letters("boss")[0].body


def test_nobody_above_is_told_to_nobody_and_does_not_repeat(tmp_path, migrated_url):
    desk = Desk(tmp_path, migrated_url)
    desk.person("li", REP, region="东区")
    red = told(desk, level=3)
    desk.now += timedelta(days=3)

    assert climb(desk) == 0
    assert climb(desk) == 0
    assert desk.warning(red).escalated == 0
    desk.kit.database.close()


def test_many_make_one_message_a_person_with_the_gravest_first(desk):
    for store in desk.stores(30):
        desk.warn(store=store, level=3)
    desk.warn(store=1, level=3, loss=900_000)
    desk.settle(lines_per_person=50)
    desk.push()
    desk.forget_letters()
    desk.now += timedelta(hours=5)

    assert climb(desk) == 1

    [message] = desk.letters("qian")
    assert message.title == "31 处预警还没有人处理"
    assert "福顺" in message.body.splitlines()[0]
    assert len([line for line in message.body.splitlines() if "【红】" in line]) == 10
    assert "还有 21 处，见看板：https://jiuhui.example/desk/warnings/" in message.body


def test_a_manager_who_is_told_as_the_rep_is_told_as_the_manager_too(tmp_path, migrated_url):
    desk = Desk(tmp_path, migrated_url)
    desk.person("qian", MANAGER, region="东区")
    desk.person("boss", BOSS)
    told(desk, level=3)
    desk.now += timedelta(hours=5)

    assert climb(desk) == 1
    assert titles(desk, "qian") == ["1 处预警还没有人处理"]
    desk.kit.database.close()


def test_without_hours_nothing_climbs(desk):
    desk.kit.house = replace(desk.kit.house, escalation=EscalationSection(hours={}))
    told(desk, level=3)
    desk.now += timedelta(days=30)

    assert climb(desk) == 0


def test_the_waiting_time_is_kept_when_the_calendar_changes(desk):
    told(desk, level=3)
    longer = WorkCalendar(holidays=frozenset(TODAY + timedelta(days=n) for n in range(5)))
    desk.kit.house = replace(desk.kit.house, calendar=longer)

    desk.now += timedelta(hours=4)
    assert climb(desk) == 1


def test_two_workers_at_once_tell_once(tmp_path, postgres_url):
    desk = Desk(tmp_path, postgres_url)
    desk.staff()
    for store in desk.stores(20):
        desk.warn(store=store, level=3)
    desk.settle(lines_per_person=50)
    desk.push()
    desk.forget_letters()
    desk.now += timedelta(days=2)
    barrier, people = threading.Barrier(2), []

    def work(seconds: int) -> None:
        barrier.wait()
        with desk.kit.database.write() as session:
            people.append(escalate(session, desk.kit.house, RULES, desk.now + timedelta(seconds=seconds)))

    workers = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(people) == [0, 1]
    assert len(desk.letters("qian")) == 1
    desk.kit.database.close()
