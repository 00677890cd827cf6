"""The house's own past: learnt in groups, found again, the same every time."""

import random
from itertools import product as pairs

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.experience import FEWEST_CASES, LEAST, MOST_GROUPS, Case, Tree, learn


def past(number: int = 4_000, seed: int = 1) -> list[Case]:
    """Lines quiet for long are left nine times of ten, others once; the second feature says nothing."""
    rng = random.Random(seed)  # noqa: S311 - a made-up past, not a secret
    cases = []
    for _ in range(number):
        quiet, noise = rng.uniform(0, 400), rng.uniform(0, 1)
        slow = rng.random() < (0.9 if quiet > 200 else 0.1)
        cases.append(Case((quiet, noise), slow, 0.6 if slow else 0.0))
    return cases


def test_a_young_house_has_no_experience():
    assert learn(past(FEWEST_CASES - 1)).groups == ()
    assert Tree(()).group_of((1.0, 2.0)) is None


def test_long_quiet_lines_are_known_to_be_left():
    tree = learn(past())
    left, sold = tree.group_of((390.0, 0.5)), tree.group_of((10.0, 0.5))
    assert left
    assert sold
    assert left.slow_permille > 800
    assert sold.slow_permille < 200
    assert 450 < left.left_permille < 600


def test_the_first_question_is_the_telling_one():
    groups = learn(past()).groups
    assert {group.questions[0].feature for group in groups} == {0}
    assert abs(groups[0].questions[0].value - 200) < 15


def test_groups_hold_all_cases_and_none_is_small():
    cases = past()
    groups = learn(cases).groups
    assert sum(group.cases for group in groups) == len(cases)
    assert sum(group.slow for group in groups) == sum(case.slow for case in cases)
    assert min(group.cases for group in groups) >= LEAST
    assert len(groups) <= MOST_GROUPS


def test_every_case_is_found_in_a_group_that_fits_its_answers():
    cases = past()
    tree = learn(cases)
    for case in cases:
        group = tree.group_of(case.features)
        assert group
        assert all((case.features[q.feature] > q.value) == q.above for q in group.questions)


def test_the_same_past_teaches_the_same():
    assert learn(past()).groups == learn(past()).groups


def test_a_tree_kept_as_rows_answers_alike():
    tree = learn(past())
    again = Tree(sorted(tree.groups, key=lambda group: group.name, reverse=True))
    for quiet, noise in pairs(range(0, 401, 13), (0.1, 0.9)):
        assert tree.group_of((quiet, noise)) == again.group_of((quiet, noise))


def test_lines_that_are_all_alike_make_one_group():
    tree = learn([Case((1.0, 1.0), slow=True, left=1.0)] * 1_000)
    assert len(tree.groups) == 1
    assert tree.groups[0].slow_permille == 1_000


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=FEWEST_CASES, max_size=900))
def test_any_past_can_be_learnt(lines):
    cases = [Case((float(value),), slow, float(slow)) for value, slow in lines]
    tree = learn(cases)
    assert sum(group.cases for group in tree.groups) == len(cases)
    assert all(0 <= group.slow_permille <= 1_000 for group in tree.groups)
