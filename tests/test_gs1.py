"""GS1 numbers and texts: dates, check digits, three spellings of one message, and the standard's own vectors."""

import csv
import gzip
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from biip.checksums import gs1_standard_check_digit
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.gs1 import ai_date, base_gtin, check_digit_fits, full_year, gtin_spellings, read_gtin
from rules.gs1_text import SEPARATOR, as_link, read_gs1, readings

TODAY = date(2026, 9, 1)
EAN = "6901234567892"
CARTON = "16901234567899"


@pytest.mark.parametrize(
    ("yymmdd", "day"),
    [
        ("240200", date(2024, 2, 29)),
        ("250200", date(2025, 2, 28)),
        ("251200", date(2025, 12, 31)),
        ("240230", None),
        ("000000", None),
        ("241300", None),
        ("2401", None),
        ("２４０１０１", None),
        ("980510", date(1998, 5, 10)),
    ],
)
def test_day_00_is_the_end_of_the_month(yymmdd, day):
    assert ai_date(yymmdd, TODAY) == day


@pytest.mark.parametrize(
    ("two_digits", "this_year", "year"),
    [
        (76, 2026, 2076),  # 50 ahead
        (77, 2026, 1977),  # 51 ahead: the century before
        (26, 2026, 2026),
        (0, 2026, 2000),
        (99, 2026, 1999),
        (1, 2051, 2101),  # 50 behind: the century after
        (2, 2051, 2002),
        (51, 2001, 2051),
        (52, 2001, 1952),
        (0, 1999, 2000),
        (49, 1999, 2049),
        (50, 1999, 1950),
    ],
)
def test_two_digits_of_year_follow_the_general_specifications(two_digits, this_year, year):
    assert full_year(two_digits, this_year) == year


@settings(deadline=None)
@given(st.integers(0, 99), st.integers(1990, 2110))
def test_a_year_of_two_digits_is_never_more_than_50_ahead_or_49_behind(two_digits, this_year):
    year = full_year(two_digits, this_year)
    assert year % 100 == two_digits
    assert -49 <= year - this_year <= 50


def test_every_date_of_the_standard_is_read():
    facts = read_gs1(f"(01)0{EAN}(11)240100(13)240210(15)250331(16)250430(17)250531(30)12", TODAY)
    assert facts is not None
    assert (facts.production_date, facts.packed_on) == (date(2024, 1, 31), date(2024, 2, 10))
    assert (facts.best_before, facts.sell_by, facts.expiry_date, facts.count) == (
        date(2025, 3, 31), date(2025, 4, 30), date(2025, 5, 31), 12,
    )  # fmt: skip


def test_wrong_date_keeps_the_rest_readable():
    facts = read_gs1(f"(01)0{EAN}(11)240230(10)A", TODAY)
    assert facts is not None
    assert (facts.production_date, facts.batch) == (None, "A")


@settings(deadline=None)
@given(st.from_regex(r"[0-9]{12}", fullmatch=True))
def test_exactly_one_check_digit_fits(payload):
    assert sum(read_gtin(payload + digit) is not None for digit in "0123456789") == 1


@settings(deadline=None)
@given(st.sampled_from([7, 11, 12, 13, 17]).flatmap(lambda n: st.from_regex(rf"[0-9]{{{n}}}", fullmatch=True)))
def test_one_wrong_digit_is_always_found(payload):
    right = payload + str(gs1_standard_check_digit(payload))
    assert check_digit_fits(right)
    for place, digit in enumerate(right):
        wrong = right[:place] + str((int(digit) + 1) % 10) + right[place + 1 :]
        assert not check_digit_fits(wrong)


def test_base_gtin_of_a_carton_is_its_bottle():
    assert base_gtin(CARTON) == "0" + EAN


def test_spellings_of_14_digits_drop_leading_zeros_only():
    assert gtin_spellings("0" + EAN) == ["0" + EAN, EAN]
    assert gtin_spellings(CARTON) == [CARTON]
    assert gtin_spellings("00000096385074") == ["00000096385074", "0000096385074", "000096385074", "96385074"]


