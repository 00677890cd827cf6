"""Due timers become steps of their flows, each in a transaction of its own."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from models.database import Database
from models.engine import Timer
from workflows.acting import SYSTEM
from workflows.flow import Flow, Step
from workflows.house import House
from workflows.subjects import SUBJECTS

log = structlog.get_logger()

RETRY = timedelta(minutes=5)  # a timer that failed is tried again, not lost


def fire_due(database: Database, house: House, flows: Mapping[str, Flow], now: datetime, *, most: int = 200) -> int:
    """Fire up to `most` due timers; return how many did something."""
    with database.read() as session:
        due = select(Timer.id).where(Timer.due_at <= now).order_by(Timer.due_at).limit(most)
        ids = list(session.scalars(due))
    return sum(_fire_one(database, house, flows, timer_id, now) for timer_id in ids)


def _fire_one(database: Database, house: House, flows: Mapping[str, Flow], timer_id: int, now: datetime) -> bool:
    try:
        with database.write() as session:
            timer = _claim(session, timer_id)
            return timer is not None and _act(session, house, flows[timer.flow], timer, now)
    except StaleDataError:  # a person was faster; the timer stays and finds out next time
        return False
    except Exception:
        log.exception("timer_failed", timer=timer_id)
        _put_off(database, timer_id, now)
        return False


def _claim(session: Session, timer_id: int) -> Timer | None:
    taken = delete(Timer).where(Timer.id == timer_id).returning(Timer)
    return session.scalar(taken)


def _act(session: Session, house: House, flow: Flow, timer: Timer, now: datetime) -> bool:
    subject = session.get(SUBJECTS[timer.flow], timer.subject_id)
    if subject is None:
        return False
    return flow.fire_timer(Step(session, house, subject, SYSTEM, now), timer.row, timer.visit)


def _put_off(database: Database, timer_id: int, now: datetime) -> None:
    with database.write() as session:
        session.execute(update(Timer).where(Timer.id == timer_id).values(due_at=now + RETRY))
