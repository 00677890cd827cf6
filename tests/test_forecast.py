"""The pace of dying goods, and what is left of a stock at the horizon."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.forecast import chance_unsold, expected_unsold, shrunk, spread, tsb, unsold_by_lot

MEANS = st.floats(0.01, 300)
SPREADS = st.floats(1.0, 8.0)


def test_tsb_of_steady_sales_is_those_sales():
    assert tsb([6] * 24) == pytest.approx(6)


def test_tsb_falls_month_by_month_when_sales_stop():
    paces = [tsb([6] * 12 + [0] * silent) for silent in range(13)]
    assert paces == sorted(paces, reverse=True)
    assert paces[12] == pytest.approx(6 * 0.9**12)


def test_tsb_by_hand():
    # first sale 4; a silent month: chance 0.9; a sale of 9: size 4 + 0.2·5 = 5, chance 0.9 + 0.1·0.1 = 0.91
    assert tsb([0, 0, 4, 0, 9]) == pytest.approx(0.91 * 5)


def test_nothing_sold_is_no_pace_and_no_division():
    assert tsb([]) == tsb([0, 0, 0]) == 0.0
    assert spread([]) == spread([0, 0]) == 1.0


def test_a_rate_seen_for_long_is_hardly_pulled():
    assert shrunk(10, 0, 2) == 2
    assert shrunk(10, 4, 2) == 6
    assert shrunk(10, 400, 2) == pytest.approx(9.92, abs=0.01)


def test_poisson_tail_by_hand():
    # P(0) = e^-1, P(1) = e^-1: two bottles leave 2·P(0) + 1·P(1)
    assert expected_unsold(2, 1.0) == pytest.approx(3 / math.e)
    assert chance_unsold(2, 1.0) == pytest.approx(2 / math.e)


def test_negative_binomial_tail_by_hand():
    # mean 2, variance 4: p = 1/2, r = 2; P(0) = 1/4, P(1) = 1/4, P(2) = 3/16
    assert expected_unsold(3, 2.0, 2.0) == pytest.approx(3 / 4 + 2 / 4 + 3 / 16)
    assert chance_unsold(3, 2.0, 2.0) == pytest.approx(11 / 16)


def test_without_demand_all_is_left_and_nothing_of_nothing():
    assert expected_unsold(12, 0.0) == 12
    assert chance_unsold(12, 0.0) == 1.0
    assert expected_unsold(0, 5.0) == chance_unsold(0, 5.0) == 0.0


@given(st.integers(0, 400), MEANS, SPREADS)
def test_what_is_left_is_between_the_obvious_bounds(bottles, mean, variance_to_mean):
    left = expected_unsold(bottles, mean, variance_to_mean)
    assert max(0.0, bottles - mean) - 1e-6 <= left <= bottles
    assert 0 <= chance_unsold(bottles, mean, variance_to_mean) <= 1


@given(st.integers(1, 200), MEANS, SPREADS)
def test_one_bottle_more_leaves_more_but_not_more_than_one(bottles, mean, variance_to_mean):
    step = expected_unsold(bottles + 1, mean, variance_to_mean) - expected_unsold(bottles, mean, variance_to_mean)
    assert -1e-9 <= step <= 1 + 1e-9


def test_the_sum_and_the_normal_curve_meet():
    for mean in (1_800.0, 2_000.0, 2_200.0):
        assert expected_unsold(2_001, mean, 3.0) == pytest.approx(expected_unsold(2_000, mean, 3.0) + 0.5, abs=1.5)


def test_means_of_some_thousands_do_not_underflow():
    assert expected_unsold(1_500, 1_500.0) == pytest.approx(math.sqrt(1_500 / (2 * math.pi)), rel=0.01)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=6), MEANS, SPREADS)
def test_lots_sold_first_leave_least_and_all_add_up(lots, mean, variance_to_mean):
    left = unsold_by_lot(lots, mean, variance_to_mean)
    assert sum(left) == pytest.approx(expected_unsold(sum(lots), mean, variance_to_mean), abs=1e-6)
    assert all(0 <= part <= bottles + 1e-6 for part, bottles in zip(left, lots, strict=True))
