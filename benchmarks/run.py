"""All figures side by side in one run: `python -m benchmarks.run`, or with `--quick` for a first look.

Every figure stands beside the floor measured in the same minutes: machines and their neighbours have moods,
so ratios mean more than milliseconds.
"""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks import parts, scan
from benchmarks.callbacks import confirm, progress
from benchmarks.contest import Contestant, Result, quiet, race
from benchmarks.distributor import fresh_url, postgres_answers
from benchmarks.echo import echo
from benchmarks.idle import idle_mb
from benchmarks.imports import reading
from benchmarks.issuing import measured
from benchmarks.table import Line, show

KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
AIMS = {"进度": 0.60, "确认": 0.35}
NOTES = """
进度 only reads: it opens no writing transaction and leaves no row in the inbox. All ask with the same word, whose
reading is remembered, as it would be in earnest; with words not heard before the rate is about a seventh lower.
Issuing and the idle process are measured once in a run."""
MOST_SECONDS, MOST_EXTRA_MB, MOST_IDLE_MB = 5.0, 300.0, 150.0


def callbacks(folder: Path, kinds: list[str], rounds: int, count: int) -> list[Line]:
    """The race: echo, 进度, 确认, again and again."""
    with ExitStack() as databases:
        runners = [Contestant("bare Flask + wechatpy echo", echo, "", folder, rounds * count)]
        for kind in kinds:
            for word, prepare in (("进度", progress), ("确认", confirm)):
                url = databases.enter_context(fresh_url(kind, folder))
                runners.append(Contestant(f"callback {word}, {KINDS[kind]}", prepare, url, folder, rounds * count))
        floor, *ours = race(runners, rounds, count)
    return [_raced(floor, floor), *(_raced(result, floor) for result in ours)]


def issuing(folder: Path, kinds: list[str], sizes: list[int]) -> list[Line]:
    """Campaigns of growing size; the floor of each is the smallest one's time for a store."""
    lines = []
    for kind in kinds:
        for_one = 0.0
        for stores in sizes:
            with fresh_url(kind, folder) as url:
                seconds, extra = measured(url, folder, stores)
            each = seconds / stores * 1000
            for_one = for_one or each
            whole = stores == 10_000 and kind == "sqlite"
            lines.append(
                Line(
                    f"issue to {stores:,} stores, {KINDS[kind]}",
                    f"{seconds:.2f} s",
                    f"{for_one:.2f} ms/store",
                    f"{each:.2f} ms/store",
                    peak=f"+{extra:.0f}",
                    aim=f"<= {MOST_SECONDS:.0f} s, +{MOST_EXTRA_MB:.0f} MB" if whole else "",
                    met=(seconds <= MOST_SECONDS and extra <= MOST_EXTRA_MB) if whole else None,
                )
            )
    return lines


def singles(folder: Path, size: int) -> list[Line]:
    """Letters, history, opening of callbacks, on SQLite."""
    with fresh_url("sqlite", folder) as url:
        running = parts.a_running_campaign(url, folder, size)
        steps, steps_floor = parts.rows_a_second(running), parts.rows_a_second_by_hand(running)
        letters_floor = parts.letters_a_second_by_hand(url, folder)
        letters = parts.letters_a_second(running)
        running.database.close()
    opened, opened_floor = parts.opened_a_second(size)
    return [
        _single("outbox: letters sent (floor: loop in SQL)", letters, letters_floor),
        _single("history: rows verified (floor: read and hash)", steps, steps_floor),
        _single("callback opened and read (floor: wechatpy)", opened, opened_floor),
    ]


def scanning(folder: Path, kinds: list[str], sizes: list[int]) -> list[Line]:
    """The daily scan of all rules on channels of growing size; the floor is one query that writes its hits."""
    lines = []
    for kind in kinds:
        for lots in sizes:
            with fresh_url(kind, folder) as url:
                lines += scan.lines_of(KINDS[kind], lots, scan.measured(url, folder, lots))
    return lines


def idle() -> Line:
    """The process that only waits."""
    held = idle_mb()
    aim = f"< {MOST_IDLE_MB:.0f} MB"
    return Line("idle process, web and worker", f"{held:.0f} MB", peak=f"{held:.0f}", aim=aim, met=held < MOST_IDLE_MB)


def main() -> int:
    """The command line. Always 0: a benchmark reports, it does not judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and stores")
    quick = parser.parse_args().quick
    quiet()
    kinds = ["sqlite", "postgresql"] if postgres_answers() else ["sqlite"]
    if len(kinds) == 1:
        print("no PostgreSQL server answers: only SQLite is measured")
    with tempfile.TemporaryDirectory(prefix="jiuhui-bench-") as made:
        folder = Path(made)
        lines = callbacks(folder, kinds, *((3, 100) if quick else (9, 300)))
        lines += issuing(folder, kinds, [100, 1_000] if quick else [100, 1_000, 10_000])
        lines += singles(folder, 500 if quick else 3_000)
        lines += reading(folder)
        lines += scanning(folder, kinds, [10_000, 100_000] if quick else [10_000, 100_000, 1_000_000])
        lines.append(idle())
    print(show(lines))
    print(NOTES)
    return 0


def _raced(result: Result, floor: Result) -> Line:
    ratio = result.rate / floor.rate
    aim = next((share for word, share in AIMS.items() if word in result.name and "SQLite" in result.name), None)
    return Line(
        result.name,
        f"{result.rate:,.0f}/s",
        f"{floor.rate:,.0f}/s",
        f"{ratio:.0%}",
        f"{min(result.rates):,.0f}-{max(result.rates):,.0f}",
        f"{result.peak_mb:.0f}",
        f">= {aim:.0%}" if aim else "",
        ratio >= aim if aim else None,
    )


def _single(what: str, figure: float, floor: float) -> Line:
    return Line(what, f"{figure:,.0f}/s", f"{floor:,.0f}/s", f"{figure / floor:.0%}")


if __name__ == "__main__":
    sys.exit(main())
