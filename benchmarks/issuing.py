"""How long it takes to ask so many stores, as `python -m benchmarks.issuing URL FOLDER STORES` in a fresh process."""

import gc
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import memory
from benchmarks.contest import ROOT, quiet
from benchmarks.distributor import approve, fill, open_house, start_campaign


def measured(url: str, folder: Path, stores: int) -> tuple[float, float]:
    """Seconds of the approving transaction, and how much more memory it took at its peak, in MB."""
    command = [sys.executable, "-m", "benchmarks.issuing", url, str(folder), str(stores)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    seconds, extra = done.stdout.split()
    return float(seconds), float(extra)


def main() -> None:
    """Fill a database, then issue to all of its stores and print seconds and memory."""
    url, folder, stores = sys.argv[1:]
    quiet()
    running = open_house(url, Path(folder))
    fill(running, int(stores))
    campaign = start_campaign(running)
    gc.collect()
    memory.forget_peak()
    before, begin = memory.resident(), time.perf_counter()
    approve(running, campaign)
    print(time.perf_counter() - begin, memory.peak() - before)
    running.database.close()


if __name__ == "__main__":
    main()
