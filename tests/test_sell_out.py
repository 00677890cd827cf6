"""F-2: what was sold between two counts, its interval, and what cannot be right."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.sell_out import Basis, Count, Doubt, Flow, Sale, between, periods

MONDAY = date(2026, 6, 1)


def day(after: int) -> date:
    return MONDAY + timedelta(days=after)


@st.composite
def stories(draw):
    """A store's true days: what stood there each evening, what came and went, and what was sold."""
    stock = [draw(st.integers(0, 60))]
    flows, sold = [], [0]
    for after in range(1, draw(st.integers(2, 40))):
        came = draw(st.integers(0, 24))
        left = draw(st.integers(0, stock[-1] + came))
        sale = draw(st.integers(0, stock[-1] + came - left))
        flows += [Flow(day(after), came), Flow(day(after), -left)]
        sold.append(sale)
        stock.append(stock[-1] + came - left - sale)
    return stock, flows, sold


def counted_days(draw, length: int) -> list[int]:
    return sorted(draw(st.sets(st.integers(0, length - 1), min_size=2, max_size=6)))


@given(st.data())
def test_identity_is_exact_when_counts_are_exact(data):
    stock, flows, sold = data.draw(stories())
    days = counted_days(data.draw, len(stock))

    found = periods([Count(day(d), stock[d]) for d in days], flows)

    for period, (first, last) in zip(found, pairwise(days), strict=True):
        truth = sum(sold[first + 1 : last + 1])
        assert (period.low, period.best, period.high, period.doubt) == (truth, truth, truth, None)
        assert (period.first_day, period.last_day) == (day(first + 1), day(last))


@given(st.data())
def test_interval_holds_the_truth_for_any_errors_within_the_margins(data):
    stock, flows, sold = data.draw(stories())
    counts = []
    for d in counted_days(data.draw, len(stock)):
        margin = data.draw(st.integers(0, 6))
        seen = max(0, stock[d] + data.draw(st.integers(-margin, margin)))
        counts.append(Count(day(d), seen, margin))
    proofs = [Sale(day(d), day(d), data.draw(st.integers(0, sold[d])), is_lower_bound=True) for d in range(len(sold))]

    found = periods(counts, flows, proofs)

    for period, (first, last) in zip(found, pairwise(counts), strict=True):
        truth = sum(sold[(first.day - MONDAY).days + 1 : (last.day - MONDAY).days + 1])
        assert period.low <= truth <= period.high
        assert period.low <= period.high
        assert period.doubt in {None, Doubt.NEGATIVE}  # a negative best may still be explained by the margins


@given(st.data())
def test_adjacent_periods_add_up_to_the_period_over_both(data):
    stock, flows, _ = data.draw(stories())
    wrong = [max(0, bottles + data.draw(st.integers(-5, 5))) for bottles in stock]
    days = counted_days(data.draw, len(stock))
    counts = [Count(day(d), wrong[d]) for d in days]

    parts = [between(one, two, flows) for one, two in pairwise(counts)]

    assert sum(part.best for part in parts) == between(counts[0], counts[-1], flows).best


@given(st.data())
def test_periods_never_overlap(data):
    stock, flows, _ = data.draw(stories())
    spans = st.tuples(st.integers(-10, 45), st.integers(0, 9), st.integers(0, 30))
    reports = []
    end = -20
    for start, length, bottles in data.draw(st.lists(spans, max_size=4)):
        if start > end:  # reports of one source do not overlap each other
            end = start + length
            reports.append(Sale(day(start), day(end), bottles))
    counts = [Count(day(d), stock[d]) for d in counted_days(data.draw, len(stock))]

    found = periods(counts, flows, reports)

    assert all(one.last_day < two.first_day for one, two in pairwise(found))


def test_all_five_terms_of_the_formula_take_part():
    flows = [Flow(day(3), 12), Flow(day(4), 6), Flow(day(5), -4), Flow(day(6), -2)]

    period = between(Count(day(0), 20, 1), Count(day(10), 10, 2), flows)

    assert (period.low, period.best, period.high) == (19, 22, 25)


def test_movement_on_the_day_of_a_count_belongs_to_the_period_that_ends_there():
    flows = [Flow(day(0), 100), Flow(day(7), 6), Flow(day(8), 50)]

    assert between(Count(day(0), 10), Count(day(7), 12), flows).best == 4


