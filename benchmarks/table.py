"""The table a benchmark prints: figure, floor, ratio, aim, and whether it was met."""

from dataclasses import dataclass
from unicodedata import east_asian_width

HEADS = ("what", "figure", "floor", "ratio", "spread", "peak MB", "aim", "")


@dataclass(frozen=True)
class Line:
    """One line; empty words where a column has nothing to say."""

    what: str
    figure: str
    floor: str = ""
    ratio: str = ""
    spread: str = ""
    peak: str = ""
    aim: str = ""
    met: bool | None = None

    def cells(self) -> tuple[str, ...]:
        """The columns."""
        verdict = "" if self.met is None else ("met" if self.met else "MISSED")
        return (self.what, self.figure, self.floor, self.ratio, self.spread, self.peak, self.aim, verdict)


def show(lines: list[Line]) -> str:
    """All lines as plain text, columns aligned."""
    rows = [HEADS, *(line.cells() for line in lines)]
    widths = [max(_width(row[column]) for row in rows) for column in range(len(HEADS))]
    return "\n".join("  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)
