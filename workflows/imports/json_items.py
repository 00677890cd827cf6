"""What an item of the API may say: a model made from the same columns a file may have.

The internal names of the columns are the fields. JSON has types, so an item is stricter than a cell:
bottles are integers, money is integer 分, days are YYYY-MM-DD, codes are strings. What the column's own
reader refuses in a file it refuses here with the same sentence.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, StrictStr
from pydantic import create_model as make
from pydantic.fields import FieldInfo

from workflows.imports import cells, counted_rows, products, quantities, spans
from workflows.imports.cells import Degrees, OneOf
from workflows.imports.columns import ColumnSpec
from workflows.imports.kinds import KINDS, Kind
from workflows.imports.products import LONGEST_LIFE, MOST_IN_A_CASE

#: What may be sent, and the kind of import that takes it.
RESOURCES: Mapping[str, str] = {
    name: name for name in ("deliveries", "counts", "sellout", "stock", "products", "stores") if name in KINDS
}
#: What files say in words and programs say in codes; and columns that make stores and products on the way.
_IN_WORDS = frozenset(
    {"store_name", "product_name", "spec", "unit", "warehouse", "case_size", "region", "latitude", "longitude"}
)
_MASTERS = frozenset({"products", "stores"})
MOST_FEN = 10**11
MOST_NAMES = 50


class Item(BaseModel):
    """One row. A field that is not sent says nothing; null says that it is empty."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


@cache
def item_model(resource: str) -> type[Item]:
    """The model of one item. Raises KeyError for an unknown resource."""
    fields: dict[str, Any] = {spec.name: _field(spec) for spec in columns_of(resource)}
    name = f"{resource.capitalize()}Item"
    model: type[Item] = make(name, __base__=Item, __doc__=f"{kind_of(resource).title}：一条", **fields)
    return model


def kind_of(resource: str) -> Kind:
    """The kind of import behind a resource. Raises KeyError."""
    return KINDS[RESOURCES[resource]]


def columns_of(resource: str) -> tuple[ColumnSpec, ...]:
    """The columns an item may fill. Raises KeyError."""
    hidden = frozenset() if resource in _MASTERS else _IN_WORDS
    return tuple(spec for spec in kind_of(resource).columns if spec.name not in hidden)


def _field(spec: ColumnSpec) -> tuple[Any, Any]:
    kind, example = _TYPES[spec.parse](spec) if spec.parse in _TYPES else _shaped(spec)
    told = FieldInfo(title=spec.title, description=_UNIT.get(spec.parse, spec.explanation), examples=[example])
    if spec.required and (not spec.may_be_empty or spec.or_else in _IN_WORDS):
        return Annotated[kind, told], ...
    return Annotated[kind | None, told], None


def _shaped(spec: ColumnSpec) -> tuple[Any, Any]:
    if isinstance(spec.parse, Degrees):
        limit = spec.parse.limit
        return Annotated[float, Field(strict=True, ge=-limit, le=limit, allow_inf_nan=False)], float(spec.example)
    if isinstance(spec.parse, OneOf):
        allowed = [value.value for value in spec.parse.choices.values()] + list(spec.parse.choices)
        said = Field(json_schema_extra={"enum": allowed})
        return Annotated[StrictStr, said, AfterValidator(spec.parse)], spec.parse(spec.example).value
    return _string(spec, cells.LONGEST_TEXT), spec.example


def _string(spec: ColumnSpec, longest: int) -> Any:
    return Annotated[StrictStr, Field(min_length=1, max_length=longest), AfterValidator(_read(spec))]


def _read(spec: ColumnSpec) -> Callable[[str], Any]:
    def read(value: str) -> Any:
        if not cells.words(value):
            raise cells.BadCell("不能空着")
        return spec.parse(value)

    return read


def _code(spec: ColumnSpec) -> tuple[Any, Any]:
    return _string(spec, cells.LONGEST_CODE), spec.example


def _text(spec: ColumnSpec) -> tuple[Any, Any]:
    return _string(spec, cells.LONGEST_TEXT), spec.example


def _integer(least: int, most: int) -> Callable[[ColumnSpec], tuple[Any, Any]]:
    kind = Annotated[StrictInt, Field(ge=least, le=most), BeforeValidator(_whole)]
    return lambda spec: (kind, int(spec.example))


def _money(spec: ColumnSpec) -> tuple[Any, Any]:
    kind = Annotated[StrictInt, Field(ge=0, le=MOST_FEN), BeforeValidator(_whole)]
    return kind, round(float(spec.example) * 100)


def _day(spec: ColumnSpec) -> tuple[Any, Any]:
    shape = Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", json_schema_extra={"format": "date"})
    return Annotated[StrictStr, shape, AfterValidator(cells.day)], spec.example


def _flag(spec: ColumnSpec) -> tuple[Any, Any]:
    return StrictBool, cells.yes(spec.example)


def _names(spec: ColumnSpec) -> tuple[Any, Any]:
    name = Annotated[StrictStr, Field(min_length=1, max_length=cells.LONGEST_TEXT), AfterValidator(_one_name)]
    return Annotated[list[name], Field(max_length=MOST_NAMES)], cells.names(spec.example)


def _one_name(value: str) -> str:
    found = cells.names(value)
    if len(found) != 1:
        raise cells.BadCell("一个名字一项，里面不能有顿号、逗号或分号")
    return found[0]


def _whole(value: Any) -> Any:
    # In JSON 12.0 is the integer 12.
    return int(value) if isinstance(value, float) and value.is_integer() else value


_TYPES: Mapping[Callable[[Any], Any], Callable[[ColumnSpec], tuple[Any, Any]]] = {
    cells.code: _code,
    cells.batch: _code,
    cells.barcode: _code,
    cells.text: _text,
    cells.whole: _integer(0, cells.MOST_BOTTLES),
    quantities.quantity: _integer(0, cells.MOST_BOTTLES),
    quantities.signed_quantity: _integer(-cells.MOST_BOTTLES, cells.MOST_BOTTLES),
    counted_rows.age_days: _integer(0, counted_rows.OLDEST),
    cells.counting: _integer(1, cells.MOST_BOTTLES),
    products.case_size: _integer(1, MOST_IN_A_CASE),
    products.life_months: _integer(1, LONGEST_LIFE),
    products.spec: _text,
    cells.money: _money,
    cells.day: _day,
    spans.span: _day,
    cells.yes: _flag,
    cells.names: _names,
}
_UNIT: Mapping[Callable[[Any], Any], str] = {
    cells.money: "每瓶，分，整数",
    cells.day: "年-月-日",
    spans.span: "年-月-日；一段时间写 first_day 和 last_day",
}
