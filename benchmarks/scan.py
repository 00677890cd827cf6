"""How long a scan takes beside the same question asked as one query, `python -m benchmarks.scan URL FOLDER LOTS`.

Three scans: of the first day, when every hit is a new warning; of the day after; and of that day again. The floor
is `scan_by_hand.py`, once only read (the hits counted) and once written into a table without any key. Both must find the same
hits, or nothing is printed.
"""

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import text
from sqlalchemy.orm import Session

from benchmarks import memory
from benchmarks.contest import ROOT, quiet
from benchmarks.distributor import NOW, open_house
from benchmarks.scan_by_hand import TODAY, hits_by_hand
from benchmarks.scan_data import fill_channel, next_day
from benchmarks.table import Line
from models.database import Database
from models.warning import StockWarning
from rules.warnings import load_rules
from running.build import Running
from running.migrate import upgrade
from workflows.scan import scan

MOST = 3.0  # times the query that writes its hits
ALIKE = 0.001  # medians are rounded, so a store at the very edge may fall to either side


@dataclass(frozen=True)
class Measured:
    """Seconds of the scans and of the query, the hits, and the memory a scan took beyond what was there, in MB."""

    first: float
    second: float
    again: float
    read: float
    written: float
    hits: int
    changed: int
    extra_mb: float


def measured(url: str, folder: Path, lots: int) -> Measured:
    """Measure in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.scan", url, str(folder), str(lots)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return Measured(**json.loads(done.stdout))


def lines_of(kind: str, lots: int, found: Measured) -> list[Line]:
    """What is told of one size; only a million lots have an aim."""
    whole = lots >= 1_000_000
    told = []
    for day, seconds in (("first day", found.first), ("second day", found.second), ("same day again", found.again)):
        ratio = seconds / found.written
        told.append(
            Line(
                f"scan {lots:,} lots, {day}, {kind}",
                f"{seconds:.2f} s",
                f"{found.written:.2f} s",
                f"{ratio:.1f} x",
                f"{seconds / found.read:.1f} x reading",
                f"+{found.extra_mb:.0f}",
                f"<= {MOST:.0f} x" if whole else f"{seconds / lots * 1_000_000:.1f} µs/lot",
                ratio <= MOST if whole else None,
            )
        )
    told.append(
        Line(f"  its hits; warnings changed on the second day, {kind}", f"{found.hits:,}", f"{found.changed:,}")
    )
    return told


def main() -> None:
    """Fill a database, scan it and print what was measured as JSON."""
    url, folder, lots = sys.argv[1:]
    quiet()
    running = open_house(url, Path(folder))
    upgrade(running.database)
    fill_channel(running.database, int(lots))
    print(json.dumps(vars(_measure(running))))
    running.database.close()


def _measure(running: Running) -> Measured:
    database = running.database
    floors = [_floor(database), _floor(database)]
    gc.collect()
    memory.forget_peak()
    before = memory.resident()
    first = _timed(lambda: _scan(running, 0))
    extra = memory.peak() - before
    hits = _compare(database)
    floors.append(_floor(database))
    with database.write() as session:
        next_day(session)
    seen = _versions(database)
    second = _timed(lambda: _scan(running, 1))
    changed = _versions(database) - seen
    again = _timed(lambda: _scan(running, 1))
    floors.append(_floor(database))
    read, written = (median(column) for column in zip(*floors, strict=True))
    return Measured(first, second, again, read, written, hits, changed, extra)


def _scan(running: Running, days: int) -> None:
    with running.database.write() as session:
        scan(
            session,
            load_rules(),
            TODAY + timedelta(days=days),
            NOW + timedelta(days=days),
            house=running.house,
        )


def _timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _floor(database: Database) -> tuple[float, float]:
    query = hits_by_hand(sqlite=database.is_sqlite)
    counted = text(f"SELECT count(*), sum(level) FROM ({query}) AS h")
    kept = text(f"CREATE TEMPORARY TABLE by_hand AS {query}")
    with database.write() as session:
        _as_the_scan_does(session, database)
        read = _timed(lambda: session.execute(counted).all())
        written = _timed(lambda: session.execute(kept))
        session.rollback()
    return read, written


def _as_the_scan_does(session: Session, database: Database) -> None:
    """The same room and no compiling for both."""
    if not database.is_sqlite:
        session.execute(text("SET LOCAL work_mem = '64MB'"))
        session.execute(text("SET LOCAL jit = off"))


def _compare(database: Database) -> int:
    """How many hits there are; raises AssertionError when query and scan do not agree, rule by rule."""
    query = hits_by_hand(sqlite=database.is_sqlite)
    by_hand = text(f"SELECT rule, count(*), sum(level) FROM ({query}) AS h GROUP BY rule")
    ours = text(f"SELECT rule, count(*), sum(level) FROM {StockWarning.__tablename__} GROUP BY rule")
    with database.read() as session:
        theirs = {rule: (int(count), int(levels)) for rule, count, levels in session.execute(by_hand)}
        found = {rule: (int(count), int(levels)) for rule, count, levels in session.execute(ours)}
    assert theirs.keys() == found.keys(), (theirs, found)
    for rule, (count, levels) in found.items():
        most = max(1, theirs[rule][0] * ALIKE)
        assert abs(count - theirs[rule][0]) <= most, (rule, count, theirs[rule])
        assert abs(levels - theirs[rule][1]) <= most * 2, (rule, levels, theirs[rule])
    return sum(count for count, _ in found.values())


def _versions(database: Database) -> int:
    """Grows with every warning that is new or takes a step."""
    with database.read() as session:
        return int(session.execute(text("SELECT coalesce(sum(version), 0) FROM warning")).scalar_one())


if __name__ == "__main__":
    main()
