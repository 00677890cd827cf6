"""Excel attachments: the daily digest, import templates and workbooks with marked errors."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, PatternFill
from openpyxl.utils import get_column_letter

from reports.sheets import (
    DATE_FORMAT,
    DECIMAL_FORMAT,
    TEXT_FORMAT,
    Row,
    Sheet,
    Target,
    comment,
    head_cell,
    prepare,
    save,
    sheet_title,
    value_cell,
)

ErrorKey = tuple[int, int | str]

MOST_COMMENTS = 1_000  # Excel opens slowly with more; the colour and the last column remain
ERROR_COLUMN = "错误说明"
SENTENCE_WIDTH = 60  # characters

REQUIRED_FILL = PatternFill("solid", fgColor="FCE8B2")
ERROR_FILL = PatternFill("solid", fgColor="F4C7C3")
LEVEL_FILLS = {
    "红": ERROR_FILL,
    "橙": PatternFill("solid", fgColor="FAD7A0"),
    "黄": PatternFill("solid", fgColor="FFF2CC"),
}


@dataclass(frozen=True)
class DigestRow:
    """One warning of the daily digest; stock and sales in bottles, age in days, loss in 分.

    `value` and `threshold` are words with their unit. `loss_fen` is left out of what groups get.
    """

    store_code: str
    store: str
    region: str
    product_code: str
    product: str
    batch: str
    stock: int
    case_size: int
    age_days: int | None
    monthly_sales: float | None
    months_left: float | None
    rule: str
    level: str
    advice: str
    source: str
    source_date: date | None
    why: str = ""
    value: str = ""
    threshold: str = ""
    rule_version: str = ""
    fired_on: date | None = None
    notified_on: date | None = None
    state: str = ""
    number: str = ""
    page: str = ""
    loss_fen: int | None = None


DIGEST_HEADINGS = (
    "门店编码",
    "门店",
    "区域",
    "商品编码",
    "商品",
    "批次",
    "库存（瓶）",
    "箱规",
    "库龄（天）",
    "月均销量（瓶）",
    "可销月数",
    "规则",
    "级别",
    "建议",
    "数据来源",
    "数据日期",
    "原因",
    "当前值",
    "门槛",
    "规则版本",
    "首次预警",
    "上次通知",
    "状态",
    "预警号",
    "详情",
)
LOSS_HEADING = "预计损失（元）"
LEVEL_AT = DIGEST_HEADINGS.index("级别")


@dataclass(frozen=True)
class Column:
    """One column of an import template; the example's type sets the cells' format."""

    name: str
    explanation: str
    example: str | int | float | date
    required: bool = False


def digest_workbook(target: Target, region: str, day: date, rows: Iterable[DigestRow], *, money: bool = False) -> None:
    """Write the daily digest of one region or person: one row per warning in the order given, levels coloured.

    With `money` a last column tells the expected loss in yuan.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet(sheet_title(f"{region} {day:%Y-%m-%d}"))
    headings = [*DIGEST_HEADINGS, LOSS_HEADING] if money else list(DIGEST_HEADINGS)
    values = [_digest_values(row, money=money) for row in rows]
    prepare(sheet, headings, values)
    sheet.append([head_cell(sheet, name) for name in headings])
    for row in values:
        cells = [value_cell(sheet, value, DECIMAL_FORMAT) for value in row]
        fill = LEVEL_FILLS.get(str(row[LEVEL_AT])[:1])
        if fill:
            cells[LEVEL_AT].fill = fill
        sheet.append(cells)
    save(book, target, f"渠道预警 {region} {day:%Y-%m-%d}")


def _digest_values(row: DigestRow, *, money: bool) -> list[object]:
    *plain, loss_fen = vars(row).values()
    if not money:
        return plain
    return [*plain, None if loss_fen is None else loss_fen / 100]


