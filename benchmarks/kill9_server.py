"""The process that is killed: `app.py serve`, started again and again on the same database."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import requests

ROOT = Path(__file__).parent.parent
START_SECONDS = 60.0  # a busy machine may take long to start a process


class Server:
    """Web side and worker in one process of its own, with nothing but the database to remember by."""

    def __init__(self, environ: Mapping[str, str], base: str, log: Path) -> None:
        self._environ = {**os.environ, **environ}
        self._base, self._log = base, log
        self._up = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; it may be killed before it is up."""
        with self._log.open("ab") as log:
            command = [sys.executable, str(ROOT / "app.py"), "serve"]
            self._process = subprocess.Popen(command, env=self._environ, cwd=ROOT, stdout=log, stderr=log)

    def wait_until_up(self) -> None:
        """Return when it answers; raises TimeoutError when it never does."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._answers():
                self._up.set()
                return
            time.sleep(0.02)
        raise TimeoutError(f"the server did not start: {self._log.read_text(errors='replace')[-2000:]}")

    def people_wait(self, _seconds: float = 0.0) -> None:
        """What a telephone does while nobody answers: it tries again later."""
        self._up.wait(START_SECONDS)

    def kill(self) -> None:
        """SIGKILL: no chance to finish anything."""
        self._up.clear()
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    @property
    def pid(self) -> int:
        """The process id of the present life."""
        return self._process.pid if self._process else 0

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self._base}/healthz", timeout=2).status_code == 200
        except requests.RequestException:
            return False


def live_and_die(server: Server, kills: int, dice: random.Random, after_death: Callable[[], None]) -> None:
    """Kill the server so many times at random moments, now and then while it is still starting."""
    for _ in range(kills):
        if dice.random() < 0.1:
            time.sleep(dice.uniform(0.2, 2.0))
        else:
            server.wait_until_up()
            time.sleep(dice.uniform(0.02, 1.2))
        server.kill()
        after_death()
        server.start()
    server.wait_until_up()


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
