"""What is kept of a scan itself: the row of its day, a history row for each rule that did something, the counts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from models.warning import ScanRun
from rules.warning_rules import Ruleset
from workflows.acting import SYSTEM
from workflows.history import Entry, record
from workflows.house import House
from workflows.scan_tables import hit, level_of, newcomer, rule_row, step
from workflows.warning_value import last_scan_day

#: What a step is called in the counts.
_EVENTS = ("fired", "pending", "refired", "risen", "eased", "reopened", "resolved", "stale")


class ScanRefused(Exception):
    """The scan cannot be done for that day; `str()` is a sentence for a person."""


@dataclass
class ScanResult:
    """Warnings by rule. `fired` are new to people, `still` were there before and are true today.

    `events` holds all steps by rule and kind: fired, pending, refired, risen, eased, reopened, resolved, stale.
    """

    fired: dict[str, int] = field(default_factory=dict)
    still: dict[str, int] = field(default_factory=dict)
    resolved: dict[str, int] = field(default_factory=dict)
    events: dict[str, dict[str, int]] = field(default_factory=dict)

    def counts(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {"fired": self.fired, "still": self.still, "resolved": self.resolved}


def refuse_an_earlier_day(session: Session, today: date) -> None:
    """A scan never turns the warnings back. Raises ScanRefused."""
    last = last_scan_day(session)
    if last is not None and today < last:
        raise ScanRefused(
            f"{last:%Y-%m-%d} 已经巡检过，不能再按更早的 {today:%Y-%m-%d} 巡检。"
            f"想看那天会报什么，请用 rules try --on {today:%Y-%m-%d}。"
        )


def record_scan(session: Session, ruleset: Ruleset, today: date, now: datetime, house: House | None) -> ScanResult:
    """Count what was done, and keep it."""
    events = _events(session)
    names = {*events, *(rule.name for rule in ruleset.rules)}
    hits = _hits(session)
    result = ScanResult(events={name: events.get(name, {}) for name in sorted(names)})
    for name, counted in result.events.items():
        new = counted.get("fired", 0)
        begun = sum(counted.get(kind, 0) for kind in ("born", "reopened"))
        result.fired[name] = new
        result.still[name] = max(hits.get(name, 0) - begun, 0)
        result.resolved[name] = counted.get("resolved", 0)
    changed = {name: _told(counted) for name, counted in events.items() if _told(counted)}
    run = _keep_run(session, ruleset, today, now, changed)
    if house is not None:
        _write_history(session, house, run, changed, now)
    return result


def _told(counted: Mapping[str, int]) -> dict[str, int]:
    return {kind: counted[kind] for kind in _EVENTS if counted.get(kind)}


def _events(session: Session) -> dict[str, dict[str, int]]:
    """Steps and births by rule and kind; `born` are all new rows, whatever state they began in."""
    found: dict[str, dict[str, int]] = {}
    steps = (
        select(step.c.rule, step.c.event, func.count()).where(step.c.event != "").group_by(step.c.rule, step.c.event)
    )
    kind = case((newcomer.c.waits, "pending"), else_="fired")
    births = (
        select(rule_row.c.name, kind, func.count())
        .join(newcomer, newcomer.c.rule_no == rule_row.c.no)
        .group_by(rule_row.c.name, kind)
    )
    for rule, event, count in session.execute(steps):
        found.setdefault(rule, {})[event] = count
    for rule, event, count in session.execute(births):
        counted = found.setdefault(rule, {})
        counted[event] = counted.get(event, 0) + count
        counted["born"] = counted.get("born", 0) + count
    return found


def _hits(session: Session) -> dict[str, int]:
    """Subjects at a level or more, by rule."""
    query = (
        select(rule_row.c.name, func.count())
        .join(hit, hit.c.rule_no == rule_row.c.no)
        .where(level_of(hit.c.code) > 0)
        .group_by(rule_row.c.name)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def _keep_run(
    session: Session, ruleset: Ruleset, today: date, now: datetime, changed: dict[str, dict[str, int]]
) -> ScanRun:
    """The row of the day; a second scan of a day that finds nothing new leaves it as it is."""
    run = session.scalar(select(ScanRun).where(ScanRun.day == today))
    if run is None:
        run = ScanRun(day=today, ruleset_version=ruleset.version, scanned_at=now, counts=changed)
        session.add(run)
    elif changed or run.ruleset_version != ruleset.version:
        run.ruleset_version, run.scanned_at = ruleset.version, now
        run.counts = _added(run.counts, changed)
    session.flush()
    return run


def _added(before: Mapping[str, Mapping[str, int]], more: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    rules = sorted({*before, *more})
    kinds = {rule: sorted({*before.get(rule, {}), *more.get(rule, {})}) for rule in rules}
    return {
        rule: {kind: before.get(rule, {}).get(kind, 0) + more.get(rule, {}).get(kind, 0) for kind in kinds[rule]}
        for rule in rules
    }


def _write_history(
    session: Session, house: House, run: ScanRun, changed: Mapping[str, Mapping[str, int]], now: datetime
) -> None:
    """One row a rule: the single steps stand in `WarningEvent`, which is written in sets."""
    for place, (rule, counted) in enumerate(sorted(changed.items()), start=1):
        entry = Entry(
            flow="scan",
            subject_id=run.id,
            version=place,
            event=rule,
            from_state="",
            to_state="",
            actor=SYSTEM.name,
            entrance=SYSTEM.entrance,
            reason="",
            facts={"day": run.day.isoformat(), "ruleset": run.ruleset_version, **counted},
            at=now,
        )
        record(session, house.secret, entry)
