"""Faults planted in a rule file: each is found, with its line, and none hides another."""

from contextlib import suppress
from itertools import product as every
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.people import Role
from rules.scope_cover import is_covered, meet
from rules.warning_names import Known, KnownProduct, KnownStore, compare
from rules.warning_nodes import Problems
from rules.warning_rules import Scope, Subject
from rules.warnings import RulesWrong, look_at, read_rules
from tests.rule_files import WORDS, file_of, good_rules, line_with, rule, scopes

DEFAULT = {"levels": [90, 180]}
Fault = tuple[dict[str, Any], str, str]


def told(text: str) -> list[tuple[int, str]]:
    """Lines and sentences of everything wrong."""
    return [(problem.line, problem.sentence) for problem in look_at(text)[1]]


def assert_told(text: str, line: int, why: str) -> None:
    assert [one for one in told(text) if one[0] == line and why in one[1]], told(text)


@given(st.lists(good_rules(), min_size=1, max_size=3))
def test_rules_without_faults_are_found_faultless(several):
    text = file_of(*({**one, "name": f"r{n}", "title": f"规则{n}"} for n, one in enumerate(several)))
    assert [one for one in look_at(text)[1] if one.grave and "看的是同样的货" not in one.sentence] == []


# Words, keys and shapes: (what is written into the rule, a word of its line, what is said)

WRITTEN: list[Fault] = [
    ({"thresholds": [{"levles": [90]}]}, "levles", "不认识的键“levles”，是不是“levels”"),
    ({"colour": "red"}, "colour", "这里可以写：name、title"),
    ({"titel": "x"}, "titel", "是不是“title”"),
    ({"metric": "在店库领"}, "metric", "是不是“在店库龄”"),
    ({"metric": "age_in_stor"}, "metric", "是不是“age_in_store”"),
    ({"action": "发起召回"}, "action", "是不是“发起回收”"),
    ({"receivers": ["业务圆"]}, "receivers", "是不是“业务员”"),
    ({"receivers": ["店主"]}, "receivers", "“店主”不认识"),
    ({"receivers": ["业务员", ["老板"]]}, "receivers", "每级写一个列表"),
    ({"receivers": []}, "receivers", "是空的"),
    ({"receivers": [["老板", "老板"]]}, "receivers", "写了两遍"),
    ({"where": {"price_bnad": ["中档"]}}, "where", "是不是“price_band”"),
    ({"where": {"region": []}}, "where", "是空的"),
    ({"where": {"region": ["东区", "东区"]}}, "where", "写了两遍"),
    ({"where": {"region": {"东区": 1}}}, "where", "要写成列表"),
    ({"where": ["东区"]}, "where", "要写成“键: 值”"),
    ({"where": {"region": "东" * 65}}, "where", "太长"),
    ({"thresholds": [90, 180]}, "- 90", "要写成“键: 值”"),
    ({"thresholds": [{"clears": 3}]}, "clears", "缺少“levels”"),
    ({"thresholds": [{"levels": ["90天"]}]}, "levels", "要写数字"),
    ({"thresholds": [{"levels": ["９０"]}]}, "levels", "要写数字"),
    ({"thresholds": [{"levels": [None]}]}, "levels", "要写数字"),
    ({"thresholds": [{"levels": ["1e9"]}]}, "levels", "要写数字"),
    ({"thresholds": [{"levels": ["0.00001"]}]}, "levels", "三位小数"),
    ({"thresholds": [{"levels": []}]}, "levels", "是空的"),
    ({"thresholds": [{"levels": [1, 2, 3, 4, 5, 6, 7]}]}, "levels", "最多 6 级"),
    ({"name": "Aged-1"}, "name", "小写英文字母"),
    ({"name": ""}, "name", "空着"),
    ({"title": "长" * 21}, "title", "最多 20 个字"),
    ({"title": ["甲"]}, "title", "要写文字"),
    ({"min_bottles": 0}, "min_bottles", "1 到 1000000 之间"),
    ({"min_bottles": 1.5}, "min_bottles", "要写整数"),
    ({"pending_days": -1}, "pending_days", "0 到 90 之间"),
    ({"quiet_days": 366}, "quiet_days", "0 到 365 之间"),
    ({"metric": "动销率", "leave_out_months": [13]}, "leave_out_months", "1 到 12 之间"),
]


