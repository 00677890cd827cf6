"""Deadlines: working hours and days with 调休, plain legal clocks, and months of shelf life.

Everything here is pure: the moment asked about is always an argument and always aware. Results
that are moments come back in UTC; days are business days of the calendar's zone.
"""

import calendar
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

import chinese_calendar

legal_start_hours: Mapping[int, int] = MappingProxyType({1: 24, 2: 48, 3: 72})
"""食品召回管理办法: hours, nights included, from knowing to starting, by recall class."""

legal_finish_workdays: Mapping[int, int] = MappingProxyType({1: 10, 2: 20, 3: 30})
"""食品召回管理办法: working days from the announcement to the end, by recall class."""

_SATURDAY = 5
_DECEMBER = 12
MARK_MINUTES = 2  # minutes before and after each half hour in which nothing is pushed
_LONGEST_BREAK = 60  # days; longer than any run of holidays, so a bad table is told, not looped on


@lru_cache(maxsize=4096)
def _statutory(day: date) -> bool | None:
    """Say whether the State Council's table makes `day` a working day; None where it has no year."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return None


def _moment(moment: datetime) -> datetime:
    """Return `moment` in UTC; a naive one raises ValueError."""
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ValueError(f"a moment needs a time zone: {moment!r}")
    return moment.astimezone(UTC)


def _span(hours: float) -> timedelta:
    if not math.isfinite(hours) or hours < 0:
        raise ValueError(f"hours must be a number of at least 0: {hours!r}")
    return timedelta(hours=hours)


def _minutes(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def _plural(number: float, noun: str) -> str:
    return f"{number:g} {noun}" if number == 1 else f"{number:g} {noun}s"


@dataclass(frozen=True)
class Wait:
    """How long somebody has: working hours of the calendar, or plain hours, nights included.

    Raises ValueError for hours below 0 or not finite.
    """

    hours: float
    working: bool = True

    def __post_init__(self) -> None:
        _span(self.hours)

    def describe(self) -> str:
        """Say it in English: "4 working hours", "24 hours"."""
        return _plural(self.hours, "working hour" if self.working else "hour")


@dataclass(frozen=True)
class WorkCalendar:
    """The business's working time: its own exceptions, then the official table, then weekdays.

    `holidays` and `workdays` are the business's own exceptions (for the years the official table
    does not know yet they are the only source of 调休). A working day lasts from `day_start` to
    `day_end`, half-open, in `zone`. Raises ValueError if a day is both holiday and working day or
    the day ends before it starts.
    """

    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    day_start: time = time(8, 30)
    day_end: time = time(18, 0)
    zone: str = "Asia/Shanghai"

    def __post_init__(self) -> None:
        both = self.holidays & self.workdays
        if both:
            raise ValueError(f"both holiday and working day: {min(both).isoformat()}")
        if self.day_start >= self.day_end:
            raise ValueError(f"the day ends at {self.day_end} but starts at {self.day_start}")

    def covers(self, year: int) -> bool:
        """Say whether 调休 of that year is known, officially or by our own exceptions."""
        own = any(day.year == year for day in self.holidays | self.workdays)
        return own or _statutory(date(year, 7, 1)) is not None

    def is_workday(self, day: date) -> bool:
        """Say whether people work on that day."""
        if day in self.workdays:
            return True
        if day in self.holidays:
            return False
        known = _statutory(day)
        return day.weekday() < _SATURDAY if known is None else known

    def local_day(self, moment: datetime) -> date:
        """Return the business day of an aware moment; ValueError for a naive one."""
        return _moment(moment).astimezone(ZoneInfo(self.zone)).date()

    def next_working_moment(self, moment: datetime) -> datetime:
        """Return `moment` itself when people work then, else the start of the next working day."""
        moment = _moment(moment)
        day = self.local_day(moment)
        if self.is_workday(day):
            if moment < self._at(day, self.day_start):
                return self._at(day, self.day_start)
            if moment < self._at(day, self.day_end):
                return moment
        return self._at(self._next_workday(day), self.day_start)

    def add_working_hours(self, start: datetime, hours: float) -> datetime:
        """Return the moment `hours` of working time after `start`.

        The last working minute counts: 2 hours from 16:00 end at 18:00, not the next morning.
        Raises ValueError for a naive start or hours below 0.
        """
        left = _span(hours)
        moment = self.next_working_moment(start)
        while True:
            day = self.local_day(moment)
            today = self._at(day, self.day_end) - moment
            if left <= today:
                return moment + left
            left -= today
            moment = self._at(self._next_workday(day), self.day_start)

    def add_workdays(self, day: date, n: int) -> date:
        """Return the n-th working day after `day` (before it for n below 0); n = 0 is `day` itself."""
        step = 1 if n > 0 else -1
        for _ in range(abs(n)):
            day = self._next_workday(day, step)
        return day

    def due(self, start: datetime, wait: Wait) -> datetime:
        """Return when `wait` is over; ValueError for a naive start."""
        if wait.working:
            return self.add_working_hours(start, wait.hours)
        return _moment(start) + _span(wait.hours)

    def next_push(self, now: datetime, at: time = time(8, 7)) -> datetime:
        """Return the first moment after `now` that is `at` o'clock on a working day."""
        now = _moment(now)
        day = self.local_day(now)
        if self.is_workday(day) and self._at(day, at) > now:
            return self._at(day, at)
        return self._at(self._next_workday(day), at)

    def fit_to_push(self, at: time) -> time:
        """Return the minute nearest to `at` that is working time and keeps off the full and the half hour.

        The platforms warn of delays there, so 2 minutes before and after are left free. Raises ValueError when
        the working day has no such minute.
        """
        wanted = _minutes(at)
        fitting = [m for m in range(24 * 60) if self._is_work_minute(m) and MARK_MINUTES < m % 30 < 30 - MARK_MINUTES]
        if not fitting:
            raise ValueError(f"no minute between {self.day_start} and {self.day_end} is off the half hours")
        best = min(fitting, key=lambda minute: (abs(minute - wanted), minute))
        return time(best // 60, best % 60)

    def may_push(self, moment: datetime) -> bool:
        """Say whether people may be told of something now: working time, and not near the full or the half hour."""
        minute = _moment(moment).astimezone(ZoneInfo(self.zone)).minute % 30
        return MARK_MINUTES < minute < 30 - MARK_MINUTES and self.next_working_moment(moment) == moment

    def unknown_years(self, today: date) -> list[int]:
        """Return this year, and from December on the next, where their 调休 is not known: weekdays must do."""
        years = [today.year] + ([today.year + 1] if today.month == _DECEMBER else [])
        return [year for year in years if not self.covers(year)]

    def legal_finish(self, announced: date, recall_class: int) -> date:
        """Return the last day of a food recall of class 1, 2 or 3; KeyError for another class."""
        return self.add_workdays(announced, legal_finish_workdays[recall_class])

    def _next_workday(self, day: date, step: int = 1) -> date:
        for _ in range(_LONGEST_BREAK):
            day += timedelta(days=step)
            if self.is_workday(day):
                return day
        raise ValueError(f"no working day within {_LONGEST_BREAK} days of {day.isoformat()}")

    def _is_work_minute(self, minute: int) -> bool:
        return _minutes(self.day_start) <= minute < _minutes(self.day_end)

    def _at(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, ZoneInfo(self.zone)).astimezone(UTC)


def legal_start(known_at: datetime, recall_class: int) -> datetime:
    """Return when a food recall must have started, nights and holidays included.

    Raises KeyError for a class other than 1, 2, 3 and ValueError for a naive moment.
    """
    return _moment(known_at) + timedelta(hours=legal_start_hours[recall_class])


def add_months(day: date, n: int) -> date:
    """Return the same day n months later, the month's last day where it is too short."""
    years, month = divmod(day.year * 12 + day.month - 1 + n, 12)
    last = calendar.monthrange(years, month + 1)[1]
    return date(years, month + 1, min(day.day, last))


def months_between(a: date, b: date) -> int:
    """Return how many whole months fit into [a, b); below 0 when b is before a.

    Months are counted with `add_months`, so 31 January to 28 February is one.
    """
    if b < a:
        return -months_between(b, a)
    n = (b.year - a.year) * 12 + b.month - a.month
    return n if add_months(a, n) <= b else n - 1


def expiry_date(production: date, months: int) -> date:
    """Return the last day of a shelf life of `months`; ValueError for a life below 1 month."""
    if months < 1:
        raise ValueError(f"a shelf life has at least 1 month: {months}")
    return add_months(production, months)


def remaining_days(expiry: date, today: date) -> int:
    """Return the days left: 0 on the last day, below 0 afterwards."""
    return (expiry - today).days
