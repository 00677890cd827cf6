"""The life of one warning in order: what people did (the history) and what the scan did by itself."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.engine import History
from models.warning import StockWarning, WarningEvent
from rules.warnings import level_word
from workflows.acting import business_day
from workflows.house import House
from workflows.warning_words import amount, metric_of

MOST = 100  # moments of one life; older ones are left out and said so
#: Timers that only look whether something came of it; nobody needs to read of them.
_QUIET = "after to "


@dataclass(frozen=True)
class Moment:
    """One thing that happened. `at` is empty for what the scan did: it knows only the day."""

    day: date
    at: datetime | None
    what: str
    who: str
    why: str
    version: int


def timeline(session: Session, house: House, warning: StockWarning) -> list[Moment]:
    """The newest first, by the version of the warning that each step made."""
    moments = [*_by_people(session, house, warning), *_by_scan(session, house, warning)]
    return sorted(moments, key=lambda moment: (-moment.version, moment.at is None))[:MOST]


def _by_people(session: Session, house: House, warning: StockWarning) -> list[Moment]:
    query = (
        select(History)
        .where(History.flow == "warning", History.subject_id == warning.id)
        .order_by(History.id.desc())
        .limit(MOST)
    )
    rows = [row for row in session.scalars(query) if not row.event.startswith(_QUIET)]
    return [Moment(business_day(row.at), row.at, _said(house, row), row.actor, row.reason, row.version) for row in rows]


def _said(house: House, row: History) -> str:
    facts = row.facts
    if row.event.startswith("after "):
        return house.texts.sentence("life_asked_again")
    what = house.texts.label("event", row.event)
    if "campaign" in facts:
        return f"{what} R{facts['campaign']}"
    if "until" in facts:
        return f"{what}，到 {facts['until']}"
    if "name" in facts:
        return f"{what}给 {facts['name']}"
    return what


def _by_scan(session: Session, house: House, warning: StockWarning) -> list[Moment]:
    query = (
        select(WarningEvent)
        .where(WarningEvent.warning_id == warning.id)
        .order_by(WarningEvent.version.desc())
        .limit(MOST)
    )
    metric = metric_of(warning)
    return [
        Moment(
            row.day,
            None,
            house.texts.sentence(
                "life_scanned",
                event=house.texts.label("scan_event", row.event),
                level=level_word(row.level),
                value=amount(row.value, metric) if metric and row.value else "",
                bottles=row.bottles,
                cause=house.texts.label("resolve_cause", row.cause.value) if row.cause else "",
            ),
            "系统",
            "",
            row.version,
        )
        for row in session.scalars(query)
    ]
