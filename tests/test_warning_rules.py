"""The rule file: what it may say, where its errors are, and its months of shelf life."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.deadlines import expiry_date
from rules.warnings import (
    AgeRule,
    CoverRule,
    ExpiryRule,
    RulesWrong,
    latest_production,
    level_word,
    load_rules,
    over_factor,
    read_rules,
)

AGE = "rules:\n  - name: aged\n    title: 库龄\n    kind: age\n    days: [90]\n"


def test_the_shipped_rules_are_the_three_of_the_concept():
    rules = load_rules().rules
    assert [type(rule) for rule in rules] == [AgeRule, CoverRule, ExpiryRule]
    age, cover, expiry = rules
    assert (age.days[0], cover.months[0], expiry.months_left) == (90, 3, [6, 5, 4, 3])


def test_the_version_is_the_hash_of_the_content():
    assert read_rules(AGE).version != read_rules(AGE + "\n").version
    assert len(read_rules(AGE).version) == 12


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        (AGE + "    colour: red\n", 6, "rules.0.colour：不认识的键"),
        (AGE.replace("[90]", "[90, 30]"), 5, "门槛要从小到大写"),
        (AGE.replace("[90]", "90"), 5, "要写成列表"),
        (AGE.replace("[90]", "[九十]"), 5, "rules.0.days.0：要写整数"),
        (AGE.replace("age", "colour"), 2, "kind 只能是"),
        (AGE + AGE.removeprefix("rules:\n"), 6, "重复"),
        ("rule:\n" + AGE, 1, "rule：不认识的键"),
        (AGE.replace("title: 库龄", "title: [库龄"), 4, "格式不对"),
        (AGE + "    min_bottles: 0\n", 6, "数字太小"),
    ],
)
def test_errors_are_told_with_their_line(text, line, why):
    with pytest.raises(RulesWrong) as refused:
        read_rules(text)
    assert f"第 {line} 行" in str(refused.value)
    assert why in str(refused.value)


@pytest.mark.parametrize("text", ["", "rules: []\n", "- 1\n", "rules: 3\n"])
def test_nothing_is_no_rule_file(text):
    with pytest.raises(RulesWrong):
        read_rules(text)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(RulesWrong, match=r"none\.yaml"):
        load_rules(tmp_path / "none.yaml")


@given(st.dates(date(2000, 1, 1), date(2080, 1, 1)), st.integers(1, 120))
def test_latest_production_is_exactly_the_last_day_that_ends_in_time(limit, life):
    day = latest_production(limit, life)
    assert expiry_date(day, life) <= limit < expiry_date(day + timedelta(days=1), life)


def test_levels_have_colours_and_factors_have_an_end():
    assert [level_word(level) for level in (1, 2, 3, 4)] == ["黄", "橙", "红", "红"]
    assert (over_factor(45, 90), over_factor(180, 90), over_factor(9000, 90)) == (1, 2, 4)
