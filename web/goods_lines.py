"""Goods of a task or a hand-over as pages list them, and amounts as people fill them in."""

from collections.abc import Iterable
from dataclasses import dataclass

from models.catalog import Lot
from web.visits import number_in
from workflows.refusals import InvalidInput


@dataclass(frozen=True)
class GoodsLine:
    """Bottles of one lot. `bottles` is what is asked or expected, `counted` what was counted so far."""

    lot_id: int
    product: str
    batch: str
    case_size: int
    bottles: int
    counted: int = 0
    extra: int = 0


def line_of(lot: Lot, bottles: int, counted: int = 0, extra: int = 0) -> GoodsLine:
    """A line for a page from a lot and its numbers in bottles."""
    product = lot.product
    return GoodsLine(lot.id, product.name, lot.batch, product.case_size, bottles, counted, extra)


def amounts(lines: Iterable[GoodsLine]) -> dict[int, int]:
    """Bottles per lot from the fields `cases_<lot>` and `bottles_<lot>`; lots left empty are left out.

    Raises InvalidInput for a word that is no number and for more bottles than the line has.
    """
    found = {line.lot_id: _amount(line) for line in lines}
    return {lot_id: bottles for lot_id, bottles in found.items() if bottles}


def _amount(line: GoodsLine) -> int:
    cases = number_in(f"cases_{line.lot_id}", default=0)
    bottles = cases * line.case_size + number_in(f"bottles_{line.lot_id}", default=0)
    if bottles > line.bottles:
        raise InvalidInput(f"批次 {line.batch} 这次最多 {line.bottles} 瓶，你填了 {bottles} 瓶，请改一下。")
    return bottles
