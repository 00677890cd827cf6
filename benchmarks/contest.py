"""Contestants in processes of their own, run in interleaved rounds so that all share the machine's moods."""

import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import structlog

ROOT = Path(__file__).parent.parent
WARM = 50  # messages before the first counted round: statement caches, imports, pages of the database

#: What makes the work of one round, and what does one piece of it.
Prepared = tuple[Callable[[int], list[Any]], Callable[[Any], object]]
#: Gets the URL of an empty database, a folder, and the number of messages in all.
Prepare = Callable[[str, Path, int], Prepared]


@dataclass
class Result:
    """Messages a second in each round, and the most memory the process ever held in MB."""

    name: str
    rates: list[float] = field(default_factory=list)
    peak_mb: float = 0.0

    @property
    def rate(self) -> float:
        """The median round."""
        return median(self.rates)


class Contestant:
    """A child process that is told how many messages to answer, and says how long it took."""

    def __init__(self, name: str, prepare: Prepare, url: str, folder: Path, total: int) -> None:
        self.result = Result(name)
        where = [prepare.__module__, prepare.__name__, url, str(folder), str(total + WARM)]
        command = [sys.executable, "-m", "benchmarks.contestant", *where]
        self._child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._hear()
        self._tell(WARM)
        self._hear()

    def round(self, count: int) -> None:
        """Answer `count` messages."""
        self._tell(count)
        self.result.rates.append(count / float(self._hear()))

    def end(self) -> Result:
        """Stop the process and tell what it did."""
        self._tell(0)
        self.result.peak_mb = float(self._hear())
        self._child.wait()
        return self.result

    def _tell(self, count: int) -> None:
        assert self._child.stdin is not None
        print(count, file=self._child.stdin, flush=True)

    def _hear(self) -> str:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.result.name} died; its error is printed above")
        return line.strip()


def race(contestants: list[Contestant], rounds: int, count: int) -> list[Result]:
    """A B C A B C ...; one runs at a time."""
    for _ in range(rounds):
        for contestant in contestants:
            contestant.round(count)
    return [contestant.end() for contestant in contestants]


def quiet() -> None:
    """Log errors only: a benchmark prints one table."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
