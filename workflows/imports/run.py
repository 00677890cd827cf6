"""One file in, one transaction, one report: either all of it, or what may be, or nothing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.exc import IntegrityError

from models.database import Database
from workflows.house import House
from workflows.imports.columns import Header, NoHeader, Row, find_header, read_rows
from workflows.imports.errors_file import write_errors
from workflows.imports.intake import Intake
from workflows.imports.kinds import KINDS, Kind
from workflows.imports.reader import FileRefused, Source, open_source
from workflows.imports.report import ImportReport, Problems, RowError, TooManyProblems
from workflows.ledger import LedgerError

log = structlog.get_logger()

Progress = Callable[[int, int], None]
REPORT_EVERY = 1_000  # rows


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


def run_import(  # noqa: PLR0913 - one keyword for each choice of the command line
    database: Database,
    kind: str,
    path: Path,
    *,
    house: House,
    now: datetime,
    actor_name: str,
    progress: Progress | None = None,
    skip_bad: bool | None = None,
    create_missing: bool = True,
) -> ImportReport:
    """Read a CSV or Excel file into the database; whatever is wrong is in the report.

    `skip_bad` loads the good rows of a file that has bad ones; by default deliveries do so, and the
    other kinds refuse the whole file. `create_missing` lets deliveries make stores and products
    from their own columns. `progress(done, total)` is called now and then. Raises KeyError for an
    unknown kind, and nothing for what is in the file.
    """
    what = KINDS[kind]
    lenient = what.skip_bad if skip_bad is None else skip_bad
    order = _Order(database, what, house, now, actor_name, lenient, create_missing)
    report = ImportReport(kind)
    try:
        source = open_source(path)
        header = find_header(source.rows(), what.columns)
        problems = _load(order, source, header, progress, report)
    except (FileRefused, NoHeader) as refused:
        return _refused(report, str(refused))
    except LedgerError as refused:
        log.warning("import_ledger_refused", kind=kind, problem=str(refused))
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
    reading = _Reading(source, progress)
    rows = read_rows(reading.cells(), header, problems, source.formulas)
    try:
        with order.database.write() as session:
            intake = Intake(
                session,
                reading.counted(rows),
                header,
                problems,
                order.now,
                order.house.calendar.local_day(order.now),
                order.actor_name,
                order.create_missing,
            )
            order.kind.load(intake)
            if problems and not order.lenient:
                raise _TakeBack  # noqa: TRY301 - the transaction ends where the exception passes
    except _TakeBack:
        pass
    except TooManyProblems:
        report.notes.append("错误太多，后面的行没有再检查。")
    else:
        _fill(report, intake)
    _notes(report, header, problems, reading)
    return problems


class _Reading:
    """Counts rows on their way and moves the progress bar."""

    def __init__(self, source: Source, progress: Progress | None) -> None:
        self._source = source
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
            yield row


def _fill(report: ImportReport, intake: Intake) -> None:
    tally = intake.tally
    report.written = True
    report.accepted, report.unchanged = tally.accepted, tally.unchanged
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