@pytest.mark.parametrize(("change", "word", "why"), WRITTEN, ids=lambda value: str(value)[:40])
def test_wrong_words_keys_and_shapes_are_told_with_their_line(change, word, why):
    text = file_of(rule() | change)
    assert_told(text, line_with(text, word), why)


@pytest.mark.parametrize("key", ["name", "title", "metric", "thresholds", "receivers", "action"])
def test_missing_key_is_told_where_the_rule_begins(key):
    text = file_of(rule("first", metric="渠道库龄"), rule(**{key: None}) if key != "name" else rule() | {"name": None})
    text = text.replace('    title: "规则 aged"', '  - title: "规则 aged"') if key == "name" else text
    text = text.replace("  - name: null\n    title", "  - title").replace("  - name: null\n", "")
    begins = text.splitlines().index(next(line for line in text.splitlines()[2:] if line.startswith("  - "))) + 1
    assert_told(text, begins, f"缺少“{key}”")


def test_key_written_twice_is_told_though_yaml_would_take_the_last():
    text = file_of(rule()) + "    action: 促销\n"
    assert_told(text, text.count("\n"), "“action”写了两遍（上一遍在第 8 行）")


# What each word of is right and makes no sense: (changes of the rule, a word of the line, what is said)

SENSELESS: list[Fault] = [
    ({"thresholds": [{"levels": [90, 80]}]}, "levels", "从小到大"),
    ({"thresholds": [{"levels": [90, 90]}]}, "levels", "不能重复"),
    ({"metric": "剩余效期", "thresholds": [{"levels": [3, 6]}]}, "levels", "从大到小"),
    ({"metric": "剩余效期", "thresholds": [{"levels": [6, 2.3]}]}, "levels", "0.5 个月的整数倍"),
    ({"metric": "剩余效期", "thresholds": [{"levels": [-1]}]}, "levels", "0 到 120 个月之间"),
    ({"metric": "剩余效期", "thresholds": [{"levels": [180, 90]}]}, "levels", "0 到 120 个月之间"),
    ({"metric": "动销率", "thresholds": [{"levels": [120, 50]}]}, "levels", "永远达不到或者永远成立"),
    ({"metric": "动销率", "thresholds": [{"levels": [100]}]}, "levels", "永远达不到或者永远成立"),
    ({"metric": "动销率", "thresholds": [{"levels": [0]}]}, "levels", "永远达不到或者永远成立"),
    ({"thresholds": [{"levels": [0]}]}, "levels", "永远达不到或者永远成立"),
    ({"thresholds": [{"levels": [90.5]}]}, "levels", "1 天的整数倍"),
    ({"thresholds": [{"levels": [90], "clears": 91}]}, "levels", "clears 写反了"),
    ({"thresholds": [{"levels": [90], "clears": 0}]}, "levels", "永远解除不了"),
    ({"metric": "动销率", "thresholds": [{"levels": [30], "clears": 20}]}, "levels", "clears 写反了"),
    ({"metric": "动销率", "thresholds": [{"levels": [30], "clears": 100}]}, "levels", "永远解除不了"),
    ({"min_bottles": 1, "pending_days": 45}, "pending_days", "永远报不出来"),
    ({"fresh_days": 3, "pending_days": 3}, "pending_days", "永远报不出来"),
    ({"new_listing_days": 60}, "new_listing_days", "不看动销"),
    ({"leave_out_months": [1]}, "leave_out_months", "不看动销"),
    ({"metric": "动销率", "thresholds": [{"levels": [9]}], "leave_out_months": list(range(1, 12))}, "leave_out", "11 个月"),
    ({"metric": "未动销天数", "thresholds": [{"levels": [30]}], "fresh_days": 30}, "fresh_days", "没有消息不等于没有卖"),
    ({"metric": "未动销天数", "thresholds": [{"levels": [30]}]}, "levels", "没有消息不等于没有卖"),
    ({"metric": "预计损失", "thresholds": [{"levels": [500]}], "min_loss_yuan": 501}, "min_loss", "一级永远报不出来"),
    ({"metric": "安全库存", "thresholds": [{"levels": [7]}], "action": "补货", "min_bottles": 6}, "min_b", "永远报不出来"),
    ({"metric": "安全库存", "thresholds": [{"levels": [7]}], "action": "发起回收"}, "action", "货不够的时候"),
    ({"action": "补货"}, "action", "只用于安全库存"),
    ({"metric": "周转偏离", "thresholds": [{"levels": [3]}], "where": {"brand": "x"}}, "where", "看的是整家店"),
    ({"receivers": [["业务员"], ["老板"], ["老板"]]}, "receivers", "门槛只有 2 级"),
    ({"thresholds": [{"levels": [90], "where": {"region": "东区"}}]}, "thresholds", "不带 where 的默认门槛"),
    ({"where": {"region": "东区"}, "thresholds": [DEFAULT, {"levels": [60], "where": {"region": "西区"}}]}, "西区", "永远用不上"),
    ({"where": {"region": "东区"}, "thresholds": [DEFAULT, {"levels": [60], "where": {"region": "东区"}}]}, "180", "永远用不上"),
    ({"thresholds": [DEFAULT, {"levels": [60]}]}, "[60]", "重叠"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "word", "why"), SENSELESS, ids=lambda value: str(value)[:60])
