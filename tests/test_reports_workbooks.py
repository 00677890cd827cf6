"""Excel attachments: complete, safe to open, the same bytes, readable again."""

from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from openpyxl.workbook import Workbook
from python_calamine import CalamineWorkbook

from reports.sheets import FORMULA_STARTS
from reports.workbooks import (
    DIGEST_HEADINGS,
    MOST_COMMENTS,
    Column,
    DigestRow,
    digest_workbook,
    write_marked,
    write_template,
)

DAY = date(2026, 11, 24)
ROW = DigestRow(
    "S0001",
    "喆堃烟酒便利店",
    "遵义",
    "P007",
    "贵州习酒窖藏 1988",
    "XJ2025060118",
    48,
    4,
    132,
    2.5,
    19.2,
    "库龄超过 90 天",
    "红色",
    "建议回收 30 瓶",
    "门店清点",
    date(2026, 11, 20),
)
COLUMNS = [
    Column("门店编码", "系统里的门店编码", "S0001", required=True),
    Column("数量", "瓶数，整数", 12, required=True),
    Column("生产日期", "年-月-日", date(2025, 6, 1)),
]


def written(write: Callable[[BytesIO], None]) -> bytes:
    buffer = BytesIO()
    write(buffer)
    return buffer.getvalue()


def opened(data: bytes) -> Workbook:
    return load_workbook(BytesIO(data))


def digest(*rows: DigestRow) -> bytes:
    return written(lambda target: digest_workbook(target, "遵义", DAY, rows))


def marked(rows: list[list[object]], errors: dict[tuple[int, int | str], str]) -> bytes:
    return written(lambda target: write_marked(target, rows, errors))


def test_digest_has_every_column_with_its_type():
    sheet = opened(digest(ROW))["遵义 2026-11-24"]
    head, row = sheet.iter_rows(values_only=True)
    assert head == DIGEST_HEADINGS
    assert row[:15] == tuple(getattr(ROW, name) for name in list(ROW.__dataclass_fields__)[:15])
    assert str(row[15]) == "2026-11-20 00:00:00"
    assert sheet["P2"].number_format == "yyyy-mm-dd"
    assert sheet["M2"].fill.fgColor.rgb.endswith("F4C7C3")


def test_digest_freezes_its_head_and_fits_chinese():
    sheet = opened(digest(ROW)).worksheets[0]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:Y2"
    assert sheet.column_dimensions["E"].width >= 2 * len("贵州习酒窖藏")


def test_bytes_are_the_same_twice(tmp_path: Path):
    assert digest(ROW) == digest(ROW)
    digest_workbook(tmp_path / "digest.xlsx", "遵义", DAY, [ROW])
    assert (tmp_path / "digest.xlsx").read_bytes() == digest(ROW)
    rows: list[list[object]] = [["a"], ["x"]]
    assert marked(rows, {(2, 1): "错"}) == marked(rows, {(2, 1): "错"})


