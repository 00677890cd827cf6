"""What comes first: loss avoided, less what acting costs, for each minute of work."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.priority import Candidate, Costs, Effort, gain_per_minute, in_order

COSTS = Costs({"recall": Effort(30, 6_000), "count": Effort(10)}, travel_minutes=20)
CANDIDATES = st.builds(
    Candidate,
    key=st.tuples(st.text(max_size=5), st.text(max_size=5)),
    store_id=st.integers(1, 5),
    action=st.sampled_from(["recall", "count"]),
    loss_fen=st.integers(0, 10**9),
    level=st.integers(1, 6),
    bottles=st.integers(0, 10_000),
    deadline=st.none() | st.dates(date(2026, 1, 1), date(2028, 1, 1)),
)


def one(key: str, **given: object) -> Candidate:
    return replace(Candidate((key,), 1, "recall", 100_000, 1, 10), **given)


def test_the_formula_in_plain_numbers():
    # 1,000.00 yuan saved, 60.00 spent, 30 minutes on the spot and half of a 20 minutes' way.
    assert gain_per_minute(100_000, COSTS.of("recall"), 20, errands=2) == 94_000 * 1_000 // 40


def test_acting_may_cost_more_than_it_saves():
    assert gain_per_minute(1_000, COSTS.of("recall"), 20, errands=1) < 0


@pytest.mark.parametrize(("errands", "effort"), [(0, Effort(10)), (1, Effort(0))])
def test_what_takes_no_visit_or_no_time_is_refused(errands, effort):
    with pytest.raises(ValueError, match=r"errand|time"):
        gain_per_minute(1, effort, 0, errands)


def test_the_order_of_equals():
    far, near = one("a", deadline=date(2027, 1, 1)), one("b", deadline=date(2026, 5, 1))
    graver, more, last = one("c", level=2), one("d", bottles=20), one("e")

    assert [c.key[0] for c in in_order([last, more, graver, far, near], COSTS)] == ["b", "a", "c", "d", "e"]


@given(st.lists(CANDIDATES, max_size=30, unique_by=lambda c: c.key), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_it_came(candidates, shuffled):
    mixed = list(candidates)
    shuffled.shuffle(mixed)

    assert in_order(mixed, COSTS) == in_order(candidates, COSTS)


@given(st.lists(CANDIDATES, min_size=1, max_size=20), st.integers(1, 10**6))
def test_more_loss_never_moves_a_line_back(candidates, more):
    before = in_order(candidates, COSTS)
    first = candidates[0]
    raised = replace(first, loss_fen=first.loss_fen + more)
    after = in_order([raised, *candidates[1:]], COSTS)

    assert after.index(raised) <= before.index(first)


@given(st.integers(0, 10**12), st.integers(1, 480), st.integers(0, 480), st.integers(1, 100))
def test_more_errands_in_a_store_never_make_one_dearer(loss, minutes, travel, errands):
    effort = Effort(minutes)

    assert gain_per_minute(loss, effort, travel, errands + 1) >= gain_per_minute(loss, effort, travel, errands)
