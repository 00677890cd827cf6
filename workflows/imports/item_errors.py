"""Why an item was refused: where, a sentence for a person, and a word that stays the same for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from workflows.imports.columns import ColumnSpec
from workflows.imports.report import RowError

LONGEST_SHOWN = 80  # characters of a value


class ItemFault(StrEnum):
    """The kinds of faults; a program may rely on these words."""

    MISSING = "missing"  #: 缺少必填字段
    UNKNOWN_FIELD = "unknown_field"  #: 没有这个字段
    WRONG_TYPE = "wrong_type"  #: JSON 类型不对
    WRONG_FORMAT = "wrong_format"  #: 格式不对
    OUT_OF_RANGE = "out_of_range"  #: 太大、太小或太长
    BAD_VALUE = "bad_value"  #: 内容不对
    UNKNOWN_STORE = "unknown_store"  #: 没有这家门店
    UNKNOWN_PRODUCT = "unknown_product"  #: 没有这个商品
    DUPLICATE = "duplicate"  #: 批内重复
    CONFLICT = "conflict"  #: 与已登记的不同
    IN_THE_FUTURE = "in_the_future"  #: 日期在今天以后
    LOT_ON_HOLD = "lot_on_hold"  #: 批次已停售
    NOT_TAKEN = "not_taken"  #: 其他业务原因


@dataclass(frozen=True)
class ItemError:
    """One fault. `index` counts items from 0; `field` is empty when the item as a whole is meant."""

    index: int
    field: str
    code: ItemFault
    sentence: str


def of_loader(problem: RowError, specs: Sequence[ColumnSpec]) -> ItemError:
    """A loader's refusal. Its sentence counts rows from 1, as people do."""
    name = next((spec.name for spec in specs if spec.title == problem.column), problem.column)
    code = next((fault for words, fault in _SAID if words in problem.sentence), ItemFault.NOT_TAKEN)
    return ItemError(problem.row - 1, name, code, problem.sentence)


def of_model(index: int, wrong: ValidationError, specs: Sequence[ColumnSpec]) -> list[ItemError]:
    """What the item's model refused, a fault for each field."""
    titles = {spec.name: spec.title for spec in specs}
    return [_of_field(index, error, titles) for error in wrong.errors(include_url=False)[:_MOST_OF_ITEM]]


def too_many_fields(index: int) -> ItemError:
    """An object nobody should look through field by field."""
    return ItemError(index, "", ItemFault.UNKNOWN_FIELD, f"第 {index + 1} 行：字段太多，请对照 /api/v1/openapi.json。")


_MOST_OF_ITEM = 5  # faults told of one item
#: Longer words first where one stands in another.
_SAID: tuple[tuple[str, ItemFault], ...] = (
    ("没有这家门店", ItemFault.UNKNOWN_STORE),
    ("没有这个商品", ItemFault.UNKNOWN_PRODUCT),
    ("在今天以后", ItemFault.IN_THE_FUTURE),
    ("已停售", ItemFault.LOT_ON_HOLD),
    ("重复", ItemFault.DUPLICATE),
    ("是同一批次", ItemFault.DUPLICATE),
    ("内容不同", ItemFault.CONFLICT),
    ("已登记为", ItemFault.CONFLICT),
    ("已有更新的盘点", ItemFault.CONFLICT),
)
_TYPES: Mapping[str, str] = {
    "string_type": "要写成字符串",
    "int_type": "要写成整数，不加引号",
    "float_type": "要写成数字，不加引号",
    "bool_type": "只能是 true 或 false",
    "list_type": "要写成数组",
    "model_type": "每一条要是一个对象",
    "string_unicode": "里面有坏字符，请检查文字编码",
}


def _of_field(index: int, error: Any, titles: Mapping[str, str]) -> ItemError:
    place = [str(part) for part in error["loc"]]
    name = place[0][:LONGEST_SHOWN] if place else ""
    code, said = fault_of(error)
    where = f"“{titles.get(name, _printable(name))}”" if name else ""
    return ItemError(index, _printable(name), code, f"第 {index + 1} 行{where}{_shown(error)}：{said}。")


def fault_of(error: Any) -> tuple[ItemFault, str]:
    """What one error of a model means: its stable word, and why in Chinese."""
    kind, facts = error["type"], error.get("ctx", {})
    if kind == "missing":
        return ItemFault.MISSING, "不能空着"
    if kind == "extra_forbidden":
        return ItemFault.UNKNOWN_FIELD, "没有这个字段"
    if kind in _TYPES:
        return ItemFault.WRONG_TYPE, _TYPES[kind]
    if kind == "string_pattern_mismatch":
        return ItemFault.WRONG_FORMAT, "不是日期；请写成 2025-03-01"
    if kind == "value_error":
        return ItemFault.BAD_VALUE, str(facts.get("error", "内容不对"))
    return ItemFault.OUT_OF_RANGE, _limit(kind, facts)


def _limit(kind: str, facts: Mapping[str, Any]) -> str:
    limits = {
        "greater_than_equal": f"不能小于 {facts.get('ge')}",
        "less_than_equal": f"不能大于 {facts.get('le')}",
        "string_too_long": f"太长：最多 {facts.get('max_length')} 个字符",
        "string_too_short": "不能空着",
        "too_short": "至少一条",
        "too_long": f"太多：最多 {facts.get('max_length')} 项",
    }
    return limits.get(kind, "不合要求")


def _shown(error: Any) -> str:
    given = error.get("input")
    if error["type"] == "missing" or not isinstance(given, (str, int, float)):
        return ""
    return f"（写的是 {_printable(str(given)[:LONGEST_SHOWN])}）"


def _printable(said: str) -> str:
    """The words without what no answer could carry: lone surrogates and control characters."""
    whole = said.encode("utf-8", "replace").decode("utf-8")
    return "".join(sign if sign.isprintable() else "?" for sign in whole)
