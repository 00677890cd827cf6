"""What stands in a store and how fast it goes, from deliveries and counts of the past only."""

import math

from hypothesis import given
from hypothesis import strategies as st

from rules.outlook import (
    FEATURES,
    HORIZON,
    MONTH,
    UNKNOWN,
    Count,
    History,
    Trend,
    delivered_monthly,
    features,
    left_after,
    pace,
    sold_monthly,
)

CASE = 6


def history(came: dict[int, int], counted: dict[int, int] | None = None) -> History:
    counts = [Count(day, bottles, day) for day, bottles in sorted((counted or {}).items())]
    return History(sorted(came), [came[day] for day in sorted(came)], counts, CASE)


def test_pace_by_deliveries_leaves_out_the_last_one():
    assert delivered_monthly(history({0: 12, 61: 12, 122: 60}), 130) == 24 / 122 * MONTH
    assert delivered_monthly(history({0: 12}), 50) == 0.0


def test_later_deliveries_are_not_looked_at():
    whole, until = history({0: 12, 61: 12, 122: 60}), history({0: 12, 61: 12})
    assert pace(whole, 100) == pace(until, 100)


def test_what_stands_is_the_count_and_what_came_less_the_pace():
    now = pace(history({0: 24, 60: 12}, {0: 24, 60: 20}), 70)
    # 60 days: 24 + 12 - 20 = 16 sold; ten days more
    assert now.sold == 16 / 60 * MONTH
    assert now.bottles == 20 - 16 / 60 * 10


def test_a_case_count_written_as_bottles_is_read_as_cases():
    assert history({0: 24}, {10: 18 * CASE}).last_count(10, 10) == Count(10, 18, 10)


def test_a_count_above_all_that_ever_came_is_cut():
    assert history({0: 24}, {10: 25}).last_count(10, 10) == Count(10, 24, 10)


def test_a_count_nobody_had_told_yet_is_not_known():
    late = History([0], [24], [Count(10, 20, 10), Count(40, 10, 48)], CASE)
    assert late.last_count(45, 45) == Count(10, 20, 10)
    assert late.last_count(48, 48) == Count(40, 10, 48)


def test_sales_need_two_counts_some_time_apart():
    assert sold_monthly(history({0: 24}, {60: 10}), 60, 60) == UNKNOWN
    assert sold_monthly(history({0: 24}, {0: 24, 60: 10}), 60, 60) == 14 / 60 * MONTH


def test_the_oldest_bottle_is_of_the_delivery_that_is_not_yet_sold():
    series = history({0: 12, 50: 12, 100: 12})
    assert [series.oldest_day(120, bottles) for bottles in (1, 12, 13, 24, 25, 36, 99)] == [100, 100, 50, 50, 0, 0, 0]


def test_left_after_is_what_outlives_the_horizon():
    dead = history({0: 24}, {1: 24, 100: 22, 1 + HORIZON: 20})
    assert left_after(dead, 1) == 20.0
    alive = history({0: 24, 90: 24, 180: 24}, {1: 24, 1 + HORIZON: 20})
    assert left_after(alive, 1) == 0.0


SERIES = st.dictionaries(st.integers(0, 800), st.integers(1, 60), min_size=1, max_size=12)
COUNTED = st.dictionaries(st.integers(0, 800), st.integers(0, 400), max_size=12)


@given(SERIES, COUNTED, st.integers(0, 900))
def test_no_history_makes_a_number_that_is_none(came, counted, later):
    series = history(came, counted)
    day = min(came) + later
    now = pace(series, day)
    told = features(series, day, Trend(1, 2, day - 3, 24.0), Trend(1, 2, day - 1), now)
    assert len(told) == len(FEATURES)
    assert all(math.isfinite(value) for value in told)
    assert 0 <= now.bottles <= sum(came.values()) + 1e-9
    assert left_after(series, day) >= 0


@given(SERIES, COUNTED)
def test_repaired_counts_never_exceed_what_came(came, counted):
    series = history(came, counted)
    assert all(0 <= count.bottles <= series.came(count.day) for count in series.counts)
