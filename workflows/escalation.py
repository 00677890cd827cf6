"""Warnings nobody took notice of go up the ladder: rep, regional manager, boss, in working hours.

Anything a person does to a warning stops it. All warnings due at a moment make one message a person, with the list.
Where nobody stands on a rung, or nobody who can be reached, the next one hears of it and is told so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import structlog
from sqlalchemy import and_, bindparam, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from models.engine import History
from models.people import Role
from models.warning import StockWarning
from rules.warnings import Ruleset
from texts.message import Message
from workflows import digest_words as words
from workflows import outbox
from workflows.acting import SYSTEM, business_day
from workflows.digest_lines import LADDER, Finding, Place, findings_where, places, speaking
from workflows.digest_marks import CHUNK, waits_until
from workflows.digest_people import costs_of, line, ranked
from workflows.digest_receivers import Hearer, Staff, staff_of
from workflows.digest_words import Tongue, tongue_of
from workflows.house import House
from workflows.ledger import chunks

log = structlog.get_logger()

MOST_LINES = 10


@dataclass
class _Report:
    """What goes to one person now, and the stores that skipped a rung on the way."""

    hearer: Hearer
    findings: list[Finding] = field(default_factory=list)
    missing: dict[Role, set[str]] = field(default_factory=dict)


def escalate(session: Session, house: House, ruleset: Ruleset, now: datetime) -> int:
    """Tell the next person up of every warning that waited too long; return how many people were told.

    The same moment twice tells nobody twice: a warning that was told of waits anew, or is at the top.
    """
    today = business_day(now)
    due = _claimed(session, house, today, now)
    if not due:
        return 0
    staff = staff_of(session, today)
    reports: dict[int, _Report] = {}
    rungs = {finding.id: _report(staff, finding, reports) for finding in due}
    for report in reports.values():
        _tell(session, house, ruleset, staff, report, now)
    _climb(session, house, due, rungs, now)
    log.info("warnings_escalated", warnings=len(due), people=len(reports))
    return len(reports)


def _claimed(session: Session, house: House, today: date, now: datetime) -> list[Finding]:
    """The warnings that go up now, in their order; another worker at the same moment gets none of them."""
    mine = update(StockWarning).where(StockWarning.escalate_at <= now, *speaking(today), ~_noticed())
    options = {"synchronize_session": False}
    claimed = mine.values(escalate_at=None).returning(StockWarning.id)
    ids = sorted(session.scalars(claimed, execution_options=options))
    found: list[Finding] = []
    for some in chunks(ids, CHUNK):
        found += findings_where(session, house, today, StockWarning.id.in_(some))
    return sorted(found, key=lambda finding: finding.id)


def _noticed() -> ColumnElement[bool]:
    """A person did something since it was told, or knows of this level already."""
    since = and_(
        History.flow == "warning",
        History.subject_id == StockWarning.id,
        History.entrance != SYSTEM.entrance,
        History.at >= StockWarning.told_at,
    )
    return or_(StockWarning.acked_level >= StockWarning.level, select(History.id).where(since).exists())


def _report(staff: Staff, finding: Finding, reports: dict[int, _Report]) -> int:
    """Put a finding into the report of the next person up; return the rung it reached, its own when nobody is there."""
    rung, hearers = staff.next_up(finding.escalated + 1, finding.store_id, finding.region)
    if not hearers:
        log.error("escalation_reaches_nobody", warning=finding.id, store=finding.store_code)
        return finding.escalated
    for hearer in hearers:
        report = reports.setdefault(hearer.id, _Report(hearer))
        report.findings.append(finding)
        for skipped in LADDER[finding.escalated + 1 : rung]:
            report.missing.setdefault(skipped, set()).add(finding.store)
    return rung


def _tell(session: Session, house: House, ruleset: Ruleset, staff: Staff, report: _Report, now: datetime) -> None:
    found = ranked(places(report.findings, ruleset), costs_of(house))
    message = _message(house, {rule.name: rule.title for rule in ruleset.rules}, staff, report, found)
    first = min(finding.id for finding in report.findings)
    outbox.put(
        session,
        key=f"escalation:{now:%Y%m%d%H%M%S}:{report.hearer.id}:{first}",
        channel=report.hearer.channel,
        recipient=report.hearer.user,
        message=message,
        now=now,
    )


def _message(house: House, titles: Mapping[str, str], staff: Staff, report: _Report, found: Sequence[Place]) -> Message:
    tongue = tongue_of(report.hearer.channel)
    shown = found[:MOST_LINES]
    lines = [
        line(
            house, number, place, titles, tongue, "warning_escalated_line",
            told_at=place.first.told_at,
            silent=_silent(staff, place.first, report.hearer),
        )
        for number, place in enumerate(shown, start=1)
    ]  # fmt: skip
    return house.texts.say(
        "warning_escalated",
        places=len(found),
        shown=len(shown),
        lines=lines,
        missing="".join(_missing(house, report, tongue)),
        url=f"{house.public_url}/desk/warnings/",
    )


def _silent(staff: Staff, finding: Finding, reader: Hearer) -> str:
    """Who was told of it so far and did nothing, by name; not the reader, who may have stood in for somebody."""
    rungs = LADDER[: finding.escalated + 1]
    told = [hearer for role in rungs for hearer in staff.holders(role, finding.store_id, finding.region)]
    return "、".join(dict.fromkeys(hearer.name for hearer in told if hearer.id != reader.id))


def _missing(house: House, report: _Report, tongue: Tongue) -> Iterable[str]:
    for role, stores in report.missing.items():
        said = words.listed(stores, tongue)
        label = house.texts.label("missing_role", role.value)
        yield house.texts.sentence("warning_escalated_missing", stores=said, role=label)


def _climb(session: Session, house: House, due: Iterable[Finding], rungs: Mapping[int, int], now: datetime) -> None:
    """Note the rung each warning reached, and when it goes on from there."""
    rows = []
    for finding in due:
        rung = rungs[finding.id]
        higher = finding.escalated < rung < len(LADDER) - 1
        goes_on = waits_until(house, finding.level, now) if higher else None
        rows.append({"warning": finding.id, "rung": rung, "goes_on": goes_on})
    session.connection().execute(_CLIMB, rows)


_TABLE = StockWarning.__table__
_CLIMB = (
    update(_TABLE)  # type: ignore[arg-type]  # a declared class has a Table
    .where(_TABLE.c.id == bindparam("warning"))
    .values(escalated=bindparam("rung"), escalate_at=bindparam("goes_on"))
)
