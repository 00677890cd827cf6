"""Contestants in processes of their own, run in interleaved rounds so that all share the machine's moods."""

import gc
import logging
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import structlog

from benchmarks import memory

WARM = 20  # messages before the first counted round: statement caches, imports, pages of the database

#: Gets (kind of database, URL, folder, messages in all); returns what makes one round's work and runs it.
Prepared = tuple[Callable[[int], list[Any]], Callable[[Any], object]]
Prepare = Callable[[str, Path, int], Prepared]


@dataclass
class Result:
    """Messages a second in each round, and the most memory the process ever held."""

    name: str
    rates: list[float] = field(default_factory=list)
    peak_mb: float = 0.0

    @property
    def rate(self) -> float:
        """The median round."""
        return median(self.rates)


@dataclass
class Contestant:
    """A child process that answers "run so many" with the seconds it took."""

    name: str
    prepare: Prepare
    url: str
    folder: Path
    total: int
    result: Result = field(init=False)

    def __post_init__(self) -> None:
        self.result = Result(self.name)
        self._pipe, other = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        arguments = (self.prepare, self.url, self.folder, self.total + WARM, other)
        self._process = context.Process(target=_child, args=arguments, daemon=True)
        self._process.start()
        self._pipe.recv()
        self._pipe.send(WARM)
        self._pipe.recv()

    def round(self, count: int) -> None:
        """Answer `count` messages."""
        self._pipe.send(count)
        self.result.rates.append(count / self._pipe.recv())

    def end(self) -> Result:
        """Stop the process and tell what it did."""
        self._pipe.send(0)
        self.result.peak_mb = self._pipe.recv()
        self._process.join()
        return self.result


def quiet() -> None:
    """Log as the server does, but write warnings only: a benchmark prints one table."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def _child(prepare: Prepare, url: str, folder: Path, total: int, pipe: Connection) -> None:
    quiet()
    make, answer = prepare(url, folder, total)
    pipe.send("ready")
    while count := pipe.recv():
        work = make(count)
        gc.collect()
        begin = time.perf_counter()
        for item in work:
            answer(item)
        pipe.send(time.perf_counter() - begin)
    pipe.send(memory.peak())


def race(contestants: list[Contestant], rounds: int, count: int) -> list[Result]:
    """A B C A B C ...; one runs at a time."""
    for _ in range(rounds):
        for contestant in contestants:
            contestant.round(count)
    return [contestant.end() for contestant in contestants]
