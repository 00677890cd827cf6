"""Remaining life in calendar months: levels and values agree, and stages tile without gap or overlap."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rules.deadlines import add_months, expiry_date
from rules.shelf_life import latest_production, months_left, months_on, produced_until

DAYS = st.dates(date(2000, 1, 1), date(2080, 1, 1))
STAGES = (6_000, 5_000, 4_000, 3_000, 2_000, 1_500)


@given(DAYS, st.integers(-400, 4_000), st.integers(0, 240))
def test_value_is_at_most_a_level_exactly_when_the_last_day_is_not_later(today, ahead, halves):
    last, level = today + timedelta(days=ahead), halves * 500
    assert (months_left(today, last) <= level) == (last <= months_on(today, level))


@given(DAYS, st.integers(-400, 4_000))
def test_life_never_grows_while_days_pass(today, ahead):
    last = today + timedelta(days=ahead)
    assert months_left(today + timedelta(days=1), last) <= months_left(today, last)


@given(DAYS, st.integers(0, 400))
def test_six_stages_tile_every_day_once(today, ahead):
    last = today + timedelta(days=ahead)
    bounds = [date.max, *(months_on(today, stage) for stage in STAGES), date.min]
    assert sum(later < last <= earlier for earlier, later in pairwise(bounds)) == 1


@given(DAYS, st.integers(1, 120), st.integers(0, 240))
def test_goods_made_until_that_day_have_at_most_so_much_left_and_a_day_later_more(today, life, halves):
    level = halves * 500
    day = produced_until(today, level, life)
    assert months_left(today, expiry_date(day, life)) <= level
    assert months_left(today, expiry_date(day + timedelta(days=1), life)) > level


@given(DAYS, st.integers(1, 120))
def test_latest_production_is_exactly_the_last_day_that_ends_in_time(limit, life):
    day = latest_production(limit, life)
    assert expiry_date(day, life) <= limit < expiry_date(day + timedelta(days=1), life)


def test_months_are_those_of_the_calendar():
    assert months_on(date(2026, 1, 31), 1_000) == date(2026, 2, 28)
    assert months_on(date(2026, 1, 31), 1_500) == date(2026, 3, 15)
    assert months_left(date(2026, 9, 7), date(2026, 12, 7)) == 3_000
    assert months_left(date(2026, 9, 7), date(2026, 12, 6)) == 2_966
    assert months_left(date(2026, 9, 7), date(2026, 9, 7)) == 0
    assert months_left(date(2026, 9, 7), date(2026, 9, 6)) < 0
    assert add_months(date(2026, 6, 9), 3) - date(2026, 6, 9) != timedelta(days=90)
