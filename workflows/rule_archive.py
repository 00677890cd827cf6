"""Rules as they stood when they fired: written by the scan, read when a warning is explained."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.people import Role
from models.rule_text import RuleText
from models.warning import StockWarning
from rules.warning_rules import Action, Metric, Rule, Ruleset, Scope, Subject, Thresholds
from workflows.portable_sql import insert_for

Plain = dict[str, Any]


def keep_rules(session: Session, ruleset: Ruleset, today: date) -> int:
    """Write down every rule not known in this version yet; return how many were new. Another title is taken over."""
    known = {(text.version, text.name): text for text in session.scalars(select(RuleText))}
    new = [rule for rule in ruleset.rules if (rule.version, rule.name) not in known]
    for rule in ruleset.rules:
        if (text := known.get((rule.version, rule.name))) and text.title != rule.title:
            text.title = rule.title
    rows = [
        {"version": rule.version, "name": rule.name, "title": rule.title, "content": as_plain(rule), "kept_on": today}
        for rule in new
    ]
    if rows:
        session.execute(insert_for(session)(RuleText).values(rows).on_conflict_do_nothing())
    return len(rows)


def kept_rule(session: Session, warning: StockWarning) -> Rule | None:
    """The rule a warning was last measured by, as it stood; None when it was never written down."""
    text = session.get(RuleText, (warning.rule_version, warning.rule))
    return from_plain(text.content, title=text.title) if text else None


def as_plain(rule: Rule) -> Plain:
    """A rule as data that JSON can keep."""
    return {**asdict(rule), "receivers": [[str(role) for role in roles] for roles in rule.receivers]}


def from_plain(content: Mapping[str, Any], *, title: str = "") -> Rule:
    """The rule `as_plain` wrote; `title` is what it is called now. Keys of a later version are left out."""
    fields = {name: value for name, value in content.items() if name in Rule.__dataclass_fields__}
    return Rule(
        **{
            **fields,
            "title": title or str(content["title"]),
            "metric": Metric(content["metric"]),
            "action": Action(content["action"]),
            "scope": _scope(content["scope"]),
            "thresholds": tuple(_row(row) for row in content["thresholds"]),
            "receivers": tuple(tuple(Role(role) for role in roles) for roles in content["receivers"]),
            "leave_out_months": tuple(content.get("leave_out_months", ())),
        }
    )


def row_of(rule: Rule, warning: StockWarning) -> Thresholds | None:
    """The threshold row that applied: the one with the warning's threshold at its level.

    Where several have it, the one its store and product are under today; None when none of them is.
    """
    fitting = [row for row in rule.thresholds if warning.threshold in row.levels]
    if len(fitting) <= 1:
        return next(iter(fitting), None)
    store, product = warning.store, warning.product
    subject = Subject(
        store=store.code,
        region=store.region,
        channel=store.channel,
        tier=store.tier,
        product=product.code if product else "",
        brand=product.brand if product else "",
        price_band=product.price_band if product else "",
    )
    now = rule.row_for(subject)
    return now if now in fitting else None


def kept_rules(session: Session) -> Ruleset:
    """The newest version of every rule there ever was, for what a warning of today says of its rule."""
    texts = session.scalars(select(RuleText).order_by(RuleText.kept_on, RuleText.version))
    newest = {text.name: text for text in texts}
    return Ruleset("", tuple(from_plain(text.content, title=text.title) for text in newest.values()))


def _scope(content: Mapping[str, Any]) -> Scope:
    return Scope(**{name: tuple(values) for name, values in content.items() if name in Scope.__dataclass_fields__})


def _row(content: Mapping[str, Any]) -> Thresholds:
    return Thresholds(_scope(content["scope"]), tuple(content["levels"]), int(content["clears"]))
