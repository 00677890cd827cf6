"""Schemes of brands' own codes: the file as shipped, what its check finds, and reading any text."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.brand_codes import check_character
from rules.code_schemes import WRITTEN, SchemesWrong, is_replacement, load_schemes, read_schemes, registered_code
from running.commands import main

SCHEME = """\
schemes:
  - name: one
    title: 甲
    brands: [甲]
    forms: ["AB{code:9*6}"]
    pack: bottle
    unique_per: unit
    examples: ["AB123456"]
"""


def test_shipped_schemes_are_right_and_called_samples():
    for scheme in load_schemes():
        assert scheme.name.startswith("sample_")
        assert scheme.title.startswith("样例")
        assert scheme.examples
        assert all(scheme.read(example) for example in scheme.examples)


@pytest.mark.parametrize(
    ("old", "new", "line", "why"),
    [
        ("name: one", "name: One", 2, "只能用小写英文字母"),
        ("name: one", "name: sample_checked", 2, "重复"),
        ("brands: [甲]", "brand: [甲]", 4, "不认识的键"),
        ("    brands: [甲]\n", "", 2, "brands 和 products 至少写一样"),
        ("AB{code:9*6}", "AB{code:9*6", 5, "花括号"),
        ("AB{code:9*6}", "AB{name:9*6}", 5, "花括号"),
        ("AB{code:9*6}", "AB123456", 5, "可变部分"),
        ("AB{code:9*6}", "{code:9*2}{code:9*4}", 5, "各最多一次"),
        ("AB{code:9*6}", "{code:9*2-4}{any:9*2-4}", 5, "分不清界线"),
        ("AB{code:9*6}", "AB{date:9*6}", 5, "写得不对"),
        ("AB{code:9*6}", "AB{code:9*6-4}", 5, "写得不对"),
        ("pack: bottle", "pack: bag", 6, "不认识的词"),
        ("unique_per: unit", "unique_per: box", 7, "不认识的词"),
        ('examples: ["AB123456"]', 'examples: ["AB12345"]', 2, "认不出来"),
        ('examples: ["AB123456"]', "examples: [123456]", 8, "要加引号"),
        ('examples: ["AB123456"]', "examples: []", 8, "至少要写一项"),
        ("schemes:", "schemes", 2, "格式不对"),
        ('examples: ["AB123456"]', 'examples: ["AB123456"', 9, "格式不对"),
    ],
)  # fmt: skip
def test_fault_is_named_with_its_line(old, new, line, why):
    with pytest.raises(SchemesWrong) as wrong:
        read_schemes(SCHEME.replace(old, new))
    assert f"第 {line} 行" in str(wrong.value)
    assert why in str(wrong.value)


def test_two_schemes_of_one_brand_must_not_look_alike():
    twin = SCHEME.removeprefix("schemes:\n").replace("name: one", "name: two").replace("AB{code:9*6}", "{any:X*8}")
    with pytest.raises(SchemesWrong, match="也像方案 two 的码"):
        read_schemes(SCHEME + twin)
    read_schemes(SCHEME + twin.replace("brands: [甲]", "brands: [乙]"))


def test_good_file_gives_its_schemes_and_the_written_ones():
    schemes = read_schemes(SCHEME)
    assert [scheme.name for scheme in schemes] == ["one", *(scheme.name for scheme in WRITTEN)]
    one = schemes[0]
    assert one.covers("P", "甲")
    assert not one.covers("P", "乙")
    assert not one.covers("P", "")
    printed = one.read("AB123456")
    assert printed is not None
    assert printed.code == "123456"
    assert [one.read(text) for text in ("AB12345", "ab123456", "AB１２３４５６", "AB123456 ", "xAB123456")] == [
        None
    ] * 5


def test_code_with_its_own_arithmetic_is_checked():
    [checked] = WRITTEN
    good = checked.examples[0]
    printed = checked.read(good)
    assert printed is not None
    assert printed.production_date == date(2025, 1, 1)
    for place in range(len(good)):
        for letter in "0A7Z":
            other = good[:place] + letter + good[place + 1 :]
            assert other == good or checked.read(other) is None, other


def test_check_character_of_the_standard():
    """ISO 7064 MOD 37,36, the example of the UK's livestock numbers."""
    assert check_character("A12425GABC1234002") == "M"


@pytest.mark.parametrize(("text", "yes"), [("000000", True), ("00000", False), ("0000001", False), ("", False)])
def test_row_of_zeros_is_a_replacement(text, yes):
    assert is_replacement(text) is yes


def test_spelling_in_the_registry_keeps_brands_apart():
    assert registered_code("123", "one") != registered_code("123", "two") != registered_code("123")


@settings(deadline=None)
@given(st.text(max_size=80) | st.text("0123456789ABYLQD-/", max_size=20))
def test_any_text_is_read_or_not(text):
    for scheme in SCHEMES:
        printed = scheme.read(text)
        assert printed is None or (printed.code and printed.code in text)


SCHEMES = load_schemes()


def test_command_checks_a_file_and_says_where_it_is_wrong(tmp_path, capsys):
    wrong = tmp_path / "schemes.yaml"
    wrong.write_text(SCHEME.replace("pack: bottle", "pack: bag"), encoding="utf-8")
    assert main(["codes", "check"]) == 0
    assert "没有错误" in capsys.readouterr().out
    assert main(["codes", "check", str(wrong)]) == 1
    assert "第 6 行" in capsys.readouterr().out
    assert main(["codes", "check", str(tmp_path / "none.yaml")]) == 1
