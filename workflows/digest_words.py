"""The words of digests and escalations: reasons, lines, sources. Money is said to people only, never to groups."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from models.stock import StockSource
from rules.warnings import Action, Metric, level_word
from texts.render import goods, plain
from workflows.digest_lines import Finding, Place
from workflows.house import House

MOST_REASONS = 3
MOST_NAMES = 3
#: Metrics whose value is told as a whole number.
_WHOLE = frozenset(
    {
        Metric.AGE_IN_STORE,
        Metric.AGE_IN_CHANNEL,
        Metric.AGE_SINCE_PRODUCTION,
        Metric.DAYS_WITHOUT_SALE,
        Metric.SAFETY_STOCK,
        Metric.EXPECTED_UNSOLD,
    }
)


@dataclass(frozen=True)
class Tongue:
    """How a channel writes links and names: Markdown, or the few tags of WeCom's text."""

    name: Callable[[str], str]
    link: Callable[[str, str], str]


MARKDOWN = Tongue(plain, lambda words, url: f"[{words}]({url})")
WECOM_TEXT = Tongue(
    lambda name: name.replace("<", "＜").replace(">", "＞"), lambda words, url: f'<a href="{url}">{words}</a>'
)


def tongue_of(channel: str) -> Tongue:
    """How links are written on a channel."""
    return WECOM_TEXT if channel == "wecom:app" else MARKDOWN


def reason(house: House, finding: Finding, titles: Mapping[str, str], *, money: bool) -> str:
    """Why it fires, in a few words."""
    say, metric = house.texts.sentence, finding.metric
    if metric is None:
        return say("why_other", title=titles.get(finding.rule, finding.rule))
    if metric is Metric.REMAINING_LIFE:
        return _life(house, finding, titles)
    if metric is Metric.MONTHS_OF_COVER:
        return _cover(house, finding)
    if metric is Metric.EXPECTED_LOSS:
        # Thousandths of a yuan are tenths of a 分.
        return say("why_expected_loss", loss_fen=finding.value // 10) if money else say("why_expected_loss_unsaid")
    digits = finding.value // 1_000 if metric in _WHOLE else short(finding.value)
    return say(f"why_{metric.value}", number=digits)


def _life(house: House, finding: Finding, titles: Mapping[str, str]) -> str:
    expiry, day = finding.expiry, finding.figures.get("day")
    if expiry is None or not day:
        return house.texts.sentence("why_other", title=titles.get(finding.rule, finding.rule))
    days = (expiry - date.fromisoformat(str(day)[:10])).days
    if days < 0:
        return house.texts.sentence("why_expired", expiry=expiry)
    return house.texts.sentence("why_remaining_life", expiry=expiry, days=days)


def _cover(house: House, finding: Finding) -> str:
    monthly = finding.figures.get("monthly_millibottles")
    if not monthly:
        return house.texts.sentence("why_no_sales", months=finding.figures.get("history_months") or 0)
    return house.texts.sentence("why_months_of_cover", number=short(finding.value), monthly=short(int(monthly)))


def reasons(house: House, place: Place, titles: Mapping[str, str], *, money: bool) -> list[str]:
    """All reasons of a place, each once, the costliest first, at most three."""
    said = (reason(house, finding, titles, money=money) for finding in place.voices)
    return list(dict.fromkeys(said))[:MOST_REASONS]


def source(house: House, finding: Finding) -> str:
    """Where the stock figure comes from, and of which day."""
    name = str(finding.figures.get("source", ""))
    if name == StockSource.INFERRED or finding.as_of is None:
        return house.texts.sentence("warning_inferred")
    return house.texts.sentence("warning_counted", as_of=finding.as_of, source=house.texts.label("seen_by", name))


def advice(house: House, place: Place) -> str:
    """What is suggested; of stale data a count."""
    return house.texts.label("action", (Action.COUNT if place.stale else place.action).value)


def product_name(house: House, finding: Finding) -> str:
    """The product, or that the whole store is meant."""
    return finding.product or house.texts.sentence("digest_whole_store")


def page(house: House, finding: Finding) -> str:
    """The page of the warning."""
    return f"{house.public_url}/w/{finding.id}"


def stock(place: Place) -> str:
    """The bottles concerned, in cases where the product has them."""
    return goods(place.bottles, place.first.case_size)


def by_level(house: House, places: Iterable[Place]) -> str:
    """How many of each colour, the gravest first."""
    numbers: dict[str, int] = {}
    for place in sorted(places, key=lambda p: -p.level):
        word = level_word(place.level)
        numbers[word] = numbers.get(word, 0) + 1
    return house.texts.sentence("digest_levels", levels=list(numbers.items()))


def by_product(house: House, places: Sequence[Place], tongue: Tongue) -> str:
    """The products most places are about; empty when there is only one place of each."""
    numbers: dict[str, int] = {}
    for place in places:
        name = product_name(house, place.first)
        numbers[name] = numbers.get(name, 0) + 1
    most = sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0]))
    if not most or most[0][1] == 1:
        return ""
    shown = [(tongue.name(name), number) for name, number in most[:MOST_NAMES]]
    return house.texts.sentence("digest_by_product", products=shown, more=len(most) > MOST_NAMES)


def listed(names: Iterable[str], tongue: Tongue) -> str:
    """A few names, and how many there are."""
    every = sorted(set(names))
    shown = "、".join(tongue.name(name) for name in every[:MOST_NAMES])
    return shown if len(every) <= MOST_NAMES else f"{shown}等 {len(every)} 家门店"


def short(milli: int) -> str:
    """Thousandths with at most one digit after the point."""
    return f"{milli / 1_000:.1f}".removesuffix(".0")
