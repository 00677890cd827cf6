"""Names in a rule file compared with the stores, goods and people there are. Only reminders: a name may be new.

It also tells where the goods themselves make a rule idle: aged liquor, goods without an expiry basis, a
remaining life as long as the whole life.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from models.people import Role
from rules.scope_cover import meet
from rules.warning_file import Draft
from rules.warning_lint import number, words_of
from rules.warning_nodes import Problems
from rules.warning_rules import DIMENSIONS, METRICS, MILLI, OF_GOODS, SINGULAR, Metric, Scope
from rules.warning_words import RECEIVERS, nearest

SHOWN_UNKNOWN = 5  # unknown names of one list that are told one by one


class KnownStore(NamedTuple):
    """A store by its code, with what scopes say of it."""

    store: str
    tier: str
    channel: str
    region: str


class KnownProduct(NamedTuple):
    """A product by its code; `life` in months, 0 without an expiry basis."""

    product: str
    brand: str
    price_band: str
    life: int
    gains_with_age: bool


@dataclass(frozen=True)
class Known:
    """What the database knows: stores, products, and the roles somebody holds today."""

    stores: Sequence[KnownStore]
    products: Sequence[KnownProduct]
    roles: Collection[Role]

    def words(self) -> dict[str, set[str]]:
        """All words of each dimension."""
        return {
            name: {
                str(getattr(thing, SINGULAR[name])) for thing in (self.products if name in OF_GOODS else self.stores)
            }
            for name in DIMENSIONS
        }


def compare(drafts: Sequence[Draft], known: Known, problems: Problems) -> None:
    """Note names nobody bears and rows no store or product of today comes to.

    What the house has none of at all is not compared: it is not set up yet.
    """
    words = known.words()
    told: set[Role] = set()
    for draft in drafts:
        problems.of = f"{draft.name}：" if draft.name else ""
        for scope, line in _scopes(draft):
            strange = list(_unknown(scope, words))
            for said in strange[:SHOWN_UNKNOWN]:
                problems.note(line, said, grave=False)
            if len(strange) > SHOWN_UNKNOWN:
                problems.note(line, f"还有 {len(strange) - SHOWN_UNKNOWN} 个名字系统里没有", grave=False)
            if not strange and known.stores and known.products:
                _nothing_there(draft, scope, line, known, problems)
        _lives(draft, known, problems)
        if known.roles:
            _nobody(draft, {*known.roles, *told}, problems)
        told |= {role for level in draft.receivers for role in level}
    problems.of = ""


def _scopes(draft: Draft) -> Iterator[tuple[Scope, int]]:
    if draft.scope.named:
        yield draft.scope, draft.at("where")
    for row in draft.rows:
        if row.row.scope.named:
            yield row.row.scope, row.lines.get("where", row.line)


def _unknown(scope: Scope, words: Mapping[str, Collection[str]]) -> Iterator[str]:
    for name, values in scope.named.items():
        for value in values:
            if words[name] and value not in words[name]:
                yield f"系统里没有这个 {SINGULAR[name]}：{value}{nearest(value, words[name])}"


def _nothing_there(draft: Draft, scope: Scope, line: int, known: Known, problems: Problems) -> None:
    if not any(_fits(scope, store) for store in known.stores):
        problems.note(line, f"没有一家门店符合 {words_of(scope)}，这一行现在用不上", grave=False)
        return
    goods = [product for product in known.products if _fits(scope, product)]
    if not goods:
        problems.note(line, f"没有一个商品符合 {words_of(scope)}，这一行现在用不上", grave=False)
    elif draft.metric is not None and not any(_may_fire(draft.metric, product) for product in goods):
        why = "没有效期依据" if draft.metric is Metric.REMAINING_LIFE else "是老酒"
        problems.note(line, f"{words_of(scope)} 的商品都{why}，这条规则永远不报它们", grave=False)


def _may_fire(metric: Metric, product: KnownProduct) -> bool:
    if metric is Metric.REMAINING_LIFE:
        return product.life > 0
    return not (METRICS[metric].exempts_aged and product.gains_with_age)


def _lives(draft: Draft, known: Known, problems: Problems) -> None:
    """A level as long as the whole life would fire on the day the goods are made."""
    if draft.metric is not Metric.REMAINING_LIFE:
        return
    for row in draft.rows:
        mine = [p for p in known.products if p.life and _fits(row.row.scope, p) and _fits(draft.scope, p)]
        others = [other.row.scope for other in draft.rows if other.row.scope.weight > row.row.scope.weight]
        short = [p for p in mine if p.life * MILLI <= row.row.levels[0] and not _elsewhere(p, others)]
        if short:
            worst = min(short, key=lambda product: (product.life, product.product))
            said = f"商品 {worst.product} 一共只有 {worst.life} 个月，门槛 {number(row.row.levels[0])} 个月会一出厂就报"
            problems.note(row.line, said, grave=False)


def _elsewhere(product: KnownProduct, scopes: Iterable[Scope]) -> bool:
    """Whether a more specific row takes the product in every store."""
    itself = Scope(products=(product.product,))
    return any(not scope.named.keys() - OF_GOODS and _fits(scope, product) and meet(scope, itself) for scope in scopes)


def _nobody(draft: Draft, roles: Collection[Role], problems: Problems) -> None:
    words = {role: word for word, role in RECEIVERS.items()}
    for role in sorted({role for level in draft.receivers for role in level}):
        if role not in roles:
            problems.note(draft.at("receivers"), f"现在没有人任{words[role]}，提醒会没人收到", grave=False)


def _fits(scope: Scope, thing: KnownStore | KnownProduct) -> bool:
    """Whether the store (or product) is meant as far as its own dimensions go."""
    mine = thing._asdict()
    return all(mine[SINGULAR[name]] in values for name, values in scope.named.items() if SINGULAR[name] in mine)