@pytest.mark.parametrize("text", ["=1+1", "+86 139", "-5", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_text_never_runs_as_a_formula(text: str):
    store = ROW.__dict__ | {"store": text}
    cell = opened(digest(DigestRow(**store))).worksheets[0]["B2"]
    assert cell.data_type == "s"
    assert cell.value.startswith("'")


def test_error_names_stay_texts_and_negative_numbers_stay_numbers():
    sheet = opened(marked([["a", "b"], ["#N/A", -5]], {})).worksheets[0]
    assert (sheet["A2"].data_type, sheet["A2"].value) == ("s", "#N/A")
    assert sheet["B2"].value == -5


def test_long_numbers_keep_their_last_digits():
    sheet = opened(marked([["码"], [69029528802941234567]], {})).worksheets[0]
    assert sheet["A2"].value == "69029528802941234567"


cells = st.one_of(
    st.none(),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.dates(min_value=date(1900, 3, 1)),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(cells, max_size=4), max_size=5))
def test_any_source_rows_give_a_workbook_without_formulas(rows: list[list[object]]):
    data = marked(rows, {(1, 1): "错", (2, 0): "整行错"})
    CalamineWorkbook.from_filelike(BytesIO(data)).get_sheet_by_index(0).to_python()
    for row in opened(data).worksheets[0].iter_rows():
        for cell in row:
            assert cell.data_type != "f"
            assert not str(cell.value or "").startswith(FORMULA_STARTS) or cell.data_type == "n"


def test_marked_cells_are_red_with_a_comment_and_a_sentence():
    rows: list[list[object]] = [["门店编码", "数量"], ["S0001", 3], ["S0002", "三"], ["", 4]]
    errors: dict[tuple[int, int | str], str] = {
        (3, "数量"): "数量要写数字。",
        (4, 1): "门店编码不能为空",
        (4, 0): "整行没有导入",
    }
    sheet = opened(marked(rows, errors)).worksheets[0]
    assert [cell.value for cell in sheet[1]] == ["门店编码", "数量", "错误说明"]
    assert sheet["B3"].fill.fgColor.rgb.endswith("F4C7C3")
    assert sheet["B3"].comment.text == "数量要写数字。"
    assert sheet["C3"].value == "数量要写数字。"
    assert sheet["C4"].value == "整行没有导入；门店编码不能为空。"
    assert sheet["C2"].value is None
    assert sheet["B2"].comment is None


def test_missing_heading_is_told_at_the_head():
    sheet = opened(marked([["门店"]], {(1, "数量"): "缺少「数量」一列"})).worksheets[0]
    assert sheet["B1"].comment.text == "缺少「数量」一列。"


def test_many_errors_stop_making_comments_but_not_marks():
    rows: list[list[object]] = [["数量"] for _ in range(MOST_COMMENTS + 51)]
    errors: dict[tuple[int, int | str], str] = {(n + 2, 1): "要写数字" for n in range(len(rows) - 1)}
    sheet = opened(marked(rows, errors)).worksheets[0]
    marks = [row[0] for row in sheet.iter_rows(min_row=2)]
    assert sum(cell.comment is not None for cell in marks) == MOST_COMMENTS
    assert all(cell.fill.fgColor.rgb.endswith("F4C7C3") for cell in marks)


def test_template_is_empty_and_explains_itself():
    book = opened(written(lambda target: write_template(target, "门店导入", COLUMNS)))
    sheet, help_sheet = book.worksheets
    assert list(sheet.iter_rows(values_only=True)) == [("门店编码", "数量", "生产日期")]
    assert "必填" in sheet["A1"].comment.text
    assert sheet["A1"].fill.fgColor.rgb != sheet["C1"].fill.fgColor.rgb
    assert sheet.column_dimensions["A"].number_format == "@"
    assert help_sheet.title == "填写说明"
    assert [cell.value for cell in help_sheet[2]] == [
        "门店编码",
        "必填",
        "系统里的门店编码",
        "S0001",
    ]


def test_awkward_region_still_names_a_sheet():
    data = written(lambda target: digest_workbook(target, "[遵义]/汇川:*?" * 9, DAY, [ROW]))
    title = opened(data).sheetnames[0]
    assert 0 < len(title) <= 31
    assert not set(title) & set("[]:*?/\\")


def test_the_loss_stands_in_the_persons_table_and_nowhere_in_the_groups():
    row = DigestRow(**{**ROW.__dict__, "loss_fen": 123_456, "why": "出仓 132 天"})

    mine = opened(written(lambda target: digest_workbook(target, "李业务", DAY, [row], money=True))).worksheets[0]
    theirs = opened(digest(row)).worksheets[0]

    assert [cell.value for cell in mine[1]][-1] == "预计损失（元）"
    assert [cell.value for cell in mine[2]][-1] == 1234.56
    assert "损失" not in " ".join(str(cell.value) for line in theirs.iter_rows() for cell in line)
    assert 1234.56 not in [cell.value for cell in theirs[2]]
