"""Bottles of a hand-over that are known to be open: their 盖内码 was redeemed, or scanned at the door."""

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from models.catalog import UnitCode
from models.recall import Handover, HandoverLine, Scan, ScannedUnit
from workflows.refusals import InvalidInput


def opened_bottles(session: Session, hand: Handover) -> dict[int, int]:
    """Return opened bottles by lot id, as is known now: a bottle redeemed after the scan counts too."""
    # A cap's code can be read only when the bottle is open, so a scan of it says the same.
    by_cap = and_(Scan.remark == "opened", Scan.bottles == 1)
    query = (
        select(UnitCode.lot_id, func.count(UnitCode.code))
        .join(ScannedUnit, ScannedUnit.unit_code == UnitCode.code)
        .join(Scan, Scan.id == ScannedUnit.scan_id)
        .where(Scan.handover_id == hand.id, or_(UnitCode.redeemed_at.is_not(None), by_cap))
        .group_by(UnitCode.lot_id)
    )
    return dict(session.execute(query).all())


def refuse_opened_as_a(session: Session, hand: Handover, line: HandoverLine, grade_a: int) -> None:
    """Raise InvalidInput when opened bottles of the line would be graded A."""
    opened = opened_bottles(session, hand).get(line.lot_id, 0) if grade_a else 0
    most = max(line.received - opened, 0)
    if opened and grade_a > most:
        name = f"{line.lot.product.name} {line.lot.batch}"
        raise InvalidInput(f"{name}：其中 {opened} 瓶是开过的酒（盖内码），A 级最多 {most} 瓶。")
