"""Reading files for multipart bodies, and remembering which the platform already holds."""

import mimetypes
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from workflows.letters import Refused

UploadKey = tuple[str, str, int, int]


def file_part(path: str, most: int) -> tuple[str, bytes, str]:
    """Return (file name, bytes, content type) of a file of 6 to `most` bytes.

    Raises Refused for a file that is missing, nearly empty or too large.
    """
    file = Path(path)
    try:
        content = file.read_bytes()
    except OSError:
        raise Refused("no_file", f"附件不存在：{file.name}") from None
    if not 5 < len(content) <= most:
        raise Refused("file_size", f"附件为空或太大：{file.name}")
    return file.name, content, mimetypes.guess_type(file.name)[0] or "application/octet-stream"


class Uploads:
    """media_id by file: sending one document to fifty people uploads it once."""

    def __init__(self, keep: int = 200) -> None:
        self._keep = keep
        self._ids: OrderedDict[UploadKey, str] = OrderedDict()
        self._lock = Lock()

    def media_id(self, path: str, kind: str, upload: Callable[[], str]) -> str:
        """Return the media_id of this version of the file, uploading it when it is new."""
        key = _key_of(path, kind)
        with self._lock:
            known = self._ids.get(key)
        if known is not None:
            return known
        media_id = upload()
        with self._lock:
            self._ids[key] = media_id
            while len(self._ids) > self._keep:
                self._ids.popitem(last=False)
        return media_id

    def forget(self, path: str, kind: str) -> None:
        """Forget a media_id the platform no longer knows."""
        with self._lock:
            self._ids.pop(_key_of(path, kind), None)


def _key_of(path: str, kind: str) -> UploadKey:
    try:
        stat = Path(path).stat()
    except OSError:
        raise Refused("no_file", f"附件不存在：{Path(path).name}") from None
    return path, kind, stat.st_mtime_ns, stat.st_size
