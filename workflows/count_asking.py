"""Every working day: which stores are asked for numbers, so that rules rest on fresh data.

Most money at stake first; a few products a store, a few stores a rep, nobody twice within days. What nobody
answers stays as old as it is: a store that stopped reporting resolves nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import structlog
from sqlalchemy import Integer, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from models.catalog import Product, Store
from models.database import Database
from models.observing import CountLine, CountReason, CountRequest
from models.people import Assignment, Role
from models.stock import ChannelStock
from models.warning import StockWarning, WarningState
from workflows.acting import SHANGHAI, SYSTEM, business_day
from workflows.count_requests import request_counts
from workflows.freshness import last_counts
from workflows.house import House

log = structlog.get_logger()

MOST_CANDIDATES = 5_000  # the rest waits for another day
STORES_AT_ONCE = 20  # questions in one transaction
LIVE = (WarningState.PENDING, WarningState.FIRING, WarningState.ACKNOWLEDGED)


@dataclass(frozen=True)
class Candidate:
    """A product in a store whose number is wanted: the money at stake in 分, and why."""

    store_id: int
    region: str
    product_id: int
    stake_fen: int
    reason: CountReason


def ask_for_counts(database: Database, house: House, now: datetime) -> int:
    """Ask for what is wanted most, within the limits of a day; return how many stores were asked."""
    with database.read() as session:
        chosen = list(choose(session, house, now).items())
    for start in range(0, len(chosen), STORES_AT_ONCE):
        with database.write() as session:
            for store_id, wanted in chosen[start : start + STORES_AT_ONCE]:
                products = [one.product_id for one in wanted]
                request_counts(session, house, store_id, products, SYSTEM, now, wanted[0].reason)
    log.info("counts_asked", stores=len(chosen), products=sum(len(wanted) for _, wanted in chosen))
    return len(chosen)


def choose(session: Session, house: House, now: datetime) -> dict[int, list[Candidate]]:
    """What to ask each store today, by store id; what was asked earlier today counts towards the limits."""
    limits = house.limits
    today = business_day(now)
    lines_asked, stores_asked = _asked_since(session, datetime.combine(today, time.min, SHANGHAI))
    reps = _Reps(session, today)
    of_rep: dict[int, set[int]] = defaultdict(set)
    for store_id, region in stores_asked.items():
        for rep in reps.of(store_id, region):
            of_rep[rep].add(store_id)
    chosen: dict[int, list[Candidate]] = defaultdict(list)
    for one in candidates(session, house, now):
        mine = reps.of(one.store_id, one.region)
        full = [rep for rep in mine if len(of_rep[rep] - {one.store_id}) >= limits.count_stores_per_rep_day]
        if full or lines_asked[one.store_id] >= limits.counts_per_store_day:
            continue
        chosen[one.store_id].append(one)
        lines_asked[one.store_id] += 1
        for rep in mine:
            of_rep[rep].add(one.store_id)
    return dict(chosen)


def candidates(session: Session, house: House, now: datetime) -> Iterator[Candidate]:
    """Everything worth asking about, the most money first; nothing that was asked about within days."""
    today = business_day(now)
    since = now - timedelta(days=house.limits.count_again_days)
    for row in session.execute(_candidates(today - timedelta(days=house.limits.count_fresh_days), since)):
        yield Candidate(row.store_id, row.region, row.product_id, int(row.stake), CountReason(row.reason))


def _candidates(fresh_since: date, asked_since: datetime) -> Select[*tuple[Any, ...]]:
    counts = last_counts()
    stale_warning = (
        select(StockWarning.store_id, StockWarning.product_id, func.max(StockWarning.loss_fen).label("loss_fen"))
        .where(StockWarning.stale.is_(True), StockWarning.state.in_(LIVE), StockWarning.product_id > 0)
        .group_by(StockWarning.store_id, StockWarning.product_id)
        .subquery()
    )
    believed = (
        select(
            ChannelStock.store_id,
            ChannelStock.product_id,
            func.sum(ChannelStock.bottles * Product.price_fen).cast(Integer).label("value_fen"),
        )
        .join(Product, Product.id == ChannelStock.product_id)
        .group_by(ChannelStock.store_id, ChannelStock.product_id)
        .subquery()
    )
    same_warning = and_(
        stale_warning.c.store_id == believed.c.store_id, stale_warning.c.product_id == believed.c.product_id
    )
    same_count = and_(counts.c.store_id == believed.c.store_id, counts.c.product_id == believed.c.product_id)
    asked = exists().where(
        CountLine.request_id == CountRequest.id,
        CountLine.product_id == believed.c.product_id,
        CountRequest.store_id == believed.c.store_id,
        or_(CountLine.open_key.is_not(None), CountRequest.asked_at > asked_since),
    )
    too_old = or_(counts.c.counted_on.is_(None), counts.c.counted_on < fresh_since)
    stake = func.coalesce(stale_warning.c.loss_fen, 0) + believed.c.value_fen
    reason = case(
        (stale_warning.c.store_id.is_not(None), CountReason.WARNING.value),
        (counts.c.counted_on.is_(None), CountReason.UNSURE.value),
        else_=CountReason.STALE.value,
    )
    return (
        select(
            believed.c.store_id,
            Store.region,
            believed.c.product_id,
            stake.label("stake"),
            reason.label("reason"),
        )
        .join(Store, Store.id == believed.c.store_id)
        .outerjoin(stale_warning, same_warning)
        .outerjoin(counts, same_count)
        .where(Store.active.is_(True), stake > 0, ~asked, or_(too_old, stale_warning.c.store_id.is_not(None)))
        .order_by(stake.desc(), believed.c.store_id, believed.c.product_id)
        .limit(MOST_CANDIDATES)
    )


def _asked_since(session: Session, moment: datetime) -> tuple[Counter[int], dict[int, str]]:
    """Lines asked by store since that moment, and the regions of those stores."""
    query = (
        select(CountRequest.store_id, Store.region, func.count(CountLine.id))
        .join(CountLine, CountLine.request_id == CountRequest.id)
        .join(Store, Store.id == CountRequest.store_id)
        .where(CountRequest.asked_at >= moment)
        .group_by(CountRequest.store_id, Store.region)
    )
    rows = session.execute(query).all()
    return Counter({store: lines for store, _, lines in rows}), {store: region for store, region, _ in rows}


class _Reps:
    """Who is rep of which store today, read once."""

    def __init__(self, session: Session, today: date) -> None:
        valid = and_(
            Assignment.role == Role.SALES_REP,
            Assignment.valid_from <= today,
            or_(Assignment.valid_to.is_(None), Assignment.valid_to >= today),
        )
        self._stores: dict[int, set[int]] = defaultdict(set)
        self._regions: dict[str, set[int]] = defaultdict(set)
        query = select(Assignment.person_id, Assignment.store_id, Assignment.region).where(valid)
        for person, store, region in session.execute(query):
            if store is not None:
                self._stores[store].add(person)
            else:
                self._regions[region].add(person)

    def of(self, store_id: int, region: str) -> set[int]:
        """The ids of the store's reps; a store without one is asked all the same."""
        return self._stores.get(store_id, set()) | self._regions.get(region, set()) | self._regions.get("", set())
