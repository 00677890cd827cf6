"""Which lots a count means that names none: what sells first is gone, what is left are the later ones.

Goods with an expiry basis sell by it (FEFO), all others in the order they came into the store (FIFO).
First the count is laid on what the books still have on the shelf, from the last to be sold backwards. If
more was counted, earlier books were too low: then on what was delivered at all. What is left over belongs
to no lot anybody knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class LotOnShelf:
    """A lot that came into the store: what the books have of it, and what was ever delivered, in bottles.

    `sells_by` is its expiry day where the product has an expiry basis, else None.
    """

    lot_id: int
    received_on: date
    standing: int
    delivered: int
    sells_by: date | None = None


def split_over_lots(bottles: int, lots: Sequence[LotOnShelf]) -> tuple[dict[int, int], int]:
    """Bottles by lot (only lots that get any), and the bottles that belong to no known lot."""
    last_sold_first = sorted(lots, key=_sold, reverse=True)
    share = dict.fromkeys((lot.lot_id for lot in last_sold_first), 0)
    left = bottles
    for room in (_on_the_books, _delivered):
        for lot in last_sold_first:
            more = min(left, max(0, room(lot) - share[lot.lot_id]))
            share[lot.lot_id] += more
            left -= more
    return {lot: number for lot, number in share.items() if number}, left


def _sold(lot: LotOnShelf) -> tuple[date, date, int]:
    return lot.sells_by or lot.received_on, lot.received_on, lot.lot_id


def _on_the_books(lot: LotOnShelf) -> int:
    return lot.standing


def _delivered(lot: LotOnShelf) -> int:
    return lot.delivered
