"""GET documents: the numbered papers of take-backs, as data and as PDF, as far as the key may see."""

from collections.abc import Sequence
from typing import Any

import structlog
from flask import Response
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from models.catalog import Store
from models.recall import Document, DocumentKind, Handover, RecallTask
from reports.fonts import FontError, ensure_fonts
from web.api_calls import Call
from web.api_models import DocumentOut, DocumentsPage, DocumentsQuery
from web.api_pages import last_seen, next_cursor, portion
from web.api_problems import ApiProblem, Fault
from web.api_recalls import visible_tasks
from web.services import services
from workflows import papers
from workflows.api_keys import Caller

log = structlog.get_logger(__name__)

VISITS = (DocumentKind.HANDOVER, DocumentKind.RECEIPT)


def documents(session: Session, call: Call) -> DocumentsPage:
    """The papers asked for, by their number."""
    asked: DocumentsQuery = call.query
    query = _visible(call.caller).order_by(Document.number)
    if asked.kind:
        query = query.where(Document.kind == asked.kind)
    after = last_seen(call, "documents", str)
    if after is not None:
        query = query.where(Document.number > after)
    rows, more = portion(session, query, asked.limit)
    cursor = next_cursor(call, "documents", rows[-1].number) if more else None
    return DocumentsPage(as_of=call.now, next_cursor=cursor, items=_told(session, rows))


def document(session: Session, call: Call) -> DocumentOut:
    """One paper. Raises ApiProblem 404."""
    return _told(session, [_document(session, call)])[0]


def pdf(session: Session, call: Call) -> Response:
    """The paper as PDF, the same bytes each time. Raises ApiProblem 404, or 503 without fonts."""
    found = _document(session, call)
    house = services().house
    try:
        printed = papers.print_paper(session, house, found, ensure_fonts(house.files / "fonts"))
    except FontError as error:
        log.warning("paper_not_printed", number=found.number, reason=str(error))
        raise ApiProblem(Fault.UNAVAILABLE, "服务器上没有字体，打不出这张单据。", Retry_After="300") from None
    response = Response(printed, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{found.number}.pdf"'
    return response


def _visible(caller: Caller) -> Select[Any]:
    if not caller.regions and not caller.brands:
        return select(Document)
    tasks = visible_tasks(caller).with_only_columns(RecallTask.id)
    visits = select(Handover.id).where(Handover.task_id.in_(tasks))
    order = (Document.kind == DocumentKind.ORDER) & Document.subject_id.in_(tasks)
    return select(Document).where(or_(order, Document.kind.in_(VISITS) & Document.subject_id.in_(visits)))


def _document(session: Session, call: Call) -> Document:
    number = str(call.path["number"])
    if len(number) <= 32 and number.isprintable():
        found: Document | None = session.scalar(_visible(call.caller).where(Document.number == number))
        if found is not None:
            return found
    raise ApiProblem(Fault.NOT_FOUND, "没有这张单据，或者密钥看不到它。")


def _told(session: Session, rows: Sequence[Document]) -> list[DocumentOut]:
    orders = {row.subject_id for row in rows if row.kind is DocumentKind.ORDER}
    visits = {row.subject_id for row in rows if row.kind in VISITS}
    asked = select(RecallTask.id, RecallTask.campaign_id, Store.code).join(Store, Store.id == RecallTask.store_id)
    of_task = {
        task: (campaign, store) for task, campaign, store in session.execute(asked.where(RecallTask.id.in_(orders)))
    }
    handed = (
        select(Handover.id, RecallTask.campaign_id, Store.code)
        .join(RecallTask, RecallTask.id == Handover.task_id)
        .join(Store, Store.id == RecallTask.store_id)
        .where(Handover.id.in_(visits))
    )
    of_visit = {visit: (campaign, store) for visit, campaign, store in session.execute(handed)}
    return [_out(row, (of_task if row.kind is DocumentKind.ORDER else of_visit)[row.subject_id]) for row in rows]


def _out(row: Document, about: tuple[int, str]) -> DocumentOut:
    base = services().house.public_url
    return DocumentOut(
        number=row.number,
        kind=row.kind,
        recall=f"R{about[0]}",
        store=about[1],
        issued_at=row.issued_at,
        content_hash=row.content_hash,
        pdf_url=f"{base}/api/v1/documents/{row.number}.pdf",
        verify_url=f"{base}/d/{row.number}",
    )
