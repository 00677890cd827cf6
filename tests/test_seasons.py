"""Seasons of the feasts: Spring Festival moves, so last year's same day is found by the lunar calendar."""

from datetime import date, timedelta

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.seasons import (
    NEAR,
    Festival,
    days_to_mid_autumn,
    days_to_spring_festival,
    festival_aligned,
    festival_day,
)

YEARS = range(2018, 2031)
DAYS = st.dates(date(2018, 1, 1), date(2030, 12, 31))

#: As published; 2027 to 2030 as calculated by the Purple Mountain Observatory's calendar.
SPRING = {
    2018: (2, 16), 2019: (2, 5), 2020: (1, 25), 2021: (2, 12), 2022: (2, 1), 2023: (1, 22), 2024: (2, 10),
    2025: (1, 29), 2026: (2, 17), 2027: (2, 6), 2028: (1, 26), 2029: (2, 13), 2030: (2, 3),
}  # fmt: skip


@pytest.mark.parametrize("year", YEARS)
def test_spring_festival_is_on_its_day(year):
    assert festival_day(Festival.SPRING, year) == date(year, *SPRING[year])


@pytest.mark.parametrize("year", range(2018, 2027))
def test_festivals_agree_with_the_statutory_table(year):
    _, spring = chinese_calendar.get_holiday_detail(festival_day(Festival.SPRING, year))
    _, autumn = chinese_calendar.get_holiday_detail(festival_day(Festival.MID_AUTUMN, year))

    assert spring == chinese_calendar.Holiday.spring_festival.value
    # Where both fall together the table names National Day.
    assert autumn in {chinese_calendar.Holiday.mid_autumn_festival.value, chinese_calendar.Holiday.national_day.value}


@pytest.mark.parametrize("year", YEARS)
def test_spring_festival_aligns_with_spring_festival(year):
    for other in YEARS:
        for away in (-NEAR, -20, -1, 0, 1, 15, NEAR):
            ours = festival_day(Festival.SPRING, year) + timedelta(days=away)
            asked = other if ours.year == year else other - 1
            assert festival_aligned(ours, asked) == festival_day(Festival.SPRING, other) + timedelta(days=away)


def test_the_month_before_spring_festival_is_found_in_the_year_before():
    # 17 February 2026 was the festival; 29 January 2025 the one before.
    assert festival_aligned(date(2026, 2, 1), 2025) == date(2025, 1, 13)
    assert festival_aligned(date(2026, 9, 25), 2025) == date(2025, 10, 6)


@given(DAYS, st.sampled_from(YEARS))
def test_later_days_never_come_out_earlier(day, year):
    following = day + timedelta(days=1)
    asked = year + following.year - day.year

    assert festival_aligned(day, year) <= festival_aligned(following, asked)


@given(DAYS, st.sampled_from(YEARS))
def test_the_season_is_never_more_than_a_month_off_the_calendar(day, year):
    same = date(year, day.month, min(day.day, 28))

    assert abs((festival_aligned(day, year) - same).days) <= 34


@given(DAYS)
def test_a_day_stands_where_it_stands_in_its_own_year(day):
    assert festival_aligned(day, day.year) == day


@given(DAYS)
def test_the_next_festival_is_never_far(day):
    assert 0 <= days_to_spring_festival(day) <= 384
    assert 0 <= days_to_mid_autumn(day) <= 384
    assert festival_day(Festival.SPRING, (day + timedelta(days=days_to_spring_festival(day))).year) == day + timedelta(
        days=days_to_spring_festival(day)
    )


def test_the_day_itself_is_no_days_away_and_the_day_after_a_year():
    assert days_to_spring_festival(date(2026, 2, 17)) == 0
    assert days_to_spring_festival(date(2026, 2, 18)) == (date(2027, 2, 6) - date(2026, 2, 18)).days


@pytest.mark.parametrize(("day", "year"), [(date(1899, 1, 1), 2020), (date(2020, 1, 1), 2150)])
def test_years_without_a_lunar_calendar_are_refused(day, year):
    with pytest.raises(ValueError, match="no lunar calendar"):
        festival_aligned(day, year)
