"""The stored figures of a warning, read without trust: what is missing or no number is None, never a zero."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from models.stock import CONFIDENCE, StockSource


@dataclass(frozen=True)
class Figures:
    """What the scan wrote down about one warning."""

    raw: Mapping[str, Any]

    def number(self, name: str) -> int | None:
        """A whole number; a float that is none (inf, nan) is as good as missing."""
        value = self.raw.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return round(value) if math.isfinite(value) else None

    def positive(self, name: str) -> int | None:
        """A number above zero."""
        value = self.number(name)
        return value if value is not None and value > 0 else None

    def day(self, name: str) -> date | None:
        """A day."""
        try:
            return date.fromisoformat(str(self.raw.get(name) or "")[:10])
        except ValueError:
            return None

    def word(self, name: str) -> str:
        """Words, empty when there are none."""
        value = self.raw.get(name)
        return value if isinstance(value, str) else ""

    def source(self, name: str = "source") -> StockSource | None:
        """How something is known."""
        word = self.word(name)
        return StockSource(word) if word in set(StockSource) else None

    def confidence(self, name: str = "source") -> int | None:
        """How far the source is believed, in percent."""
        source = self.source(name)
        return CONFIDENCE[source] if source else None

    def days_since(self, name: str) -> int | None:
        """Days from one of the days to the day of the figures."""
        earlier, day = self.day(name), self.day("day")
        return (day - earlier).days if earlier and day else None
