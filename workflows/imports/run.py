"""One file in, one transaction, one report: either all of it, or what may be, or nothing."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.database import Database
from models.importing import ImportRun
from workflows.acting import SHANGHAI
from workflows.house import House
from workflows.imports.columns import Header, Row
from workflows.imports.errors_file import write_errors
from workflows.imports.header import NoHeader, find_header
from workflows.imports.intake import MOST_SHOWN, Intake
from workflows.imports.kinds import KINDS, Kind
from workflows.imports.reader import open_source
from workflows.imports.report import ImportReport, Problems, ReadRow, RowError, TooManyProblems
from workflows.imports.rows import read_rows
from workflows.imports.shown import as_words
from workflows.imports.source import FileRefused, Source
from workflows.ledger import LedgerError

log = structlog.get_logger()

Progress = Callable[[int, int], None]
REPORT_EVERY = 1_000  # rows
LONGEST_NAME = 200  # characters of a file's name


class _TakeBack(Exception):
    """Rolls the transaction back: there are bad rows, and the file is all or nothing."""


@dataclass(frozen=True)
class _Order:
    """What is to be imported, and how."""

    database: Database
    kind: Kind
    house: House
    now: datetime
    actor_name: str
    lenient: bool
    create_missing: bool
    preview: bool
    only_stores: frozenset[int] | None
    file_name: str

    @property
    def today(self) -> date:
        """The business day."""
        return self.house.calendar.local_day(self.now)


def run_import(  # noqa: PLR0913 - one keyword for each choice of the command line
    database: Database,
    kind: str | Kind,
    path: Path,
    *,
    house: House,
    now: datetime,
    actor_name: str,
    progress: Progress | None = None,
    skip_bad: bool = False,
    create_missing: bool = True,
    preview: bool = False,
    only_stores: frozenset[int] | None = None,
) -> ImportReport:
    """Read a CSV or Excel file into the database; whatever is wrong is in the report.

    A file is all or nothing; `skip_bad` loads the good rows of a file that has bad ones.
    `create_missing` lets deliveries make stores and products from their own columns. A `preview` does
    everything and takes it back. Rows of stores not in `only_stores` are refused. A `kind` may be one whose columns are called otherwise. `progress(done, total)` is called now and then. Raises KeyError for an
    unknown kind, and nothing for what is in the file.
    """
    what = kind if isinstance(kind, Kind) else KINDS[kind]
    order = _Order(
        database,
        what,
        house,
        now,
        actor_name,
        skip_bad,
        create_missing,
        preview,
        only_stores,
        path.name[:LONGEST_NAME],
    )
    report = ImportReport(what.name)
    try:
        source = open_source(path)
        report.sha256 = _sha256(path)
        header = find_header(source.rows(), what.columns)
        problems = _load(order, source, header, progress, report)
    except (FileRefused, NoHeader) as refused:
        return _refused(report, str(refused))
    except LedgerError as refused:
        log.warning("import_ledger_refused", kind=what.name, problem=str(refused))
        return _refused(report, "数量对不上账：之后的出入库比盘点数还多，或者批次已停售，请核对。")
    except IntegrityError:
        return _refused(report, "与已有的数据冲突，什么都没有写入；请重试。")
    if problems:
        report.error_file = write_errors(house.files / "imports", source, header, report, now)
    _log(report)
    return report


def _load(
    order: _Order,
    source: Source,
    header: Header,
    progress: Progress | None,
    report: ImportReport,
) -> Problems:
    problems = Problems(patient=order.lenient)
    reading = _Reading(source, header, progress)
    rows = read_rows(source, reading.cells(), header, problems, order.today)
    try:
        with order.database.write() as session:
            intake = _intake(session, order, header, problems, reading.counted(rows))
            order.kind.load(intake)
            session.flush()
            report.would_write = order.lenient or not problems
            if order.preview or not report.would_write:
                raise _TakeBack  # noqa: TRY301 - the transaction ends where the exception passes
            _remember(session, order, report, intake)
    except _TakeBack:
        pass
    except TooManyProblems:
        report.would_write = False
        report.notes.append("错误太多，后面的行没有再检查。")
    else:
        report.written = True
    report.first_rows = reading.first
    if report.would_write:
        _fill(report, intake)
    _notes(report, header, problems, reading)
    report.notes += _seen_before(order, report.sha256, report.written)
    return problems


def _intake(session: Session, order: _Order, header: Header, problems: Problems, rows: Iterator[Row]) -> Intake:
    return Intake(
        session,
        rows,
        header,
        problems,
        order.now,
        order.today,
        order.actor_name,
        order.create_missing,
        order.lenient,
        only_stores=order.only_stores,
    )


def _remember(session: Session, order: _Order, report: ImportReport, intake: Intake) -> None:
    session.add(
        ImportRun(
            kind=order.kind.name,
            sha256=report.sha256,
            file_name=order.file_name,
            at=order.now,
            actor=order.actor_name,
            accepted=intake.tally.accepted,
            changed=intake.tally.changed,
            unchanged=intake.tally.unchanged,
            rejected=len(intake.problems.bad_rows),
        )
    )


def _seen_before(order: _Order, sha256: str, written: bool) -> list[str]:
    """A note when just this file was imported before."""
    query = (
        select(ImportRun.at, ImportRun.actor)
        .where(ImportRun.kind == order.kind.name, ImportRun.sha256 == sha256)
        .order_by(ImportRun.id.desc())
        .offset(1 if written else 0)
        .limit(1)
    )
    with order.database.read() as session:
        before = session.execute(query).first()
    if before is None:
        return []
    return [
        f"这个文件 {before.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M} 已由 {before.actor} 导入过，没变的行不会重复登记。"
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class _Reading:
    """Counts rows on their way, keeps the first ones as understood, and moves the progress bar."""

    def __init__(self, source: Source, header: Header, progress: Progress | None) -> None:
        self._source = source
        self._titles = {spec.name: spec.title for _, spec in header.places}
        self.first: list[ReadRow] = []
        self._progress = progress or (lambda _done, _total: None)
        self.rows = 0

    def cells(self) -> Iterator[Sequence[Any]]:
        """The file's rows as they stand."""
        number = 0
        for number, cells in enumerate(self._source.rows(), start=1):
            if number % REPORT_EVERY == 0:
                self._progress(number, max(number, self._source.total))
            yield cells
        self._progress(number, number)

    def counted(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows that could be read."""
        for row in rows:
            self.rows += 1
            if len(self.first) < MOST_SHOWN:
                self.first.append(ReadRow(row.number, self._said(row)))
            yield row

    def _said(self, row: Row) -> dict[str, str]:
        return {self._titles[name]: as_words(value) for name, value in row.values.items() if value is not None}


def _fill(report: ImportReport, intake: Intake) -> None:
    tally = intake.tally
    report.accepted, report.changed, report.unchanged = tally.accepted, tally.changed, tally.unchanged
    report.notes += tally.notes
    for row in report.first_rows:
        row.said.update(tally.understood.get(row.number, {}))
    report.created = {what: number for what, number in tally.created.items() if number}
    report.skipped = tally.skipped


def _notes(report: ImportReport, header: Header, problems: Problems, reading: _Reading) -> None:
    report.errors, report.errors_beyond = problems.listed, problems.beyond
    report.rejected_rows = len(problems.bad_rows)
    if header.ignored:
        report.notes.append(f"没有用到的列：{'、'.join(header.ignored)}。")
    if not reading.rows and not problems:
        report.notes.append("文件里没有数据行。")


def _refused(report: ImportReport, sentence: str) -> ImportReport:
    report.errors.append(RowError(0, "", "", sentence))
    _log(report)
    return report


def _log(report: ImportReport) -> None:
    log.info(
        "import_done",
        kind=report.kind,
        written=report.written,
        accepted=report.accepted,
        unchanged=report.unchanged,
        rejected=report.rejected_rows,
        skipped=len(report.skipped),
    )
