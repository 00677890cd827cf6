"""The kinds of files that can be imported."""

from collections.abc import Callable
from dataclasses import dataclass

from workflows.imports import (
    barcodes,
    code_events,
    codes,
    counts,
    deliveries,
    people,
    products,
    sellout,
    stock,
    stores,
)
from workflows.imports.columns import ColumnSpec
from workflows.imports.intake import Intake


@dataclass(frozen=True)
class Kind:
    """A kind of file: its columns, and what takes its rows."""

    name: str
    title: str
    columns: tuple[ColumnSpec, ...]
    load: Callable[[Intake], None]


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("products", "商品", products.COLUMNS, products.load),
        Kind("stores", "门店", stores.COLUMNS, stores.load),
        Kind("people", "人员", people.COLUMNS, people.load),
        Kind("opening", "期初库存", counts.OPENING_COLUMNS, counts.load_opening),
        Kind("counts", "门店盘点", counts.COLUMNS, counts.load),
        Kind("sellout", "门店动销", sellout.COLUMNS, sellout.load),
        Kind("stock", "仓库库存", stock.COLUMNS, stock.load),
        Kind("deliveries", "发货", deliveries.COLUMNS, deliveries.load),
        Kind("barcodes", "条码", barcodes.COLUMNS, barcodes.load),
        Kind("codes", "瓶码箱码", codes.COLUMNS, codes.load),
        Kind("code_events", "开箱兑奖", code_events.COLUMNS, code_events.load),
    )
}


def describe_columns(kind: str) -> list[tuple[str, bool, str, str]]:
    """Return (heading, required, explanation, example) of each column. Raises KeyError."""
    return [(spec.title, spec.required, spec.explanation, spec.example) for spec in KINDS[kind].columns]
