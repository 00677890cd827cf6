"""Nothing happens twice: a batch is known by its caller's Idempotency-Key, and answered as the first time.

The key's row is written first, in the transaction that does the work. Two at once: the second waits for
the first at the unique key, and finds either its answer or, when it was rolled back, the place free.
Only what was taken is kept; a refused batch wrote nothing, so it may be corrected and sent again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from models.api import ApiRequest
from workflows.portable_sql import insert_for


@dataclass(frozen=True)
class Asked:
    """One request as its caller names it; `body_hash` is the SHA-256 of the bytes that came."""

    key_id: str
    idempotency_key: str
    resource: str
    body_hash: str


class OtherBody(Exception):
    """The key was used before, for something else."""


def answered_before(session: Session, asked: Asked, now: datetime, keep: timedelta) -> dict[str, Any] | None:
    """The answer this request already got, or None, and then the key is this transaction's.

    Raises OtherBody when the key stands for another resource or body.
    """
    session.execute(delete(ApiRequest).where(_this(asked), ApiRequest.taken_at < now - keep))
    row = {
        "api_key_id": asked.key_id,
        "idempotency_key": asked.idempotency_key,
        "resource": asked.resource,
        "body_hash": asked.body_hash,
        "answer": {},
        "taken_at": now,
    }
    first = insert_for(session)(ApiRequest).values(row).on_conflict_do_nothing().returning(ApiRequest.api_key_id)
    if session.scalar(first) is not None:
        return None
    known = session.scalars(select(ApiRequest).where(_this(asked))).one()
    if (known.resource, known.body_hash) != (asked.resource, asked.body_hash):
        raise OtherBody
    return known.answer


def keep_answer(session: Session, asked: Asked, answer: dict[str, Any]) -> None:
    """Keep the answer beside its key."""
    session.execute(update(ApiRequest).where(_this(asked)).values(answer=answer))


def forget_answers(session: Session, now: datetime, keep: timedelta) -> None:
    """Forget answers whose time is over."""
    session.execute(delete(ApiRequest).where(ApiRequest.taken_at < now - keep))


def _this(asked: Asked) -> Any:
    return (ApiRequest.api_key_id == asked.key_id) & (ApiRequest.idempotency_key == asked.idempotency_key)
