"""How much memory `app.py serve` holds when nothing happens, its worker ticking."""

import secrets
import tempfile
import time
from pathlib import Path

from benchmarks import memory
from benchmarks.kill9_server import Server, free_port
from running.sandboxed import sandbox_environment

TICKING_SECONDS = 6.0  # a dozen ticks of the worker, and each periodic job once


def idle_mb() -> float:
    """Resident memory of the process a few seconds after its start, in MB."""
    base = f"http://127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory() as folder:
        environ = sandbox_environment(base, ["城东"]) | {
            "JIUHUI_SERVER__HOST": "127.0.0.1",
            "JIUHUI_SERVER__PORT": base.rpartition(":")[2],
            "JIUHUI_DATABASE__URL": f"sqlite:///{folder}/idle.db",
            "JIUHUI_FILES": folder,
            "JIUHUI_SECRET": secrets.token_hex(16),
        }
        server = Server(environ, base, Path(folder) / "server.log")
        server.start()
        try:
            server.wait_until_up()
            time.sleep(TICKING_SECONDS)
            return memory.resident(server.pid)
        finally:
            server.kill()
