"""The kinds of files that can be imported."""

from collections.abc import Callable
from dataclasses import dataclass

from workflows.imports import codes, deliveries, people, products, stock, stores
from workflows.imports.columns import ColumnSpec
from workflows.imports.intake import Intake


@dataclass(frozen=True)
class Kind:
    """A kind of file. With `skip_bad` good rows are loaded though others are refused."""

    name: str
    title: str
    columns: tuple[ColumnSpec, ...]
    load: Callable[[Intake], None]
    skip_bad: bool = False


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("products", "商品", products.COLUMNS, products.load),
        Kind("stores", "门店", stores.COLUMNS, stores.load),
        Kind("people", "人员", people.COLUMNS, people.load),
        Kind("stock", "库存盘点", stock.COLUMNS, stock.load),
        Kind("deliveries", "发货", deliveries.COLUMNS, deliveries.load, skip_bad=True),
        Kind("codes", "瓶码箱码", codes.COLUMNS, codes.load),
    )
}


def describe_columns(kind: str) -> list[tuple[str, bool, str, str]]:
    """Return (heading, required, explanation, example) of each column. Raises KeyError."""
    return [(spec.title, spec.required, spec.explanation, spec.example) for spec in KINDS[kind].columns]
