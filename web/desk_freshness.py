"""The desk's page of how fresh our knowledge is: all stores, the stalest first; and one store with its sell-out."""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, abort, make_response, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog import Product, Store
from models.observing import StoreVisit
from models.people import Person
from models.stock import ChannelStock
from rules.sell_out import Period
from web import auth
from web.auth import Visitor
from web.desk_queries import PAGE, Slice
from web.guards import guard
from web.services import services
from workflows.acting import business_day
from workflows.freshness import Freshness, Known, age_words, freshness, known_of
from workflows.sell_out import sell_out_periods

desk_freshness = Blueprint("desk_freshness", __name__, url_prefix="/desk/freshness")
guard(desk_freshness)

SHOWN_PERIODS = 6  # of one product, the latest
SHOWN_VISITS = 20


@dataclass(frozen=True)
class ProductRow:
    """A product in a store: what is believed, how old that is, and what was sold between counts."""

    product: Product
    known: Known | None
    age: str
    periods: tuple[Period, ...]


@desk_freshness.get("/")
def overview() -> Response:
    """The share of stores counted lately, and the stalest stores."""
    now, limits = services().clock(), services().house.limits
    with services().database.read() as session:
        visitor = _visitor(session, now)
        page = _page()
        found = freshness(
            session,
            business_day(now),
            limits.count_fresh_days,
            visitor.sight.stores(),
            most=PAGE,
            start=(page - 1) * PAGE,
        )
        return _shown("freshness.html", visitor, found=found, slice=_slice(found, page), days=limits.count_fresh_days)


@desk_freshness.get("/<code>")
def store(code: str) -> Response:
    """One store: each product with the age of its data, its periods of sale with their doubts, and the visits."""
    now = services().clock()
    with services().database.read() as session:
        visitor = _visitor(session, now)
        found = session.scalar(select(Store).where(Store.code == code, visitor.sight.stores()))
        if found is None:
            abort(404)
        rows = _rows(session, found, now)
        return _shown("freshness_store.html", visitor, store=found, rows=rows, visits=_visits(session, found))


def _rows(session: Session, store: Store, now: datetime) -> list[ProductRow]:
    today = business_day(now)
    sold = {product: tuple(found) for _, product, found in sell_out_periods(session, today, store.id)}
    held = select(ChannelStock.product_id).where(ChannelStock.store_id == store.id)
    query = select(Product).where(Product.id.in_(held) | Product.id.in_(sold)).order_by(Product.name, Product.id)
    products = list(session.scalars(query))
    known = known_of(session, store.id, [product.id for product in products])
    return [_row(product, known.get(product.id), sold.get(product.id, ()), now) for product in products]


def _row(product: Product, known: Known | None, periods: tuple[Period, ...], now: datetime) -> ProductRow:
    day, source = (known.as_of, known.source) if known else (None, None)
    age = age_words(services().house, day, source, business_day(now))
    return ProductRow(product, known, age, periods[: -SHOWN_PERIODS - 1 : -1])


def _visits(session: Session, store: Store) -> list[tuple[StoreVisit, str]]:
    query = (
        select(StoreVisit, Person.name)
        .join(Person, Person.id == StoreVisit.person_id)
        .where(StoreVisit.store_id == store.id)
        .order_by(StoreVisit.counted_at.desc(), StoreVisit.id.desc())
        .limit(SHOWN_VISITS)
    )
    return [(visit, name) for visit, name in session.execute(query)]


def _slice(found: Freshness, page: int) -> Slice[object]:
    return Slice(list(found.stalest), found.stores, page)


def _page() -> int:
    raw = request.args.get("page", "1")
    return max(1, int(raw)) if raw.isascii() and raw.isdigit() and len(raw) < 7 else 1


def _visitor(session: Session, now: datetime) -> Visitor:
    found = auth.visitor(session, now)
    return found if found is not None else abort(401)


def _shown(template: str, visitor: Visitor, **data: object) -> Response:
    return make_response(render_template(f"desk/{template}", visitor=visitor, **data))
