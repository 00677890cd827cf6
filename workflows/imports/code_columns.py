"""The columns of a file of unit codes, and one row of it made ready for the registry."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from models.catalog import Pack, UniquePer
from rules.code_schemes import CodeScheme, is_replacement, registered_code
from workflows.imports.cells import code, counting, day, one_of, text
from workflows.imports.columns import ColumnSpec, Row

PACKS = {"瓶": Pack.BOTTLE, "盒": Pack.BOX, "箱": Pack.CASE, "垛": Pack.PALLET, "盖内": Pack.CAP}
WORDS = {pack: word for word, pack in PACKS.items()}
LEVELS = {pack: level for level, pack in enumerate((Pack.CAP, Pack.BOTTLE, Pack.BOX, Pack.CASE, Pack.PALLET))}

MOST_IN_ONE = 10_000  # bottles; a pallet holds a thousand

COLUMNS = (
    ColumnSpec(
        "code",
        "码",
        code,
        "扫出来的内容，唯一",
        "X250112000017",
        ("编码", "瓶码", "unit_code"),
        required=True,
        no_formula=True,
    ),
    ColumnSpec(
        "unit",
        "码类型",
        one_of(PACKS),
        "瓶、盒、箱、垛或盖内",
        "瓶",
        ("类型", "单位", "kind", "type"),
        required=True,
    ),
    ColumnSpec(
        "parent",
        "上级码",
        code,
        "装在哪个盒、箱、垛里；盖内码写它的瓶码",
        "X2501120",
        ("所在箱码", "箱码", "父码", "parent_code"),
        no_formula=True,
    ),
    ColumnSpec(
        "product",
        "商品编码",
        code,
        "商品",
        "QL42-500",
        ("货号", "item", "product_code"),
        required=True,
        no_formula=True,
    ),
    ColumnSpec("batch", "批号", code, "批号或生产日期至少写一样", "B250112", ("批次", "lot"), no_formula=True),
    ColumnSpec("production_date", "生产日期", day, "可空", "2025-01-12", ()),
    ColumnSpec(
        "same_as",
        "同一件的码",
        code,
        "同一瓶或同一箱上还有另一个码（盖外码、箱内码）时，写先登记的那个",
        "",
        ("同物码", "same_as"),
        no_formula=True,
    ),
    ColumnSpec("bottles", "瓶数", counting, "盒、箱、垛里有几瓶；里面的瓶码都登记了可空着", "", ("装瓶数", "bottles")),
    ColumnSpec("scheme", "方案", text, "品牌自有码的方案，见 rules/code_schemes.yaml；没有就空着", "", ("编码方案",)),
    ColumnSpec("valid_from", "生效日期", day, "空着＝一直有效", "", ("启用日期", "valid_from")),
    ColumnSpec("valid_to", "失效日期", day, "有效的最后一天；空着＝没有期限", "", ("停用日期", "valid_to")),
)


@dataclass(frozen=True)
class Goods:
    """What rows are checked against: products with their brands, their barcodes, and the schemes by name or title."""

    products: dict[str, tuple[int, str]]
    barcodes: frozenset[str]
    schemes: dict[str, CodeScheme]

    def fault(self, row: Row) -> tuple[str, Any, str] | None:
        """Return column, value and sentence of the first thing wrong within the row."""
        values = row.values
        pack, number = values["unit"], values["code"]
        if values["product"] not in self.products:
            return "product", values["product"], "没有这个商品，请先导入商品"
        if not values.get("batch") and not values.get("production_date"):
            return "batch", "", "批号和生产日期至少写一样"
        if number in self.barcodes or is_replacement(number):
            return "code", number, "这是商品条码或替代码，不能当作一件货的码"
        if values.get("bottles") and pack in {Pack.BOTTLE, Pack.CAP}:
            return "bottles", values["bottles"], "瓶码和盖内码不写瓶数"
        if (values.get("bottles") or 0) > MOST_IN_ONE:
            return "bottles", values["bottles"], f"一件里最多 {MOST_IN_ONE} 瓶"
        return self._odd_relation(values) or self._odd_span(values) or self._odd_scheme(values)

    def key(self, values: dict[str, Any], column: str) -> str | None:
        """Return the spelling of a code in the registry; a code of another scheme stays as it is."""
        word, name = values.get(column), values.get("scheme")
        scheme = self.schemes.get(name) if name else None
        printed = scheme.read(word) if scheme and word else None
        return registered_code(printed.code, scheme.name) if scheme and printed else word

    def unique_per(self, values: dict[str, Any]) -> UniquePer:
        """Return how far the row's code tells things apart."""
        scheme = self.schemes.get(values.get("scheme") or "")
        return scheme.unique_per if scheme else UniquePer.UNIT

    def _odd_relation(self, values: dict[str, Any]) -> tuple[str, Any, str] | None:
        parent, same = values.get("parent"), values.get("same_as")
        if parent and same:
            return "same_as", same, "上级码和同一件的码只写一样"
        if values["code"] in {parent, same}:
            return "parent", values["code"], "上级不能是它自己"
        if values["unit"] is Pack.CAP and not parent and not same:
            return "parent", "", "盖内码要写它的瓶码"
        if values["unit"] is Pack.PALLET and parent:
            return "parent", parent, "垛不能再装在别的里面"
        return None

    def _odd_span(self, values: dict[str, Any]) -> tuple[str, Any, str] | None:
        first: date | None = values.get("valid_from")
        last: date | None = values.get("valid_to")
        if first and last and last < first:
            return "valid_to", last, "失效日期早于生效日期"
        return None

    def _odd_scheme(self, values: dict[str, Any]) -> tuple[str, Any, str] | None:
        name = values.get("scheme")
        if not name:
            return None
        scheme = self.schemes.get(name)
        if scheme is None:
            return "scheme", name, "没有这个方案，可以写的见 rules/code_schemes.yaml"
        if not scheme.covers(values["product"], self.products[values["product"]][1]):
            return "scheme", name, "这个方案不适用于这个商品的品牌"
        return _odd_in_scheme(values, scheme)


def _odd_in_scheme(values: dict[str, Any], scheme: CodeScheme) -> tuple[str, Any, str] | None:
    printed = scheme.read(values["code"])
    if printed is None or printed.is_replacement:
        return "code", values["code"], f"不像方案“{scheme.title}”的码"
    if scheme.unique_per is UniquePer.NONE:
        return "scheme", scheme.name, "这个方案的码不能区分每一瓶，不用登记"
    if scheme.unique_per is UniquePer.CASE and values["unit"] is not Pack.CASE:
        return "unit", WORDS[values["unit"]], "整箱同码的方案只登记箱"
    return None