def test_late_delivery_of_an_earlier_day_changes_the_period_it_belongs_to():  # trap 10
    counts = [Count(day(0), 10), Count(day(7), 12), Count(day(14), 9)]

    before = periods(counts)
    after = periods(counts, [Flow(day(5), 6)])

    assert [p.best for p in before] == [-2, 3]
    assert before[0].doubt is Doubt.NEGATIVE
    assert [p.best for p in after] == [4, 3]
    assert [p.doubt for p in after] == [None, None]


def test_negative_sale_is_told_and_not_clipped():
    period = between(Count(day(0), 5), Count(day(7), 9), [])

    assert (period.low, period.best, period.high, period.doubt) == (-4, -4, -4, Doubt.NEGATIVE)


def test_negative_within_the_margins_may_be_nothing_sold():
    period = between(Count(day(0), 5, 1), Count(day(7), 6, 1), [])

    assert (period.low, period.best, period.high, period.doubt) == (0, -1, 1, Doubt.NEGATIVE)


def test_scans_lift_the_low_end():
    scans = [Sale(day(n), day(n), 1, is_lower_bound=True) for n in (1, 2, 3)]

    [period] = periods([Count(day(0), 20, 3), Count(day(7), 17, 3)], [], scans)

    assert (period.low, period.best, period.high) == (3, 3, 9)


def test_more_proven_than_worked_out_is_told():
    scans = [Sale(day(n), day(n), 1, is_lower_bound=True) for n in (1, 2, 3)]

    [period] = periods([Count(day(0), 20), Count(day(7), 19)], [], scans)

    assert (period.best, period.at_least, period.doubt) == (1, 3, Doubt.BELOW_PROOF)


def test_scans_outside_of_the_period_prove_nothing_in_it():
    scans = [Sale(day(0), day(0), 9, is_lower_bound=True), Sale(day(8), day(8), 9, is_lower_bound=True)]

    [period] = periods([Count(day(0), 20), Count(day(7), 19)], [], scans)

    assert (period.low, period.doubt) == (1, None)


def test_reports_of_every_day_are_believed_where_the_counts_agree():
    reports = [Sale(day(1), day(3), 4), Sale(day(4), day(7), 2)]

    [period] = periods([Count(day(0), 20, 2), Count(day(7), 13, 2)], [], reports)

    assert (period.low, period.best, period.high, period.source) == (6, 6, 6, Basis.REPORTED)


def test_more_gone_than_reported_is_told_and_the_counts_stand():
    [period] = periods([Count(day(0), 20, 1), Count(day(7), 10, 1)], [], [Sale(day(1), day(7), 3)])

    assert (period.low, period.best, period.high, period.doubt) == (8, 10, 12, Doubt.MORE_GONE)


def test_reports_with_a_hole_are_a_lower_bound_only():
    [period] = periods([Count(day(0), 20, 2), Count(day(7), 13, 2)], [], [Sale(day(1), day(3), 4)])

    assert (period.low, period.best, period.high, period.source) == (4, 7, 11, Basis.COUNTS)


def test_scans_and_reports_of_the_same_bottles_are_not_added_up():
    sales = [Sale(day(1), day(3), 4), Sale(day(2), day(2), 3, is_lower_bound=True)]

    [period] = periods([Count(day(0), 20), Count(day(7), 13)], [], sales)

    assert period.at_least == 4


def test_reports_without_two_counts_stand_for_themselves():
    found = periods([Count(day(0), 20)], [], [Sale(day(1), day(3), 4)])

    assert [(p.first_day, p.last_day, p.low, p.best, p.high) for p in found] == [(day(1), day(3), 4, 4, 4)]


def test_report_over_the_last_count_keeps_its_part_after_it():
    found = periods([Count(day(0), 20), Count(day(7), 13)], [], [Sale(day(6), day(9), 8)])

    assert [(p.first_day, p.last_day, p.low, p.best, p.high) for p in found] == [
        (day(1), day(7), 7, 7, 7),
        (day(8), day(9), 0, 4, 8),
    ]


def test_counts_of_one_day_make_no_period():
    with pytest.raises(ValueError, match="no day"):
        between(Count(day(1), 3), Count(day(1), 3), [])


def test_nothing_counted_makes_nothing():
    assert periods([]) == []
    assert periods([Count(day(1), 3)]) == []
