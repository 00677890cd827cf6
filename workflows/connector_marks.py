"""How far a view has been read: the last value of its watermark column, kept as text with its type."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

_TYPES: dict[str, type] = {
    "int": int,
    "float": float,
    "decimal": Decimal,
    "datetime": datetime,
    "date": date,
    "text": str,
    "bytes": bytes,
}


@dataclass(frozen=True)
class Mark:
    """The greatest value seen so far."""

    value: Any

    def later(self, value: Any) -> "Mark":
        """This mark or the value, whichever is further on."""
        value = bytes(value) if isinstance(value, memoryview) else value
        return Mark(value) if value is not None and (self.value is None or value > self.value) else self


def write_mark(mark: Mark) -> str:
    """The mark as text, empty for none. Raises TypeError for a kind of column that cannot be compared later."""
    value = mark.value
    if value is None:
        return ""
    name = next((name for name, kind in _TYPES.items() if type(value) is kind), "")
    if not name:
        raise TypeError(f"a watermark of type {type(value).__name__} is not supported")
    if isinstance(value, date):  # a datetime is a date, too
        return f"{name}:{value.isoformat()}"
    return f"{name}:{value.hex() if isinstance(value, bytes) else value}"


def read_mark(kept: str, overlap: timedelta) -> Any:
    """The value to begin at again, moments with the overlap taken off; None from the beginning.

    Rows that a slow transaction over there committed late carry an older moment: the overlap finds them.
    """
    name, _, said = kept.partition(":")
    if not said:
        return None
    if name == "datetime":
        return datetime.fromisoformat(said) - overlap
    if name == "date":
        return date.fromisoformat(said)
    readers: dict[str, Any] = {"int": int, "float": float, "decimal": Decimal, "bytes": bytes.fromhex}
    return readers.get(name, str)(said)
