"""The worker: letters, timers, pictures and periodic jobs. Any number of them may run at once."""

import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from bots.media import fetch_due
from rules.warnings import load_rules
from running.build import Running
from workflows import outbox, schedule, timers
from workflows.flow import FLOWS
from workflows.outbox import BATCH

log = structlog.get_logger()

TICK = 0.5  # seconds between looks at outbox and timers
MOST_ROUNDS = 200  # batches in one look; the rest waits for the next tick


class Worker:
    """Does everything that is due; `tick` may be called by a test with its own clock."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._jobs = schedule.jobs(running.settings.schedule, load_rules(), running.house)
        self._pulls = schedule.pull_jobs(running.house)
        self._name = f"{socket.gethostname()[:40]}-{os.getpid()}-{threading.get_ident() % 10_000}"
        self._pool = ThreadPoolExecutor(BATCH, thread_name_prefix="sender")
        self._scheduler: BackgroundScheduler | None = None
        self._stopping = threading.Event()

    def tick(self) -> None:
        """One look at everything."""
        self.fire_timers()
        self.run_jobs()
        self.pull()
        self.deliver()
        self.fetch()

    def deliver(self) -> int:
        """Send what is due and allowed; return how many letters went out."""
        sent = 0
        for _ in range(MOST_ROUNDS):
            done = outbox.deliver_due(
                self._running.database,
                self._running.senders,
                self._now(),
                worker=self._name,
                pool=self._pool,
                clock=self._now,
            )
            sent += done.sent
            if not (done.sent or done.put_off or done.dead) or self._stopping.is_set():
                break
        return sent

    def fire_timers(self) -> int:
        """Let time act."""
        return timers.fire_due(self._running.database, self._running.house, FLOWS, self._now())

    def run_jobs(self) -> list[str]:
        """Run the periodic jobs whose slot nobody has done."""
        return schedule.run_due(self._running.database, self._running.house, self._jobs, self._now())

    def pull(self) -> list[str]:
        """Let the connectors fetch what is due."""
        return schedule.run_due(self._running.database, self._running.house, self._pulls, self._now())

    def fetch(self) -> int:
        """Fetch pictures people sent."""
        return fetch_due(self._running.database, self._running.fetchers, self._now())

    def start(self) -> None:
        """Tick in background threads until `stop`."""
        options = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler = BackgroundScheduler(job_defaults=options)
        for work in (self.deliver, self.fire_timers, self.fetch):
            self._scheduler.add_job(_guarded(work), "interval", seconds=TICK)
        self._scheduler.add_job(_guarded(self.run_jobs), "interval", seconds=5)
        self._scheduler.add_job(_guarded(self.pull), "interval", seconds=5)
        self._scheduler.start()

    def stop(self) -> None:
        """Finish the batch in hand and stop."""
        self._stopping.set()
        if self._scheduler:
            self._scheduler.shutdown(wait=True)
        self._pool.shutdown(wait=True)

    def _now(self) -> datetime:
        return self._running.clock()


def _guarded(work: Callable[[], object]) -> Callable[[], None]:
    # A full disk or a lost database must not end the ticking: the next tick tries again.
    def run() -> None:
        try:
            work()
        except Exception:
            log.exception("tick_failed", work=work.__name__)

    return run
