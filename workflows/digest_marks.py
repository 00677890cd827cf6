"""What is written down about telling: when, of which level, and when the next person up hears of it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import case, literal, null, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from models.warning import StockWarning
from workflows.acting import business_day
from workflows.house import House
from workflows.ledger import chunks

CHUNK = 500  # ids in one statement
MOST_LEVELS = 6


def mark_told(session: Session, house: House, ids: Iterable[int], now: datetime) -> None:
    """These warnings were put before somebody: remember day and level, and start their ladder anew."""
    values: dict[str, Any] = {
        "notified_on": business_day(now),
        "notified_level": StockWarning.level,
        "told_at": now,
        "escalated": 0,
        "escalate_at": _next_rung(house, now),
    }
    _update(session, ids, values)


def mark_asked_to_count(session: Session, ids: Iterable[int], now: datetime) -> None:
    """Somebody was asked to count: nothing was said of the level, so fresh data that still fires is news."""
    _update(session, ids, {"notified_on": business_day(now), "notified_level": 0, "told_at": now, "escalate_at": None})


def waits_until(house: House, level: int, now: datetime) -> datetime | None:
    """When the next person up hears of an unanswered warning of that level; None when nobody does."""
    hours = [house.escalation.hours[known] for known in sorted(house.escalation.hours) if known <= level]
    return house.calendar.add_working_hours(now, hours[-1]) if hours else None


def _next_rung(house: House, now: datetime) -> ColumnElement[Any]:
    moments = {level: waits_until(house, level, now) for level in range(1, MOST_LEVELS + 1)}
    kind = StockWarning.__table__.c.escalate_at.type
    whens = [(StockWarning.level == level, literal(moment, kind)) for level, moment in moments.items() if moment]
    return case(*whens, else_=null()) if whens else null()


def _update(session: Session, ids: Iterable[int], values: dict[str, Any]) -> None:
    for some in chunks(sorted(set(ids)), CHUNK):
        marked = update(StockWarning).where(StockWarning.id.in_(some)).values(**values)
        session.execute(marked, execution_options={"synchronize_session": False})
