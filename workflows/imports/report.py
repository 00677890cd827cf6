"""What came of an import: rows taken, rows refused and why."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MOST_LISTED = 10_000  # problems kept in memory and written out; the rest is only counted


@dataclass(frozen=True)
class RowError:
    """One cell that was refused. `row` is the row as Excel numbers it; 0 means the file as a whole."""

    row: int
    column: str
    value: str
    sentence: str


@dataclass(frozen=True)
class ReadRow:
    """One row as it was understood: what each column means, as words."""

    number: int
    said: dict[str, str]


@dataclass
class ImportReport:
    """The outcome. `accepted` rows were new or changed something, `unchanged` ones said nothing new.

    Of the accepted ones `changed` brought something known up to date. `skipped` are rows left out
    without being wrong; `created` counts what was made on the way; `first_rows` are the first as understood.
    A preview is never `written`; `would_write` tells whether it would have been.
    """

    kind: str
    accepted: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: list[RowError] = field(default_factory=list)
    errors_beyond: int = 0
    skipped: list[RowError] = field(default_factory=list)
    rejected_rows: int = 0
    created: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    error_file: Path | None = None
    written: bool = False
    would_write: bool = False
    first_rows: list[ReadRow] = field(default_factory=list)
    sha256: str = ""


class TooManyProblems(Exception):
    """A file in which nothing seems right; reading on would help nobody."""


class Problems:
    """Collects what is wrong. With `patient` false it gives up after `MOST_LISTED` problems."""

    def __init__(self, *, patient: bool) -> None:
        self._patient = patient
        self.listed: list[RowError] = []
        self.beyond = 0
        self.bad_rows: set[int] = set()

    def add(self, row: int, column: str, value: Any, sentence: str) -> None:
        """Refuse a cell; the sentence gets its place in front."""
        self.bad_rows.add(row)
        if len(self.listed) >= MOST_LISTED:
            if not self._patient:
                raise TooManyProblems
            self.beyond += 1
            return
        shown = "" if value is None else str(value)[:80]
        where = f"第 {row} 行“{column}”" if column else f"第 {row} 行"
        said = f"（写的是 {shown}）" if shown else ""
        self.listed.append(RowError(row, column, shown, f"{where}{said}：{sentence}。"))

    def __bool__(self) -> bool:
        return bool(self.bad_rows)


@dataclass
class Tally:
    """Counts a loader keeps while it works."""

    accepted: int = 0
    changed: int = 0
    unchanged: int = 0
    notes: list[str] = field(default_factory=list)
    understood: dict[int, dict[str, str]] = field(default_factory=dict)
    created: Counter[str] = field(default_factory=Counter)
    skipped: list[RowError] = field(default_factory=list)
