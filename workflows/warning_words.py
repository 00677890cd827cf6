"""A warning in words: its figure and threshold, and the marks beside its state. Shared by card, list and page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.engine import History
from models.people import Person
from models.recall import RecallTask
from models.rule_text import RuleText
from models.warning import StockWarning, WarningState
from rules.warning_rules import METRICS, Metric
from texts.render import goods, yuan
from workflows.history import Entry
from workflows.house import House
from workflows.warning_value import confirmed_on, value_on

#: Digits after the point, by unit; what is not listed has one.
_DIGITS = {"天": 0, "倍离散度": 2}


@dataclass(frozen=True)
class Mark:
    """One thing that is true beside the state; `tone` is "", "warn" or "bad"."""

    text: str
    tone: str = ""


def metric_of(warning: StockWarning) -> Metric | None:
    """What the warning measures, None when its figures do not say."""
    said = warning.figures.get("metric")
    return Metric(said) if isinstance(said, str) and said in METRICS else None


def amount(milli: int, metric: Metric) -> str:
    """A value or threshold in thousandths of the metric's unit, as people read it: 9.0 个月."""
    unit = metric.facts.unit
    if unit == "元":
        return yuan(round(milli / 10))
    number = f"{milli / 1000:z.{_DIGITS.get(unit, 1)}f}"
    return f"{number}%" if unit == "%" else f"{number} {unit}"


def headline(session: Session, warning: StockWarning) -> str:
    """The figure that fired and its threshold: 可销月数 9.0 个月，门槛 6.0 个月. As the scan last found it."""
    metric = metric_of(warning)
    if metric is None:
        return ""
    value = value_on(warning, confirmed_on(session, warning))
    said = f"{metric.facts.word} {amount(value, metric)}"
    if metric is Metric.MONTHS_OF_COVER and not warning.figures.get("monthly_millibottles"):
        said = f"没有动销，已放 {amount(value, metric)}"
    if metric is Metric.REMAINING_LIFE and value < 0:
        said = f"{metric.facts.word}已过"
    return f"{said}，门槛 {amount(warning.threshold, metric)}"


def stock_words(warning: StockWarning) -> str:
    """The bottles concerned, in cases where the product has them."""
    return goods(warning.bottles, warning.product.case_size if warning.product else 0)


def rule_title(session: Session, house: House, warning: StockWarning) -> str:
    """What the rule is called: as it was written down, else by its label."""
    text = session.get(RuleText, (warning.rule_version, warning.rule))
    return text.title if text else house.texts.label("rule", warning.rule)


def day_of(figures: Mapping[str, Any], name: str) -> date | None:
    """A day among the figures, None when it is missing or no day."""
    try:
        return date.fromisoformat(str(figures.get(name, ""))[:10])
    except ValueError:
        return None


def marks(session: Session, house: House, warning: StockWarning, today: date) -> list[Mark]:
    """Everything true beside the state, in words, with who and until when."""
    found = [
        *_of_state(session, house, warning),
        *_of_silence(session, house, warning, today),
        *_of_inhibition(session, house, warning),
        *_of_data(house, warning, today),
        *_of_people(session, house, warning),
    ]
    return [mark for mark in found if mark.text]


def _of_state(session: Session, house: House, warning: StockWarning) -> Iterable[Mark]:
    say, state = house.texts.sentence, warning.state
    if state is WarningState.PENDING and warning.pending_since:
        yield Mark(say("mark_pending", since=warning.pending_since))
    if state is WarningState.ACKNOWLEDGED and (step := _last(session, warning, ("acknowledge", "assign"))):
        yield Mark(say("mark_acknowledged", who=step.actor, at=step.at))
    if state is WarningState.IN_ACTION and (step := _last(session, warning, ("start_recall", "find_transfer"))):
        what = f"发起回收 R{step.facts['campaign']}" if "campaign" in step.facts else "找调剂"
        yield Mark(say("mark_in_action", who=step.actor, at=step.at, what=what))
    if state is WarningState.DISMISSED and warning.dismissed_until:
        yield Mark(_dismissed(session, house, warning))
    if state is WarningState.RESOLVED:
        cause = house.texts.label("resolve_cause", warning.cause.value) if warning.cause else ""
        yield Mark(say("mark_resolved", cause=cause, on=warning.resolved_on or warning.seen_on))


def _dismissed(session: Session, house: House, warning: StockWarning) -> str:
    step = _last(session, warning, ("dismiss",))
    return house.texts.sentence(
        "mark_dismissed",
        who=step.actor if step else "",
        why=step.reason if step else "",
        until=warning.dismissed_until,
        low=warning.band_low,
        high=warning.band_high,
    )


def _of_silence(session: Session, house: House, warning: StockWarning, today: date) -> Iterable[Mark]:
    if warning.snoozed_until and warning.snoozed_until > today and warning.state is not WarningState.RESOLVED:
        step = _last(session, warning, ("snooze", "ask_count"))
        who, why = (step.actor, step.reason) if step else ("", "")
        yield Mark(house.texts.sentence("mark_snoozed", until=warning.snoozed_until, who=who, why=why))


def _of_inhibition(session: Session, house: House, warning: StockWarning) -> Iterable[Mark]:
    kind, _, ref = warning.inhibited_by.partition(":")
    if not ref.isdigit():
        return
    if kind == "warning":
        yield Mark(house.texts.sentence("mark_inhibited_warning", number=f"W{ref}"))
        return
    task = session.get(RecallTask, int(ref))
    number = f"R{task.campaign_id}-{task.id}" if task else ref
    yield Mark(house.texts.sentence("mark_inhibited_recall", number=number))


def _of_data(house: House, warning: StockWarning, today: date) -> Iterable[Mark]:
    if not warning.stale:
        return
    as_of = day_of(warning.figures, "as_of")
    days = (today - as_of).days if as_of else None
    yield Mark(house.texts.sentence("mark_stale", as_of=as_of, days=days), "bad")


def _of_people(session: Session, house: House, warning: StockWarning) -> Iterable[Mark]:
    if warning.assignee_id and (person := session.get(Person, warning.assignee_id)):
        yield Mark(house.texts.sentence("mark_assignee", name=person.name))
    if warning.escalated and warning.state is WarningState.FIRING:
        yield Mark(house.texts.sentence("mark_escalated", rung=min(warning.escalated, 2)), "warn")
    if warning.flaps:
        yield Mark(house.texts.sentence("mark_flaps", times=warning.flaps))


def _last(session: Session, warning: StockWarning, events: tuple[str, ...]) -> History | Entry | None:
    """The newest step of these events, with who took it and why; the step being taken now is one of them."""
    # What happens in this very transaction is written into the history only as it ends.
    waiting: list[Entry] = session.info.get("history", [])
    for entry in reversed(waiting):
        if (entry.flow, entry.subject_id) == ("warning", warning.id) and entry.event in events:
            return entry
    query = (
        select(History)
        .where(History.flow == "warning", History.subject_id == warning.id, History.event.in_(events))
        .order_by(History.id.desc())
        .limit(1)
    )
    return session.scalar(query)
