"""What must be said is a row here, written in the transaction that decided it; workers send it.

Claiming is done by UPDATE and row count, so it is right on any database; on PostgreSQL the rows are
also locked with SKIP LOCKED, so that workers do not wait for each other. A claim is a lease: a worker
that dies gives its letters back when the lease ends. The limit of a channel counts finished attempts
and letters in flight, so no two workers can break it together.
"""

import random
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import and_, bindparam, delete, exists, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from models.database import Database
from models.engine import Attempt, Card, Channel, Outbox, Sent
from texts.message import Message
from workflows.ledger import insert_for
from workflows.letters import Letter, Receipt, Refused, Sender, SendError, TryLater
from workflows.outbox_room import MEMBERS_CHANNEL, Waiting, room_of, spare_members, that_fit

log = structlog.get_logger()

LEASE = timedelta(seconds=120)  # longer than a batch of letters through all time-outs
BATCH = 16  # letters claimed at once: no more than the sender threads can finish in a lease
CHANNELS = 32  # channels looked at for one batch
MAX_ATTEMPTS = 8  # tries before a letter is dead: about four minutes of backoff in all
LONGEST_BACKOFF = 600.0  # seconds

LATER = 1  # the priority of what can wait: digests. Everything else goes first, with priority 0.
SLOW = (10, 60)  # sends and seconds of a channel nobody listed

#: Sends allowed in a period of seconds, by the beginning of the channel's name. Below the platforms' own.
LIMITS: tuple[tuple[str, int, int], ...] = (
    ("wecom:robot:", 18, 60),  # the platform takes 20 a minute for a robot
    ("dingtalk:robot:", 18, 60),  # 20 a minute, then it blocks for ten
    ("dingtalk:", 15, 1),  # 20 a second for an app in the free edition
    ("wecom:app", 150, 1),  # 10,000 a minute for a company
)


@dataclass(frozen=True)
class Delivered:
    """What one round did."""

    sent: int = 0
    put_off: int = 0
    dead: int = 0


def _put_once(insert_of: Any) -> Any:
    columns = [column for column in Outbox.__table__.columns if column.name != "id"]
    values = [bindparam(column.name, type_=column.type) for column in columns]
    archived = select(Sent.id).where(Sent.key == bindparam("key", type_=Outbox.__table__.c.key.type)).exists()
    new = select(*values).where(~archived)
    return insert_of(Outbox).from_select(columns, new).on_conflict_do_nothing(index_elements=["key"])


#: One statement that writes a letter unless its key waits or was sent, in the words of each database.
_PUT_ONCE = {"sqlite": _put_once(sqlite.insert), "postgresql": _put_once(postgresql.insert)}


_COUNTED = {"preserve_rowcount": True}


def put(
    session: Session,
    *,
    key: str,
    channel: str,
    recipient: str,
    message: Message,
    now: datetime,
    kind: str = "send",
    card_ref: str = "",
) -> None:
    """Write one letter, unless its key is there already."""
    row = letter_row(
        key=key,
        channel=channel,
        recipient=recipient,
        message=message,
        now=now,
        kind=kind,
        card_ref=card_ref,
    )
    put_row(session, row)


def put_row(session: Session, row: dict[str, Any]) -> bool:
    """Write the letter of these columns unless its key is there already; return whether it is new."""
    connection = session.connection()
    written = connection.execute(_PUT_ONCE[connection.dialect.name], row, execution_options=_COUNTED)
    return written.rowcount > 0


def letter_row(
    *,
    key: str,
    channel: str,
    recipient: str,
    message: Message,
    now: datetime,
    kind: str = "send",
    card_ref: str = "",
    priority: int = 0,
) -> dict[str, Any]:
    """The columns of a letter, for those who write thousands at once."""
    return {
        "key": key,
        "channel": channel,
        "recipient": recipient,
        "kind": kind,
        "message": message.as_dict(),
        "card_ref": card_ref,
        "created_at": now,
        "due_at": now,
        "attempts": 0,
        "owner": "",
        "dead": False,
        "last_error": "",
        "priority": priority,
        "weight": 1 + bool(message.image) + len(message.files),
    }


