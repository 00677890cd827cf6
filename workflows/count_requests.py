"""Asking a store how much is left, and taking a count made elsewhere as the answer."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Integer, and_, bindparam, func, or_, select
from sqlalchemy.orm import Session

from models.catalog import Product, Store
from models.observing import CountLine, CountReason, CountRequest, CountState
from models.prepared import Line, Prepared
from models.stock import Observation, StockSource
from workflows.acting import SYSTEM, Actor
from workflows.count_steps import ask_store, works_there
from workflows.flow import FLOWS, Step
from workflows.freshness import Known, known_of
from workflows.house import House
from workflows.refusals import InvalidInput, NotAllowed, NotPermitted

log = structlog.get_logger()

OPEN = (CountState.ASKED, CountState.AT_REP)
TYPING = timedelta(minutes=30)  # after 改 a bare number is the answer for so long
LONGEST_REASON = 120


def request_count(
    session: Session,
    house: House,
    store_id: int,
    product_id: int,
    actor: Actor,
    now: datetime,
    reason: str = CountReason.WARNING,
) -> CountRequest:
    """Ask a store how much is left of a product; the asker hears the answer.

    Whoever asks for what is asked already joins the open question. Raises InvalidInput for a store or
    product that is not there.
    """
    return request_counts(session, house, store_id, [product_id], actor, now, reason)


def request_counts(
    session: Session,
    house: House,
    store_id: int,
    product_ids: Sequence[int],
    actor: Actor,
    now: datetime,
    reason: str = CountReason.WARNING,
) -> CountRequest:
    """The same for several products in one question; products asked about already stay in theirs."""
    # The store's row is the queue: two people asking at once must not open two questions.
    store = session.scalar(select(Store).where(Store.id == store_id).with_for_update())
    if store is None or not product_ids:
        raise InvalidInput("没有找到这家门店或商品，不能发起盘点。")
    open_already = _open_lines(session, store_id, product_ids)
    fresh = [product for product in dict.fromkeys(product_ids) if product not in open_already]
    for request in {line.request.id: line.request for line in open_already.values()}.values():
        _join(request, actor)
    if not fresh:
        return open_already[product_ids[0]].request
    request = CountRequest(store_id=store_id, store=store, reason=str(reason)[:LONGEST_REASON], asked_at=now)
    request.askers = []
    _join(request, actor)
    request.lines = _lines(session, store_id, fresh)
    step = Step(session, house, request, actor, now)
    FLOWS["count_request"].start_at(step)
    if request.state == CountState.ASKED:
        ask_store(step)
    return request


def expect_number(session: Session, house: House, request: CountRequest, actor: Actor, now: datetime) -> None:
    """改 was pressed: for half an hour a bare number of this person is the answer. Raises a Refusal."""
    if request.state not in OPEN:
        raise NotAllowed(flow="count_request", state=str(request.state), event="correct", who=actor.name)
    if not works_there(Step(session, house, request, actor, now)):
        raise NotPermitted(flow="count_request", state=str(request.state), event="correct", who=actor.name)
    request.typing_by_id, request.typing_until = actor.person_id, now + TYPING


def anything_open(line: Line, store_ids: Iterable[int]) -> bool:
    """Whether one of the stores is being asked; cheap enough to ask for every message."""
    return any(_ANY_OPEN.rows(line, store=store) for store in store_ids)


def open_requests(session: Session, store_ids: Sequence[int]) -> list[CountRequest]:
    """The open questions to these stores, the latest first."""
    query = select(CountRequest).where(CountRequest.state.in_(OPEN), CountRequest.store_id.in_(store_ids))
    return list(session.scalars(query.order_by(CountRequest.id.desc())))


def take_count(
    session: Session, house: House, store_id: int, bottles: Mapping[int, int], actor: Actor, now: datetime, who: str
) -> int:
    """A count by product answers the store's open questions; return how many lines it answered."""
    lines = _open_lines(session, store_id, list(bottles))
    requests = {line.request.id: line.request for line in lines.values()}
    for request in requests.values():
        step = Step(session, house, request, actor, now, {"bottles": dict(bottles), "who": who})
        FLOWS["count_request"].fire(step, "counted")
    return len(lines)


def take_counts_seen(session: Session, house: House, now: datetime) -> int:
    """Counts that came in another way (a file, a system) answer open questions; return how many lines."""
    answered = 0
    for store_id, found in _seen_since(session).items():
        bottles = {product: amount for product, (amount, _) in found.items()}
        who = next(iter(found.values()))[1]
        answered += take_count(session, house, store_id, bottles, SYSTEM, now, who)
    return answered


def _seen_since(session: Session) -> dict[int, dict[int, tuple[int, str]]]:
    """By store and product: what was recorded after the question and is of its day or later."""
    query = (
        select(
            CountRequest.store_id,
            CountLine.product_id,
            Observation.as_of,
            Observation.recorded_at,
            func.sum(Observation.bottles).cast(Integer),
            func.max(Observation.observed_by),
        )
        .join(CountLine, CountLine.request_id == CountRequest.id)
        .join(
            Observation,
            and_(
                Observation.store_id == CountRequest.store_id,
                Observation.product_id == CountLine.product_id,
                Observation.recorded_at > CountRequest.asked_at,
                # A count of long ago that is only now typed in does not tell what is there today.
                or_(
                    CountLine.known_on.is_(None),
                    CountLine.known_by == StockSource.INFERRED,
                    Observation.as_of >= CountLine.known_on,
                ),
            ),
        )
        .where(CountRequest.state.in_(OPEN), CountLine.open_key.is_not(None))
        .group_by(CountRequest.store_id, CountLine.product_id, Observation.as_of, Observation.recorded_at)
        .order_by(Observation.as_of, Observation.recorded_at)
    )
    found: dict[int, dict[int, tuple[int, str]]] = defaultdict(dict)
    for store, product, _day, _moment, bottles, who in session.execute(query):
        found[store][product] = (bottles, who)
    return found


def _open_lines(session: Session, store_id: int, product_ids: Sequence[int]) -> dict[int, CountLine]:
    keys = [open_key(store_id, product) for product in product_ids]
    found = session.scalars(select(CountLine).where(CountLine.open_key.in_(keys)))
    return {line.product_id: line for line in found}


def open_key(store_id: int, product_id: int) -> str:
    """What is unique among open lines: one question for a product in a store."""
    return f"{store_id}:{product_id}"


def _join(request: CountRequest, actor: Actor) -> None:
    if actor.person_id is not None and actor.person_id not in request.askers:
        request.askers = [*request.askers, actor.person_id]


def _lines(session: Session, store_id: int, product_ids: Sequence[int]) -> list[CountLine]:
    products = {p.id: p for p in session.scalars(select(Product).where(Product.id.in_(product_ids)))}
    if set(product_ids) - products.keys():
        raise InvalidInput("没有找到这家门店或商品，不能发起盘点。")
    known = known_of(session, store_id, product_ids)
    return [_line(store_id, products[product], known.get(product)) for product in product_ids]


def _line(store_id: int, product: Product, known: Known | None) -> CountLine:
    return CountLine(
        product_id=product.id,
        product=product,
        shown=known.bottles if known else None,
        known_on=known.as_of if known else None,
        known_by=known.source if known else None,
        answered_by="",
        open_key=open_key(store_id, product.id),
    )


_ANY_OPEN = Prepared(
    select(CountRequest.id)
    .where(
        CountRequest.store_id == bindparam("store"),
        or_(CountRequest.state == CountState.ASKED, CountRequest.state == CountState.AT_REP),
    )
    .limit(1)
)
