"""A letter that takes several platform messages goes on where it broke, not from the start."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Lock

from workflows.letters import Receipt, SendError

Part = Callable[[], Receipt]


class Parts:
    """Remembers which parts of a half-sent letter are out.

    The memory is this process's own: after a crash the parts go out again, which repeats a file
    but loses nothing.
    """

    def __init__(self, keep: int = 1000) -> None:
        self._keep = keep
        self._done: OrderedDict[str, list[Receipt]] = OrderedDict()
        self._lock = Lock()

    def run(self, key: str, parts: Sequence[Part]) -> Receipt:
        """Run the parts of letter `key` not yet out; return the first one's receipt with what all of them took."""
        with self._lock:
            done = self._done.pop(key, [])
        try:
            for part in parts[len(done) :]:
                done.append(part())
        except SendError:
            self._remember(key, done)
            raise
        return replace(done[0], messages=sum(r.messages for r in done), calls=sum(r.calls for r in done))

    def _remember(self, key: str, done: list[Receipt]) -> None:
        if not done:
            return
        with self._lock:
            self._done[key] = done
            while len(self._done) > self._keep:
                self._done.popitem(last=False)
