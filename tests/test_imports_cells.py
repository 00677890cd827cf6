"""What people type into cells: dates, counts, money, codes."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.imports import cells
from workflows.imports.cells import BadCell

MARCH = date(2025, 3, 1)


@pytest.mark.parametrize(
    "typed",
    [
        "2025-03-01",
        "2025/3/1",
        "2025.3.1",
        "20250301",
        "2025年3月1日",
        "2025 年 3 月 1 日",
        "２０２５-03-01",
        "2025-03-01 00:00:00",
        "45717",
        45717.0,
        20250301.0,
        datetime(2025, 3, 1, 8, 30),  # noqa: DTZ001 - Excel cells carry no zone
        MARCH,
    ],
)
def test_day_reads_what_people_type(typed):
    assert cells.day(typed) == MARCH


@pytest.mark.parametrize("typed", ["3/1/2025", "25-3-1", "2025-13-01", "2025-02-30", "明天", "1", True, "9999-01-01"])
def test_day_refuses_what_is_no_day(typed):
    with pytest.raises(BadCell):
        cells.day(typed)


@given(st.dates(date(1950, 1, 1), date(2099, 12, 31)))
def test_day_reads_every_day_in_every_spelling(day):
    spellings = (
        f"{day:%Y-%m-%d}",
        f"{day.year}/{day.month}/{day.day}",
        f"{day:%Y%m%d}",
        f"{day.year}年{day.month}月{day.day}日",
    )
    assert {cells.day(spelling) for spelling in spellings} == {day}


@pytest.mark.parametrize(
    ("typed", "bottles"), [("12", 12), (12.0, 12), ("1,200", 1200), (" ０12 ", 12), (0, 0), ("12.0", 12)]
)
def test_whole_reads_counts(typed, bottles):
    assert cells.whole(typed) == bottles


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("-3", "负数"),
        (-3.0, "负数"),
        ("12.5", "小数"),
        (0.5, "小数"),
        ("=B2*6", "公式"),
        ("两箱", "不是数字"),
        ("1e999", "数字"),
        ("nan", "数字"),
        ("99999999999", "太大"),
        ("9" * 5000, "数字"),
        (True, "数字"),
    ],
)
def test_whole_refuses_and_says_why(typed, why):
    with pytest.raises(BadCell, match=why):
        cells.whole(typed)


@pytest.mark.parametrize(("typed", "fen"), [("128", 12800), ("¥1,280.50", 128050), (12.1, 1210), ("0.05元", 5)])
def test_money_becomes_fen(typed, fen):
    assert cells.money(typed) == fen


@pytest.mark.parametrize("typed", ["12.345", "-1", "免费", "=A1"])
def test_money_refuses(typed):
    with pytest.raises(BadCell):
        cells.money(typed)


@given(st.integers(0, 10**9))
def test_money_is_exact_through_excel(fen):
    assert cells.money(fen / 100) == fen


@pytest.mark.parametrize(("typed", "code"), [(195.0, "195"), ("  S001 ", "S001"), ("Ａ-1", "A-1"), ("007", "007")])
def test_code_reads(typed, code):
    assert cells.code(typed) == code


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        (6.902952880294123e15, "失真"),
        ("6.90E+12", "失真"),
        ("=HYPERLINK(1)", "公式"),
        ("x" * 65, "太长"),
        ("a\x07b", "控制字符"),
    ],
)
def test_code_refuses_and_says_why(typed, why):
    with pytest.raises(BadCell, match=why):
        cells.code(typed)


def test_barcode_checks_its_last_digit():
    assert cells.barcode("6902952880294") == "6902952880294"
    with pytest.raises(BadCell, match="校验位"):
        cells.barcode("6902952880295")


ANY_CELL = st.one_of(
    st.none(), st.text(), st.integers(), st.floats(), st.booleans(), st.dates(), st.datetimes(), st.timedeltas()
)


@pytest.mark.parametrize(
    "read",
    [
        cells.text,
        cells.code,
        cells.whole,
        cells.counting,
        cells.money,
        cells.day,
        cells.yes,
        cells.barcode,
        cells.names,
        cells.degrees(90),
    ],
)
@given(cell=ANY_CELL)
def test_no_cell_breaks_a_reader(read: Callable[[Any], Any], cell: Any):
    with suppress(BadCell):
        read(cell)
