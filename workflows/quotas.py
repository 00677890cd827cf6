"""What the platforms allow, how much of it is used, and who must wait when it runs out.

Counted from rows: what was sent (`Sent`), tried (`Attempt`) and received (`Inbox`, and its daily sums in
`Tally`). As documented, WeCom counts person-times a day and messages to one member; DingTalk counts
requests and callbacks a calendar month; custom robots take 20 messages a minute. Digests stop while a
part is still kept for what cannot wait; recalls never do.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.elements import ColumnElement

from models.engine import Attempt, Inbox, Sent, Tally
from models.people import Role
from texts.message import Message
from workflows import outbox
from workflows.acting import SHANGHAI, business_day, people_with
from workflows.house import House
from workflows.portable_sql import insert_for
from workflows.tell import channel_of

log = structlog.get_logger()

WECOM_TIMES = 200  # person-times a day for each account of the app
WECOM_MEMBER_MINUTE, WECOM_MEMBER_HOUR = 30, 1_000
ROBOT_MINUTE = 20
PLATFORMS = ("wecom", "dingtalk")
ROBOTS = ("wecom:robot:", "dingtalk:robot:")


@dataclass(frozen=True)
class Quota:
    """One limit and its use. `channels`: beginnings of the channels that draw on it; `until`: when it starts anew.

    `rationed`: it lasts a day or a month, so what can wait is held back before it is gone.
    """

    name: str
    about: str
    used: int
    allowed: int
    since: datetime
    until: datetime
    channels: tuple[str, ...]
    rationed: bool = False

    @property
    def percent(self) -> int:
        """How much is used, in whole percent."""
        return self.used * 100 // self.allowed


def quotas(session: Session, house: House, now: datetime) -> list[Quota]:
    """Every limit with what was used of it, those of a day or month first."""
    return [*_rationed(session, house, now), *_of_members(session, now), *_of_robots(session, now)]


def channels_that_wait(session: Session, house: House, now: datetime) -> tuple[str, ...]:
    """Beginnings of the channels on which digests wait, because the rest is kept for what cannot."""
    keep = house.quotas.reserve_percent
    short = [q for q in _rationed(session, house, now) if q.used * 100 >= q.allowed * (100 - keep)]
    return tuple(sorted({channel for quota in short for channel in quota.channels}))


def watch_quotas(session: Session, house: House, now: datetime) -> list[Quota]:
    """Warn of limits that are nearly used up, once for each period and person; return those."""
    found = [q for q in _rationed(session, house, now) if q.percent >= house.quotas.warn_percent]
    for quota in found:
        log.warning("quota_nearly_used_up", quota=quota.name, used=quota.used, allowed=quota.allowed)
        for person in people_with(session, Role.BOSS, business_day(now)):
            reached = channel_of(person)
            if reached is not None:
                key = f"quota:{quota.name}:{quota.since:%Y%m%d%H}:{person.id}"
                message = Message("", _sentence(house, quota))
                outbox.put(session, key=key, channel=reached[0], recipient=reached[1], message=message, now=now)
    return found


def keep_counts(session: Session, before: datetime) -> None:
    """Add up inbox rows that are about to be forgotten, so that a month can still be counted."""
    day = session.scalar(select(func.min(Inbox.received_at)).where(Inbox.received_at < before))
    while day is not None and day < before:
        start, end = _day_of(day)
        for platform in PLATFORMS:
            used = _received(session, platform, start, min(end, before))
            if used:
                _add(session, f"received:{platform}", day, used)
        day = end


def _sentence(house: House, quota: Quota) -> str:
    return house.texts.sentence(
        "quota_warning",
        name=house.texts.label("quota", quota.name),
        about=quota.about,
        used=quota.used,
        allowed=quota.allowed,
        percent=quota.percent,
        until=quota.until,
        reserve=house.quotas.reserve_percent,
        url=f"{house.public_url}/desk/quotas",
    )


def _rationed(session: Session, house: House, now: datetime) -> list[Quota]:
    limits, day, month = house.quotas, _day_of(now), _month_of(now)
    times = _sum(session, Sent.messages, day[0], ("wecom:app",))
    calls = _sum(session, Sent.calls, month[0], ("dingtalk:app", "dingtalk:group:"))
    heard = _tallied(session, "received:dingtalk", month[0]) + _received(session, "dingtalk", *month)
    pushed = _sum(session, Sent.messages, month[0], ("dingtalk:robot:",))
    return [
        Quota("wecom_day", "", times, limits.wecom_accounts * WECOM_TIMES, *day, ("wecom:app",), rationed=True),
        Quota(
            "dingtalk_calls", "", calls, limits.dingtalk_calls_per_month, *month,
            ("dingtalk:app", "dingtalk:group:"), rationed=True,
        ),
        Quota(
            "dingtalk_messages", "", heard + pushed, limits.dingtalk_messages_per_month, *month,
            ("dingtalk:robot:",), rationed=True,
        ),
    ]  # fmt: skip


def _of_members(session: Session, now: datetime) -> list[Quota]:
    """The member of WeCom who got most in the last minute and hour."""
    spans = (
        ("wecom_member_minute", timedelta(minutes=1), WECOM_MEMBER_MINUTE),
        ("wecom_member_hour", timedelta(hours=1), WECOM_MEMBER_HOUR),
    )
    return [_busiest_member(session, name, span, allowed, now) for name, span, allowed in spans]


def _busiest_member(session: Session, name: str, span: timedelta, allowed: int, now: datetime) -> Quota:
    messages = func.sum(Sent.messages)
    query = select(Sent.recipient, messages).where(Sent.channel == "wecom:app", Sent.sent_at > now - span)
    first = session.execute(query.group_by(Sent.recipient).order_by(messages.desc(), Sent.recipient).limit(1)).first()
    member, used = first or ("", 0)
    return Quota(name, member, int(used), allowed, now - span, now, ("wecom:app",))


def _of_robots(session: Session, now: datetime) -> list[Quota]:
    since = now - timedelta(minutes=1)
    used = dict(
        session.execute(
            select(Attempt.channel, func.sum(Attempt.messages))
            .where(_begins(Attempt.channel, ROBOTS), Attempt.finished_at > since)
            .group_by(Attempt.channel)
        ).all()
    )
    return [
        Quota("robot_minute", channel, int(messages), ROBOT_MINUTE, since, now, (channel,))
        for channel, messages in sorted(used.items())
    ]


def _sum(session: Session, what: InstrumentedAttribute[int], since: datetime, channels: Iterable[str]) -> int:
    query = select(func.sum(what)).where(_begins(Sent.channel, channels), Sent.sent_at >= since)
    return int(session.scalar(query) or 0)


def _begins(column: InstrumentedAttribute[str], beginnings: Iterable[str]) -> ColumnElement[bool]:
    # A range, not LIKE: it can use the index on both databases.
    return or_(*((column >= start) & (column < start[:-1] + chr(ord(start[-1]) + 1)) for start in beginnings))


def _received(session: Session, platform: str, start: datetime, end: datetime) -> int:
    mine = case((Inbox.key.startswith(f"{platform}:"), 1), else_=0)
    query = select(func.sum(mine)).where(Inbox.received_at >= start, Inbox.received_at < end)
    return int(session.scalar(query) or 0)


def _tallied(session: Session, name: str, since: datetime) -> int:
    query = select(func.sum(Tally.used)).where(Tally.name == name, Tally.day >= business_day(since))
    return int(session.scalar(query) or 0)


def _add(session: Session, name: str, day: datetime, used: int) -> None:
    row = {"name": name, "day": business_day(day), "used": used}
    new = insert_for(session)(Tally).values(row)
    session.execute(new.on_conflict_do_update(index_elements=["name", "day"], set_={"used": Tally.used + used}))


def _day_of(moment: datetime) -> tuple[datetime, datetime]:
    """The Chinese calendar day a moment is in: its first moment and that of the next day."""
    start = moment.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    return start.astimezone(UTC), (start + timedelta(days=1)).astimezone(UTC)


def _month_of(moment: datetime) -> tuple[datetime, datetime]:
    """The Chinese calendar month a moment is in: its first moment and that of the next month."""
    start = moment.astimezone(SHANGHAI).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (start + timedelta(days=32)).replace(day=1)
    return start.astimezone(UTC), following.astimezone(UTC)
