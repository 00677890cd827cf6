"""Reading a file of 100,000 rows and 12 columns, beside the bare reader in the same minutes.

Ours opens and checks the file, finds the header, reads and checks every cell and hands out rows; the floor
is calamine alone, its rows consumed. Both are taken as the best of several turns of processor time, one after
the other, so that neighbours on the machine disturb neither more than the other.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from openpyxl import Workbook
from python_calamine import CalamineWorkbook

from benchmarks import memory
from benchmarks.table import Line
from workflows.imports.header import find_header
from workflows.imports.kinds import KINDS
from workflows.imports.reader import open_source
from workflows.imports.report import Problems
from workflows.imports.rows import read_rows

ROWS = 100_000
MOST_TIMES = 2.0
TURNS = 5
HEADS = (
    "门店编码", "商品编码", "发货日期", "瓶数", "箱数", "批号", "生产日期", "单价", "单号", "行号", "门店名称", "商品名称",
)  # fmt: skip
FIRST, TODAY = date(2024, 1, 1), date(2026, 3, 10)


@dataclass(frozen=True)
class Measured:
    """Seconds of processor time, and megabytes more than before at the most."""

    seconds: float
    extra_mb: float


def reading(folder: Path, rows: int = ROWS) -> list[Line]:
    """The same rows as plain cells, and with a formula in every row, which makes us look up where they are."""
    lines = []
    for what, formula in (("no formulas", ""), ("a formula in each", "单价")):
        path = folder / f"deliveries-{formula or 'plain'}.xlsx"
        write_deliveries(path, rows, formula)
        floor, ours = _raced(path, rows)
        ratio = ours.seconds / floor.seconds
        aimed = formula == ""
        lines.append(
            Line(
                f"read {rows:,} rows x 12, {what} (floor: calamine)",
                f"{ours.seconds:.2f} s",
                f"{floor.seconds:.2f} s",
                f"{ratio:.2f} x",
                peak=f"+{ours.extra_mb:.0f} (+{floor.extra_mb:.0f})",
                aim=f"<= {MOST_TIMES:.0f} x" if aimed else "",
                met=ratio <= MOST_TIMES if aimed else None,
            )
        )
    return lines


def write_deliveries(path: Path, rows: int, formula: str = "") -> None:
    """Deliveries as a distributor would send them; `formula` names a column that holds formulas."""
    chance = random.Random(3)
    book = Workbook(write_only=True)
    sheet = book.create_sheet("出货")
    sheet.append(HEADS)
    for number in range(rows):
        store, product = chance.randrange(800), chance.randrange(300)
        day = FIRST + timedelta(chance.randrange(700))
        said: list[object] = [
            f"S{store:04d}", f"P{product:04d}", day, chance.randrange(1, 24), chance.randrange(5),
            f"B{chance.randrange(5000):05d}", day - timedelta(60), round(chance.uniform(30, 900), 2),
            f"CK{number // 8:07d}", number % 8 + 1, f"门店{store}号烟酒店", f"青岚 {product} 度 500ml",
        ]  # fmt: skip
        if formula:
            said[HEADS.index(formula)] = f"=ROW()+{number}"
        sheet.append(said)
    book.save(path)


def read_bare(path: Path) -> int:
    """The reader alone."""
    with CalamineWorkbook.from_path(path) as book:
        return sum(1 for _ in book.get_sheet_by_index(0).iter_rows()) - 1


def read_whole(path: Path) -> int:
    """Open, check, find the header, read and check every cell; rows refused for a formula count too."""
    source, columns = open_source(path), KINDS["deliveries"].columns
    header, problems = find_header(source.rows(), columns), Problems(patient=True)
    read = sum(1 for _ in read_rows(source, source.rows(), header, problems, TODAY))
    return read + len(problems.bad_rows)


def _raced(path: Path, rows: int) -> tuple[Measured, Measured]:
    turns = [(_turn(read_bare, path, rows), _turn(read_whole, path, rows)) for _ in range(TURNS)]
    floor = min((pair[0] for pair in turns), key=lambda turn: turn.seconds)
    ours = min((pair[1] for pair in turns), key=lambda turn: turn.seconds)
    return floor, ours


def _turn(read: Callable[[Path], int], path: Path, rows: int) -> Measured:
    memory.forget_peak()
    before, begin = memory.resident(), time.process_time()
    assert read(path) == rows
    return Measured(time.process_time() - begin, memory.peak() - before)
