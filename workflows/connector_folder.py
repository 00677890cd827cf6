"""Drop files: taken when nobody writes them any more, put into done/ or failed/ beside the folder's files."""

import shutil
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from workflows.acting import SHANGHAI

MOST_FILES = 200  # in one run
DONE, FAILED = "done", "failed"
#: Names programs give to files they are still writing, or lock.
_UNFINISHED = (".part", ".tmp", ".temp", ".crdownload", ".filepart", ".partial", ".swp", ".lock", "~")


class FolderLost(Exception):
    """The folder cannot be read; `str()` is the Chinese sentence."""


@dataclass(frozen=True)
class Waiting:
    """The files that may be taken, the oldest first, and how many are still being written."""

    ready: tuple[Path, ...]
    unfinished: int


def waiting(pattern: str, now: datetime, quiet_seconds: int) -> Waiting:
    """Look into the folder. Raises FolderLost."""
    whole = Path(pattern)
    folder, mask = (whole, "*") if whole.is_dir() else (whole.parent, whole.name)
    try:
        # A folder that is away, such as a lost network drive, must not look like an empty one.
        found = [path for path in folder.iterdir() if path.match(mask)]
        aged = [(_last_touched(path), path) for path in found if _is_a_file(path)]
    except OSError as problem:
        raise FolderLost(f"打不开文件夹 {folder}：{problem.strerror or type(problem).__name__}。") from None
    ready = [(touched, path) for touched, path in aged if now.timestamp() - touched >= quiet_seconds]
    oldest = [path for _, path in sorted(ready)][:MOST_FILES]
    return Waiting(tuple(oldest), len(aged) - len(ready))


def put_away(path: Path, where: str, now: datetime, marked: Path | None = None) -> Path:
    """Move a file into done/ or failed/ under a name of its own, the marked error file beside failed ones."""
    stamp = f"{now.astimezone(SHANGHAI):%Y%m%d-%H%M%S}"
    target = _free(path.parent / where / f"{stamp} {path.name}")
    target.parent.mkdir(exist_ok=True)
    shutil.move(path, target)
    if marked is not None:
        beside = path.parent / FAILED / f"{target.stem}-错误.xlsx"
        beside.parent.mkdir(exist_ok=True)
        shutil.copyfile(marked, beside)
    return target


def _is_a_file(path: Path) -> bool:
    name = path.name.lower()
    if name.startswith((".", "~$")) or name.endswith(_UNFINISHED):
        return False
    return stat.S_ISREG(path.lstat().st_mode)


def _last_touched(path: Path) -> float:
    # Copying programs may keep the old modification time; the change time tells that they are still at it.
    found = path.lstat()
    return max(found.st_mtime, found.st_ctime)


def _free(path: Path) -> Path:
    number = 1
    free = path
    while free.exists():
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    return free