BATCH = st.from_regex(r"[0-9A-Za-z/_.+-]{1,20}", fullmatch=True)
DAYS = st.dates(date(1978, 1, 1), date(2075, 12, 31)).map(lambda day: f"{day:%y%m%d}")
GTINS = st.from_regex(r"[0-9]{13}", fullmatch=True).map(lambda body: body + str(gs1_standard_check_digit(body)))
MESSAGES = st.fixed_dictionaries(
    {"01": GTINS},
    optional={
        "10": BATCH, "21": BATCH, "11": DAYS, "17": DAYS,
        "30": st.integers(0, 99_999_999).map(str), "13": DAYS, "15": DAYS,
    },
)  # fmt: skip


@settings(deadline=None)
@given(MESSAGES, st.sampled_from(["https://id.gs1.org", "HTTP://t.example.cn:8080/a/b"]), st.randoms())
def test_element_string_bracketed_text_and_link_say_the_same(values, address, order):
    rows = list(values.items())
    order.shuffle(rows)
    said = {
        read_gs1("]C1" + "".join(ai + value + SEPARATOR for ai, value in rows), TODAY),
        read_gs1("]d2" + SEPARATOR.join(ai + value for ai, value in rows), TODAY),
        read_gs1("".join(f"({ai}){value}" for ai, value in rows), TODAY),
        read_gs1("".join(f"[{ai}] {value} " for ai, value in rows), TODAY),
        read_gs1(as_link(values, address), TODAY),
        read_gs1(as_link(values, address).replace("/01/", "/gtin/").replace("/10/", "/lot/"), TODAY),
    }
    assert len(said) == 1
    facts = said.pop()
    assert facts is not None
    assert (facts.gtin, facts.batch, facts.serial) == (values["01"], values.get("10"), values.get("21"))


@settings(deadline=None)
@given(MESSAGES.filter(lambda values: len(values) < 5))
def test_without_separators_the_truth_is_among_few_readings(values):
    """Longer batches hide more, so the batches of this test hold no digits that look like the next element."""
    values = {"01": values["01"]} | {ai: value for ai, value in values.items() if ai != "30"}
    values |= {ai: "".join(c for c in values[ai] if c.isalpha())[:8] or "A" for ai in ("10", "21") if ai in values}
    text = "".join(ai + value for ai, value in values.items())
    true = read_gs1("".join(f"({ai}){value}" for ai, value in values.items()), TODAY)
    assert true in readings(text, TODAY)


def test_separators_as_scanners_spell_them():
    plain = f"010{EAN}10A{SEPARATOR}21X"
    true = read_gs1(plain, TODAY)
    for spelled in ("<GS>", "{GS}", "[GS]", "<FNC1>", "\\x1d", "\\u001d", "\u241d", "^", "|"):
        assert read_gs1(plain.replace(SEPARATOR, spelled), TODAY) == true, spelled
        assert read_gs1(spelled + plain.replace(SEPARATOR, spelled), TODAY) == true, spelled


@pytest.mark.parametrize(
    "link",
    [
        f"https://id.example.com/01/0{EAN}/10/A/21/X",
        f"https://id.example.com/some/shop/01/0{EAN}/10/A/21/X/",
        f"http://id.example.com/01/{EAN}/10/A/21/X",
        f"id.example.com/01/0{EAN}/10/A/21/X",
        f"https://id.example.com/gtin/0{EAN}/lot/A/ser/X",
        f"https://id.example.com/00/faux/01/0{EAN}/10/A/21/X",
        f"https://id.example.com/01/0{EAN}/10/A/21/X?utm_source=wechat&linkType=gs1:pip#top",
    ],
)
def test_link_in_all_its_forms(link):
    facts = read_gs1(link, TODAY)
    assert facts is not None
    assert (facts.gtin, facts.batch, facts.serial) == ("0" + EAN, "A", "X")


@pytest.mark.parametrize(
    "text",
    [
        "https://id.gs1.org/01/06901234567890",
        f"https://id.gs1.org/01/0{EAN}?10=A&10=B",
        f"https://id.gs1.org/01/0{EAN}/21/X/10/A",
        "https://id.gs1.org/AQnYUc1gmiCNV4JGYgYNAA",  # compressed: the standard gave that up
        "https://example.com/a/b?c=1",
        f"(01)0{EAN}(02)0{EAN}(37)6",
        "(01)16901234567890(10)A",
        "A(01)16901234567899",
        "()", "(01)", "]C1", "]C1\x1d", "https://", "https://[", "(99999)1",
    ],
)  # fmt: skip
def test_what_is_no_gs1_text(text):
    assert read_gs1(text, TODAY) is None
    assert readings(text, TODAY) == ()


