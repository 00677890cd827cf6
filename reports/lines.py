"""The lines of a document, products with batches and bottles, as a table with its total."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, Flowable, Spacer

from reports.layout import HEADING_ROOM, LineColumn, Typesetter, brief
from reports.quantities import cases_and_bottles, counted

PLAIN_COLUMNS = (
    LineColumn("序号", 11, "center"),
    LineColumn("商品 / 规格", 55),
    LineColumn("批次", 29),
    LineColumn("生产日期", 22, "center"),
    LineColumn("数量（箱 + 瓶）", 26, "right"),
    LineColumn("合计（瓶）", 17, "right"),
    LineColumn("备注", 18),
)
RECEIPT_COLUMNS = (
    LineColumn("序号", 10, "center"),
    LineColumn("商品 / 规格", 42),
    LineColumn("批次", 25),
    LineColumn("生产日期", 20, "center"),
    LineColumn("应收\n（瓶）", 13, "right"),
    LineColumn("实收\n（箱 + 瓶）", 21, "right"),
    LineColumn("实收\n（瓶）", 13, "right"),
    LineColumn("差异\n（瓶）", 13, "right"),
    LineColumn("等级", 9, "center"),
    LineColumn("备注", 12),
)
NO_LINES = "（无明细）"
NOTES, SEE_BELOW = "附注", "见附注"
LONGEST_BATCH, LONGEST_GRADE = 40, 12  # characters
LONGEST_REMARK = 60  # characters; a longer remark stands in full under the table


@dataclass(frozen=True)
class DocumentLine:
    """One product and batch on a document; quantities in bottles, `case_size` bottles per case."""

    product: str
    spec: str
    batch: str
    production_date: date | None
    bottles: int
    case_size: int
    remark: str = ""
    grade: str = ""
    expected: int | None = None


def plain_lines(setter: Typesetter, lines: Sequence[DocumentLine]) -> list[Flowable]:
    """Return the table of an order or a hand-over: what, how many, remarks."""
    rows = [_plain_row(number, line) for number, line in enumerate(lines, start=1)]
    table = _table(setter, PLAIN_COLUMNS, rows, _plain_total(lines))
    return [*table, *setter.section(NOTES, _long_remarks(lines))]


def receipt_lines(setter: Typesetter, lines: Sequence[DocumentLine]) -> list[Flowable]:
    """Return the table of a receipt: expected, counted, difference and grade."""
    rows = [_receipt_row(number, line) for number, line in enumerate(lines, start=1)]
    table = _table(setter, RECEIPT_COLUMNS, rows, _receipt_total(lines))
    return [*table, *setter.section(NOTES, _long_remarks(lines))]


def _long_remarks(lines: Sequence[DocumentLine]) -> list[str]:
    numbered = enumerate(lines, start=1)
    return [f"第 {n} 项：{line.remark}" for n, line in numbered if len(line.remark) > LONGEST_REMARK]


def _table(
    setter: Typesetter,
    columns: Sequence[LineColumn],
    rows: list[list[str]],
    total: list[str],
) -> list[Flowable]:
    empty = [["", NO_LINES, *[""] * (len(columns) - 2)]]
    table = setter.line_table(columns, rows or empty, total)
    start = [Spacer(1, 3 * mm), CondPageBreak(HEADING_ROOM), setter.heading("商品明细")]
    return [*start, table]


def _plain_row(number: int, line: DocumentLine) -> list[str]:
    return [*_named(number, line), *_counted(line), _remark(line)]


def _plain_total(lines: Sequence[DocumentLine]) -> list[str]:
    bottles = sum(line.bottles for line in lines)
    return ["", f"合计（{len(lines)} 项）", "", "", _cases(lines), f"{bottles:,}", ""]


def _receipt_row(number: int, line: DocumentLine) -> list[str]:
    expected = "—" if line.expected is None else f"{line.expected:,}"
    difference = "—" if line.expected is None else _signed_number(line.bottles - line.expected)
    counts = [expected, *_counted(line), difference]
    return [*_named(number, line), *counts, brief(line.grade or "—", LONGEST_GRADE), _remark(line)]


def _receipt_total(lines: Sequence[DocumentLine]) -> list[str]:
    bottles = sum(line.bottles for line in lines)
    known = [line for line in lines if line.expected is not None]
    expected = sum(line.expected or 0 for line in known)
    difference = sum(line.bottles for line in known) - expected
    counts = [f"{expected:,}", _cases(lines), f"{bottles:,}", _signed_number(difference)]
    return ["", f"合计（{len(lines)} 项）", "", "", *counts, "", ""]


def _named(number: int, line: DocumentLine) -> list[str]:
    made = "—" if line.production_date is None else f"{line.production_date:%Y-%m-%d}"
    product = "\n".join(brief(text) for text in (line.product, line.spec) if text)
    return [str(number), product, brief(line.batch or "—", LONGEST_BATCH), made]


def _remark(line: DocumentLine) -> str:
    return SEE_BELOW if len(line.remark) > LONGEST_REMARK else brief(line.remark)


def _counted(line: DocumentLine) -> list[str]:
    return [cases_and_bottles(line.bottles, line.case_size), f"{line.bottles:,}"]


def _cases(lines: Sequence[DocumentLine]) -> str:
    """Add up whole cases and loose bottles apart, since products differ in bottles per case."""
    cased = [line for line in lines if line.case_size > 1]
    cases = sum(line.bottles // line.case_size for line in cased)
    loose = sum(line.bottles % line.case_size for line in cased)
    return counted(cases, loose + sum(line.bottles for line in lines if line.case_size == 1))


def _signed_number(number: int) -> str:
    return f"{number:+,}" if number else "0"
