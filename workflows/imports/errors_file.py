"""The refused rows as an Excel file with the wrong cells marked."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from reports.workbooks import write_marked
from workflows.imports.columns import Header
from workflows.imports.report import ImportReport
from workflows.imports.source import Source

WHOLE_FILE_UP_TO = 5_000  # rows; of a longer file only the refused rows are shown


def write_errors(folder: Path, source: Source, header: Header, report: ImportReport, now: datetime) -> Path:
    """Write the marked file into the folder and return its path."""
    wanted = None if _is_short(source) else {error.row for error in report.errors}
    rows, places = _rows(source, header, wanted)
    columns = {spec.title: place + 1 for place, spec in header.places}
    marks: dict[tuple[int, int | str], str] = {}
    for error in report.errors:
        key = (places[error.row], columns.get(error.column, 0))
        marks[key] = f"{marks[key]} {error.sentence}" if key in marks else error.sentence
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.kind}-{now:%Y%m%d-%H%M%S}-{now.microsecond:06d}.xlsx"
    write_marked(path, rows, marks)
    return path


def _is_short(source: Source) -> bool:
    return 0 < source.total <= WHOLE_FILE_UP_TO


def _rows(source: Source, header: Header, wanted: set[int] | None) -> tuple[list[Sequence[Any]], dict[int, int]]:
    """The header and the wanted rows (None: all), and where in this list each file row stands."""
    rows: list[Sequence[Any]] = [header.cells]
    places: dict[int, int] = {header.number: 1}
    for number, cells in enumerate(source.rows(), start=1):
        if number > header.number and (wanted is None or number in wanted):
            rows.append(cells)
            places[number] = len(rows)
    return rows, places
