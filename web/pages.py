"""Phone pages behind signed links: `/t/<token>` shows, `/t/<token>/<verb>` acts.

A GET never acts: chat apps fetch links to make previews. Every POST is one transaction that ends
in the same `flow.fire` as a button or a word in a chat.
"""

import structlog
from flask import Blueprint, Flask, Response, abort, make_response, request
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from web import (
    approval_page,
    auth,
    desk_entry,
    door_page,
    errors,
    report_page,
    security,
    task_page,
    visit_page,
    warehouse_page,
)
from web.desk import desk
from web.desk_connectors import desk_connectors
from web.desk_discrepancies import discrepancies
from web.desk_freshness import desk_freshness
from web.desk_imports import desk_imports
from web.desk_quality import quality_page
from web.desk_quotas import quota_page
from web.document_page import documents
from web.door_queries import photo_of
from web.fonts import fonts
from web.guards import guard
from web.services import services, transact
from web.store_page import stores
from web.visits import Purpose, Visit, answered, refused
from web.warning_page import warnings
from web.words import install_words
from workflows.acting import actor_of
from workflows.ledger import LedgerError
from workflows.links import LinkInvalid, claim_device, open_link
from workflows.refusals import Refusal
from workflows.sentences import sentence_for

log = structlog.get_logger(__name__)
pages = Blueprint("pages", __name__, template_folder="templates", static_folder="static", static_url_path="/static")
guard(pages)

PURPOSES = {
    "task": task_page.PURPOSE,
    "approve": approval_page.PURPOSE,
    "door": door_page.PURPOSE,
    "warehouse": warehouse_page.PURPOSE,
    "desk": desk_entry.PURPOSE,
    "report": report_page.PURPOSE,
    "visit": visit_page.PURPOSE,
}
PAGE_TOO_OLD = "页面放得太久了，已为你刷新，请再点一次。（请打开浏览器的 Cookie。）"
SOMEBODY_FASTER = "刚刚有人先处理了，页面已更新，请看最新情况。"


def register(app: Flask) -> None:
    """Put all pages of people, the desk and the error pages into the app."""
    for blueprint in (
        pages,
        desk,
        desk_connectors,
        desk_freshness,
        desk_imports,
        discrepancies,
        quality_page,
        quota_page,
        documents,
        fonts,
        stores,
        warnings,
    ):
        app.register_blueprint(blueprint)
    install_words(app)
    errors.install(app)
    security.install(app)


@pages.get("/t/<token>")
def show(token: str) -> Response:
    """The page of a link, as things stand now. Changes nothing."""
    with services().database.read() as session:
        try:
            visit = _visit(session, token)
            _refuse_other_device(visit)
            return make_response(_purpose(visit).show(visit))
        except LinkInvalid as invalid:
            return _no_link(invalid)


@pages.get("/t/<token>/photo/<sha256>")
def evidence(token: str, sha256: str) -> Response:
    """One photo of the link's own task, for the device that owns the link."""
    with services().database.read() as session:
        try:
            visit = _visit(session, token)
        except LinkInvalid:
            abort(404)
        if visit.link.device != auth.device():
            abort(404)
        stored = photo_of(session, visit.link, sha256)
        if stored is None:
            abort(404)
        return Response(stored.content, mimetype=stored.content_type)


@pages.post("/t/<token>/<verb>")
def act(token: str, verb: str) -> Response:
    """Do one thing through a link, and answer as a page or as data."""
    try:
        auth.check_csrf()
        return transact(lambda session: _act(session, token, verb))
    except LinkInvalid as invalid:
        return _no_link(invalid)
    except auth.Forged:
        return refused(token, PAGE_TOO_OLD)
    except (Refusal, LedgerError) as refusal:
        log.info("page_step_refused", verb=verb, refusal=type(refusal).__name__)
        return refused(token, sentence_for(services().house, refusal))
    except StaleDataError:
        return refused(token, SOMEBODY_FASTER)


def _act(session: Session, token: str, verb: str) -> Response:
    visit = _visit(session, token)
    purpose = _purpose(visit)
    if verb not in purpose.verbs:
        abort(404)
    claim_device(session, visit.house, visit.link, auth.device())
    sentence = purpose.verbs[verb](visit)
    response = answered(token, sentence, visit.answer)
    if visit.link.purpose == "desk":
        auth.open_desk(response, visit.person.id, visit.now)
    return response


def _visit(session: Session, token: str) -> Visit:
    found = services()
    now = found.clock()
    link = open_link(session, found.house, token, now)
    person = auth.person_of(session, link.person_id)
    if person is None:
        raise LinkInvalid("这个链接的主人已经不在名单里了，请联系业务员。")
    actor = actor_of(person, now, "h5")
    return Visit(session, found.house, link, person, actor, now, token)


def _refuse_other_device(visit: Visit) -> None:
    if visit.link.device and visit.link.device != auth.device():
        raise LinkInvalid(visit.house.texts.sentence("link_other_device"))


def _purpose(visit: Visit) -> Purpose:
    if visit.link.purpose not in PURPOSES:
        abort(404)
    return PURPOSES[visit.link.purpose]


def _no_link(invalid: LinkInvalid) -> Response:
    # Counting these lines shows somebody trying tokens; the token itself is never logged.
    log.warning("page_link_refused", remote=request.remote_addr)
    return errors.sorry(410, "这个链接打不开了", invalid.sentence)
