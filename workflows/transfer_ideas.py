"""找调剂: stores of the same region that sell a warned product well and hold little of it, kept as proposals.

Nothing is reserved and no store is asked; goods do not leave their region this way. A store that has a warning or an
open task for the product itself is no taker, and goods that may not be sold are not passed on.
"""

from dataclasses import dataclass

from sqlalchemy import Integer, and_, cast, func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from models.catalog import Hold, Lot, Store
from models.stock import ChannelStock, Reservation, SalesRate
from models.transfer import TransferProposal
from models.warning import StockWarning, WarningState
from rules.transfer_ideas import Idea, Taker, ideas, metres_between, surplus
from workflows.flow import Step
from workflows.refusals import InvalidInput

OPEN = (WarningState.FIRING, WarningState.ACKNOWLEDGED, WarningState.IN_ACTION, WarningState.DISMISSED)
#: Metrics of too little: such a store wants goods, it does not give them.
SHORT_OF_STOCK = "safety_stock"


@dataclass(frozen=True)
class _Giver:
    bottles: int
    monthly_millibottles: int


def propose(step: Step) -> list[TransferProposal]:
    """Write down which stores could take the goods; raises InvalidInput when there are none, and says why."""
    warning: StockWarning = step.subject
    if warning.figures.get("metric") == SHORT_OF_STOCK:
        raise InvalidInput("这条预警说的是库存不够，没有可调出的货。要补货请下单。")
    _refuse_held(step.session, warning)
    giver = _giver(step.session, warning)
    spare = min(surplus(giver.bottles, giver.monthly_millibottles), warning.bottles)
    if spare <= 0:
        raise InvalidInput(f"{warning.store.name}自己两个月内卖得完，或货已被回收任务占用，没有可调出的货。")
    case_size = warning.product.case_size if warning.product else 1
    found = ideas(_takers(step.session, warning), spare, case_size)
    if not found:
        region = warning.store.region or "同区域"
        raise InvalidInput(f"{region}没有卖得动、又放得下整箱的门店，没有调剂建议。可以改为：发起回收 W{warning.id}。")
    return _written(step, found)


def _written(step: Step, found: list[Idea]) -> list[TransferProposal]:
    rows = [
        TransferProposal(
            warning_id=step.subject.id,
            attempt=step.subject.version,
            rank=rank,
            to_store_id=idea.taker.store_id,
            to_store=step.session.get_one(Store, idea.taker.store_id),
            bottles=idea.bottles,
            stock_bottles=idea.taker.stock,
            monthly_millibottles=idea.taker.monthly_millibottles,
            metres=idea.taker.metres,
            made_at=step.now,
            made_by=step.actor.name,
        )
        for rank, idea in enumerate(found, start=1)
    ]
    step.session.add_all(rows)
    return rows


def latest_proposals(session: Session, warning: StockWarning) -> list[TransferProposal]:
    """The newest list of a warning, the best first."""
    newest = select(func.max(TransferProposal.attempt)).where(TransferProposal.warning_id == warning.id)
    query = select(TransferProposal).where(
        TransferProposal.warning_id == warning.id, TransferProposal.attempt == newest.scalar_subquery()
    )
    return list(session.scalars(query.order_by(TransferProposal.rank)))


def _refuse_held(session: Session, warning: StockWarning) -> None:
    held = select(Hold.id).join(Lot, Lot.id == Hold.lot_id).where(Hold.released_at.is_(None), _of_warning(warning))
    on_shelf = select(ChannelStock.id).where(
        ChannelStock.store_id == warning.store_id, ChannelStock.lot_id == Hold.lot_id, ChannelStock.bottles > 0
    )
    if session.scalar(held.where(on_shelf.exists()).limit(1)) is not None:
        raise InvalidInput("这批货被停售，只能回收，不能调给别的门店。")


def _of_warning(warning: StockWarning) -> ColumnElement[bool]:
    return Lot.id == warning.lot_id if warning.lot_id else Lot.product_id == warning.product_id


def _giver(session: Session, warning: StockWarning) -> _Giver:
    """What the store holds that nobody asked for yet, and what it sells."""
    held = select(func.coalesce(func.sum(ChannelStock.bottles), 0)).where(
        ChannelStock.store_id == warning.store_id, ChannelStock.product_id == warning.product_id
    )
    asked = (
        select(func.coalesce(func.sum(Reservation.bottles), 0))
        .join(Lot, Lot.id == Reservation.lot_id)
        .where(Reservation.store_id == warning.store_id, Lot.product_id == warning.product_id)
    )
    rate = session.get(SalesRate, (warning.store_id, warning.product_id))
    free = int(session.scalar(held) or 0) - int(session.scalar(asked) or 0)
    return _Giver(max(free, 0), rate.monthly_millibottles if rate else 0)


def _takers(session: Session, warning: StockWarning) -> list[Taker]:
    stock = func.coalesce(func.sum(ChannelStock.bottles), 0)
    held = and_(ChannelStock.store_id == Store.id, ChannelStock.product_id == warning.product_id)
    monthly = SalesRate.monthly_millibottles
    query = (
        select(Store.id, Store.latitude, Store.longitude, monthly, cast(stock, Integer))
        .join(SalesRate, and_(SalesRate.store_id == Store.id, SalesRate.product_id == warning.product_id))
        .outerjoin(ChannelStock, held)
        .where(
            Store.region == warning.store.region,
            Store.id != warning.store_id,
            Store.active.is_(True),
            monthly > 0,
            ~_warned(warning),
            ~_asked(warning),
        )
        .group_by(Store.id, Store.latitude, Store.longitude, monthly)
    )
    here = _place(warning.store.latitude, warning.store.longitude)
    return [
        Taker(store_id, bottles, sold, _metres(here, _place(latitude, longitude)))
        for store_id, latitude, longitude, sold, bottles in session.execute(query)
    ]


def _warned(warning: StockWarning) -> ColumnElement[bool]:
    # A store that is short of the product is warned of that, and is the best taker there is.
    query = select(StockWarning.id).where(
        StockWarning.store_id == Store.id,
        StockWarning.product_id == warning.product_id,
        StockWarning.state.in_(OPEN),
        func.coalesce(StockWarning.figures["metric"].as_string(), "") != SHORT_OF_STOCK,
    )
    return query.correlate(Store).exists()


def _asked(warning: StockWarning) -> ColumnElement[bool]:
    query = (
        select(Reservation.id)
        .join(Lot, Lot.id == Reservation.lot_id)
        .where(Reservation.store_id == Store.id, Lot.product_id == warning.product_id, Reservation.bottles > 0)
    )
    return query.correlate(Store).exists()


def _place(latitude: float | None, longitude: float | None) -> tuple[float, float] | None:
    return None if latitude is None or longitude is None else (latitude, longitude)


def _metres(here: tuple[float, float] | None, there: tuple[float, float] | None) -> int | None:
    return metres_between(here, there) if here and there else None