def test_what_makes_no_sense_is_told_with_its_line(change, word, why):
    text = file_of(rule() | change)
    assert_told(text, line_with(text, word), why)


def test_rows_that_share_goods_overlap_and_rows_that_share_none_do_not():
    def row(regions: list[str], band: str) -> dict:
        return {"levels": [60], "where": {"region": regions, "price_band": band}}

    apart = file_of(rule(thresholds=[DEFAULT, row(["东区"], "中档"), row(["西区"], "中档"), row(["东区"], "高档")]))
    assert told(apart) == []
    together = file_of(rule(thresholds=[DEFAULT, row(["东区", "西区"], "中档"), row(["西区"], "中档")]))
    assert_told(together, 8, "和第 7 行的门槛重叠")


def test_rows_that_together_are_everything_of_the_rule_need_no_default():
    rows = [{"levels": [n], "where": {"region": region}} for n, region in ((60, "东区"), (70, "西区"))]
    assert told(file_of(rule(where={"region": ["东区", "西区"]}, thresholds=rows))) == []
    idle = file_of(rule(where={"region": ["东区", "西区"]}, thresholds=[*rows, DEFAULT]))
    assert_told(idle, 8, "更具体的行把它的货全占了")


def test_too_much_of_anything_is_told():
    rows = [DEFAULT, *({"levels": [n + 1], "where": {"store": f"S{n}"}} for n in range(300))]
    assert_told(file_of(rule(thresholds=rows)), 5, "最多 300 行")
    assert_told(file_of(*(rule(f"r{n}", metric=None) for n in range(201))), 1, "最多 200 条")
    stores = [f"S{n}" for n in range(2_001)]
    assert_told(file_of(rule(where={"store": stores})), 9, "最多 2000 项")
    wide = [DEFAULT, *({"levels": [80], "where": {"store": [f"{n}-{m}" for m in range(2_000)]}} for n in range(5))]
    assert_told(file_of(rule(thresholds=wide)), 1, "一共有 10000 个名字")


def test_what_is_repeated_of_a_file_cannot_drive_the_terminal():
    assert "\x1b" not in told('rules:\n  - "\\e[31mkey": 1\n')[0][1]


# Rules beside each other


def test_two_rules_of_one_name_are_told_with_both_lines():
    text = file_of(rule("a"), rule("b", metric="渠道库龄"), rule("a", metric="生产库龄", title="别的"))
    assert_told(text, 16, "代号“a”重复了，上一个在第 2 行")


def test_two_rules_on_the_same_goods_and_metric_are_told():
    assert_told(file_of(rule("a"), rule("b")), 9, "看的是同样的货")
    assert_told(file_of(rule("a"), rule("b", where={"region": "东区"})), 9, "有的货会报两次")
    apart = file_of(rule("a", where={"region": "西区"}), rule("b", where={"region": "东区"}))
    assert told(apart) == []


def test_two_rules_of_one_title_are_a_reminder_only():
    text = file_of(rule("a", title="同名"), rule("b", title="同名", metric="渠道库龄"))
    assert_told(text, 10, "看预警的人分不清")
    assert len(read_rules(text).rules) == 2