TOKENS = ["10", "21", "30", "37", "11", "01", "02", "00", "2401", "A", GTIN := "0" + EAN, SEPARATOR, "17", "1"]


@settings(deadline=None)
@given(st.lists(st.sampled_from(TOKENS), max_size=40).map("".join))
def test_readings_of_hostile_texts_are_few_and_quick(text):
    begun = time.process_time()
    found = readings(GTIN.join(["01", text]), TODAY)
    assert len(found) <= 33
    assert time.process_time() - begun < 1


def test_twenty_thousand_random_texts_are_read_without_a_crash():
    dice = random.Random(3)  # noqa: S311 - the same texts each time
    letters = "0123456789ABCxyz()[]{}/\\:?&=%#^|\x1d]C1 贵州酒é\x00"
    begun = time.process_time()
    for _ in range(20_000):
        text = "".join(dice.choices(letters, k=dice.randrange(40)))
        readings(dice.choice(("", "]C1", "01", f"010{EAN}", "https://a.cn/01/", "(01)")) + text, TODAY)
    assert time.process_time() - begun < 20  # a fifth of that is usual


DATA = Path(os.environ.get("JIUHUI_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
VECTORS = DATA / "gs1_vectors"
with_vectors = pytest.mark.skipif(
    not VECTORS.is_dir(),
    reason=f"GS1 VECTORS NOT TESTED: {VECTORS} is absent, set JIUHUI_SHARED_DATA",
)


def vectors() -> list[dict[str, Any]]:
    with gzip.open(VECTORS / "vectors_dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def is_read(text: str) -> bool:
    return read_gs1(text, TODAY) is not None


def scanned(text: str) -> str:
    """An element string as a scanner sends it; "^" is FNC1."""
    return "]C1" + text[1:].replace("^", SEPARATOR) if text.startswith("^") else text


def same_as_expected(row: dict[str, Any]) -> bool:
    """A link made by the reference says the same as the elements it was made of."""
    return read_gs1(row["expect"], TODAY) == read_gs1(row["input"], TODAY)


#: How a vector of each group is put to our reader, and whether we then agree with the reference.
ASKED: dict[str, Callable[[dict[str, Any]], bool]] = {
    "element_string_process": lambda row: is_read(scanned(row["input"])) is row["valid"],
    "bracketed_ai_parse": lambda row: is_read(row["input"]) is row["valid"],
    "ai_association": lambda row: is_read(row["input"]) is row["valid"],
    "dl_uri_parse": lambda row: is_read(row["input"]) is row["valid"],
    "dl_uri_generate": lambda row: not row["valid"] or same_as_expected(row),
}
#: The least that agree. The rest are rules of elements no bottle carries, and forgiveness meant for phones.
AGREE = {
    "element_string_process": (47, 49),
    "bracketed_ai_parse": (20, 20),
    "ai_association": (30, 44),
    "dl_uri_parse": (55, 63),
    "dl_uri_generate": (15, 16),
}


@with_vectors
def test_vectors_agree_with_the_reference_reader():
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for row in vectors():
        if row["group"] in ASKED:
            total[row["group"]] += 1
            right[row["group"]] += ASKED[row["group"]](row)
    assert {group: right[group] >= least for group, (least, _) in AGREE.items()} == dict.fromkeys(AGREE, True)
    assert dict(total) == {group: of for group, (_, of) in AGREE.items()}


@with_vectors
def test_vectors_never_raise():
    rows = vectors()
    assert len(rows) == 440
    for row in rows:
        if isinstance(row["input"], str):
            readings(row["input"], TODAY)


@with_vectors
def test_vectors_of_real_liquor_numbers_keep_their_check_digit():
    with gzip.open(VECTORS / "liquor_gtins_dev.csv.gz", "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) > 3_000
    for row in rows:
        assert check_digit_fits(row["gtin"]) is (row["check_ok"] == "1"), row
        assert (read_gtin(row["gtin"]) is not None) is (row["check_ok"] == "1"), row
