"""One contestant of the race, as a process of its own: `python -m benchmarks.contestant MODULE NAME URL FOLDER TOTAL`.

Reads how many messages to answer from standard input, line by line, and writes the seconds it took; 0 ends
it with the most memory it ever held, in MB. It imports only what the contestant needs, so that this figure
is the contestant's own.
"""

import gc
import importlib
import sys
import time
from pathlib import Path

from benchmarks import memory
from benchmarks.contest import Prepare, quiet


def main() -> None:
    """Answer until told to end."""
    module, name, url, folder, total = sys.argv[1:]
    quiet()
    prepare: Prepare = getattr(importlib.import_module(module), name)
    make, answer = prepare(url, Path(folder), int(total))
    print("ready", flush=True)
    for line in sys.stdin:
        if not (count := int(line)):
            break
        work = make(count)
        gc.collect()
        begin = time.perf_counter()
        for item in work:
            answer(item)
        print(time.perf_counter() - begin, flush=True)
    print(memory.peak(), flush=True)


if __name__ == "__main__":
    main()