# Files that are no rule files


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 1, "文件是空的"),
        ("# 只有说明\n", 1, "文件是空的"),
        ("rules: []\n", 1, "是空的"),
        ("rules: 3\n", 1, "要写成列表"),
        ("- 1\n", 1, "要写成“键: 值”"),
        ("ruels:\n  - name: a\n", 1, "是不是“rules”"),
        ("other: 1\nrules:\n  - name: a\n", 1, "不认识的键“other”"),
        ("rules:\n  - name：aged\n", 2, "中文的冒号"),
        ("rules:\n  - name: a\n    title：甲\n    metric: x\n", 4, "中文标点"),
        ("rules:\n\t- name: a\n", 2, "制表符"),
        ("rules:\n  - title: [甲\n", 3, "格式不对"),
        ("rules:\n  - &a [*a]\n", 2, "要写成“键: 值”"),
        ("rules:\n  - {<<: {name: a}}\n", 2, "不认识的键“<<”"),
        ("a: 1\n---\nb: 2\n", 2, "格式不对"),
        ("rules:\n  - name: \x01\n", 2, "格式不对"),
        ("rules: !!python/object:os.system [a]\n", 1, "要写成“键: 值”"),
        ("[" * 5_000, 1, "格式不对"),
        ("x" * 500_001, 1, "文件太大"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_rule_file_is_told(text, line, why):
    assert_told(text, line, why)
    with pytest.raises(RulesWrong):
        read_rules(text)


@given(st.text(max_size=200))
@example("\ud800")
@example("rules:\n- ? [a]\n  : b\n")
@example("rules:\n- {? {a: b} : c}\n")
def test_no_text_whatever_makes_the_reader_fall_over(text):
    with suppress(RulesWrong):
        read_rules(text)


@given(st.randoms(use_true_random=False))
def test_no_damage_to_a_good_file_makes_the_reader_fall_over(how):
    text = list(file_of(rule(where={"region": ["东区"]}), rule("b", metric="可销月数", thresholds=[{"levels": [3]}])))
    for _ in range(how.randint(1, 6)):
        place = how.randrange(len(text))
        text[place] = how.choice(
            ["", "：", "\t", "[", "]", "{", "- ", "&a", "*a", "!", "'", '"', "\n", "9", "#", "%", "~"]
        )
    with suppress(RulesWrong):
        read_rules("".join(text))


# All in one go


def test_no_fault_hides_another():
    faults = [*WRITTEN, *SENSELESS]
    text = file_of(*(rule(f"r{n}", title=f"规则{n}") | change for n, (change, _, _) in enumerate(faults)))
    sentences = "\n".join(sentence for _, sentence in told(text))
    assert [why for _, _, why in faults if why not in sentences] == []


@given(good_rules(), st.sampled_from([*WRITTEN, *SENSELESS]))
def test_planted_fault_is_found_beside_any_good_rule(good, fault):
    change, word, why = fault
    bad = rule("bad", title="坏的") | change
    text = file_of({**good, "title": "好的"}, bad)
    start = file_of(good).count("\n")
    line = start + line_with("\n".join(text.splitlines()[start:]), word)
    assert_told(text, line, why)


@given(good_rules(), st.randoms(use_true_random=False))
def test_second_row_for_goods_that_have_one_is_always_found(one, how):
    twin = dict(how.choice(one["thresholds"]))
    where = {name: [how.choice(values)] for name, values in twin.get("where", {}).items()}
    text = file_of(one | {"thresholds": [*one["thresholds"], {**twin, **({"where": where} if where else {})}]})
    assert [sentence for _, sentence in told(text) if "重叠" in sentence] != []


@given(good_rules())
def test_missing_default_is_always_found(one):
    rows = [row for row in one["thresholds"] if "where" in row]
    if rows:
        assert [s for _, s in told(file_of(one | {"thresholds": rows})) if "默认门槛" in s] != []


# Sets of goods, against looking at every store and product of a small world


def pairs(one: Scope, other: Scope) -> list[tuple[set[str], set[str]]]:
    return [(set(getattr(one, f"{name}s")), set(getattr(other, f"{name}s"))) for name in WORDS]


@given(scopes(), scopes())
def test_scopes_meet_exactly_when_some_goods_are_in_both(one, other):
    shared = [mine & its if mine and its else mine | its or {"别的"} for mine, its in pairs(one, other)]
    assert meet(one, other) == meet(other, one) == all(shared)
    if meet(one, other):
        subject = Subject(**{name: min(words) for name, words in zip(WORDS, shared, strict=True)})
        assert one.matches(subject)
        assert other.matches(subject)


def small(scope: Scope) -> Scope:
    """Only three dimensions, so that all goods of the world can be looked at."""
    return Scope(regions=scope.regions, price_bands=scope.price_bands, tiers=scope.tiers)


SMALL_WORLD = [
    Subject(region=r, price_band=b, tier=t)
    for r, b, t in every([*WORDS["region"], "别"], [*WORDS["price_band"], "别"], [*WORDS["tier"], "别"])
]


@given(scopes().map(small), scopes().map(small), st.lists(scopes().map(small), max_size=6))
def test_scope_is_covered_exactly_when_no_goods_are_left(one, within, others):
    mine = [subject for subject in SMALL_WORLD if one.matches(subject) and within.matches(subject)]
    left = [subject for subject in mine if not any(other.matches(subject) for other in others)]
    assert is_covered(one, within, others) == (bool(mine) and not left)


# Names of the database: reminders only

KNOWN = Known(
    stores=[KnownStore("S1", "A", "烟酒店", "东区"), KnownStore("S2", "B", "餐饮", "西区")],
    products=[
        KnownProduct("A1", "青岚坊", "中档", 0, gains_with_age=False),
        KnownProduct("B2", "老窖", "高档", 0, gains_with_age=True),
        KnownProduct("C3", "露酒", "低档", 12, gains_with_age=False),
    ],
    roles={Role.SALES_REP, Role.BOSS},
)


def reminders(text: str) -> list[tuple[int, str]]:
    drafts, problems = look_at(text)
    assert problems == []
    found = Problems()
    compare(drafts, KNOWN, found)
    assert not any(problem.grave for problem in found.found)
    return [(problem.line, problem.sentence) for problem in sorted(found.found)]


LIFE = {"metric": "剩余效期", "thresholds": [{"levels": [6, 3]}]}
NAMES: list[Fault] = [
    ({"where": {"region": "东区区"}}, "where", "系统里没有这个 region：东区区，是不是“东区”"),
    ({"where": {"store": "S9"}}, "where", "系统里没有这个 store：S9"),
    ({"where": {"product": "A11"}}, "where", "是不是“A1”"),
    ({"where": {"tier": "C"}}, "where", "系统里没有这个 tier：C"),
    ({"where": {"brand": "青兰坊"}}, "where", "是不是“青岚坊”"),
    ({"where": {"store": "S1", "region": "西区"}}, "where", "没有一家门店符合"),
    ({"where": {"product": "A1", "price_band": "高档"}}, "where", "没有一个商品符合"),
    ({"where": {"product": "B2"}}, "where", "是老酒，这条规则永远不报"),
    ({**LIFE, "where": {"product": "A1"}}, "where", "没有效期依据"),
    ({**LIFE, "thresholds": [{"levels": [12, 6]}]}, "levels", "一共只有 12 个月"),
    ({"receivers": ["财务"]}, "receivers", "没有人任财务"),
]


@pytest.mark.parametrize(("change", "word", "why"), NAMES, ids=lambda value: str(value)[:40])
def test_names_the_house_does_not_know_are_reminders_with_their_line(change, word, why):
    text = file_of(rule() | change)
    assert [one for one in reminders(text) if one[0] == line_with(text, word) and why in one[1]], reminders(text)


@pytest.mark.parametrize(
    "change",
    [
        {"where": {"region": ["东区", "西区"], "price_band": "中档"}},
        LIFE,
        {**LIFE, "where": {"product": "C3"}},
        {**LIFE, "thresholds": [{"levels": [12]}, {"levels": [3], "where": {"product": "C3"}}]},
    ],
    ids=str,
)
def test_names_the_house_knows_are_passed_over(change):
    assert reminders(file_of(rule() | change)) == []


def test_house_that_is_not_set_up_yet_is_not_compared_with():
    drafts, _ = look_at(file_of(rule(where={"region": "东区", "brand": "x"})))
    found = Problems()
    compare(drafts, Known([], [], frozenset()), found)
    assert found.found == []


def test_role_nobody_holds_is_told_once():
    text = file_of(rule("a", receivers=["财务"]), rule("b", metric="渠道库龄", receivers=["财务"]))
    assert [line for line, _ in reminders(text)] == [7]