def deliver_due(
    database: Database,
    senders: Mapping[str, Sender],
    now: datetime,
    *,
    worker: str,
    pool: Executor | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Delivered:
    """Send one batch of one channel. Returns zeros when there is nothing to do or no room.

    `senders` is looked up by the longest matching beginning of the channel's name. `clock` says when
    the batch was answered; a slow platform would else see two periods' letters in one.
    """
    with database.write() as session:
        letters = _claim(session, now, worker)
    if not letters:
        return Delivered()
    answers = _send_all(letters, senders, pool)
    answered = clock() if clock else now
    with database.write() as session:
        results = [
            _settle(session, letter, answer, answered, worker) for letter, answer in zip(letters, answers, strict=True)
        ]
    return Delivered(results.count("sent"), results.count("put_off"), results.count("dead"))


def retry_dead(session: Session, now: datetime, *, letter_id: int | None = None) -> int:
    """Give dead letters (or one of them) another life; return how many."""
    where: list[Any] = [Outbox.dead.is_(True)]
    if letter_id is not None:
        where.append(Outbox.id == letter_id)
    revived = update(Outbox).where(*where).values(dead=False, attempts=0, due_at=now, owner="")
    return int(getattr(session.execute(revived), "rowcount", 0))


def depth(session: Session) -> tuple[int, int]:
    """How many letters wait, and how many are dead."""
    counts: dict[bool, int] = dict(session.execute(select(Outbox.dead, func.count()).group_by(Outbox.dead)).all())
    return counts.get(False, 0), counts.get(True, 0)


def forget_old_attempts(session: Session, now: datetime) -> None:
    """Drop attempts no limit looks at any more."""
    session.execute(delete(Attempt).where(Attempt.finished_at < now - timedelta(hours=2)))


def _claim(session: Session, now: datetime, worker: str) -> list[Letter]:
    _learn_channels(session, now)
    for channel in _waiting_channels(session, now):
        channel.free_at = now  # least recently served first
        room = room_of(session, channel, now)
        rows = _claim_rows(session, channel, room, now, worker) if room > 0 else []
        if rows:
            codes = _take_response_codes(session, rows)
            return [_letter(row, codes.get(row.card_ref, "")) for row in rows]
    return []


def _claim_rows(session: Session, channel: Channel, room: int, now: datetime, worker: str) -> list[Outbox]:
    due = (
        select(Outbox.id, Outbox.recipient, Outbox.weight)
        .where(Outbox.channel == channel.name, *_sendable(now))
        .order_by(Outbox.priority, Outbox.due_at, Outbox.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    waiting = [Waiting(*row) for row in session.execute(due)]
    if channel.name == MEMBERS_CHANNEL:
        waiting = spare_members(session, waiting, now)
    claimed = session.execute(
        update(Outbox)
        .where(Outbox.id.in_(that_fit(waiting, room)), Outbox.due_at <= now)
        .values(owner=worker, due_at=now + LEASE, attempts=Outbox.attempts + 1)
        .returning(Outbox)
        .execution_options(synchronize_session=False)
    ).scalars()
    return sorted(claimed, key=lambda row: (row.priority, row.id))


def _sendable(now: datetime) -> tuple[Any, ...]:
    earlier = aliased(Outbox)
    # Letters about one card go one after the other, or an old state would overwrite a new one.
    waits_for_card = exists().where(
        Outbox.card_ref != "",
        earlier.card_ref == Outbox.card_ref,
        earlier.dead.is_(False),
        earlier.id < Outbox.id,
    )
    return Outbox.dead.is_(False), Outbox.due_at <= now, ~waits_for_card


def _waiting_channels(session: Session, now: datetime) -> list[Channel]:
    waiting = exists().where(Outbox.channel == Channel.name, *_sendable(now))
    query = (
        select(Channel)
        .where(Channel.free_at <= now, waiting)
        .order_by(Channel.free_at)
        .limit(CHANNELS)
        .with_for_update(skip_locked=True)
    )
    return list(session.scalars(query))


def _learn_channels(session: Session, now: datetime) -> None:
    known = exists().where(Channel.name == Outbox.channel)
    for name in session.scalars(select(Outbox.channel).where(~known).distinct()).all():
        allowed, period = next(((n, p) for start, n, p in LIMITS if name.startswith(start)), SLOW)
        row = {"name": name, "allowed": allowed, "period_seconds": period, "free_at": now}
        # Two workers may learn of a channel at once.
        session.execute(insert_for(session)(Channel).on_conflict_do_nothing(), [row])


def _take_response_codes(session: Session, rows: list[Outbox]) -> dict[str, str]:
    refs = [row.card_ref for row in rows if row.kind == "update"]
    if not refs:
        return {}
    # A code repaints one card once: whoever claims the letter takes the code with it.
    cards = list(session.scalars(select(Card).where(Card.card_ref.in_(refs)).with_for_update()))
    codes = {card.card_ref: card.response_code for card in cards}
    for card in cards:
        card.response_code = ""
    return codes


def _letter(row: Outbox, code: str) -> Letter:
    return Letter(
        key=row.key,
        channel=row.channel,
        recipient=row.recipient,
        kind=row.kind,
        message=Message.from_dict(row.message),
        card_ref=row.card_ref,
        response_code=code,
        attempt=row.attempts,
    )


def _send_all(letters: list[Letter], senders: Mapping[str, Sender], pool: Executor | None) -> list[Receipt | SendError]:
    def send(letter: Letter) -> Receipt | SendError:
        return _send(letter, senders)

    return list(pool.map(send, letters)) if pool else [send(letter) for letter in letters]


def _send(letter: Letter, senders: Mapping[str, Sender]) -> Receipt | SendError:
    starts = [start for start in senders if letter.channel.startswith(start)]
    if not starts:
        return Refused("no_sender", f"no sender for channel {letter.channel}")
    try:
        return senders[max(starts, key=len)].send(letter)
    except SendError as problem:
        return problem
    except Exception as problem:
        log.exception("sender_failed", channel=letter.channel, letter=letter.key)
        return TryLater("bug", type(problem).__name__)


def _settle(session: Session, letter: Letter, answer: Receipt | SendError, now: datetime, worker: str) -> str:
    messages = answer.messages if isinstance(answer, Receipt) else 1
    session.execute(insert(Attempt), [{"channel": letter.channel, "finished_at": now, "messages": max(messages, 1)}])
    mine = and_(Outbox.key == letter.key, Outbox.owner == worker)
    row = session.scalar(select(Outbox).where(mine))
    if row is None:  # the lease ran out and somebody else has it
        return "lost"
    if isinstance(answer, Receipt):
        return _archive(session, row, answer, now)
    if isinstance(answer, TryLater) and row.attempts < MAX_ATTEMPTS:
        _give_code_back(session, letter)
        return _put_off(session, row, answer, now)
    return _bury(row, answer)


def _archive(session: Session, row: Outbox, receipt: Receipt, now: datetime) -> str:
    columns = ("id", "key", "channel", "recipient", "kind", "message", "card_ref", "created_at")
    kept = {name: getattr(row, name) for name in columns}
    took = {"platform_ref": receipt.platform_ref, "messages": receipt.messages, "calls": receipt.calls}
    session.add(Sent(**kept, **took, sent_at=now, attempts=row.attempts))
    session.delete(row)
    if receipt.response_code and row.card_ref:
        session.execute(update(Card).where(Card.card_ref == row.card_ref).values(response_code=receipt.response_code))
    return "sent"


def _give_code_back(session: Session, letter: Letter) -> None:
    if letter.response_code:
        unused = update(Card).where(Card.card_ref == letter.card_ref, Card.response_code == "")
        session.execute(unused.values(response_code=letter.response_code))


def _put_off(session: Session, row: Outbox, answer: TryLater, now: datetime) -> str:
    backoff = min(2.0**row.attempts, LONGEST_BACKOFF) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter is no secret
    later = now + timedelta(seconds=max(answer.after, backoff))
    row.owner, row.due_at, row.last_error = "", later, f"{answer.code}: {answer.sentence}"[:255]
    if answer.whole_channel:
        session.execute(update(Channel).where(Channel.name == row.channel).values(free_at=later))
    log.warning("letter_put_off", letter=row.key, code=answer.code, attempts=row.attempts)
    return "put_off"


def _bury(row: Outbox, answer: SendError) -> str:
    row.owner, row.dead, row.last_error = "", True, f"{answer.code}: {answer.sentence}"[:255]
    log.error("letter_dead", letter=row.key, code=answer.code, attempts=row.attempts)
    return "dead"
