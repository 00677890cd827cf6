"""The spots of a hand-over: shelf, vehicle, quarantine, graded stock."""

from models.recall import Grade, Handover, TaskLine
from models.stock import PlaceKind
from workflows.ledger import Spot

GRADE_PLACES = {
    Grade.A: PlaceKind.WAREHOUSE_A,
    Grade.B: PlaceKind.WAREHOUSE_B,
    Grade.C: PlaceKind.WAREHOUSE_C,
    Grade.D: PlaceKind.WAREHOUSE_D,
    Grade.X: PlaceKind.WAREHOUSE_X,
}
#: The distributor's one quarantine area.
QUARANTINE: Spot = (PlaceKind.QUARANTINE, 0)


def shelf(hand: Handover) -> Spot:
    """The store the goods came from."""
    return PlaceKind.STORE_SHELF, hand.task.store_id


def vehicle(hand: Handover) -> Spot:
    """The vehicle of the one who took them."""
    return PlaceKind.VEHICLE, hand.taker_id


def line_of(hand: Handover, lot_id: int) -> TaskLine | None:
    """The task's line of a lot, if it was asked for."""
    return next((line for line in hand.task.lines if line.lot_id == lot_id), None)
