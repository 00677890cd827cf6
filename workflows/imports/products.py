"""Products (商品): code, case size, price, and why they expire, if they do."""

import re
import unicodedata
from collections import defaultdict
from typing import Any

from models.catalog import ExpiryBasis, Product
from workflows.imports.cells import (
    BadCell,
    barcode,
    code,
    counting,
    money,
    names,
    one_of,
    text,
    words,
    yes,
)
from workflows.imports.columns import ColumnSpec, Row, normal
from workflows.imports.common_columns import PRODUCT_CODES, PRODUCT_NAMES
from workflows.imports.intake import Intake
from workflows.imports.masters import upsert, without_repeats

BASES = {
    "无": ExpiryBasis.NONE,
    "标签": ExpiryBasis.LABELLED,
    "厂家政策": ExpiryBasis.BRAND_POLICY,
    "合同": ExpiryBasis.CONTRACT_POLICY,
}
MOST_IN_A_CASE = 1_000
MOST_SHOWN = 5
_IN_SPEC = re.compile(
    r"(?:1|(?:ml|毫升|l|升|g|斤)(?:\s*/?\s*[瓶盒支])?)\s*[*x×]\s*(\d{1,4})(?!\s*(?:ml|毫升|\d))"
    r"|(\d{1,4})\s*[瓶支盒]\s*/\s*[箱件]",
    re.IGNORECASE,
)
LONGEST_LIFE = 600  # months


def case_size(cell: Any) -> int:
    """Read bottles per case, 1 to 1,000; 1 means the product comes without a case."""
    number = counting(cell)
    if number > MOST_IN_A_CASE:
        raise BadCell(f"一箱最多 {MOST_IN_A_CASE} 瓶")
    return number


def life_months(cell: Any) -> int:
    """Read a shelf life in months, 1 to 600."""
    number = counting(cell)
    if number > LONGEST_LIFE:
        raise BadCell(f"最多 {LONGEST_LIFE} 个月")
    return number


def spec(cell: Any) -> str:
    """Read a size: 500ml, 42度 500ml; a bare number is millilitres."""
    value = text(cell)
    return f"{words(cell)}ml" if value.isdecimal() else value


COLUMNS = (
    ColumnSpec(
        "code",
        "商品编码",
        code,
        "你们系统里的商品编码，唯一",
        "QL42-500",
        ("编码", "编号", *PRODUCT_CODES),
        required=True,
        no_formula=True,
    ),
    ColumnSpec(
        "name",
        "商品名称",
        text,
        "聊天和单据上用的名称",
        "青岚 42 度 500ml",
        ("名称", "商品", "description", "product", *PRODUCT_NAMES),
        required=True,
    ),
    ColumnSpec("brand", "品牌", text, "品牌", "青岚", ("牌子", "vendor")),
    ColumnSpec("spec", "规格", spec, "度数和净含量", "42 度 500ml", ("ml", "size", "规格型号")),
    ColumnSpec(
        "case_size",
        "箱规",
        case_size,
        "一箱几瓶；没有箱的写 1；规格里写了 1*6、500ml×6 的可以空着",
        "6",
        ("每箱瓶数", "箱装数", "装箱数", "箱入数", "换算率", "pack", "bottles_per_case"),
        required=True,
        may_be_empty=True,
        no_formula=True,
        or_else="spec",
    ),
    ColumnSpec(
        "price_fen",
        "单价",
        money,
        "给门店的每瓶价格，元，最多两位小数",
        "128.00",
        ("价格", "批发价", "供货价", "销售价", "price", "retail"),
    ),
    ColumnSpec("price_band", "价位段", text, "预警规则按它分档", "中档", ("价格带", "band")),
    ColumnSpec(
        "barcode",
        "69码",
        barcode,
        "瓶上或盒上的条码，校验位会检查",
        "6900000000014",
        ("条码", "条形码", "商品条码", "69 码", "ean", "gtin", "upc"),
        no_formula=True,
    ),
    ColumnSpec(
        "expiry_basis",
        "效期依据",
        one_of(BASES),
        "无、标签、厂家政策或合同；白酒一般写“无”，只看库龄",
        "无",
        ("保质期依据", "expiry basis"),
    ),
    ColumnSpec(
        "expiry_months",
        "保质月数",
        life_months,
        "从生产日期算起几个月；效期依据为“无”时空着",
        "12",
        ("保质期月数", "保质期（月）", "有效期月数", "shelf_life_months"),
        no_formula=True,
    ),
    ColumnSpec("gains_with_age", "老酒", yes, "越放越值钱的写“是”，不报库龄", "否", ("是否老酒", "陈年")),
    ColumnSpec("aliases", "别名", names, "门店口头叫法，用顿号隔开", "小青岚、蓝瓶", ("俗称", "简称")),
)
DEFAULTS: dict[str, Any] = {
    "brand": "",
    "spec": "",
    "price_fen": 0,
    "price_band": "",
    "barcode": "",
    "expiry_basis": ExpiryBasis.NONE,
    "expiry_months": None,
    "gains_with_age": False,
    "aliases": [],
}


def load(intake: Intake) -> None:
    """Add or update products; a row with nothing but code and name is left out, not refused."""
    rows = [row for row in intake.rows if not _only_named(intake, row)]
    for row in rows:
        _check(intake, row)
    _tell_of_twins(intake, rows)
    upsert(intake, Product, without_repeats(intake, rows, "商品编码", "code"), DEFAULTS)


def _only_named(intake: Intake, row: Row) -> bool:
    said = {name for name, value in row.values.items() if value is not None}
    bare = said == {"code", "name"} and row.values.keys() > said | {"case_size"}
    if bare:
        intake.skip(row, f"商品 {row.values['code']} 只有编码和名称，没有箱规，没有建档")
    return bare


def _tell_of_twins(intake: Intake, rows: list[Row]) -> None:
    """One name and size under several codes is common in ERP systems, and worth knowing."""
    codes: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        codes[normal(row.values["name"]), normal(row.values.get("spec") or "")].append(row.values["code"])
    twins = [sorted(same) for same in codes.values() if len(set(same)) > 1]
    if twins:
        shown = "；".join("、".join(same[:MOST_SHOWN]) for same in twins[:MOST_SHOWN])
        intake.tally.notes.append(f"{len(twins)} 组商品名称和规格相同、编码不同，按名称找不到它们：{shown}。")


def in_spec(said: str) -> int | None:
    """The case size that a size tells: 6 of 1*6, 500ml×6瓶/箱; None when it tells none."""
    match = _IN_SPEC.search(unicodedata.normalize("NFKC", said))
    size = int(match[1] or match[2]) if match else 0
    return size if 1 <= size <= MOST_IN_A_CASE else None


def _check(intake: Intake, row: Row) -> None:
    values = row.values
    if values.get("case_size") is None:
        values["case_size"] = in_spec(values.get("spec") or "")
    if values["case_size"] is None:
        intake.refuse(row, "case_size", None, "不能空着；没有箱的写 1")
        values["case_size"] = 1
    basis = values.get("expiry_basis") or ExpiryBasis.NONE
    months = values.get("expiry_months")
    if basis is ExpiryBasis.NONE and months is not None:
        intake.refuse(row, "expiry_months", months, "效期依据为“无”时保质月数要空着")
    if basis is not ExpiryBasis.NONE and months is None:
        intake.refuse(row, "expiry_basis", "", "写了效期依据就要写保质月数")
