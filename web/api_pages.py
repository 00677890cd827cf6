"""Lists in portions: a signed cursor says where the last portion ended, and for which question.

A cursor is the key of the last row, so rows that come or go in between neither repeat nor hide others.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, TypeVar

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import Select
from sqlalchemy.orm import Session

from web.api_calls import Call
from web.api_models import Paging
from web.api_problems import ApiProblem, Fault
from web.services import services

T = TypeVar("T", int, str)
Row = TypeVar("Row")


def last_seen(call: Call, what: str, kind: type[T]) -> T | None:
    """Where the last portion ended; None at the beginning. Raises ApiProblem for a cursor that is not ours."""
    cursor = call.query.cursor
    if cursor is None:
        return None
    try:
        found = _signer().loads(cursor)
    except BadData:
        found = None
    if isinstance(found, list) and len(found) == 2 and found[0] == _question(call, what) and isinstance(found[1], kind):
        return found[1]
    sentence = "cursor 要原样用上一页的 next_cursor，其他条件不变；请从第一页重新开始。"
    raise ApiProblem(Fault.BAD_CURSOR, sentence)


def portion(session: Session, query: Select[Any], limit: int) -> tuple[Sequence[Any], bool]:
    """The next rows of one entity, and whether there are more."""
    rows = session.scalars(query.limit(limit + 1)).all()
    return rows[:limit], len(rows) > limit


def next_cursor(call: Call, what: str, last: T) -> str:
    """The cursor behind a row."""
    made: str = _signer().dumps([_question(call, what), last])
    return made


def _question(call: Call, what: str) -> str:
    asked: Paging = call.query
    said = asked.model_dump_json(exclude={"cursor", "limit"})
    whole = "\x1f".join([call.caller.key_id, what, said, *map(str, call.path.values())])
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(services().house.secret, salt="jiuhui-api-cursor")
