"""Connectors: data fetched on a schedule, each run claimed by one worker, each trouble told once.

Rows are known by their keys, so what is fetched twice is taken once. The mark of a view moves on only
after its rows are committed; a crash between the two reads them again and changes nothing.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import structlog
from sqlalchemy import CursorResult, or_, select, update
from sqlalchemy.orm import Session

from models.api import PullState
from models.database import Database
from models.people import Role
from settings.schema import Connector
from texts.message import Message
from workflows import outbox
from workflows.acting import business_day, people_with
from workflows.connector_columns import kind_for
from workflows.connector_folder import DONE, FAILED, FolderLost, put_away, waiting
from workflows.connector_sql import PullFailed, pull
from workflows.house import House
from workflows.imports.report import ImportReport
from workflows.imports.run import run_import
from workflows.portable_sql import insert_for
from workflows.tell import channel_of

log = structlog.get_logger()

LEASE = timedelta(minutes=15)  # on top of the time-out; a worker that died gives its connector back then
LONGEST_TOLD = 300  # characters of a trouble
HEARS = (Role.BOSS, Role.FINANCE)


@dataclass
class Run:
    """What one run did. `troubles` are Chinese sentences; `busy`: another worker has this connector."""

    name: str
    sources: list[str] = field(default_factory=list)
    accepted: int = 0
    unchanged: int = 0
    rejected: int = 0
    waiting: int = 0
    busy: bool = False
    troubles: list[str] = field(default_factory=list)

    def add(self, source: str, report: ImportReport) -> None:
        """Count one file or view."""
        self.sources.append(source)
        self.accepted += report.accepted
        self.unchanged += report.unchanged
        self.rejected += report.rejected_rows
        if report.errors:
            more = len(report.errors) + report.errors_beyond - 1
            self.troubles.append(f"{source}：{report.errors[0].sentence}" + (f"另有 {more} 处。" if more else ""))


@dataclass(frozen=True)
class Trip:
    """A run under way; a `preview` takes back what it wrote."""

    database: Database
    house: House
    connector: Connector
    now: datetime
    run: Run
    preview: bool = False

    def load(self, path: Path) -> ImportReport:
        """Import one file. A file is all or nothing; of a view one wrong row must not stop the others."""
        return run_import(
            self.database,
            kind_for(self.connector),
            path,
            house=self.house,
            now=self.now,
            actor_name=f"对接 {self.connector.name}",
            skip_bad=not self.connector.folder,
            preview=self.preview,
        )


def run_connector(database: Database, house: House, connector: Connector, now: datetime) -> Run:
    """Fetch what is new, once for all workers; what goes wrong is kept, shown and told."""
    run = Run(connector.name)
    if not _claim(database, connector, now):
        run.busy = True
        return run
    trip = Trip(database, house, connector, now, run)
    try:
        (_from_folder if connector.folder else _from_view)(trip)
    except (FolderLost, PullFailed) as lost:
        run.troubles.append(str(lost))
    except Exception as problem:
        run.troubles.append(f"程序出错（{type(problem).__name__}），已记入日志。")
        raise
    finally:
        with database.write() as session:
            _finish(session, trip)
    log.info(
        "connector_run",
        name=run.name,
        sources=len(run.sources),
        accepted=run.accepted,
        unchanged=run.unchanged,
        rejected=run.rejected,
        troubles=len(run.troubles),
    )
    return run


def states(session: Session) -> dict[str, PullState]:
    """How far each connector is that has run before, by name."""
    return {state.name: state for state in session.scalars(select(PullState))}


def forget_mark(session: Session, name: str) -> None:
    """Let the next run read the view from its beginning."""
    _keep_mark(session, name, "")


def spool_of(house: House, name: str) -> Path:
    """Where the rows of a view are put before they are imported."""
    return house.files / "connectors" / f"{name}.csv"


def _from_folder(trip: Trip) -> None:
    found = waiting(trip.connector.folder, trip.now, trip.connector.quiet_seconds)
    trip.run.waiting = found.unfinished
    for path in found.ready:
        try:
            report = trip.load(path)
            where = DONE if report.written or not report.errors else FAILED
            put_away(path, where, trip.now, report.error_file)
        except OSError as problem:
            reason = problem.strerror or type(problem).__name__
            trip.run.troubles.append(f"{path.name}：文件移不动（{reason}），请检查文件夹权限。")
            continue
        trip.run.add(path.name, report)


def _from_view(trip: Trip) -> None:
    with trip.database.read() as session:
        mark = session.get_one(PullState, trip.connector.name).watermark
    spool = spool_of(trip.house, trip.connector.name)
    more = True
    while more:
        pulled = pull(trip.connector, mark, spool)
        if pulled.rows:
            trip.run.add(trip.connector.view, trip.load(spool))
        # A refused row is read again each time until it is mended here or over there: nothing gets lost.
        if not trip.run.troubles:
            with trip.database.write() as session:
                _keep_mark(session, trip.connector.name, pulled.mark)
        mark, more = pulled.mark, pulled.more
    spool.unlink(missing_ok=True)


def _claim(database: Database, connector: Connector, now: datetime) -> bool:
    until = now + LEASE + timedelta(seconds=connector.timeout_seconds)
    with database.write() as session:
        session.execute(insert_for(session)(PullState).values(name=connector.name).on_conflict_do_nothing())
        free = or_(PullState.busy_until.is_(None), PullState.busy_until <= now)
        claim = update(PullState).where(PullState.name == connector.name, free).values(busy_until=until)
        return cast("CursorResult[tuple[()]]", session.execute(claim)).rowcount == 1


def _finish(session: Session, trip: Trip) -> None:
    run, now = trip.run, trip.now
    state = session.get_one(PullState, run.name, with_for_update=True)
    state.busy_until, state.last_run_at = None, now
    if run.sources:
        state.last_source = "、".join(run.sources)[:LONGEST_TOLD]
        state.accepted, state.unchanged, state.rejected = run.accepted, run.unchanged, run.rejected
    trouble = " ".join(run.troubles)[:LONGEST_TOLD]
    if not trouble:
        state.last_good_at, state.error, state.error_since = now, "", None
        return
    is_new = trouble != state.error
    state.error = trouble
    state.error_since = state.error_since or now
    log.warning("connector_failed", name=run.name, new=is_new)
    if is_new:
        _tell(session, trip, trouble)


def _tell(session: Session, trip: Trip, trouble: str) -> None:
    house, day = trip.house, business_day(trip.now)
    body = house.texts.sentence(
        "connector_failed", name=trip.connector.name, trouble=trouble, url=f"{house.public_url}/desk/connectors/"
    )
    people = {person.id: person for role in HEARS for person in people_with(session, role, day)}
    for person in people.values():
        reached = channel_of(person)
        if reached is None:
            log.warning("person_unreachable", person=person.code, text="connector_failed")
            continue
        key = f"connector:{trip.connector.name}:{trip.now.isoformat()}:{person.id}"
        outbox.put(session, key=key, channel=reached[0], recipient=reached[1], message=Message("", body), now=trip.now)


def _keep_mark(session: Session, name: str, mark: str) -> None:
    session.execute(update(PullState).where(PullState.name == name).values(watermark=mark))
