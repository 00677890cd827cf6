"""What comes first: the loss an act avoids, less what the act costs, for each minute it takes (F-12).

Everything is whole numbers, so the same input gives the same order on every machine.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

#: Chance, in thousandths, from which goods are taken to stay unsold; `app.py backtest` measures the lists made so.
SURE_PERMILLE = 650


@dataclass(frozen=True)
class Effort:
    """What taking one suggested action costs: `minutes` of work on the spot, `cost_fen` 分 out of pocket."""

    minutes: int
    cost_fen: int = 0


@dataclass(frozen=True)
class Costs:
    """The efforts by action, and the minutes of one way to a store, shared by all that is done there."""

    efforts: Mapping[str, Effort]
    travel_minutes: int

    def of(self, action: str) -> Effort:
        """The effort of an action; KeyError for one nobody knows."""
        return self.efforts[action]


@dataclass(frozen=True)
class Candidate:
    """One thing to do in a store. `loss_fen` 分 is what doing nothing is expected to lose.

    `deadline` is the end of the goods' life, None without one. `sure`: the goods have an end, or are likely
    enough to stay unsold. `key` makes the order complete.
    """

    key: tuple[str, ...]
    store_id: int
    action: str
    loss_fen: int
    level: int
    bottles: int
    deadline: date | None = None
    sure: bool = True


def gain_per_minute(loss_fen: int, effort: Effort, travel_minutes: int, errands: int) -> int:
    """分 gained for a minute, in thousandths; the way is shared by the errands in that store.

    Below zero when acting costs more than it saves. Raises ValueError for no errand or no minutes at all.
    """
    if errands < 1:
        raise ValueError(f"a visit has at least one errand: {errands}")
    milliminutes = effort.minutes * 1_000 + travel_minutes * 1_000 // errands
    if milliminutes < 1:
        raise ValueError("every act takes some time")
    return (loss_fen - effort.cost_fen) * 1_000_000 // milliminutes


def in_order(candidates: Iterable[Candidate], costs: Costs) -> list[Candidate]:
    """Order candidates: the sure ones, by gain for a minute; then the nearer deadline, the graver level, more bottles."""
    all_of_them = list(candidates)
    errands: dict[int, int] = {}
    for candidate in all_of_them:
        errands[candidate.store_id] = errands.get(candidate.store_id, 0) + 1

    def place(candidate: Candidate) -> tuple[bool, int, date, int, int, tuple[str, ...]]:
        gain = gain_per_minute(
            candidate.loss_fen, costs.of(candidate.action), costs.travel_minutes, errands[candidate.store_id]
        )
        deadline = candidate.deadline or date.max
        return not candidate.sure, -gain, deadline, -candidate.level, -candidate.bottles, candidate.key

    return sorted(all_of_them, key=place)
