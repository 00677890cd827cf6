"""Why a warning fires, so that every figure can be followed: the rule as it stood, each input with its source and
age, the formula with the numbers put in, and where they come from. In Chinese, for page and chat alike.

Nothing is measured anew and no rule of today is asked: the figures are those the scan wrote down. What is looked
up beside them are facts that do not change: deliveries and counts up to that day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from models.warning import StockWarning
from rules.warning_rules import DIMENSIONS, SINGULAR, Rule, Scope, Thresholds
from rules.warnings import level_word
from texts.render import Texts
from workflows.explain_formula import Measured, formula
from workflows.explain_inputs import inputs
from workflows.explain_past import experience, flow_of_goods, peers, sales_sources
from workflows.figures import Figures
from workflows.house import House
from workflows.rule_archive import kept_rule, row_of
from workflows.warning_value import confirmed_on, value_on
from workflows.warning_words import amount, metric_of, rule_title


@dataclass(frozen=True)
class Section:
    """A heading and its lines."""

    title: str
    lines: tuple[str, ...]


def explain(session: Session, house: House, warning: StockWarning) -> list[Section]:
    """Everything behind a warning; sections that have nothing to say are left out."""
    metric = metric_of(warning)
    figures = Figures(warning.figures)
    measured = measured_now(session, warning)
    sections = [
        ("rule", _rule(session, house, warning, measured)),
        ("inputs", inputs(house.texts, warning, figures)),
        ("formula", formula(house.texts, warning, figures, measured)),
        ("sales", sales_sources(session, house.texts, warning, figures, metric)),
        ("past", experience(house.texts, figures)),
        ("peers", peers(house.texts, figures, metric)),
        ("lots", flow_of_goods(session, house.texts, warning, metric)),
        ("when", _when(house.texts, warning, figures, measured)),
    ]
    found = [Section(house.texts.label("explain", name), tuple(lines)) for name, lines in sections]
    return [section for section in found if section.lines]


def as_text(warning: StockWarning, sections: list[Section]) -> str:
    """The same for a chat."""
    head = f"W{warning.id} {warning.store.name} {warning.product_name}".strip()
    parts = [f"【{section.title}】\n" + "\n".join(section.lines) for section in sections]
    return "\n".join([head, *parts])


def measured_now(session: Session, warning: StockWarning) -> Measured:
    """What was last found: ages go on by themselves, everything else stands as it was written."""
    day = confirmed_on(session, warning)
    return Measured(metric_of(warning), day, value_on(warning, day))


def _rule(session: Session, house: House, warning: StockWarning, measured: Measured) -> Iterator[str]:
    say, metric = house.texts.sentence, measured.metric
    title = rule_title(session, house, warning)
    yield say("explain_rule", title=title, name=warning.rule, version=warning.rule_version)
    if metric is None:
        return
    yield say(
        "explain_fires",
        word=metric.facts.word,
        value=amount(measured.value, metric),
        rising=metric.facts.rising,
        level=level_word(warning.level),
        threshold=amount(warning.threshold, metric),
    )
    rule = kept_rule(session, warning)
    if rule is None:
        yield say("explain_rule_unknown")
        return
    yield from _kept(house.texts, warning, rule)


def _kept(texts: Texts, warning: StockWarning, rule: Rule) -> Iterator[str]:
    row = row_of(rule, warning)
    if row is None:
        yield texts.sentence("explain_row_unknown", rows=len(rule.thresholds))
    else:
        yield _row(texts, rule, row)
    if rule.scope.weight:
        yield texts.sentence("explain_scope", scope=scope_words(texts, rule.scope))
    yield texts.sentence(
        "explain_gates",
        bottles=rule.min_bottles,
        loss_fen=rule.min_loss_fen,
        pending=rule.pending_days,
        fresh=rule.fresh_days,
        quiet=rule.quiet_days,
        listing=rule.new_listing_days if rule.metric.facts.by_sales else 0,
        months="、".join(str(month) for month in rule.leave_out_months),
    )


def _row(texts: Texts, rule: Rule, row: Thresholds) -> str:
    levels = "，".join(
        f"{level_word(number)} {amount(level, rule.metric)}" for number, level in enumerate(row.levels, start=1)
    )
    return texts.sentence(
        "explain_row",
        scope=scope_words(texts, row.scope),
        number=rule.thresholds.index(row) + 1,
        rows=len(rule.thresholds),
        levels=levels,
        rising=rule.metric.facts.rising,
        clears=amount(row.clears, rule.metric),
    )


def scope_words(texts: Texts, scope: Scope) -> str:
    """A scope as people say it: 价位段：中档；区域：城东、城西."""
    named = scope.named
    said = [
        f"{texts.label('scope_dimension', SINGULAR[name])}：{'、'.join(named[name])}"
        for name in DIMENSIONS
        if name in named
    ]
    return "；".join(said) or "全部门店和商品"


def _when(texts: Texts, warning: StockWarning, figures: Figures, measured: Measured) -> Iterator[str]:
    yield texts.sentence(
        "explain_when",
        day=figures.day("day") or warning.seen_on,
        confirmed=measured.day,
        fired=warning.fired_on,
        since=_before(warning.pending_since, warning.fired_on),
        episode=warning.episode,
    )


def _before(since: date | None, fired: date) -> date | None:
    return since if since and since < fired else None
