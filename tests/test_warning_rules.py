"""The rule file: what it says, which row counts for which goods, and its versions."""

import json
import random
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from models.people import Role
from rules.warning_lint import number
from rules.warning_rules import DIMENSIONS, METRICS, Grain, Subject
from rules.warnings import (
    FILE,
    Action,
    Metric,
    RulesWrong,
    Scope,
    level_word,
    load_rules,
    look_at,
    read_rules,
    version_of,
)
from tests.rule_files import file_of, good_rules, rule, scopes, subjects


def only(text: str):
    """The one rule of a file."""
    (found,) = read_rules(text).rules
    return found


# The shipped file


def test_nothing_is_wrong_with_the_shipped_file():
    _, problems = look_at(FILE.read_text(encoding="utf-8"))
    assert problems == []


def test_shipped_file_uses_every_metric():
    assert {one.metric for one in load_rules().rules} == set(Metric)


def test_shipped_thresholds_are_those_of_the_concept():
    age, cover, life = (load_rules().rule(name) for name in ("aged", "overstock", "near_expiry"))
    assert age.row_for(Subject()).levels == (90_000, 180_000, 360_000)
    assert (cover.row_for(Subject()).levels[0], cover.row_for(Subject()).clears) == (3_000, 2_500)
    assert life.row_for(Subject()).levels == (6_000, 5_000, 4_000, 3_000, 2_000, 1_500)


def test_shipped_file_looks_harder_at_mid_priced_goods_of_one_region():
    aged = load_rules().rule("aged")
    there = aged.row_for(Subject(price_band="中档", region="临江区"))
    assert there.levels[0] < aged.row_for(Subject(price_band="中档", region="别处")).levels[0]


def test_shipped_file_is_explained_in_chinese_where_it_is_edited():
    comments = [line for line in FILE.read_text(encoding="utf-8").splitlines() if line.strip().startswith("#")]
    explained = "\n".join(comments)
    keys = {key for one in yaml.safe_load(FILE.read_text(encoding="utf-8"))["rules"] for key in one}
    assert [key for key in keys if key not in explained] == []


# Reading


def test_rule_is_read_into_thousandths_fen_roles_and_days():
    text = file_of(
        rule(
            metric="可销月数",
            where={"region": "东区"},
            thresholds=[{"levels": [3, 6.5], "clears": 2.5}],
            receivers=[["业务员"], ["老板", "区域经理"]],
            action="暂停补货",
            min_bottles=6,
            min_loss_yuan=200,
            pending_days=2,
            fresh_days=20,
            quiet_days=5,
            new_listing_days=90,
            leave_out_months=[12, 1],
        )
    )
    found = only(text)
    assert found.thresholds[0].levels == (3_000, 6_500)
    assert found.thresholds[0].clears == 2_500
    assert found.scope == Scope(regions=("东区",))
    assert found.receivers == ((Role.SALES_REP,), (Role.BOSS, Role.REGIONAL_MANAGER))
    assert (found.metric, found.action) == (Metric.MONTHS_OF_COVER, Action.STOP_SUPPLY)
    assert (found.min_bottles, found.min_loss_fen) == (6, 20_000)
    assert (found.pending_days, found.fresh_days, found.quiet_days, found.new_listing_days) == (2, 20, 5, 90)
    assert found.leave_out_months == (1, 12)


def test_english_names_mean_the_same_as_chinese_ones():
    chinese = file_of(rule(metric="渠道库龄", receivers=["老板"], action="促销"))
    english = file_of(rule(metric="age_in_channel", receivers=["boss"], action="promote"))
    assert read_rules(chinese).rules == read_rules(english).rules


def test_codes_are_kept_as_they_are_written():
    text = file_of(rule()).replace(
        '{"levels": [90, 180]}', "{levels: [90]}\n      - {levels: [60], where: {store: [0012, no, 1.50]}}"
    )
    assert only(text).thresholds[0].scope.stores == ("0012", "1.50", "no")


