"""The one list of periodic jobs: what, when, which function. A slot is done once, whoever is first.

A slot is the scheduled moment, not the moment it ran. After an outage the latest missed slot runs
once, late; jobs that speak to people wait for working time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import structlog
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.database import Database
from models.engine import Inbox, PeriodicSlot
from rules.warnings import Ruleset
from settings.schema import Schedule
from workflows.acting import SHANGHAI, business_day
from workflows.audit import audit
from workflows.digest import compose_digests, write_digests
from workflows.group_cards import refresh_group_cards
from workflows.house import House
from workflows.outbox import forget_old_attempts
from workflows.scan import scan

log = structlog.get_logger()
SlotOf = Callable[[datetime], datetime | None]
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

    return [
        Job("scan", at(schedule.scan_at), lambda database, house, now: _scan(database, house, rules, now)),
        Job("push", at(schedule.push_at), _push),
        Job("audit", lambda now: _every(now, schedule.audit_every_minutes), _in_one(audit)),
        Job("group_cards", lambda now: _every(now, 1), _in_one(refresh_group_cards)),
        Job("tidy", lambda now: _every(now, 60), _in_one(_tidy)),
    ]


def run_due(database: Database, house: House, all_jobs: list[Job], now: datetime) -> list[str]:
    """Run every job whose latest slot nobody has done; return their names."""
    return [job.name for job in all_jobs if _run(database, house, job, now)]


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


def _scan(database: Database, house: House, rules: Ruleset, now: datetime) -> object:
    with database.write() as session:
        return scan(session, rules, business_day(now), now, house=house)


def _push(database: Database, house: House, now: datetime) -> int:
    # Charts take a second a group: they are drawn before the short transaction that writes the letters.
    with database.read() as session:
        digests = compose_digests(session, house, business_day(now))
    with database.write() as session:
        return write_digests(session, digests, now)


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


def _every(now: datetime, minutes: int) -> datetime:
    step = minutes * 60
    return datetime.fromtimestamp(int(now.timestamp()) // step * step, UTC)


def _tidy(session: Session, _house: House, now: datetime) -> None:
    forget_old_attempts(session, now)
    session.execute(delete(Inbox).where(Inbox.received_at < now - KEEP_INBOX))
    old = select(PeriodicSlot.slot).where(PeriodicSlot.started_at < now - timedelta(days=30))
    session.execute(delete(PeriodicSlot).where(PeriodicSlot.slot.in_(old)))
