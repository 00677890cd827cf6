"""Working time with 调休, legal clocks and months."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.deadlines import (
    Wait,
    WorkCalendar,
    add_months,
    expiry_date,
    legal_finish_workdays,
    legal_start,
    legal_start_hours,
    months_between,
    remaining_days,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDAR = WorkCalendar()

days = st.dates(date(2020, 1, 1), date(2031, 12, 31))
moments = st.integers(0, 4 * 365 * 24 * 3600).map(
    lambda seconds: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
hours = st.floats(0, 200, allow_nan=False)


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 2, 14), True),  # a Saturday worked for 春节
        (date(2026, 2, 17), False),  # 春节, a Tuesday
        (date(2026, 2, 21), False),
        (date(2026, 2, 28), True),
        (date(2026, 11, 24), True),
        (date(2026, 11, 28), False),
        (date(2026, 10, 10), True),  # a Saturday worked for 国庆
    ],
)
def test_is_workday_official_table(day, works):
    assert CALENDAR.is_workday(day) is works


def test_is_workday_own_exceptions_beat_the_table():
    own = WorkCalendar(frozenset({date(2026, 11, 24)}), frozenset({date(2026, 11, 28)}))
    assert not own.is_workday(date(2026, 11, 24))
    assert own.is_workday(date(2026, 11, 28))


def test_covers_unknown_year_falls_back_to_weekdays():
    assert CALENDAR.covers(2026)
    assert not CALENDAR.covers(2035)
    assert CALENDAR.is_workday(date(2035, 1, 1))  # a Monday
    assert not CALENDAR.is_workday(date(2035, 1, 6))
    own = WorkCalendar(holidays=frozenset({date(2035, 1, 1)}))
    assert own.covers(2035)
    assert not own.is_workday(date(2035, 1, 1))


def test_calendar_contradiction_is_refused():
    day = frozenset({date(2027, 1, 1)})
    with pytest.raises(ValueError, match="2027-01-01"):
        WorkCalendar(day, day)
    with pytest.raises(ValueError, match="starts"):
        WorkCalendar(day_start=time(18), day_end=time(9))


@pytest.mark.parametrize(
    ("start", "amount", "end"),
    [
        (at(2026, 11, 24, 9), 2, at(2026, 11, 24, 11)),
        (at(2026, 11, 24, 16), 2, at(2026, 11, 24, 18)),  # the last minute counts
        (at(2026, 11, 24, 17), 2, at(2026, 11, 25, 9, 30)),
        (at(2026, 11, 24, 3), 1, at(2026, 11, 24, 9, 30)),  # asked at night
        (at(2026, 11, 24, 22), 1, at(2026, 11, 25, 9, 30)),
        (at(2026, 11, 27, 17), 2, at(2026, 11, 30, 9, 30)),  # over a weekend
        (at(2026, 2, 13, 17), 2, at(2026, 2, 14, 9, 30)),  # into a worked Saturday
        (at(2026, 2, 14, 17), 2, at(2026, 2, 24, 9, 30)),  # over 春节
        (at(2026, 11, 24, 9), 9.5 * 2, at(2026, 11, 26, 9)),
        (at(2026, 11, 24, 18), 0, at(2026, 11, 25, 8, 30)),
        (at(2026, 12, 31, 17), 2, at(2027, 1, 1, 9, 30)),  # 2027 unknown: a plain weekday
    ],
)
def test_add_working_hours(start, amount, end):
    assert CALENDAR.add_working_hours(start, amount) == end


def test_add_working_hours_answers_in_utc():
    assert CALENDAR.add_working_hours(at(2026, 11, 24, 9), 1).tzinfo is UTC


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_hours_must_be_sensible(bad):
    with pytest.raises(ValueError, match="hours"):
        CALENDAR.add_working_hours(at(2026, 11, 24), bad)
    with pytest.raises(ValueError, match="hours"):
        Wait(bad)


@pytest.mark.parametrize(
    ("day", "n", "expected"),
    [
        (date(2026, 11, 24), 0, date(2026, 11, 24)),
        (date(2026, 11, 27), 1, date(2026, 11, 30)),
        (date(2026, 11, 28), 1, date(2026, 11, 30)),
        (date(2026, 2, 13), 2, date(2026, 2, 24)),
        (date(2026, 11, 30), -1, date(2026, 11, 27)),
    ],
)
def test_add_workdays(day, n, expected):
    assert CALENDAR.add_workdays(day, n) == expected


def test_due_working_and_plain_hours_differ():
    start = at(2026, 11, 27, 17)
    assert CALENDAR.due(start, Wait(4)) == at(2026, 11, 30, 11, 30)
    assert CALENDAR.due(start, Wait(24, working=False)) == at(2026, 11, 28, 17)


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        (Wait(4), "4 working hours"),
        (Wait(24, working=False), "24 hours"),
        (Wait(1), "1 working hour"),
        (Wait(0.5, working=False), "0.5 hours"),
    ],
)
def test_describe(wait, words):
    assert wait.describe() == words


@pytest.mark.parametrize(
    ("now", "slot"),
    [
        (at(2026, 11, 24, 8, 6), at(2026, 11, 24, 8, 7)),
        (at(2026, 11, 24, 8, 7), at(2026, 11, 25, 8, 7)),
        (at(2026, 11, 27, 12), at(2026, 11, 30, 8, 7)),
        (at(2026, 2, 13, 12), at(2026, 2, 14, 8, 7)),
    ],
)
def test_next_push(now, slot):
    assert CALENDAR.next_push(now) == slot


def test_legal_clocks_count_nights_and_working_days():
    assert dict(legal_start_hours) == {1: 24, 2: 48, 3: 72}
    assert dict(legal_finish_workdays) == {1: 10, 2: 20, 3: 30}
    assert legal_start(at(2026, 2, 16, 23), 1) == at(2026, 2, 17, 23)
    assert CALENDAR.legal_finish(date(2026, 11, 24), 1) == date(2026, 12, 8)
    with pytest.raises(KeyError):
        legal_start(at(2026, 2, 16), 4)


def test_naive_moment_is_refused():
    naive = at(2026, 11, 24, 9).replace(tzinfo=None)
    for ask in (
        CALENDAR.next_working_moment,
        CALENDAR.next_push,
        lambda moment: CALENDAR.due(moment, Wait(1)),
        lambda moment: CALENDAR.due(moment, Wait(1, working=False)),
        lambda moment: legal_start(moment, 1),
    ):
        with pytest.raises(ValueError, match="time zone"):
            ask(naive)


def test_a_calendar_without_working_days_is_told():
    idle = frozenset(date(2027, 1, 1) + timedelta(days=n) for n in range(200))
    with pytest.raises(ValueError, match="no working day"):
        WorkCalendar(holidays=idle).add_workdays(date(2027, 1, 5), 1)


@pytest.mark.parametrize(
    ("day", "n", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
    ],
)
def test_add_months(day, n, expected):
    assert add_months(day, n) == expected


@pytest.mark.parametrize(
    ("a", "b", "months"),
    [
        (date(2026, 1, 15), date(2026, 2, 14), 0),
        (date(2026, 1, 15), date(2026, 2, 15), 1),
        (date(2026, 1, 31), date(2026, 2, 28), 1),
        (date(2026, 2, 15), date(2026, 1, 15), -1),
        (date(2024, 3, 12), date(2026, 11, 24), 32),
    ],
)
def test_months_between(a, b, months):
    assert months_between(a, b) == months


def test_expiry_and_remaining_days():
    expiry = expiry_date(date(2025, 8, 31), 18)
    assert expiry == date(2027, 2, 28)
    assert remaining_days(expiry, date(2027, 2, 28)) == 0
    assert remaining_days(expiry, date(2027, 3, 1)) == -1
    with pytest.raises(ValueError, match="shelf life"):
        expiry_date(date(2026, 1, 1), 0)


@given(moments, moments, hours)
def test_add_working_hours_keeps_order_of_starts(a, b, amount):
    first, second = sorted([a, b])
    assert CALENDAR.add_working_hours(first, amount) <= CALENDAR.add_working_hours(second, amount)


@given(moments, hours, hours)
def test_add_working_hours_keeps_order_of_hours(start, a, b):
    few, many = sorted([a, b])
    assert CALENDAR.add_working_hours(start, few) <= CALENDAR.add_working_hours(start, many)


@given(moments)
def test_next_working_moment_is_stable_and_not_before(moment):
    there = CALENDAR.next_working_moment(moment)
    assert there >= moment
    assert CALENDAR.next_working_moment(there) == there


@given(days, st.integers(0, 60))
def test_add_workdays_there_and_back(day, n):
    there = CALENDAR.add_workdays(day, n)
    assert there >= day
    if CALENDAR.is_workday(day):
        assert CALENDAR.add_workdays(there, -n) == day


@given(days, st.integers(0, 400))
def test_months_between_undoes_add_months(day, n):
    assert months_between(day, add_months(day, n)) == n


@pytest.mark.parametrize(
    ("asked", "pushed"),
    [
        (time(8, 37), time(8, 37)),
        (time(8, 7), time(8, 33)),  # before people work
        (time(9, 0), time(8, 57)),
        (time(9, 1), time(9, 3)),
        (time(9, 2), time(9, 3)),
        (time(9, 28), time(9, 27)),
        (time(9, 31, 40), time(9, 33)),
        (time(23, 50), time(17, 57)),
        (time(0, 0), time(8, 33)),
    ],
)
def test_a_push_keeps_off_the_half_hours_and_within_working_time(asked, pushed):
    assert CALENDAR.fit_to_push(asked) == pushed


@given(st.times(), st.integers(0, 22), st.integers(1, 23))
def test_every_push_is_working_time_off_the_marks(asked, first, hours):
    calendar = WorkCalendar(day_start=time(first), day_end=time(min(first + hours, 23), 59))

    fitted = calendar.fit_to_push(asked)

    assert 2 < fitted.minute % 30 < 28
    assert calendar.day_start <= fitted < calendar.day_end


def test_a_day_that_has_no_such_minute_is_refused():
    with pytest.raises(ValueError, match="half hours"):
        WorkCalendar(day_start=time(9, 0), day_end=time(9, 2)).fit_to_push(time(9))


def test_years_without_a_table_are_named_from_december_on():
    assert CALENDAR.unknown_years(date(2026, 11, 30)) == []
    assert CALENDAR.unknown_years(date(2026, 12, 1)) == [2027]
    assert CALENDAR.unknown_years(date(2027, 3, 1)) == [2027]
    known = WorkCalendar(holidays=frozenset({date(2027, 1, 1)}))
    assert known.unknown_years(date(2026, 12, 1)) == []
