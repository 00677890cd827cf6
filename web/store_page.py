"""A store's home behind its counter QR code `/s/<store code>`.

Anybody can scan a code on a counter, so a stranger learns the store's name and nothing else. People
of the store, known by the device that already acted through a link of theirs, see tasks and can ask.
"""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, abort, make_response, redirect, render_template, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog import Product, Store
from models.observing import CountRequest
from models.people import Person
from models.recall import Reason, RecallTask
from models.stock import ChannelStock
from rules.people import works_in_store
from web import auth
from web.desk_queries import tasks_of
from web.guards import guard
from web.services import services, transact
from web.visits import number_in, words_in
from workflows.acting import Actor, actor_of
from workflows.count_requests import open_requests
from workflows.links import link_for
from workflows.refusals import InvalidInput, Refusal
from workflows.requests import request_return
from workflows.sentences import sentence_for
from workflows.store_visit import counts_there

stores = Blueprint("stores", __name__, url_prefix="/s")
guard(stores)

REASONS = (Reason.NEAR_EXPIRY, Reason.SLOW, Reason.DAMAGED, Reason.COMPLAINT, Reason.UPGRADE)


@dataclass(frozen=True)
class _Insider:
    """Somebody of the store, at a device that is known to be theirs."""

    person: Person
    actor: Actor


@stores.get("/<code>")
def home(code: str) -> Response:
    """The store's page, as much of it as the asking device may see."""
    now = services().clock()
    with services().database.read() as session:
        store = _store(session, code)
        insider = _insider(session, store, now)
        if insider is None:
            counts = _rep(session, store, now) is not None
            return make_response(render_template("store.html", store=store, insider=None, counts=counts))
        return make_response(
            render_template(
                "store.html",
                store=store,
                insider=insider.person,
                tasks=tasks_of(session, store.id, only_open=True),
                products=_products(session, store),
                reasons=REASONS,
                asked=open_requests(session, [store.id]),
            )
        )


@stores.post("/<code>/tasks/<int:task_id>")
def open_task(code: str, task_id: int) -> Response:
    """Make a link to one of the store's own tasks and go there."""
    try:
        auth.check_csrf()
        return transact(lambda session: _to_task(session, code, task_id))
    except auth.Forged:
        return _back(code, "页面放得太久了，请再点一次。", "bad")


@stores.post("/<code>/counts/<int:request_id>")
def report(code: str, request_id: int) -> Response:
    """Make a link to one of the questions how much is left and go there."""
    try:
        auth.check_csrf()
        return transact(lambda session: _to_report(session, code, request_id))
    except auth.Forged:
        return _back(code, "页面放得太久了，请再点一次。", "bad")


@stores.post("/<code>/visit")
def count(code: str) -> Response:
    """The rep stands at the counter: make a link to the count of this store and go there."""
    try:
        auth.check_csrf()
        return transact(lambda session: _to_visit(session, code))
    except auth.Forged:
        return _back(code, "页面放得太久了，请再点一次。", "bad")


@stores.post("/<code>/requests")
def ask(code: str) -> Response:
    """Ask the distributor to take goods back; the rep decides."""
    try:
        auth.check_csrf()
        return _back(code, transact(lambda session: _ask(session, code)))
    except auth.Forged:
        return _back(code, "页面放得太久了，请再填一次。", "bad")
    except Refusal as refusal:
        return _back(code, sentence_for(services().house, refusal), "bad")


def _ask(session: Session, code: str) -> str:
    now = services().clock()
    store = _store(session, code)
    insider = _insider(session, store, now) or abort(403)
    product = session.get(Product, number_in("product", default=0, most=2**31 - 1))
    if product is None:
        raise InvalidInput("请选择要退的酒。")
    bottles = number_in("cases", default=0) * product.case_size + number_in("bottles", default=0)
    if not bottles:
        raise InvalidInput("请填要退的数量，例如 3 箱。")
    campaign = request_return(
        session,
        services().house,
        store,
        product,
        bottles,
        _reason(),
        words_in("words"),
        insider.actor,
        now,
    )
    return f"已提交回收请求 {campaign.number}，业务员会尽快答复。"


def _reason() -> Reason:
    try:
        return Reason(words_in("reason", most=32))
    except ValueError:
        raise InvalidInput("请选择退货原因。") from None


def _to_task(session: Session, code: str, task_id: int) -> Response:
    now = services().clock()
    store = _store(session, code)
    insider = _insider(session, store, now) or abort(403)
    task = session.get(RecallTask, task_id)
    if task is None or task.store_id != store.id:
        abort(404)
    return _through_link(session, "task", task.id, insider.person)


def _to_report(session: Session, code: str, request_id: int) -> Response:
    store = _store(session, code)
    insider = _insider(session, store, services().clock()) or abort(403)
    asked = session.get(CountRequest, request_id)
    if asked is None or asked.store_id != store.id:
        abort(404)
    return _through_link(session, "report", asked.id, insider.person)


def _to_visit(session: Session, code: str) -> Response:
    store = _store(session, code)
    rep = _rep(session, store, services().clock()) or abort(403)
    return _through_link(session, "visit", store.id, rep)


def _through_link(session: Session, purpose: str, subject_id: int, person: Person) -> Response:
    url = link_for(session, services().house, purpose, subject_id, person.id, services().clock())
    return make_response(redirect("/t/" + url.rsplit("/", 1)[1], 303))


def _store(session: Session, code: str) -> Store:
    store = session.scalar(select(Store).where(Store.code == code, Store.active.is_(True)))
    return store or abort(404)


def _insider(session: Session, store: Store, now: datetime) -> _Insider | None:
    for person in auth.people_of_device(session):
        actor = actor_of(person, now, "h5")
        if works_in_store(actor.duties, store.id):
            return _Insider(person, actor)
    return None


def _rep(session: Session, store: Store, now: datetime) -> Person | None:
    """A rep of the store at a device that is known to be theirs."""
    people = auth.people_of_device(session)
    return next((person for person in people if counts_there(actor_of(person, now, "h5"), store)), None)


def _products(session: Session, store: Store) -> list[Product]:
    held = select(ChannelStock.product_id).where(ChannelStock.store_id == store.id, ChannelStock.bottles > 0)
    return list(session.scalars(select(Product).where(Product.id.in_(held)).order_by(Product.name)))


def _back(code: str, sentence: str, tone: str = "") -> Response:
    return auth.leave_notice(make_response(redirect(url_for("stores.home", code=code), 303)), sentence, tone)
