"""Columns that several kinds of files have, and what they are called elsewhere."""

from collections.abc import Callable
from typing import Any

from workflows.imports.cells import batch, code, day, text, whole
from workflows.imports.columns import ColumnSpec
from workflows.imports.quantities import quantity, unit

PRODUCT_CODES = (
    "货号", "商品代码", "商品编号", "存货编码", "存货代码", "存货编号", "物料编码", "物料代码", "产品编码", "产品编号",
    "item", "sku", "item_no", "product_code",
)  # fmt: skip
PRODUCT_NAMES = ("品名", "存货名称", "物料名称", "产品名称", "货品名称", "商品全名", "item_name", "product_name")
STORE_CODES = (
    "客户编码", "客户代码", "客户编号", "终端编码", "往来单位编码", "往来单位编号", "门店", "客户", "store_code", "store_no",
)  # fmt: skip
STORE_NAMES = ("客户名称", "终端名称", "往来单位", "往来单位名称", "客户全名", "店名", "store_name")
BATCHES = ("批次", "批次号", "生产批号", "lot", "batch_no")
MADE_ON = ("生产批次日期", "出厂日期", "production")
NUMBERS = ("数量", "数量(瓶)", "qty", "quantity")


def store_column(explanation: str = "门店；也认不重名的名称", *, required: bool = True) -> ColumnSpec:
    """The store, by its code; a name nobody else has will do."""
    return ColumnSpec(
        "store",
        "门店编码",
        code,
        explanation,
        "S001",
        STORE_CODES,
        required=required,
        may_be_empty=True,
        no_formula=True,
        or_else="store_name",
        repeats=True,
    )


def store_name_column(explanation: str = "没有编码时按名称找，重名的要写编码") -> ColumnSpec:
    """The store, by its name."""
    return ColumnSpec("store_name", "门店名称", text, explanation, "临江路烟酒店", STORE_NAMES, repeats=True)


def product_column() -> ColumnSpec:
    """The product, by its code; a barcode, name or alias nobody else has will do."""
    return ColumnSpec(
        "product",
        "商品编码",
        code,
        "商品；也认 69 码和不重名的名称、别名",
        "QL42-500",
        PRODUCT_CODES,
        required=True,
        may_be_empty=True,
        no_formula=True,
        or_else="product_name",
        repeats=True,
    )


def product_name_columns() -> tuple[ColumnSpec, ColumnSpec]:
    """The product, by its name and size."""
    return (
        ColumnSpec(
            "product_name",
            "商品名称",
            text,
            "没有编码时按名称找，重名的再看规格",
            "青岚 42 度 500ml",
            PRODUCT_NAMES,
            repeats=True,
        ),
        ColumnSpec("spec", "规格", text, "分清同名的商品，可空", "500ml", ("规格型号", "型号规格"), repeats=True),
    )


def lot_columns(when_empty: str) -> tuple[ColumnSpec, ColumnSpec]:
    """Batch and day of production."""
    return (
        ColumnSpec("batch", "批号", batch, when_empty, "B250112", BATCHES, no_formula=True),
        ColumnSpec("production_date", "生产日期", day, "可空", "2025-01-12", MADE_ON),
    )


def amount_columns(
    *names: str, explanation: str = "瓶数；写了箱数时是零头", parse: Callable[[Any], Any] = quantity
) -> tuple[ColumnSpec, ColumnSpec, ColumnSpec]:
    """How much: bottles, what a bare number counts, and whole cases."""
    return (
        ColumnSpec(
            "bottles",
            "瓶数",
            parse,
            f"{explanation}；也可以写 2箱3瓶",
            "5",
            (*NUMBERS, "零瓶", *names),
            required=True,
            may_be_empty=True,
            no_formula=True,
            or_else="cases",
        ),
        ColumnSpec("unit", "单位", unit, "瓶数一列的单位，瓶或箱；空着＝瓶", "瓶", ("计量单位", "主计量单位", "unit")),
        ColumnSpec("cases", "箱数", whole, "按商品箱规折成瓶", "2", ("整箱", "件数", "箱", "case"), no_formula=True),
    )
