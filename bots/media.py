"""Pictures sent in chats are fetched from the platform by a worker and kept as evidence of the task."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.database import Database
from models.engine import WantedMedia
from models.recall import Photo
from workflows import files
from workflows.letters import SendError
from workflows.refusals import InvalidInput

log = structlog.get_logger()
Fetch = Callable[[str], bytes]

TRIES = 6  # then the picture is given up; platforms keep it three days at most
LEASE = timedelta(minutes=2)


def fetch_due(database: Database, fetchers: Mapping[str, Fetch], now: datetime) -> int:
    """Fetch one batch of wanted pictures; return how many arrived."""
    with database.write() as session:
        wanted = _claim(session, now)
    return sum(_fetch(database, fetchers, item, now) for item in wanted)


def _claim(session: Session, now: datetime) -> list[WantedMedia]:
    due = (
        select(WantedMedia.id)
        .where(WantedMedia.due_at <= now, WantedMedia.attempts < TRIES)
        .limit(8)
        .with_for_update(skip_locked=True)
    )
    ids = list(session.scalars(due))
    claim = (
        update(WantedMedia)
        .where(WantedMedia.id.in_(ids), WantedMedia.due_at <= now)
        .values(attempts=WantedMedia.attempts + 1, due_at=now + LEASE)
        .returning(WantedMedia)
    )
    return list(session.scalars(claim))


def _fetch(database: Database, fetchers: Mapping[str, Fetch], item: WantedMedia, now: datetime) -> bool:
    try:
        content = fetchers[item.platform](item.media_id)
    except SendError as problem:
        log.warning("media_not_fetched", platform=item.platform, code=problem.code, attempts=item.attempts)
        return False
    with database.write() as session:
        return _keep(session, item, content, now)


def _keep(session: Session, item: WantedMedia, content: bytes, now: datetime) -> bool:
    row = session.get(WantedMedia, item.id)
    if row is None:
        return False
    session.delete(row)
    try:
        sha256 = files.keep_photo(session, content, now)
    except InvalidInput:
        log.warning("media_no_picture", platform=item.platform, task=item.task_id)
        return False
    session.add(Photo(task_id=item.task_id, sha256=sha256, by_name=item.by_name, at=now))
    return True
