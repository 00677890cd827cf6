"""Said loudly, while years lack their holidays: in the log, on the desk, and to the boss once a day."""

from datetime import date, datetime, time

import structlog
from sqlalchemy.orm import Session

from models.people import Role
from texts.message import Message
from workflows import outbox
from workflows.acting import business_day, people_with
from workflows.house import House
from workflows.tell import channel_of

log = structlog.get_logger()


def calendar_alarm(house: House, today: date) -> str:
    """What is wrong with the calendar on that day, for the desk; empty when all is known."""
    years = house.calendar.unknown_years(today)
    return house.texts.sentence("calendar_unknown", years="、".join(map(str, years))) if years else ""


def warn_of_calendar(session: Session, house: House, now: datetime) -> bool:
    """Tell the boss that years lack their holidays, once a day; return whether there was anything to tell."""
    today = business_day(now)
    alarm = calendar_alarm(house, today)
    if not alarm:
        return False
    log.error("calendar_unknown", years=house.calendar.unknown_years(today))
    for person in people_with(session, Role.BOSS, today):
        reached = channel_of(person)
        if reached is not None:
            key = f"calendar:{today}:{person.id}"
            outbox.put(session, key=key, channel=reached[0], recipient=reached[1], message=Message("", alarm), now=now)
    return True


def push_time(house: House, asked: time) -> time:
    """When digests really go out: in working time, off the half hours. A moved time is said in the log."""
    at = house.calendar.fit_to_push(asked)
    if (at.hour, at.minute) != (asked.hour, asked.minute):
        log.error("push_moved", asked=asked.isoformat("minutes"), at=at.isoformat("minutes"))
    return at


def push_alarm(house: House, asked: time) -> str:
    """That the configured time was moved, for the desk; empty when it stands."""
    at = house.calendar.fit_to_push(asked)
    if (at.hour, at.minute) == (asked.hour, asked.minute):
        return ""
    return house.texts.sentence("push_moved", asked=asked.isoformat("minutes"), at=at.isoformat("minutes"))
