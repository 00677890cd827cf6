"""Runs the suite: on all cores, with a PostgreSQL server started from installed binaries where none answers."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.world import postgres_admin

PORT = "54329"


def main() -> int:
    """Run pytest with the arguments given; its exit code is ours."""
    server = None if postgres_admin() else _started_server()
    try:
        workers = [] if any(a.startswith("-n") for a in sys.argv[1:]) else ["-n", str(os.cpu_count() or 2)]
        command = [sys.executable, "-m", "pytest", *workers, "--dist", "loadfile", *sys.argv[1:]]
        return subprocess.run(command, check=False).returncode
    finally:
        if server:
            _stop(server)


def _started_server() -> Path | None:
    tools = _tools()
    if tools is None:
        print("No PostgreSQL server answers and none is installed: PostgreSQL tests WILL NOT RUN.", flush=True)  # noqa: T201 - must be loud
        return None
    folder = Path(tempfile.mkdtemp(prefix="jiuhui-pg-"))
    user = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        user = ["runuser", "-u", "postgres", "--"]
    data = folder / "data"
    options = f"-p {PORT} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    made = subprocess.run(
        [*user, tools / "initdb", "-A", "trust", "-U", "postgres", "-D", data], capture_output=True, check=False
    )
    ran = subprocess.run(
        [*user, tools / "pg_ctl", "-D", data, "-o", options, "-w", "-l", folder / "log", "start"],
        capture_output=True,
        check=False,
    )
    if made.returncode or ran.returncode:
        print("PostgreSQL is installed but did not start: its tests WILL NOT RUN.", flush=True)  # noqa: T201 - must be loud
        return None
    os.environ["TEST_PG_URL"] = f"postgresql+psycopg://postgres@127.0.0.1:{PORT}/postgres"
    return folder


def _stop(folder: Path) -> None:
    tools = _tools()
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if tools:
        subprocess.run(
            [*user, tools / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"],
            capture_output=True,
            check=False,
        )
    shutil.rmtree(folder, ignore_errors=True)


def _tools() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


if __name__ == "__main__":
    sys.exit(main())
