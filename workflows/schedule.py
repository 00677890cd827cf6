"""The one list of periodic jobs: what, when, which function. A slot is done once, whoever is first.

A slot is the scheduled moment, not the moment it ran. After an outage the latest missed slot runs
once, late; jobs that speak to people wait for working time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial

import structlog
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.database import Database
from models.engine import Inbox, PeriodicSlot
from rules.warnings import Ruleset
from settings.schema import Connector, Schedule
from workflows.acting import SHANGHAI, business_day
from workflows.api_requests import forget_answers
from workflows.audit import audit
from workflows.calendar_watch import push_time, warn_of_calendar
from workflows.channel_stock import believed_day, last_delivery, refresh_channel_stock
from workflows.connectors import run_connector
from workflows.count_asking import ask_for_counts
from workflows.count_requests import take_counts_seen
from workflows.digest import compose_digests, write_digests
from workflows.digest_files import forget_old_papers
from workflows.escalation import escalate
from workflows.group_cards import refresh_group_cards
from workflows.house import House
from workflows.ledger import chunks
from workflows.outbox import forget_old_attempts
from workflows.quotas import keep_counts, watch_quotas
from workflows.scan import scan

log = structlog.get_logger()
SlotOf = Callable[[datetime], datetime | None]
DIGESTS_AT_ONCE = 20  # people and groups in one transaction
KEEP_INBOX = timedelta(days=2)  # platforms re-deliver within minutes; two days cover an outage


@dataclass(frozen=True)
class Job:
    """`slot` names the latest moment the job was due; None while it is not due at all.

    `run` opens its own transactions and may be done twice without harm.
    """

    name: str
    slot: SlotOf
    run: Callable[[Database, House, datetime], object]


def jobs(schedule: Schedule, rules: Ruleset, house: House) -> list[Job]:
    """All periodic jobs of the house."""

    def at(hour: time) -> SlotOf:
        return lambda now: _workday_slot(house, now, hour)

    push_at = push_time(house, schedule.push_at)
    return [
        Job("infer", at(schedule.scan_at), _in_one(_infer)),
        Job("scan", at(schedule.scan_at), lambda database, house, now: _scan(database, house, rules, now)),
        Job("push", _speaking(house, at(push_at)), lambda database, house, now: _push(database, house, rules, now)),
        Job("escalate", _speaking(house, _off_the_marks), _in_one(partial(_escalate, rules))),
        Job("quotas", _speaking(house, lambda now: _every(now, 5)), _in_one(watch_quotas)),
        Job("calendar", _speaking(house, at(push_at)), _in_one(warn_of_calendar)),
        Job("audit", lambda now: _every(now, schedule.audit_every_minutes), _in_one(audit)),
        Job("group_cards", lambda now: _every(now, 1), _in_one(refresh_group_cards)),
        Job("ask_counts", at(schedule.ask_counts_at), ask_for_counts),
        Job("counts_seen", lambda now: _every(now, 10), _in_one(take_counts_seen)),
        Job("tidy", lambda now: _every(now, 60), _in_one(_tidy)),
    ]


def pull_jobs(house: House) -> list[Job]:
    """One job for each connector. They wait for other machines, so they run apart from the others."""
    return [
        Job(f"connector:{connector.name}", _slot_of(connector), _pulling(connector)) for connector in house.connectors
    ]


def run_due(database: Database, house: House, all_jobs: list[Job], now: datetime) -> list[str]:
    """Run every job whose latest slot nobody has done; return their names.

    One that fails keeps no other from its work and is tried again at the next tick. Raises ExceptionGroup at the end.
    """
    ran, problems = [], []
    for job in all_jobs:
        try:
            if _run(database, house, job, now):
                ran.append(job.name)
        except Exception as problem:
            log.exception("job_failed", job=job.name)
            problems.append(problem)
    if problems:
        raise ExceptionGroup("some jobs failed", problems)
    return ran


def _run(database: Database, house: House, job: Job, now: datetime) -> bool:
    slot = job.slot(now)
    if slot is None or _done(database, job, slot):
        return False
    # First the work, then the mark: a crash between them repeats a job that bears it, and loses none.
    try:
        job.run(database, house, now)
        with database.write() as session:
            row = {"job": job.name, "slot": slot.isoformat(), "started_at": now}
            session.execute(insert(PeriodicSlot), [row])
    except IntegrityError:  # another worker has this slot, or wrote the same letter
        return False
    log.debug("job_done", job=job.name, slot=slot.isoformat())
    return True


def _in_one(work: Callable[[Session, House, datetime], object]) -> Callable[[Database, House, datetime], object]:
    def run(database: Database, house: House, now: datetime) -> object:
        with database.write() as session:
            return work(session, house, now)

    return run


def _infer(session: Session, _house: House, now: datetime) -> None:
    """What came in since yesterday, by file, connector or API, counts in the scan that follows."""
    if last_delivery(session) is not None:
        refresh_channel_stock(session, believed_day(session, business_day(now)))


def _scan(database: Database, house: House, rules: Ruleset, now: datetime) -> object:
    with database.write() as session:
        return scan(session, rules, business_day(now), now, house=house)


def _push(database: Database, house: House, rules: Ruleset, now: datetime) -> int:
    # Wording and drawing take their time: they come before the short transactions that write the letters.
    with database.read() as session:
        digests = compose_digests(session, house, rules, business_day(now), now)
    written = 0
    for some in chunks(digests, DIGESTS_AT_ONCE):
        with database.write() as session:
            written += write_digests(session, house, some, now)
    return written


def _escalate(rules: Ruleset, session: Session, house: House, now: datetime) -> int:
    return escalate(session, house, rules, now)


def _done(database: Database, job: Job, slot: datetime) -> bool:
    with database.read() as session:
        return session.get(PeriodicSlot, (job.name, slot.isoformat())) is not None


def _workday_slot(house: House, now: datetime, hour: time) -> datetime | None:
    local = now.astimezone(SHANGHAI)
    if not house.calendar.is_workday(local.date()):
        return None
    slot = datetime.combine(local.date(), hour, tzinfo=SHANGHAI)
    too_late = local.time() >= house.calendar.day_end
    return slot.astimezone(UTC) if slot <= local and not too_late else None


def _slot_of(connector: Connector) -> SlotOf:
    hour = connector.at
    if hour is None:
        return lambda now: _every(now, connector.every_minutes)
    return lambda now: _daily_slot(now, hour)


def _pulling(connector: Connector) -> Callable[[Database, House, datetime], object]:
    return lambda database, house, now: run_connector(database, house, connector, now)


def _daily_slot(now: datetime, hour: time) -> datetime:
    local = now.astimezone(SHANGHAI)
    slot = datetime.combine(local.date(), hour, tzinfo=SHANGHAI)
    return (slot if slot <= local else slot - timedelta(days=1)).astimezone(UTC)


def _speaking(house: House, slot_of: SlotOf) -> SlotOf:
    """Only while people may be told of something; what was missed meanwhile comes once, then."""
    return lambda now: slot_of(now) if house.calendar.may_push(now) else None


def _off_the_marks(now: datetime) -> datetime:
    """Each ten minutes at 7, 17, 27 …"""
    return _every(now - timedelta(minutes=7), 10) + timedelta(minutes=7)


def _every(now: datetime, minutes: int) -> datetime:
    step = minutes * 60
    return datetime.fromtimestamp(int(now.timestamp()) // step * step, UTC)


def _tidy(session: Session, house: House, now: datetime) -> None:
    forget_old_attempts(session, now)
    forget_answers(session, now, timedelta(days=house.api.keep_answers_days))
    keep_counts(session, now - KEEP_INBOX)
    session.execute(delete(Inbox).where(Inbox.received_at < now - KEEP_INBOX))
    forget_old_papers(house, now)
    old = select(PeriodicSlot.slot).where(PeriodicSlot.started_at < now - timedelta(days=30))
    session.execute(delete(PeriodicSlot).where(PeriodicSlot.slot.in_(old)))
