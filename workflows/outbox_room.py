"""How much may go out now: messages a channel has left, and the share of one member.

A letter may be several messages (words, a picture, files), and the platforms count messages. Before a letter
is sent its `weight` counts, afterwards what was really sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.engine import Attempt, Channel, Outbox, Sent

log = structlog.get_logger()

MEMBERS_CHANNEL = "wecom:app"
#: WeCom drops without a word what goes beyond 30 messages a minute or 1,000 an hour to one member; 16 a minute keep both.
MEMBER_MESSAGES = 16
MEMBER_PERIOD = timedelta(seconds=60)


@dataclass(frozen=True)
class Waiting:
    """A letter that could go now; `weight` in messages."""

    id: int
    recipient: str
    weight: int


def room_of(session: Session, channel: Channel, now: datetime) -> int:
    """How many messages the channel may still send now; when none, `free_at` becomes the moment to ask again."""
    since = now - timedelta(seconds=channel.period_seconds)
    mine = (Attempt.channel == channel.name, Attempt.finished_at > since)
    used, first = session.execute(select(func.sum(Attempt.messages), func.min(Attempt.finished_at)).where(*mine)).one()
    flying = (Outbox.channel == channel.name, Outbox.owner != "", Outbox.due_at > now)
    in_flight = session.scalar(select(func.sum(Outbox.weight)).where(*flying))
    room = channel.allowed - int(used or 0) - int(in_flight or 0)
    if room <= 0 and first:
        channel.free_at = first + timedelta(seconds=channel.period_seconds)
    return room


def that_fit(waiting: Sequence[Waiting], room: int) -> list[int]:
    """The first letters whose messages fit into the room; a letter larger than any room goes alone."""
    ids: list[int] = []
    taken = 0
    for letter in waiting:
        if ids and taken + letter.weight > room:
            break
        ids.append(letter.id)
        taken += letter.weight
    return ids


def spare_members(session: Session, waiting: list[Waiting], now: datetime) -> list[Waiting]:
    """Leave out letters of members who had their share of this minute, and let those wait."""
    taken = _messages_of(session, {letter.recipient for letter in waiting}, now)
    fitting: list[Waiting] = []
    surplus: list[Waiting] = []
    for letter in waiting:
        had = taken.get(letter.recipient, 0)
        (surplus if had and had + letter.weight > MEMBER_MESSAGES else fitting).append(letter)
        taken[letter.recipient] = had + letter.weight
    if surplus:
        later = update(Outbox).where(Outbox.id.in_([letter.id for letter in surplus]))
        session.execute(later.values(due_at=now + MEMBER_PERIOD / 2))
        log.info("member_spared", letters=len(surplus))
    return fitting


def _messages_of(session: Session, members: set[str], now: datetime) -> dict[str, int]:
    mine = (Outbox.channel == MEMBERS_CHANNEL, Outbox.recipient.in_(members), Outbox.owner != "", Outbox.due_at > now)
    in_flight = select(Outbox.recipient, func.sum(Outbox.weight)).where(*mine).group_by(Outbox.recipient)
    since = now - MEMBER_PERIOD
    theirs = (Sent.channel == MEMBERS_CHANNEL, Sent.sent_at > since, Sent.recipient.in_(members))
    gone = select(Sent.recipient, func.sum(Sent.messages)).where(*theirs).group_by(Sent.recipient)
    taken: dict[str, int] = {}
    for member, messages in [*session.execute(in_flight), *session.execute(gone)]:
        taken[member] = taken.get(member, 0) + int(messages)
    return taken
