"""Bottles that leave a store's shelf: the reservation and the belief about the shelf shrink with them."""

from sqlalchemy import case, update
from sqlalchemy.orm import Session

from models.recall import RecallTask
from models.stock import ChannelStock, Reservation


def take_off_shelf(session: Session, task: RecallTask, lot_id: int, bottles: int) -> None:
    """Lessen what the task reserves and what the store is believed to hold, never below nothing."""
    session.execute(
        update(Reservation)
        .where(Reservation.task_id == task.id, Reservation.lot_id == lot_id)
        .values(bottles=case((Reservation.bottles > bottles, Reservation.bottles - bottles), else_=0))
    )
    session.execute(
        update(ChannelStock)
        .where(ChannelStock.store_id == task.store_id, ChannelStock.lot_id == lot_id)
        .values(bottles=case((ChannelStock.bottles > bottles, ChannelStock.bottles - bottles), else_=0))
    )