def test_one_level_of_receivers_serves_all_levels():
    found = only(file_of(rule(thresholds=[{"levels": [90, 180, 360]}], receivers=[["业务员"], ["老板"]])))
    assert found.receivers == ((Role.SALES_REP,), (Role.BOSS,), (Role.BOSS,))
    assert [found.receivers_of(level) for level in (0, 1, 3, 9)] == [
        (Role.SALES_REP,), (Role.SALES_REP,), (Role.BOSS,), (Role.BOSS,),
    ]  # fmt: skip


def test_file_saved_by_a_windows_editor_is_read(tmp_path):
    path = tmp_path / "warnings.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + file_of(rule()).replace("\n", "\r\n").encode())
    assert load_rules(path).rules == read_rules(file_of(rule())).rules


@pytest.mark.parametrize("content", [None, "预警".encode("gbk")])
def test_file_that_cannot_be_read_is_told(tmp_path, content):
    path = tmp_path / "other.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RulesWrong, match=r"other\.yaml"):
        load_rules(path)


# Which row counts


@given(scopes(), scopes())
def test_scopes_of_one_weight_name_the_same_dimensions(one, other):
    assert (one.weight == other.weight) == (one.named.keys() == other.named.keys())


@given(scopes(), st.sampled_from(DIMENSIONS))
def test_naming_one_more_dimension_is_always_more_specific(scope, dimension):
    if not getattr(scope, dimension):
        assert replace(scope, **{dimension: ("x",)}).weight > scope.weight


def test_each_dimension_outweighs_all_weaker_ones_together():
    for place, name in enumerate(DIMENSIONS):
        weaker = Scope(**dict.fromkeys(DIMENSIONS[place + 1 :], ("x",)))
        assert Scope(**{name: ("x",)}).weight > weaker.weight


@given(good_rules(), st.lists(subjects(), min_size=1, max_size=8))
def test_first_row_that_matches_is_the_most_specific_one(one, asked):
    found = only(file_of(one))
    for subject in asked:
        matching = [row for row in found.thresholds if row.scope.matches(subject)]
        heaviest = max(row.scope.weight for row in matching)
        assert found.row_for(subject) == matching[0]
        assert [row for row in matching if row.scope.weight == heaviest] == [matching[0]]


def test_rule_leaves_alone_what_is_not_in_its_own_scope():
    found = only(file_of(rule(where={"region": ["东区"]})))
    assert found.row_for(Subject(region="西区")) is None
    assert found.row_for(Subject(region="东区")) is not None


@given(good_rules(), st.integers(0, 400_000))
def test_levels_rise_with_how_bad_the_value_is_and_clear_beyond_the_first(one, value):
    found = only(file_of(one))
    rising = METRICS[found.metric].rising
    worse = value + 1_000 if rising else value - 1_000
    for row in found.thresholds:
        level = row.level_of(value, rising=rising)
        assert 0 <= level <= row.level_of(worse, rising=rising) <= len(row.levels)
        assert (level > 0) == row.still_holds(value, rising=rising)  # without `clears` there is no hysteresis


def test_hysteresis_holds_between_the_first_level_and_where_it_clears():
    cover = load_rules().rule("overstock").row_for(Subject())
    assert [cover.level_of(value, rising=True) for value in (3_001, 3_000, 2_600)] == [1, 0, 0]
    assert [cover.still_holds(value, rising=True) for value in (2_600, 2_500)] == [True, False]
    low = load_rules().rule("low_stock").row_for(Subject(tier="A"))
    assert [low.level_of(value, rising=False) for value in (7_000, 7_001, 3_000)] == [1, 0, 2]
    assert [low.still_holds(value, rising=False) for value in (10_000, 10_001)] == [True, False]


# Goods that must not be configured into a false alarm (traps 56 and 61)


def test_aged_liquor_is_exempt_from_everything_but_its_date_and_running_out():
    kept = {metric for metric in Metric if not metric.facts.exempts_aged}
    assert kept == {Metric.REMAINING_LIFE, Metric.SAFETY_STOCK}


