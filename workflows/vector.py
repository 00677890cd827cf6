"""The quantity vector of a task line: bottles leave `outstanding` for exactly one other counter."""

from collections.abc import Iterable
from typing import Literal

from models.recall import TaskLine
from workflows.refusals import InvalidInput

#: Where bottles that never left the store can end.
AtStore = Literal["sold_before", "transferred_out", "destroyed_on_site", "waived"]
#: Where bottles that were handed over can end.
OnTheWay = Literal["accepted", "rejected", "lost"]


def on_the_way(line: TaskLine) -> int:
    """Bottles handed over and not yet settled."""
    return line.handed_over - line.accepted - line.rejected - line.lost


def at_store(line: TaskLine) -> int:
    """Bottles the store still has to give or to explain."""
    return line.outstanding - on_the_way(line)


def explain(line: TaskLine, how: AtStore, bottles: int) -> None:
    """Settle bottles that stayed in the store; raises InvalidInput for more than are there."""
    if not 0 <= bottles <= at_store(line):
        raise InvalidInput(f"还没交接的只有 {at_store(line)} 瓶，不能登记 {bottles} 瓶。")
    setattr(line, how, getattr(line, how) + bottles)
    line.outstanding -= bottles
    line.declared = min(line.declared, line.handed_over + at_store(line))


def hand_over(line: TaskLine, bottles: int) -> None:
    """Bottles leave the store for the vehicle; they stay outstanding until somebody settles them."""
    if not 0 <= bottles <= at_store(line):
        raise InvalidInput(f"任务里还没交接的只有 {at_store(line)} 瓶，不能交接 {bottles} 瓶。")
    line.handed_over += bottles
    line.declared = max(line.declared, line.handed_over)


def settle(line: TaskLine, how: OnTheWay, bottles: int) -> None:
    """Settle bottles that were handed over; raises InvalidInput for more than are on the way."""
    if not 0 <= bottles <= on_the_way(line):
        raise InvalidInput(f"在途的只有 {on_the_way(line)} 瓶，不能登记 {bottles} 瓶。")
    setattr(line, how, getattr(line, how) + bottles)
    line.outstanding -= bottles


def widen(line: TaskLine, bottles: int) -> None:
    """Take bottles beyond the scope into it, already handed over: a decision about extra goods."""
    line.scoped += bottles
    line.outstanding += bottles
    line.handed_over += bottles


def spread(lines: Iterable[TaskLine], bottles: int) -> list[tuple[TaskLine, int]]:
    """Share bottles over the lines in order, each up to what the store still has.

    Raises InvalidInput when there are more bottles than all lines together can take.
    """
    shares, left = [], bottles
    for line in lines:
        share = min(left, at_store(line))
        if share:
            shares.append((line, share))
            left -= share
    if left or bottles <= 0:
        most = bottles - left
        raise InvalidInput(f"这次任务最多还能登记 {most} 瓶，您说的是 {bottles} 瓶。")
    return shares
