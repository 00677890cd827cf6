"""Who moved what, when and why: one append-only, hash-chained table for every flow.

Rows of a transaction are kept aside and written just before it commits. The chain's head row is
locked only then, last of all locks, so that two transactions cannot wait for each other in a ring.
The hashes are keyed with the house's secret: who can write the table cannot also forge the chain.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, event, insert, select, update
from sqlalchemy.orm import Session

from models.engine import ChainHead, History
from workflows.portable_sql import insert_for

START = "0" * 64
CHUNK = 1_000  # rows read or written at once


@dataclass(frozen=True)
class Entry:
    """One step to be written down; `facts` are the numbers the person gave or saw."""

    flow: str
    subject_id: int
    version: int
    event: str
    from_state: str
    to_state: str
    actor: str
    entrance: str
    reason: str
    facts: dict[str, Any]
    at: datetime


def record(session: Session, secret: str, entry: Entry) -> None:
    """Keep an entry for the moment before the commit."""
    if "history" not in session.info:
        session.info["history"] = []
        event.listen(session, "before_commit", _write_pending, once=True)
    session.info["history_secret"] = secret
    session.info["history"].append(entry)


def verify(session: Session, secret: str) -> list[str]:
    """Walk the chain; return a sentence for every edited, removed or added row."""
    previous, count, problems = START, 0, []
    for row in _rows(session):
        count += 1
        if row.id != count:
            problems.append(f"history row {count} is missing (found {row.id})")
            count = row.id
        expected = _hash(secret, previous, _entry_of(row), row.id)
        if not hmac.compare_digest(expected, row.hash):
            problems.append(f"history row {row.id} was changed, or the row before it")
        previous = row.hash
    head = session.get(ChainHead, 1)
    rows, end = (head.rows, head.hash) if head else (0, START)
    if (rows, end) != (count, previous):
        problems.append(f"the chain's head says {rows} rows, there are {count}")
    if head and head.rows and not hmac.compare_digest(head.seal, _seal(secret, rows, end)):
        problems.append("the chain's head was changed")
    return problems


def _write_pending(session: Session) -> None:
    entries: list[Entry] = session.info.pop("history", [])
    if not entries:
        return
    session.flush()
    secret = session.info["history_secret"]
    first, previous = _lock_head(session)
    connection = session.connection()
    rows = []
    for number, entry in enumerate(entries, start=first + 1):
        previous = _hash(secret, previous, entry, number)
        rows.append({"id": number, "hash": previous, **vars(entry)})
    for start in range(0, len(rows), CHUNK):
        connection.execute(_NEW_ROWS, rows[start : start + CHUNK])
    last = rows[-1]["id"]
    connection.execute(_MOVE_HEAD, {"last": last, "end": previous, "sealed": _seal(secret, last, previous)})


# Every step ends with these, so they are put together once.
_NEW_ROWS = insert(History)
_HEAD = select(ChainHead.rows, ChainHead.hash).where(ChainHead.id == 1).with_for_update()
_MOVE_HEAD = (
    update(ChainHead)
    .where(ChainHead.id == 1)
    .values(rows=bindparam("last"), hash=bindparam("end"), seal=bindparam("sealed"))
)


def _lock_head(session: Session) -> tuple[int, str]:
    connection = session.connection()
    head = connection.execute(_HEAD).one_or_none()
    if head is None:
        # The very first rows: another writer may be making the head this moment.
        session.execute(
            insert_for(session)(ChainHead).values(id=1, rows=0, hash=START, seal="").on_conflict_do_nothing()
        )
        head = connection.execute(_HEAD).one()
    return head.rows, head.hash


def _rows(session: Session) -> Iterator[History]:
    last = 0
    while True:
        chunk = list(session.scalars(select(History).where(History.id > last).order_by(History.id).limit(CHUNK)))
        if not chunk:
            return
        yield from chunk
        last = chunk[-1].id
        session.expunge_all()


def _entry_of(row: History) -> Entry:
    return Entry(**{name: getattr(row, name) for name in Entry.__dataclass_fields__})


def _seal(secret: str, rows: int, end: str) -> str:
    return hmac.new(secret.encode(), f"head {rows} {end}".encode(), hashlib.sha256).hexdigest()


def _hash(secret: str, previous: str, entry: Entry, number: int) -> str:
    said = {**vars(entry), "at": entry.at.astimezone(UTC).isoformat(), "id": number}
    text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hmac.new(secret.encode(), (previous + text).encode(), hashlib.sha256).hexdigest()
