"""Which store and which product a row means: by code, or by a name that only one has."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog import Product, Store
from workflows.imports.columns import normal

MOST_NAMED = 5  # candidates a sentence lists


class NotFound(Exception):
    """Nothing, or more than one thing, is meant. `column` is the column to mark, `str()` the sentence."""

    def __init__(self, column: str, value: Any, sentence: str) -> None:
        super().__init__(sentence)
        self.column = column
        self.value = value


@dataclass(frozen=True)
class Item:
    """A product as an import needs it."""

    id: int
    code: str
    name: str
    spec: str
    case_size: int

    @property
    def label(self) -> str:
        """Code and name, for people."""
        return f"{self.code} {self.name}"


@dataclass(frozen=True)
class Shop:
    """A store as an import needs it."""

    id: int
    code: str
    name: str

    @property
    def label(self) -> str:
        """Code and name, for people."""
        return f"{self.code} {self.name}"


class Finder:
    """All products and stores, looked up once; new ones are added while an import makes them.

    `only` are the ids of the stores somebody may speak for, None all of them.
    """

    def __init__(self, session: Session, only: frozenset[int] | None = None) -> None:
        self._only = only
        self._items: dict[str, Item] = {}
        self._by_word: dict[str, dict[int, Item]] = defaultdict(dict)
        self._shops: dict[str, Shop] = {}
        self._shops_by_name: dict[str, dict[int, Shop]] = defaultdict(dict)
        columns = (Product.id, Product.code, Product.name, Product.spec, Product.case_size)
        for *item, barcode, aliases in session.execute(select(*columns, Product.barcode, Product.aliases)):
            self.add_item(Item(*item), [barcode, *aliases])
        for shop in session.execute(select(Store.id, Store.code, Store.name)):
            self.add_shop(Shop(*shop))

    def add_item(self, item: Item, words: Iterable[str] = ()) -> None:
        """Make a product findable by its code, its name, and these words."""
        self._items[item.code] = item
        for word in (item.name, item.name + item.spec, *words):
            if plain := normal(word):
                self._by_word[plain][item.id] = item

    def add_shop(self, shop: Shop) -> None:
        """Make a store findable by its code and name."""
        self._shops[shop.code] = shop
        self._shops_by_name[normal(shop.name)][shop.id] = shop

    def item_by_code(self, code: str | None) -> Item | None:
        """The product with exactly that code."""
        return None if code is None else self._items.get(code)

    def shop_by_code(self, code: str | None) -> Shop | None:
        """The store with exactly that code."""
        return None if code is None else self._shops.get(code)

    def item(self, values: Mapping[str, Any]) -> Item:
        """The product a row means by its columns product, product_name and spec. Raises NotFound."""
        known = self.item_by_code(values.get("product"))
        if known is not None:
            return known
        column, said = _said(values, "product", "product_name", "商品编码和商品名称至少写一样")
        spec = values.get("spec")
        found = self._by_word.get(normal(said), {})
        if len(found) != 1 and spec is not None:
            exact = self._by_word.get(normal(f"{said}{spec}"), {})
            same = [item for item in found.values() if normal(item.spec) == normal(spec)]
            found = exact or {item.id: item for item in same} or found
        if len(found) > 1:
            raise NotFound(column, said, f"有 {len(found)} 个商品叫这个名字，请写商品编码：{_listed(found.values())}")
        if not found:
            raise NotFound(column, said, "没有这个商品，请先导入商品")
        return next(iter(found.values()))

    def shop(self, values: Mapping[str, Any]) -> Shop:
        """The store a row means by its columns store and store_name. Raises NotFound."""
        found = self.shop_by_code(values.get("store")) or self._shop_by_name(values)
        if not self._is_mine(found):
            raise NotFound("store", values.get("store"), "这家门店不归您负责，不能由您导入")
        return found

    def _is_mine(self, shop: Shop) -> bool:
        return self._only is None or shop.id in self._only

    def _shop_by_name(self, values: Mapping[str, Any]) -> Shop:
        column, said = _said(values, "store", "store_name", "门店编码和门店名称至少写一样")
        found = {shop.id: shop for shop in self._shops_by_name.get(normal(said), {}).values() if self._is_mine(shop)}
        if len(found) > 1:
            raise NotFound(column, said, f"有 {len(found)} 家门店叫这个名字，请写门店编码：{_listed(found.values())}")
        if not found:
            raise NotFound(column, said, "没有这家门店，请先导入门店")
        return next(iter(found.values()))


def _said(values: Mapping[str, Any], code: str, name: str, neither: str) -> tuple[str, str]:
    """The column that says what is meant, and what it says. Raises NotFound when both are empty."""
    for column in (code, name):
        said: str | None = values.get(column)
        if said is not None:
            return column, said
    raise NotFound(code, "", neither)


def _listed(found: Iterable[Item | Shop]) -> str:
    things = sorted(found, key=lambda thing: thing.code)
    named = "、".join(f"{thing.code} {thing.name}" for thing in things[:MOST_NAMED])
    return f"{named}……" if len(things) > MOST_NAMED else named
