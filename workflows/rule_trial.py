"""What rules would say on a day, next to what other rules say or what fires now. Nothing is written."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog import Lot, Product, Store
from models.warning import StockWarning, WarningState

CHUNK = 5_000  # rows read at once
#: States in which a warning is there for people; one still watched is not.
SHOWN = (WarningState.FIRING, WarningState.ACKNOWLEDGED, WarningState.IN_ACTION, WarningState.DISMISSED)


class Hit(Protocol):
    """One subject a rule hits: lot 0 is the product as a whole, product 0 the whole store."""

    @property
    def rule(self) -> str: ...
    @property
    def level(self) -> int: ...
    @property
    def store_id(self) -> int: ...
    @property
    def product_id(self) -> int: ...
    @property
    def lot_id(self) -> int: ...
    @property
    def bottles(self) -> int: ...
    @property
    def loss_fen(self) -> int: ...


class Key(NamedTuple):
    """What a hit is known by on both sides."""

    rule: str
    store_id: int
    product_id: int
    lot_id: int


class Found(NamedTuple):
    """How grave a hit is: level, bottles, 分 of expected loss."""

    level: int
    bottles: int
    loss_fen: int


Side = dict[Key, Found]


@dataclass
class Sum:
    """How many subjects, bottles and 分 one side has of a rule and level."""

    hits: int = 0
    bottles: int = 0
    loss_fen: int = 0

    def add(self, found: Found) -> None:
        """Count one more."""
        self.hits += 1
        self.bottles += found.bottles
        self.loss_fen += found.loss_fen


@dataclass
class Line:
    """One rule at one level: both sides and what differs between them."""

    then: Sum = field(default_factory=Sum)
    base: Sum = field(default_factory=Sum)
    changes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Example:
    """One hit in words."""

    key: Key
    found: Found
    store_code: str
    store: str
    product: str
    batch: str


def side_of(hits: Iterable[Hit]) -> Side:
    """Gather hits by what they are known by."""
    return {
        Key(hit.rule, hit.store_id, hit.product_id, hit.lot_id): Found(hit.level, hit.bottles, hit.loss_fen)
        for hit in hits
    }


def firing_now(session: Session) -> Side:
    """The warnings people have before them."""
    query = select(
        StockWarning.rule,
        StockWarning.store_id,
        StockWarning.product_id,
        StockWarning.lot_id,
        StockWarning.level,
        StockWarning.bottles,
        StockWarning.loss_fen,
    ).where(StockWarning.state.in_(SHOWN))
    rows = session.execute(query.execution_options(yield_per=CHUNK))
    return {Key(rule, store, goods, lot): Found(*found) for rule, store, goods, lot, *found in rows}


def compare(then: Side, base: Side) -> dict[tuple[str, int], Line]:
    """Both sides by rule and level. `new`, `gone`, `same`, `up` and `down` are counted at the level of that day.

    What is gone is counted at the level it had.
    """
    lines: dict[tuple[str, int], Line] = {}
    for key, found in base.items():
        line = lines.setdefault((key.rule, found.level), Line())
        line.base.add(found)
        line.changes["gone"] += key not in then
    for key, found in then.items():
        line = lines.setdefault((key.rule, found.level), Line())
        line.then.add(found)
        line.changes[_change(found, base.get(key))] += 1
    return dict(sorted(lines.items()))


def examples(session: Session, side: Side, other: Side, limit: int) -> list[Example]:
    """Of what only one side has, those with the most at stake, with their names."""
    only = sorted(
        ((key, found) for key, found in side.items() if key not in other),
        key=lambda pair: (-pair[1].loss_fen, -pair[1].level, -pair[1].bottles, pair[0]),
    )[:limit]
    keys = [key for key, _ in only]
    stores = select(Store.id, Store.code, Store.name).where(Store.id.in_({key.store_id for key in keys}))
    products = select(Product.id, Product.name).where(Product.id.in_({key.product_id for key in keys}))
    batches = select(Lot.id, Lot.batch).where(Lot.id.in_({key.lot_id for key in keys}))
    store_of = {number: (code, name) for number, code, name in session.execute(stores)}
    product_of = dict(session.execute(products).all())
    batch_of = dict(session.execute(batches).all())
    return [
        Example(key, found, *store_of[key.store_id], product_of.get(key.product_id, ""), batch_of.get(key.lot_id, ""))
        for key, found in only
    ]


def _change(found: Found, before: Found | None) -> str:
    if before is None:
        return "new"
    if found.level == before.level:
        return "same"
    return "up" if found.level > before.level else "down"
