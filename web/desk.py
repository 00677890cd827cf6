"""The desk in a browser: what runs, what is stuck, what is late. It reads; the few buttons fire events."""

from datetime import datetime
from typing import Any

import structlog
from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog import Store
from models.people import Role
from models.recall import Campaign
from web import auth
from web import desk_queries as queries
from web.auth import Visitor
from web.desk_quotas import alarms
from web.guards import guard
from web.recall_page import recall_page
from web.services import services, transact
from workflows import history, outbox

log = structlog.get_logger(__name__)
desk = Blueprint("desk", __name__, url_prefix="/desk")
guard(desk)

MAY_RETRY = (Role.BOSS, Role.REGIONAL_MANAGER)
MOST_PROBLEMS = 50


def _now() -> datetime:
    return services().clock()


def _visitor(session: Session) -> Visitor:
    found = auth.visitor(session, _now())
    if found is None:
        abort(401)
    return found


def _page() -> int:
    raw = request.args.get("page", "1")
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 7 else 1


def _shown(template: str, visitor: Visitor, **data: Any) -> Response:
    return make_response(render_template(f"desk/{template}", visitor=visitor, **data))


@desk.get("/")
def overview() -> Response:
    """Everything that wants attention, on one page."""
    with services().database.read() as session:
        visitor = _visitor(session)
        sight = visitor.sight
        waiting, dead = outbox.depth(session)
        lists = {
            "campaigns": queries.campaigns(sight, only_open=True),
            "overdue": queries.overdue_tasks(sight),
            "discrepancies": queries.open_discrepancies(sight),
            "warnings": queries.warnings_firing(sight),
        }
        return _shown(
            "overview.html",
            visitor,
            totals={name: queries.count(session, query) for name, query in lists.items()},
            rows={name: list(session.scalars(query.limit(queries.SHORT))) for name, query in lists.items()},
            waiting=waiting,
            dead=dead,
            letters=list(session.scalars(queries.dead_letters().limit(queries.PAGE))),
            quotas=queries.quotas(session, _now()),
            alarms=alarms(services().house, _now()),
            may_retry=_may_retry(visitor),
        )


@desk.get("/recalls/")
def recalls() -> Response:
    """All campaigns, the latest first."""
    with services().database.read() as session:
        visitor = _visitor(session)
        found = queries.page_of(session, queries.campaigns(visitor.sight), _page())
        return _shown("recalls.html", visitor, slice=found)


@desk.get("/recalls/<int:campaign_id>")
def recall(campaign_id: int) -> Response:
    """How far one campaign is, per store and in sum."""
    with services().database.read() as session:
        visitor = _visitor(session)
        campaign = _campaign(session, visitor, campaign_id)
        page = recall_page(session, campaign, visitor.sight, _page())
        return _shown("recall.html", visitor, page=page, campaign=campaign)


@desk.get("/warnings/")
def warnings() -> Response:
    """Warnings that wait for somebody."""
    with services().database.read() as session:
        visitor = _visitor(session)
        found = queries.page_of(session, queries.warnings_firing(visitor.sight), _page())
        return _shown("warnings.html", visitor, slice=found)


@desk.get("/stores/")
def stores() -> Response:
    """Find a store."""
    words = request.args.get("q", "").replace("\x00", "").strip()[:60]
    with services().database.read() as session:
        visitor = _visitor(session)
        query = queries.stores_like(visitor.sight, words)
        found = queries.page_of(session, query, _page())
        return _shown("stores.html", visitor, slice=found, words=words)


@desk.get("/stores/<code>")
def store(code: str) -> Response:
    """What one store holds, owes and was warned about."""
    with services().database.read() as session:
        visitor = _visitor(session)
        mine = select(Store).where(Store.code == code, visitor.sight.stores())
        found = session.scalar(mine)
        if found is None:
            abort(404)
        firing = queries.warnings_firing(visitor.sight).where(Store.id == found.id)
        return _shown(
            "store.html",
            visitor,
            store=found,
            stock=queries.stock_of(session, found.id),
            tasks=queries.tasks_of(session, found.id),
            warnings=list(session.scalars(firing.limit(queries.PAGE))),
        )


@desk.get("/verify")
def verify() -> Response:
    """Whether the history is as it was written: nothing edited, nothing removed."""
    with services().database.read() as session:
        visitor = _visitor(session)
        problems = history.verify(session, services().house.secret)
        return _shown(
            "verify.html",
            visitor,
            problems=problems[:MOST_PROBLEMS],
            total=len(problems),
            rows=queries.history_rows(session),
        )


@desk.post("/letters/<int:letter_id>/retry")
def retry(letter_id: int) -> Response:
    """Give one dead letter another life."""
    return _retry(letter_id)


@desk.post("/letters/retry")
def retry_all() -> Response:
    """Give every dead letter another life."""
    return _retry(None)


def _retry(letter_id: int | None) -> Response:
    try:
        auth.check_csrf()
    except auth.Forged:
        abort(403)
    revived = transact(lambda session: _revive(session, letter_id))
    response = make_response(redirect("/desk/", 303))
    if not revived:
        return auth.leave_notice(response, "没有要重发的消息，可能已经发出去了。", "warn")
    return auth.leave_notice(response, f"{revived} 条消息会重新发送。")


def _revive(session: Session, letter_id: int | None) -> int:
    visitor = _visitor(session)
    if not _may_retry(visitor):
        abort(403)
    revived = outbox.retry_dead(session, _now(), letter_id=letter_id)
    log.info("letters_revived", letter=letter_id, count=revived, by=visitor.actor.person_id)
    return revived


def _may_retry(visitor: Visitor) -> bool:
    return any(visitor.actor.has(role) for role in MAY_RETRY)


def _campaign(session: Session, visitor: Visitor, campaign_id: int) -> Campaign:
    campaign = session.get(Campaign, campaign_id)
    if campaign is None or not queries.sees_campaign(session, visitor.sight, campaign_id):
        abort(404)
    return campaign
