"""The warnings somebody looks after that speak today, ranked as in the morning's letter."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, false, func, or_, select, true
from sqlalchemy.orm import Session

from models.catalog import Store
from models.people import Role
from models.warning import StockWarning, WarningState
from workflows.acting import Actor
from workflows.digest_lines import findings_where, places, speaking
from workflows.digest_people import costs_of, ranked
from workflows.house import House
from workflows.rule_archive import kept_rules

WEIGHED = 200  # the costliest are weighed against the work they make; nobody reads further


@dataclass(frozen=True)
class Mine:
    """The first warnings of a person's list, how many there are in all, how many are quiet, how many lack data."""

    warnings: tuple[StockWarning, ...]
    total: int
    quiet: int
    stale: int


def mine(session: Session, house: House, actor: Actor, today: date, *, most: int) -> Mine:
    """Whatever speaks today and is this person's, most loss avoided for a minute of work first."""
    own = looked_after_by(actor)
    firing = and_(StockWarning.state == WarningState.FIRING, own)
    open_ = StockWarning.state.in_([WarningState.FIRING, WarningState.PENDING])
    speaks = and_(own, *speaking(today))
    total, stale = _count(session, speaks), _count(session, and_(open_, own, StockWarning.stale.is_(True)))
    quiet = _count(session, and_(firing, StockWarning.stale.is_(False))) - total
    first = _first(session, house, speaks, today, most) if total else ()
    return Mine(first, total, max(quiet, 0), stale)


def _first(
    session: Session, house: House, speaks: ColumnElement[bool], today: date, most: int
) -> tuple[StockWarning, ...]:
    costliest = (
        select(StockWarning.id)
        .join(Store, Store.id == StockWarning.store_id)
        .where(speaks)
        .order_by(StockWarning.loss_fen.desc(), StockWarning.level.desc(), StockWarning.bottles.desc(), StockWarning.id)
        .limit(WEIGHED)
    )
    found = findings_where(session, house, today, StockWarning.id.in_(list(session.scalars(costliest))))
    in_order = ranked(places(found, kept_rules(session)), costs_of(house))
    ids = [finding.id for place in in_order for finding in place.findings][:most]
    by_id = {row.id: row for row in session.scalars(select(StockWarning).where(StockWarning.id.in_(ids)))}
    return tuple(by_id[warning_id] for warning_id in ids)


def looked_after_by(actor: Actor) -> ColumnElement[bool]:
    """The warnings of a seller's stores and regions, and those given to them; joined with their stores."""
    duties = [duty for duty in actor.duties if duty.role in {Role.SALES_REP, Role.REGIONAL_MANAGER}]
    if actor.has(Role.BOSS) or any(not duty.region and duty.store_id is None for duty in duties):
        return true()
    regions = {duty.region for duty in duties if duty.store_id is None}
    stores = {duty.store_id for duty in duties if duty.role is Role.SALES_REP and duty.store_id is not None}
    given = StockWarning.assignee_id == actor.person_id if duties else false()
    return or_(Store.region.in_(regions), Store.id.in_(stores), given)


def _count(session: Session, where: ColumnElement[bool]) -> int:
    query = select(func.count(StockWarning.id)).join(Store, Store.id == StockWarning.store_id).where(where)
    return session.scalar(query) or 0
