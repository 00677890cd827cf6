"""Where a day stands in the year of the feasts, which decide when baijiu is sold.

Spring Festival and Mid-Autumn move by up to a month, so "the same day last year" is not the same day of the
season. `festival_aligned` finds the day that is. Days are of the Gregorian calendar; years 1902 to 2098.
"""

from datetime import date, timedelta
from enum import Enum
from functools import lru_cache

from borax.calendars.lunardate import LunarDate

NEAR = 45  # days before and after a festival that keep their exact distance to it
FIRST_YEAR, LAST_YEAR = 1902, 2098


class Festival(Enum):
    """A festival by its lunar month and day."""

    SPRING = (1, 1)  #: 春节
    MID_AUTUMN = (8, 15)  #: 中秋


@lru_cache(maxsize=512)
def festival_day(festival: Festival, year: int) -> date:
    """The day of the festival in that lunar year; ValueError outside 1901 to 2099."""
    if not FIRST_YEAR - 1 <= year <= LAST_YEAR + 1:
        raise ValueError(f"no lunar calendar for {year}")
    month, day = festival.value
    found = LunarDate(year, month, day).to_solar_date()
    return date(found.year, found.month, found.day)


def days_to(festival: Festival, day: date) -> int:
    """Days until the next such festival, 0 on the day itself."""
    this_year = festival_day(festival, day.year)
    return ((this_year if day <= this_year else festival_day(festival, day.year + 1)) - day).days


def days_to_spring_festival(day: date) -> int:
    """Days until the next Spring Festival, 0 on its first day."""
    return days_to(Festival.SPRING, day)


def days_to_mid_autumn(day: date) -> int:
    """Days until the next Mid-Autumn, 0 on the day."""
    return days_to(Festival.MID_AUTUMN, day)


def festival_aligned(day: date, year: int) -> date:
    """The day of `year` that stands where `day` stands between the festivals.

    Within 45 days of a festival the distance to it is kept exactly; the weeks between are stretched or pressed
    evenly. The weeks before a Spring Festival belong to the year the festival is in, or to the one before if they
    began there, so the result may lie just outside of `year`. Later days never come out earlier.
    Raises ValueError for years before 1902 or after 2098.
    """
    for asked in (day.year, year):
        if not FIRST_YEAR <= asked <= LAST_YEAR:
            raise ValueError(f"no lunar calendar for {asked}")
    shift = year - day.year
    ours = _knots(day.year)
    theirs = _knots(day.year + shift)
    place = max(index for index, knot in enumerate(ours) if knot <= day)
    return _between(day, ours[place], ours[place + 1], theirs[place], theirs[place + 1])


@lru_cache(maxsize=512)
def _knots(year: int) -> tuple[date, ...]:
    """The days around a year's festivals where exact distances begin and end, in order."""
    near = timedelta(days=NEAR)
    festivals = [
        festival_day(Festival.MID_AUTUMN, year - 1),
        festival_day(Festival.SPRING, year),
        festival_day(Festival.MID_AUTUMN, year),
        festival_day(Festival.SPRING, year + 1),
    ]
    return tuple(knot for festival in festivals for knot in (festival - near, festival + near))


def _between(day: date, start: date, end: date, other_start: date, other_end: date) -> date:
    length, other_length = (end - start).days, (other_end - other_start).days
    return other_start + timedelta(days=(day - start).days * other_length // length)
