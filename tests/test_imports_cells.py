"""What people type into cells: dates, counts, money, codes."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.imports import cells
from workflows.imports.cells import BadCell
from workflows.imports.counted_rows import age_days
from workflows.imports.products import in_spec
from workflows.imports.quantities import Measure, bottles_said, quantity, signed_quantity, unit
from workflows.imports.spans import Span, span

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


@pytest.mark.parametrize(
    "typed", ["3/1/2025", "3/1/25", "05-3-1", "2025-13-01", "2025-02-30", "明天", "1", True, "9999-01-01"]
)
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


TODAY = date(2026, 3, 10)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("25/3/1", MARCH),
        ("25.3.1", MARCH),
        ("2025年3月1号", MARCH),
        ("2025/03/01 星期六", MARCH),
        ("2025-03-01T23:59:59+08:00", MARCH),
        ("2025-03-01 08:30:00.123", MARCH),
        (45717.75, MARCH),
        ("20250301 08:30", MARCH),
        ("250301", MARCH),  # as a machine prints it
        ("(17)250301", MARCH),
        ("250300", date(2025, 3, 31)),  # day 00 is the last of the month
        ("240200", date(2024, 2, 29)),
        ("20250200", date(2025, 2, 28)),
        ("(17)990115", date(1999, 1, 15)),  # a year more than 50 ahead was in the last century
        ("3月1日", date(2026, 3, 1)),
        ("3月11日", date(2025, 3, 11)),  # never in the future
        ("2月29日", None),  # neither this year nor last year had one
        ("2月30日", None),
        ("13月1日", None),
        ("250230", None),
        ("3.1", None),
        ("1/24", None),
    ],
)
def test_days_that_need_to_know_today(typed, meant):
    def read() -> date:
        found = cells.day(typed)
        return found.on(TODAY) if isinstance(found, cells.OpenDay) else found

    if meant is None:
        with pytest.raises(BadCell):
            read()
    else:
        assert read() == meant


@given(st.dates(date(2013, 1, 1), date(2049, 12, 31)), st.sampled_from("/-."))
def test_short_years_stand_in_front(day, mark):
    assert cells.day(f"{day:%y}{mark}{day.month}{mark}{day.day}") == day


@given(st.dates(TODAY - timedelta(days=364), TODAY))
def test_a_day_without_a_year_is_the_last_such_day(day):
    found = cells.day(f"{day.month}月{day.day}日")
    assert isinstance(found, cells.OpenDay)
    assert found.on(TODAY) == day


@pytest.mark.parametrize(
    ("typed", "batch"),
    [
        ("20250301", "20250301"),
        ("2025/03/01", "20250301"),
        ("2025-3-1", "20250301"),
        (20250301.0, "20250301"),
        (MARCH, "20250301"),
        ("20250301A2", "20250301A2"),
        ("250301", "250301"),  # perhaps a date, perhaps not: kept as printed
        ("L2025/03", "L2025/03"),
    ],
)
def test_a_batch_that_is_a_date_is_one_batch_however_typed(typed, batch):
    assert cells.batch(typed) == batch


@pytest.mark.parametrize(
    ("typed", "bottles"),
    [
        ("2箱3瓶", 15),
        ("2件", 12),
        ("３瓶", 3),
        ("2箱零3瓶", 15),
        ("2.5箱", 15),
        ("1,200瓶", 1200),
        ("0", 0),
        (12.0, 12),
        ("7", 7),
    ],
)
def test_quantities_as_people_write_them(typed, bottles):
    assert bottles_said({"bottles": quantity(typed)}, 6) == bottles


@pytest.mark.parametrize(
    "typed", ["箱", "3瓶2箱", "2提", "2箱-3瓶", "-2箱", "2.55箱3.5瓶", "两箱", "", "=2箱", "1e9箱"]
)
def test_quantities_nobody_can_be_sure_of_are_refused(typed):
    with pytest.raises(BadCell):
        quantity(typed)


def test_part_of_a_case_must_be_whole_bottles():
    with pytest.raises(BadCell, match="折不成整瓶"):
        bottles_said({"bottles": quantity("2.5箱")}, 5)


@given(cases=st.integers(0, 9_999), bottles=st.integers(0, 9_999), size=st.integers(1, 24))
def test_cases_and_bottles_add_up(cases, bottles, size):
    assert bottles_said({"bottles": quantity(f"{cases}箱{bottles}瓶")}, size) == cases * size + bottles
    assert bottles_said({"bottles": bottles, "cases": cases}, size) == cases * size + bottles
    assert bottles_said({"bottles": cases, "unit": Measure.CASE}, size) == cases * size
    assert bottles_said({"bottles": signed_quantity(f"-{cases}箱{bottles}瓶")}, size) == -(cases * size + bottles)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2025-03", Span(date(2025, 3, 1), date(2025, 3, 31))),
        ("2025年2月", Span(date(2025, 2, 1), date(2025, 2, 28))),
        ("202402", Span(date(2024, 2, 1), date(2024, 2, 29))),
        ("2025-03-01 至 2025-03-15", Span(date(2025, 3, 1), date(2025, 3, 15))),
        ("2025/3/1~2025/3/15", Span(date(2025, 3, 1), date(2025, 3, 15))),
        ("2025-03-01", MARCH),
    ],
)
def test_spans_of_days(typed, meant):
    assert span(typed) == meant


@pytest.mark.parametrize(
    "typed", ["2025-13", "2025-03-15至2025-03-01", "2020-01-01至2025-01-01", "3月1日至3月5日", "x至y"]
)
def test_spans_that_cannot_be(typed):
    with pytest.raises(BadCell):
        span(typed)


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        ("500ml*6", 6),
        ("1*6", 6),
        ("1x12", 12),
        ("52度500ml×6瓶/箱", 6),
        ("500毫升/瓶*4", 4),
        ("6瓶/箱", 6),
        ("500ml", None),
        ("1*500ml", None),
        ("52度", None),
        ("", None),
    ],
)
def test_case_sizes_stand_in_specs(spec, size):
    assert in_spec(spec) == size


def test_line_breaks_in_cells_are_blanks_in_texts_and_refused_in_codes():
    assert cells.text("临江路\n18 号_x000D_\n") == "临江路 18 号"
    with pytest.raises(BadCell, match="控制字符"):
        cells.code("A\n1")


@pytest.mark.parametrize("read", [cells.batch, cells.day, quantity, signed_quantity, span, age_days, unit])
@given(cell=ANY_CELL)
def test_new_parsers_give_a_value_or_a_sentence(read, cell):
    with suppress(BadCell):
        found = read(cell)
        if isinstance(found, cells.OpenDay):
            found.on(TODAY)