def write_template(target: Target, title: str, columns: Sequence[Column]) -> None:
    """Write an empty sheet to fill in, and a second one explaining each column with an example.

    The first sheet carries no example row, since somebody would import it.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet(sheet_title(title))
    names = [column.name for column in columns]
    prepare(sheet, names, [[column.example for column in columns]])
    for number, column in enumerate(columns, start=1):
        letter = get_column_letter(number)
        sheet.column_dimensions[letter].number_format = _format_of(column.example)
    sheet.append([_template_head(sheet, column) for column in columns])
    _explain(book.create_sheet("填写说明"), columns)
    save(book, target, title)


def write_marked(target: Target, source_rows: Sequence[Row], errors: Mapping[ErrorKey, str]) -> None:
    """Write the rows as they came (the first is the head), wrong cells red with their sentence.

    `errors` is keyed by (row, column): the row as Excel counts it (the head is row 1), the column
    as Excel counts it or by its heading; column 0, or a heading that is not there, means the
    whole row. A last column repeats all sentences of a row.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet("错误标记")
    head = [str(value or "") for value in (source_rows[0] if source_rows else [])]
    width = max((len(row) for row in source_rows), default=0)
    head += [""] * (width - len(head))
    by_row = _by_row(errors, head)
    rows = [[*row, *[None] * (width - len(row))] for row in source_rows]
    prepare(sheet, [*head, ERROR_COLUMN], rows[1:])
    sheet.column_dimensions[get_column_letter(width + 1)].width = SENTENCE_WIDTH
    marks = 0
    for number, row in enumerate(rows, start=1):
        wrong = by_row.get(number, {})
        sheet.append(_marked(sheet, number, row, wrong, with_comments=marks < MOST_COMMENTS))
        marks += len(wrong)
    save(book, target, ERROR_COLUMN)


def _by_row(errors: Mapping[ErrorKey, str], head: list[str]) -> dict[int, dict[int, str]]:
    """Sort the sentences by row and column number, 0 for the whole row."""
    places = {name: number for number, name in reversed(list(enumerate(head, start=1)))}
    sorted_errors: dict[int, dict[int, str]] = {}
    for (row, column), sentence in errors.items():
        number = places.get(column, 0) if isinstance(column, str) else column
        place = sorted_errors.setdefault(row, {})
        place[number] = "；".join(filter(None, [place.get(number), sentence]))
    return sorted_errors


def _sentences(wrong: Mapping[int, str]) -> str:
    said = "；".join(wrong[column].rstrip("。；") for column in sorted(wrong))
    return f"{said}。" if said else ""


def _marked(
    sheet: Sheet,
    number: int,
    row: Row,
    wrong: Mapping[int, str],
    *,
    with_comments: bool,
) -> list[Cell]:
    make = head_cell if number == 1 else value_cell
    cells = [make(sheet, value) for value in row]
    last = make(sheet, ERROR_COLUMN if number == 1 else _sentences(wrong))
    for column, sentence in wrong.items():
        if not 1 <= column <= len(row):
            continue
        cells[column - 1].fill = ERROR_FILL
        if with_comments:
            cells[column - 1].comment = comment(sentence)
    if wrong and number == 1:
        last.comment = comment(_sentences(wrong))
    elif wrong:
        last.fill = ERROR_FILL
        last.alignment = Alignment(wrap_text=True, vertical="top")
    return [*cells, last]


def _explain(sheet: Sheet, columns: Sequence[Column]) -> None:
    headings = ("列名", "是否必填", "说明", "示例")
    rows = [
        (column.name, "必填" if column.required else "选填", column.explanation, column.example) for column in columns
    ]
    prepare(sheet, headings, rows)
    sheet.append([head_cell(sheet, heading) for heading in headings])
    for row in rows:
        sheet.append([value_cell(sheet, value) for value in row])


def _template_head(sheet: Sheet, column: Column) -> Cell:
    cell = head_cell(sheet, column.name)
    if column.required:
        cell.fill = REQUIRED_FILL
    need = "必填" if column.required else "选填"
    cell.comment = comment(f"{need}。{column.explanation}\n示例：{column.example}")
    return cell


def _format_of(example: str | int | float | date) -> str:
    """Choose a column's format: text keeps the leading zeros of codes."""
    if isinstance(example, date):
        return DATE_FORMAT
    return TEXT_FORMAT if isinstance(example, str) else "General"
