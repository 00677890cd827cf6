"""What somebody saw in a store: kept for ever beside the ledger, and made the belief if nothing newer is known.

One count is the observations of one store, product and day that were recorded together; of several counts
on one day the last recorded speaks. A count that was true on an earlier day than one already known is
kept, and changes nothing else: it came late, it does not turn time back.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Integer, Select, Table, and_, func, insert, select
from sqlalchemy.orm import Session

from models.catalog import Store
from models.stock import CONFIDENCE, Observation, PlaceKind, StockSource
from rules.lot_split import split_over_lots
from workflows.acting import business_day
from workflows.counting import Counted, Series, counted_on, settle
from workflows.refusals import InvalidInput
from workflows.shelf_lots import KnownLots, known_lots, unknown_lots

CHUNK = 1_000
_TABLE = cast("Table", Observation.__table__)


@dataclass(frozen=True)
class Seen:
    """Bottles of a lot, or of a whole product (`lot_id` None), seen in a store on the evening of `as_of`.

    `key` makes a repetition harmless. `margin` is how many bottles it may be off, `received_on` the day
    the goods came into the store, where the observer knows it.
    """

    key: str
    store_id: int
    product_id: int
    lot_id: int | None
    bottles: int
    as_of: date
    source: StockSource
    by: str
    margin: int = 0
    received_on: date | None = None
    photo: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    metres_away: int | None = None
    #: In percent; None: as far as its source is believed.
    confidence: int | None = None

    @property
    def series(self) -> Series:
        """Store and product."""
        return self.store_id, self.product_id


@dataclass(frozen=True)
class Noted:
    """What became of what was seen, by its keys.

    `new` are kept now, `repeated` were kept before. Of the new ones `older` are of a day before one
    already known, so only kept; `ageless` are believed to have come in on the day they were seen,
    because nobody knows better. `changed` is how many lots are believed to be other than before.
    """

    new: frozenset[str] = field(default=frozenset())
    repeated: frozenset[str] = field(default=frozenset())
    older: frozenset[str] = field(default=frozenset())
    ageless: frozenset[str] = field(default=frozenset())
    changed: int = 0


def observe(session: Session, seen: Sequence[Seen], now: datetime) -> Noted:
    """Keep what was seen; where it is the newest of its product in its store, books and belief follow it.

    All that was seen of a product in a store on one day is one count: lots it does not name were not
    there, and a line without a lot speaks for all lots not named beside it. Raises InvalidInput for what
    cannot be, LedgerError when the books refuse.
    """
    for one in seen:
        _refuse_nonsense(one, business_day(now))
    _lock_stores(session, {one.store_id for one in seen})
    known = _known_keys(session, seen)
    fresh = {one.key: one for one in seen if one.key not in known}
    if not fresh:
        return Noted(repeated=frozenset(known))
    touched = {(one.series, one.as_of) for one in fresh.values()}
    newest = _newest(session, touched)
    moment = _after_earlier_ones(session, touched, now)
    session.execute(insert(_TABLE), [_row(one, moment) for one in fresh.values()])
    current = [one for one in seen if (one.series, one.as_of) in touched and newest[one.series] == one.as_of]
    changed, ageless = _believe(session, current, moment)
    return Noted(
        new=frozenset(fresh),
        repeated=frozenset(known),
        older=frozenset(key for key, one in fresh.items() if newest[one.series] > one.as_of),
        ageless=frozenset(ageless & fresh.keys()),
        changed=changed,
    )


def counts_by_day() -> Select[int, int, date, int, int, int]:
    """All counts: store_id, product_id, as_of, bottles, margin_bottles, confidence; one row for a day.

    Of several counts on one day the last recorded is taken.
    """
    last = (
        select(
            Observation.store_id,
            Observation.product_id,
            Observation.as_of,
            func.max(Observation.recorded_at).label("recorded_at"),
        )
        .group_by(Observation.store_id, Observation.product_id, Observation.as_of)
        .subquery()
    )
    same = and_(
        Observation.store_id == last.c.store_id,
        Observation.product_id == last.c.product_id,
        Observation.as_of == last.c.as_of,
        Observation.recorded_at == last.c.recorded_at,
    )
    return (
        select(
            Observation.store_id,
            Observation.product_id,
            Observation.as_of,
            func.sum(Observation.bottles).cast(Integer).label("bottles"),
            func.sum(Observation.margin_bottles).cast(Integer).label("margin_bottles"),
            func.min(Observation.confidence).label("confidence"),
        )
        .join(last, same)
        .group_by(Observation.store_id, Observation.product_id, Observation.as_of)
    )


def _refuse_nonsense(one: Seen, today: date) -> None:
    if one.source is StockSource.INFERRED:
        raise ValueError("what is inferred was not seen")
    if one.bottles < 0 or one.margin < 0:
        raise InvalidInput("瓶数不能是负数。")
    if one.as_of > today:
        raise InvalidInput("盘点日期在今天以后，请核对。")
    if one.received_on is not None and one.received_on > one.as_of:
        raise InvalidInput("入店日期晚于盘点日期，请核对。")


def _lock_stores(session: Session, stores: set[int]) -> None:
    """Let two counts of one store follow each other; always in the same order, so nobody waits in a ring."""
    ordered = sorted(stores)
    for start in range(0, len(ordered), CHUNK):
        some = select(Store.id).where(Store.id.in_(ordered[start : start + CHUNK])).order_by(Store.id)
        session.execute(some.with_for_update())


def _known_keys(session: Session, seen: Sequence[Seen]) -> set[str]:
    keys = [one.key for one in seen]
    known: set[str] = set()
    for start in range(0, len(keys), CHUNK):
        some = select(Observation.key).where(Observation.key.in_(keys[start : start + CHUNK]))
        known.update(session.scalars(some))
    return known


def _newest(session: Session, touched: set[tuple[Series, date]]) -> dict[Series, date]:
    """The latest day each series was counted on, what was just seen among it."""
    newest = counted_on(session, {series for series, _ in touched})
    for series, day in touched:
        newest[series] = max(day, newest.get(series, day))
    return newest


def _after_earlier_ones(session: Session, touched: set[tuple[Series, date]], now: datetime) -> datetime:
    """The moment of recording: after every count already kept for one of these days."""
    last = now - timedelta(microseconds=1)
    products = sorted({product for (_, product), _ in touched})
    for start in range(0, len(products), CHUNK):
        query = (
            select(Observation.store_id, Observation.product_id, Observation.as_of, func.max(Observation.recorded_at))
            .where(Observation.product_id.in_(products[start : start + CHUNK]), Observation.recorded_at >= now)
            .group_by(Observation.store_id, Observation.product_id, Observation.as_of)
        )
        for store, product, day, recorded in session.execute(query):
            if ((store, product), day) in touched:
                last = max(last, recorded)
    return last + timedelta(microseconds=1)


def _row(one: Seen, moment: datetime) -> dict[str, Any]:
    return {
        "key": one.key,
        "store_id": one.store_id,
        "product_id": one.product_id,
        "lot_id": one.lot_id,
        "bottles": one.bottles,
        "as_of": one.as_of,
        "source": one.source,
        "confidence": CONFIDENCE[one.source] if one.confidence is None else one.confidence,
        "margin_bottles": one.margin,
        "observed_by": one.by,
        "recorded_at": moment,
        "photo": one.photo,
        "latitude": one.latitude,
        "longitude": one.longitude,
        "metres_away": one.metres_away,
    }


def _believe(session: Session, current: Sequence[Seen], moment: datetime) -> tuple[int, set[str]]:
    """Let books and belief follow the newest counts; return changed lots and the keys nobody knows an age of."""
    counts: dict[Series, list[Seen]] = defaultdict(list)
    for one in current:
        counts[one.series].append(one)
    lots = known_lots(session, {one.series: one.as_of for one in current if _asks_for_lots(one)})
    by_lot = [one for series, group in counts.items() for one in _with_lots(group, lots.get(series, KnownLots()))]
    unknown = unknown_lots(session, {one.product_id for one in by_lot if one.lot_id is None})
    ageless: set[str] = set()
    # What is over may be laid on the unknown lot while some of it is known to stand there: one line a lot.
    counted: dict[tuple[Series, int], Counted] = {}
    for one in by_lot:
        lot_id = unknown[one.product_id] if one.lot_id is None else one.lot_id
        received_on = one.received_on or lots.get(one.series, KnownLots()).received_on(lot_id)
        if received_on is None and one.bottles:
            ageless.add(one.key)
        line, before = _counted(one, lot_id, received_on), counted.get((one.series, lot_id))
        counted[one.series, lot_id] = line if before is None else replace(before, bottles=before.bottles + one.bottles)
    by = current[0].by if current else ""
    return settle(session, list(counted.values()), moment, by), ageless


def _asks_for_lots(one: Seen) -> bool:
    return one.lot_id is None or one.received_on is None


def _with_lots(group: Sequence[Seen], known: KnownLots) -> Iterable[Seen]:
    """One line for each lot: what was counted without naming lots is laid on those known to be there."""
    named: dict[int, Seen] = {}
    unnamed: Seen | None = None
    for one in group:
        if one.lot_id is None:
            unnamed = _together(unnamed, one)
        else:
            named[one.lot_id] = _together(named.get(one.lot_id), one)
    yield from named.values()
    if unnamed is None:
        return
    others = [lot for lot in known.lots if lot.lot_id not in named]
    share, left = split_over_lots(unnamed.bottles, others)
    for lot in others:
        if lot.lot_id in share or (unnamed.bottles == 0 and not named):
            yield replace(unnamed, lot_id=lot.lot_id, bottles=share.get(lot.lot_id, 0), received_on=lot.received_on)
    if left:
        yield replace(unnamed, bottles=left)


def _together(before: Seen | None, one: Seen) -> Seen:
    """Two lines about one lot: the bottles of both, as old as the older."""
    if before is None:
        return one
    days = [day for day in (before.received_on, one.received_on) if day is not None]
    return replace(one, bottles=before.bottles + one.bottles, received_on=min(days, default=None))


def _counted(one: Seen, lot_id: int, received_on: date | None) -> Counted:
    return Counted(
        (PlaceKind.STORE_SHELF, one.store_id),
        one.product_id,
        lot_id,
        one.bottles,
        received_on,
        one.as_of,
        one.source,
    )
