"""What is inferred from deliveries alone: rate, stock, and what a count changes."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rules.sell_through import (
    Arrival,
    Standing,
    after_sales,
    history_months,
    monthly_rate,
    peer_rate,
    still_there,
)

JAN = date(2025, 1, 1)


def on(day: int, bottles: int, lot: int = 1) -> Arrival:
    return Arrival(JAN + timedelta(days=day), lot, bottles)


def test_rate_is_what_came_before_the_last_delivery_per_month():
    # 24 bottles in 61 days, the last delivery not counted
    assert monthly_rate([on(0, 12), on(31, 12), on(61, 100)]) == round(24_000 / (61 / 30.4375))


def test_rate_looks_back_twelve_months_only():
    recent = [on(400, 12), on(430, 12), on(460, 12)]
    assert monthly_rate([on(0, 9000), *recent]) == monthly_rate(recent)


def test_rate_of_a_rare_product_reaches_back_to_the_delivery_before():
    assert monthly_rate([on(0, 12), on(730, 12)]) == round(12_000 / (730 / 30.4375))


def test_two_deliveries_in_a_week_are_a_month_at_least():
    assert monthly_rate([on(0, 6), on(7, 6)]) == round(6_000 / (30 / 30.4375))


def test_one_delivery_has_no_rate_of_its_own():
    assert monthly_rate([on(0, 6, 1), on(0, 6, 2)]) is None
    assert peer_rate([1, 5, 100]) == 5
    assert peer_rate([]) is None


def test_stock_is_the_last_delivery_less_what_was_sold_since():
    arrivals = [on(0, 50), on(30, 12, 2)]
    [left] = still_there(arrivals, 3_000, JAN + timedelta(days=30 + 61))
    assert left == Standing(2, JAN + timedelta(days=30), 6)


def test_the_oldest_is_sold_first():
    shelf = [Standing(2, date(2025, 2, 1), 10), Standing(1, JAN, 10)]
    left = after_sales(shelf, 12_000, JAN, JAN + timedelta(days=31))
    assert [(lot.lot_id, lot.bottles) for lot in left] == [(1, 0), (2, 8)]


def test_history_is_counted_in_whole_months_up_to_a_year():
    assert history_months([on(0, 1)], JAN + timedelta(days=91)) == 2
    assert history_months([on(0, 1)], JAN + timedelta(days=2000)) == 12


@given(
    st.lists(st.tuples(st.integers(0, 1500), st.integers(1, 500)), min_size=1, max_size=20),
    st.integers(0, 900),
)
def test_stock_is_never_negative_nor_more_than_the_last_delivery(lines, later):
    arrivals = sorted((on(day, bottles) for day, bottles in lines), key=lambda a: a.day)
    last = arrivals[-1].day
    rate = monthly_rate(arrivals)
    left = still_there(arrivals, rate or 0, last + timedelta(days=later))
    assert rate is None or rate >= 0
    came = sum(a.bottles for a in arrivals if a.day == last)
    assert all(lot.bottles >= 0 for lot in left)
    assert sum(lot.bottles for lot in left) <= came