@pytest.mark.parametrize("metric", [metric for metric in Metric if metric.facts.by_sales])
def test_rules_on_sales_never_look_at_new_listings(metric):
    action = "补货" if metric is Metric.SAFETY_STOCK else "去盘点"
    levels = [30] if metric.facts.grain is not Grain.STORE else [3]
    quiet = rule(metric=str(metric), thresholds=[{"levels": levels}], action=action, fresh_days=20)
    assert only(file_of(quiet)).new_listing_days == 60
    for days in (0, 59):
        with pytest.raises(RulesWrong, match="new_listing_days"):
            read_rules(file_of(quiet | {"new_listing_days": days}))


@pytest.mark.parametrize("title", ["临期酒", "快到期了", "保质期不足", "效期提醒"])
@pytest.mark.parametrize("metric", [metric for metric in Metric if metric is not Metric.REMAINING_LIFE])
def test_only_the_rule_on_remaining_life_may_speak_of_expiry(title, metric):
    with pytest.raises(RulesWrong, match="名字里不能有"):
        read_rules(file_of(rule(metric=str(metric), title=title)))


@pytest.mark.parametrize("key", ["exempt_aged", "gains_with_age", "without_basis", "expiry_basis"])
def test_no_key_turns_the_exemptions_off(key):
    with pytest.raises(RulesWrong, match="不认识的键"):
        read_rules(file_of(rule(**{key: True})))


# Versions


def shuffled(value, how: random.Random):
    if isinstance(value, dict):
        pairs = [(key, shuffled(below, how)) for key, below in value.items()]
        how.shuffle(pairs)
        return dict(pairs)
    return value


@given(good_rules(), st.randoms(use_true_random=False), st.booleans())
def test_version_of_a_rule_does_not_see_how_it_is_written(one, how, flow):
    mixed = shuffled(one, how)
    how.shuffle(mixed["thresholds"])
    rewritten = "# 说明\n" + yaml.safe_dump(
        {"rules": [mixed]}, allow_unicode=True, default_flow_style=flow, sort_keys=False
    )
    plain, again = read_rules(file_of(one)), read_rules(rewritten)
    assert again.rules == plain.rules
    assert again.version != plain.version


def test_version_of_a_rule_does_not_see_other_rules_titles_and_written_defaults():
    alone = only(file_of(rule()))
    spelled = rule(title="换了个名字", min_bottles=1, quiet_days=14, receivers=[["业务员"], ["业务员"]])
    assert read_rules(file_of(spelled, rule("other", metric="渠道库龄"))).rule("aged").version == alone.version


CHANGES = [
    {"thresholds": [{"levels": [90, 181]}]},
    {"thresholds": [{"levels": [90, 180], "clears": 80}]},
    {"thresholds": [{"levels": [90, 180]}, {"levels": [80], "where": {"region": "东区"}}]},
    {"where": {"region": "东区"}},
    {"receivers": ["老板"]},
    {"action": "促销"},
    {"metric": "渠道库龄"},
    {"name": "renamed"},
    *({key: 3} for key in ("min_bottles", "min_loss_yuan", "pending_days", "fresh_days", "quiet_days")),
]


@pytest.mark.parametrize("change", CHANGES, ids=json.dumps)
def test_version_of_a_rule_changes_with_everything_that_decides(change):
    assert only(file_of(rule() | change)).version != only(file_of(rule())).version


def test_version_of_the_file_is_the_hash_of_its_content():
    text = file_of(rule())
    assert read_rules(text).version == version_of(text) != read_rules(text + "\n").version
    assert len(version_of(text)) == 12


# Words


def test_levels_have_colours_and_numbers_are_written_as_people_write_them():
    assert [level_word(level) for level in (1, 2, 3, 4)] == ["黄", "橙", "红", "红"]
    assert [number(milli) for milli in (2_500, 90_000, 1, 0)] == ["2.5", "90", "0.001", "0"]


def test_ruleset_finds_rules_by_name_and_has_a_word_for_those_gone():
    ruleset = read_rules(file_of(rule()))
    assert ruleset.rule("aged").title == ruleset.title("aged") == "规则 aged"
    assert (ruleset.rule("gone"), ruleset.title("gone")) == (None, "gone")
