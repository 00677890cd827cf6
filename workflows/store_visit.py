"""A count made in a store by its rep, on a phone that may be offline for hours.

The phone gives each count a number of its own and may send it again: what is known already gets the same
answer. Our clock is the truth. The phone only tells how long after the page was opened the count was made,
so a wrong clock does no harm; what it calls the time is kept as its claim, as is the place.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from models.catalog import Lot, Product, Store
from models.observing import StoreVisit, VisitPhoto
from models.people import Role
from models.recall import Photo
from models.stock import StockSource
from rules.counts import is_far, looks_mixed_up, metres_between, visit_confidence
from rules.people import answers_for
from workflows import files
from workflows.acting import Actor, business_day
from workflows.count_requests import take_count
from workflows.freshness import known_of
from workflows.house import House
from workflows.observations import Seen, observe
from workflows.refusals import InvalidInput, NotPermitted

log = structlog.get_logger()

MOST_LINES = 500
MOST_BOTTLES = 100_000
MOST_PHOTOS = 9
CLOCK_OFF = timedelta(minutes=10)  # a phone that differs more from our clock is said to


@dataclass(frozen=True)
class VisitLine:
    """Bottles counted of a lot, or of a product whose lots were not looked at."""

    product_id: int
    lot_id: int | None
    bottles: int


@dataclass(frozen=True)
class VisitSent:
    """What the phone sends. `opened_at` is our own clock when the page was opened, `seconds` the phone's time since.

    `sure`: the person was asked about cases and bottles and stands by the numbers.
    """

    client_id: str
    lines: tuple[VisitLine, ...]
    photos: tuple[str, ...] = ()
    place: tuple[float, float] | None = None
    opened_at: datetime | None = None
    seconds: float = 0.0
    phone_time: datetime | None = None
    sure: bool = False


@dataclass(frozen=True)
class VisitKept:
    """The count as kept, or nothing and the question that must be answered first."""

    visit: StoreVisit | None
    question: str = ""
    clock_off: bool = False
    answered: int = 0


def add_visit_photo(session: Session, store: Store, client_id: str, content: bytes, actor: Actor, now: datetime) -> str:
    """Keep a photo for a count still to be sent; return its SHA-256. The same picture again is kept once."""
    _refuse_others(actor, store)
    session.execute(select(Store.id).where(Store.id == store.id).with_for_update())
    taken = list(session.scalars(select(VisitPhoto.sha256).where(VisitPhoto.client_id == client_id)))
    sha256 = files.keep_photo(session, content, now)
    if sha256 in taken:
        return sha256
    if len(taken) >= MOST_PHOTOS:
        raise InvalidInput(f"一次盘点最多 {MOST_PHOTOS} 张照片。")
    row = VisitPhoto(client_id=client_id, store_id=store.id, person_id=actor.person_id or 0, sha256=sha256, at=now)
    session.add(row)
    return sha256


def keep_visit(session: Session, house: House, store: Store, sent: VisitSent, actor: Actor, now: datetime) -> VisitKept:
    """Make the count the newest knowledge of its products, and the answer to what was asked about them.

    The same `client_id` again changes nothing. Raises NotPermitted for anybody but the store's rep and
    InvalidInput for what cannot be.
    """
    _refuse_others(actor, store)
    # Two sendings of one count stand in a queue before the store's row.
    session.execute(select(Store.id).where(Store.id == store.id).with_for_update())
    if known := session.scalar(select(StoreVisit).where(StoreVisit.client_id == sent.client_id)):
        return _known(known, store, actor)
    products = _checked(session, sent)
    totals = _totals(sent.lines)
    if not sent.sure and (question := _mixed_up(session, house, store, products, totals)):
        return VisitKept(None, question)
    visit = _visit(session, store, sent, actor, now)
    session.add(visit)
    observe(session, [_seen(visit, line, sent, actor) for line in sent.lines], now)
    answered = take_count(session, house, store.id, totals, actor, now, actor.name)
    log.info("visit_counted", store=store.code, products=len(totals), confidence=visit.confidence)
    return VisitKept(visit, clock_off=_clock_off(visit), answered=answered)


def counts_there(actor: Actor, store: Store) -> bool:
    """Whether somebody is a rep of the store today."""
    return actor.person_id is not None and answers_for(actor.duties, Role.SALES_REP, store.id, store.region)


def _refuse_others(actor: Actor, store: Store) -> None:
    if not counts_there(actor, store):
        raise NotPermitted(flow="count_request", state="", event="盘点", who=actor.name)


def _known(visit: StoreVisit, store: Store, actor: Actor) -> VisitKept:
    if visit.store_id != store.id or visit.person_id != actor.person_id:
        raise InvalidInput("这次盘点的编号已经用过，请刷新页面重新盘点。")
    return VisitKept(visit, clock_off=_clock_off(visit))


def _checked(session: Session, sent: VisitSent) -> dict[int, Product]:
    """The products counted. Raises InvalidInput for lines that cannot be."""
    if not 0 < len(sent.lines) <= MOST_LINES:
        raise InvalidInput("还没有点任何一种酒。" if not sent.lines else f"一次最多盘点 {MOST_LINES} 行。")
    twice = [key for key, times in Counter((ln.product_id, ln.lot_id) for ln in sent.lines).items() if times > 1]
    if twice:
        raise InvalidInput("同一种酒的同一批次填了两次，请合成一行。")
    if any(not 0 <= line.bottles <= MOST_BOTTLES for line in sent.lines):
        raise InvalidInput(f"瓶数要在 0 到 {MOST_BOTTLES} 之间。")
    products = _products(session, sent)
    in_lots = select(Lot.id, Lot.product_id).where(Lot.id.in_({line.lot_id for line in sent.lines if line.lot_id}))
    lots = {row.id: row.product_id for row in session.execute(in_lots)}
    for line in sent.lines:
        if line.product_id not in products:
            raise InvalidInput("有一种酒系统里没有，请刷新页面再试。")
        if line.lot_id is not None and lots.get(line.lot_id) != line.product_id:
            raise InvalidInput(f"{products[line.product_id].name} 没有这个批次，请刷新页面再试。")
    return products


def _products(session: Session, sent: VisitSent) -> dict[int, Product]:
    query = select(Product).where(Product.id.in_({line.product_id for line in sent.lines}))
    return {product.id: product for product in session.scalars(query)}


def _totals(lines: Sequence[VisitLine]) -> dict[int, int]:
    totals: dict[int, int] = {}
    for line in lines:
        totals[line.product_id] = totals.get(line.product_id, 0) + line.bottles
    return totals


def _mixed_up(
    session: Session, house: House, store: Store, products: dict[int, Product], totals: dict[int, int]
) -> str:
    """The question about the first counts that look like cases taken for bottles; empty when none does."""
    known = known_of(session, store.id, totals.keys())
    odd = [
        house.texts.sentence(
            "visit_mixed_up",
            product=products[product].name,
            believed=known[product].bottles,
            counted=bottles,
            case_size=products[product].case_size,
        )
        for product, bottles in totals.items()
        if product in known and looks_mixed_up(bottles, known[product].bottles, products[product].case_size)
    ]
    return "\n".join(odd[:3])


def _visit(session: Session, store: Store, sent: VisitSent, actor: Actor, now: datetime) -> StoreVisit:
    taken = set(session.scalars(select(VisitPhoto.sha256).where(VisitPhoto.client_id == sent.client_id)))
    if set(sent.photos) - taken:
        raise InvalidInput("照片还没有传完，请稍后再提交。")
    metres = _metres(store, sent.place)
    is_old = any(_seen_before(session, sent.client_id, sha) for sha in sorted(taken))
    return StoreVisit(
        client_id=sent.client_id,
        store_id=store.id,
        person_id=actor.person_id or 0,
        counted_at=_counted_at(sent, now),
        recorded_at=now,
        phone_time=sent.phone_time,
        latitude=sent.place[0] if sent.place else None,
        longitude=sent.place[1] if sent.place else None,
        metres_away=metres,
        far_away=is_far(metres),
        has_photo=bool(taken),
        photo_is_old=is_old,
        products=len({line.product_id for line in sent.lines}),
        bottles=sum(line.bottles for line in sent.lines),
        confidence=visit_confidence(
            photo=bool(taken), photo_is_old=is_old, place_known=sent.place is not None, metres_away=metres
        ),
    )


def _counted_at(sent: VisitSent, now: datetime) -> datetime:
    """When it was counted, by our clock: some time after we gave out the page, and never in the future."""
    if sent.opened_at is None or sent.opened_at > now:
        return now
    longest = (now - sent.opened_at).total_seconds()
    return sent.opened_at + timedelta(seconds=min(max(sent.seconds, 0.0), longest))


def _clock_off(visit: StoreVisit) -> bool:
    return visit.phone_time is not None and abs(visit.phone_time - visit.counted_at) > CLOCK_OFF


def _metres(store: Store, place: tuple[float, float] | None) -> int | None:
    if place is None or store.latitude is None or store.longitude is None:
        return None
    return metres_between(*place, store.latitude, store.longitude)


def _seen_before(session: Session, client_id: str, sha256: str) -> bool:
    """Whether the very same picture was evidence of something else already."""
    another = exists().where(VisitPhoto.sha256 == sha256, VisitPhoto.client_id != client_id)
    return bool(session.scalar(select(another | exists().where(Photo.sha256 == sha256))))


def _seen(visit: StoreVisit, line: VisitLine, sent: VisitSent, actor: Actor) -> Seen:
    return Seen(
        key=f"visit:{visit.client_id}:{line.product_id}:{line.lot_id or 0}",
        store_id=visit.store_id,
        product_id=line.product_id,
        lot_id=line.lot_id,
        bottles=line.bottles,
        as_of=business_day(visit.counted_at),
        source=StockSource.VISIT if visit.has_photo else StockSource.COUNT,
        by=actor.name,
        photo=sent.photos[0] if sent.photos else None,
        latitude=visit.latitude,
        longitude=visit.longitude,
        metres_away=visit.metres_away,
        confidence=visit.confidence,
    )
