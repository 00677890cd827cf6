"""Where goods could go instead of coming back: stores that sell them well and hold little."""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base
from models.catalog import Store


class TransferProposal(Base):
    """One store that could take over bottles of a warning; a proposal, nothing has moved and nobody is asked yet.

    `attempt` is the version of the warning it was made for: looking again makes a new list. `stock_bottles` and
    `monthly_millibottles` are what was believed of the taking store then; `metres` is empty where a place is unknown.
    """

    __tablename__ = "transfer_proposal"
    __table_args__ = (UniqueConstraint("warning_id", "attempt", "to_store_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    warning_id: Mapped[int] = mapped_column(ForeignKey("warning.id"))
    attempt: Mapped[int]
    rank: Mapped[int]
    to_store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    bottles: Mapped[int]
    stock_bottles: Mapped[int]
    monthly_millibottles: Mapped[int]
    metres: Mapped[int | None]
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    to_store: Mapped[Store] = relationship(lazy="joined", innerjoin=True)
