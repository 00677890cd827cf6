"""What a warning rule is: a metric, where it looks, its thresholds, and what is done about a hit.

Everything is frozen and plain. Values and thresholds are thousandths of the metric's unit, so that no
float is kept. A rising metric fires above its threshold and is over at or below `clears`; a falling
one fires at or below its threshold and is over above `clears`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from types import MappingProxyType

from models.people import Role

MILLI = 1_000  # thousandths in a unit
LEAST_LISTING_DAYS = 60  # younger listings have no sales to judge by
MOST_LEVELS = 6


class Grain(StrEnum):
    """What a metric is measured for."""

    LOT = "lot"  #: 门店的一个批次
    PRODUCT = "product"  #: 门店的一个商品
    STORE = "store"  #: 整家门店


class Metric(StrEnum):
    """What is measured."""

    AGE_IN_STORE = "age_in_store"  #: 在店库龄
    AGE_IN_CHANNEL = "age_in_channel"  #: 渠道库龄，调货不清零
    AGE_SINCE_PRODUCTION = "age_since_production"  #: 生产库龄
    REMAINING_LIFE = "remaining_life"  #: 剩余效期，只看有效期依据的商品
    MONTHS_OF_COVER = "months_of_cover"  #: 可销月数
    SAFETY_STOCK = "safety_stock"  #: 安全库存，还够卖几天
    DAYS_WITHOUT_SALE = "days_without_sale"  #: 未动销天数
    SELL_THROUGH = "sell_through"  #: 动销率，向同区域同渠道收缩
    EXPECTED_UNSOLD = "expected_unsold"  #: 预计卖不掉的瓶数
    EXPECTED_LOSS = "expected_loss"  #: 预计损失
    TURNOVER = "turnover"  #: 周转异常，与同等级同区域门店比

    @property
    def facts(self) -> "MetricFacts":
        """Its Chinese word, unit, direction and reach."""
        return METRICS[self]


class Action(StrEnum):
    """What a warning suggests to do."""

    START_RECALL = "start_recall"  #: 发起回收
    FIND_TRANSFER = "find_transfer"  #: 找调剂
    COUNT = "count"  #: 去盘点
    STOP_SUPPLY = "stop_supply"  #: 暂停补货
    RESTOCK = "restock"  #: 补货
    PROMOTE = "promote"  #: 促销


@dataclass(frozen=True)
class MetricFacts:
    """What holds for a metric in every rule.

    `least`, `most` and `step` bound its thresholds, in thousandths of `unit`. `by_sales`: rests on sales,
    so new listings and quiet months may be left out. `exempts_aged`: goods that gain with age never fire.
    """

    word: str
    grain: Grain
    unit: str
    rising: bool
    least: int
    most: int
    step: int
    by_sales: bool
    exempts_aged: bool = True


def _days(word: str, grain: Grain = Grain.LOT, *, most: int = 7_300, by_sales: bool = False) -> MetricFacts:
    return MetricFacts(word, grain, "天", True, MILLI, most * MILLI, MILLI, by_sales)


METRICS: Mapping[Metric, MetricFacts] = MappingProxyType(
    {
        Metric.AGE_IN_STORE: _days("在店库龄"),
        Metric.AGE_IN_CHANNEL: _days("渠道库龄"),
        Metric.AGE_SINCE_PRODUCTION: _days("生产库龄"),
        Metric.REMAINING_LIFE: MetricFacts(
            "剩余效期", Grain.LOT, "个月", rising=False, least=0, most=120 * MILLI, step=MILLI // 2, by_sales=False,
            exempts_aged=False,
        ),
        Metric.MONTHS_OF_COVER: MetricFacts(
            "可销月数", Grain.PRODUCT, "个月", rising=True, least=MILLI // 10, most=120 * MILLI, step=1, by_sales=True
        ),
        Metric.SAFETY_STOCK: MetricFacts(
            "安全库存", Grain.PRODUCT, "天", rising=False, least=0, most=365 * MILLI, step=MILLI, by_sales=True,
            exempts_aged=False,
        ),
        Metric.DAYS_WITHOUT_SALE: _days("未动销天数", Grain.PRODUCT, most=3_650, by_sales=True),
        Metric.SELL_THROUGH: MetricFacts(
            "动销率", Grain.PRODUCT, "%", rising=False, least=1, most=100 * MILLI - 1, step=1, by_sales=True
        ),
        Metric.EXPECTED_UNSOLD: MetricFacts(
            "预计滞销瓶数", Grain.PRODUCT, "瓶", rising=True, least=0, most=1_000_000 * MILLI, step=MILLI, by_sales=True
        ),
        Metric.EXPECTED_LOSS: MetricFacts(
            "预计损失", Grain.PRODUCT, "元", rising=True, least=0, most=2_000_000 * MILLI, step=10, by_sales=True
        ),
        Metric.TURNOVER: MetricFacts(
            "周转偏离", Grain.STORE, "倍离散度", rising=True, least=MILLI // 2, most=50 * MILLI, step=1, by_sales=True
        ),
    }
)  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """The words of one store and product that scopes are compared with."""

    store: str = ""
    product: str = ""
    brand: str = ""
    price_band: str = ""
    tier: str = ""
    channel: str = ""
    region: str = ""


@dataclass(frozen=True)
class Scope:
    """Which stores and goods are meant; an empty dimension means all of them.

    The dimensions stand in the order of their strength: each outweighs all that come after it taken together.
    """

    stores: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    price_bands: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    @property
    def weight(self) -> int:
        """How specific it is: a power of two for each named dimension, 0 for everything.

        Two scopes weigh the same only when they name the same dimensions.
        """
        return sum(1 << place for place, name in enumerate(reversed(DIMENSIONS)) if getattr(self, name))

    @property
    def named(self) -> dict[str, tuple[str, ...]]:
        """The dimensions that narrow, by their name here."""
        return {name: values for name in DIMENSIONS if (values := getattr(self, name))}

    def matches(self, subject: Subject) -> bool:
        """Whether the store and product are meant."""
        return all(getattr(subject, SINGULAR[name]) in values for name, values in self.named.items())


DIMENSIONS: tuple[str, ...] = tuple(f.name for f in fields(Scope))
#: What a dimension is called in the rule file, and in `Subject`.
SINGULAR: Mapping[str, str] = MappingProxyType({name: name.removesuffix("s") for name in DIMENSIONS})
#: The dimensions that say which goods, meaningless for a metric of whole stores.
OF_GOODS = frozenset({"products", "brands", "price_bands"})


@dataclass(frozen=True)
class Thresholds:
    """The levels of the stores and goods of `scope`, light to grave; `clears`: where level 1 is over again."""

    scope: Scope
    levels: tuple[int, ...]
    clears: int

    def level_of(self, value: int, *, rising: bool) -> int:
        """The gravest level the value has reached, 0 when none."""
        return sum(value > level if rising else value <= level for level in self.levels)

    def still_holds(self, value: int, *, rising: bool) -> bool:
        """Whether a warning that fires already goes on firing."""
        return value > self.clears if rising else value <= self.clears


@dataclass(frozen=True)
class Rule:
    """One rule. The FIRST of `thresholds` whose scope matches counts: the most specific stands first.

    `scope` is where the rule looks at all. A hit needs `min_bottles` bottles and `min_loss_fen` 分 of expected
    loss, fires after `pending_days` days, and comes back within `quiet_days` days as the same episode.
    Inputs older than `fresh_days` days ask for a count instead. `new_listing_days`: goods that came first less
    days ago are left alone. `leave_out_months`: calendar months (1-12) in which nothing new fires.
    `receivers` holds who hears of each level, one tuple per level of the longest row. `version` is the hash
    of all that decides; title, comments and the order of keys are not in it.
    """

    name: str
    title: str
    metric: Metric
    thresholds: tuple[Thresholds, ...]
    receivers: tuple[tuple[Role, ...], ...]
    action: Action
    version: str
    scope: Scope = field(default_factory=Scope)
    min_bottles: int = 1
    min_loss_fen: int = 0
    pending_days: int = 0
    fresh_days: int = 45
    quiet_days: int = 14
    new_listing_days: int = 0
    leave_out_months: tuple[int, ...] = ()

    def row_for(self, subject: Subject) -> Thresholds | None:
        """The thresholds that count for a store and product; None when the rule leaves it alone."""
        if not self.scope.matches(subject):
            return None
        return next((row for row in self.thresholds if row.scope.matches(subject)), None)

    def receivers_of(self, level: int) -> tuple[Role, ...]:
        """Who hears of that level; beyond the last level, who hears of the last."""
        return self.receivers[min(max(level, 1), len(self.receivers)) - 1]


@dataclass(frozen=True)
class Ruleset:
    """The rules of a day; `version` is the hash of the file they came from."""

    version: str
    rules: tuple[Rule, ...]

    def rule(self, name: str) -> Rule | None:
        """The rule of that name, None when it is gone."""
        return next((rule for rule in self.rules if rule.name == name), None)

    def title(self, name: str) -> str:
        """The rule's title, or its name when the rule is gone."""
        found = self.rule(name)
        return found.title if found else name


def most_specific_first(rows: Iterable[Thresholds]) -> tuple[Thresholds, ...]:
    """The rows in the order they are asked; rows of one weight cannot match the same goods, so any order serves."""
    return tuple(sorted(rows, key=lambda row: (-row.scope.weight, tuple(row.scope.named.items()), row.levels)))
