"""Somebody watches the watcher: dead letters, stuck letters, timers nobody fires, open work without a clock."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from models.engine import Outbox, Timer
from models.people import Person, Role
from texts.message import Message
from workflows import outbox
from workflows.acting import business_day, people_with
from workflows.house import House

log = structlog.get_logger()

LATE = timedelta(minutes=10)  # a letter or timer this long overdue is stuck


def audit(session: Session, house: House, now: datetime) -> list[str]:
    """Look for what is stuck, log it, and tell the duty person of new dead letters by the other channel."""
    dead = list(session.scalars(select(Outbox).where(Outbox.dead.is_(True)).order_by(Outbox.id)))
    late_letters = _count(
        session, select(func.count(Outbox.id)).where(Outbox.dead.is_(False), Outbox.due_at < now - LATE)
    )
    late_timers = _count(session, select(func.count(Timer.id)).where(Timer.due_at < now - LATE))
    findings = [
        (len(dead), f"{len(dead)} 条消息发不出去"),
        (late_letters, f"{late_letters} 条消息排队超过 10 分钟"),
        (late_timers, f"{late_timers} 个提醒过时没有触发"),
    ]
    problems = [sentence for number, sentence in findings if number]
    if problems:
        log.warning("audit_found", dead=len(dead), late_letters=late_letters, late_timers=late_timers)
    if dead:
        _tell_duty(session, house, dead, now)
    return problems


def _tell_duty(session: Session, house: House, dead: list[Outbox], now: datetime) -> None:
    broken = {letter.channel.split(":")[0] for letter in dead}
    newest = dead[-1]
    body = house.texts.sentence(
        "duty_dead_letters", count=len(dead), error=newest.last_error, url=f"{house.public_url}/desk/"
    )
    for person in people_with(session, Role.BOSS, business_day(now)):
        channel, recipient = _other_channel(person, broken)
        if recipient:
            # One message for each newest dead letter: a repeated audit says nothing new.
            key = f"duty:{newest.key}:{person.id}"[:255]
            message = Message("", body)
            outbox.put(session, key=key, channel=channel, recipient=recipient, message=message, now=now)


def _other_channel(person: Person, broken: set[str]) -> tuple[str, str]:
    reach = [("dingtalk:app", person.dingtalk_userid or ""), ("wecom:app", person.wecom_userid or "")]
    usable = [(channel, user) for channel, user in reach if user]
    whole = [pair for pair in usable if pair[0].split(":")[0] not in broken]
    return (whole or usable or [("", "")])[0]


def _count(session: Session, query: Select[int]) -> int:
    return session.scalar(query) or 0
