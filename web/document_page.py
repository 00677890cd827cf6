"""The page behind a paper's QR code: is it real, and does it still say what it said.

Anybody may verify a number. Only the parties and the distributor see the paper itself.
"""

from datetime import datetime

import structlog
from flask import Blueprint, Response, abort, make_response, render_template
from sqlalchemy.orm import Session

from models.people import Person
from models.recall import Document, DocumentKind, Handover, RecallTask
from reports.fonts import FontError, ensure_fonts
from reports.qr import qr_png
from rules.people import works_in_store
from web import auth
from web.guards import guard
from web.services import services
from workflows import papers
from workflows.acting import actor_of

log = structlog.get_logger(__name__)
documents = Blueprint("documents", __name__, url_prefix="/d")
guard(documents)


@documents.get("/<number>")
def verify(number: str) -> Response:
    """Number, kind, day and hash, and whether the kept content still matches them."""
    with services().database.read() as session:
        document = _document(session, number)
        return make_response(
            render_template(
                "document.html",
                document=document,
                unchanged=papers.is_unchanged(session, document),
                task=_task(session, document) if _is_party(session, document) else None,
            )
        )


@documents.get("/<number>.pdf")
def download(number: str) -> Response:
    """The paper itself, for its parties and the desk."""
    with services().database.read() as session:
        document = _document(session, number)
        if not _is_party(session, document):
            abort(403)
        house = services().house
        try:
            pdf = papers.print_paper(session, house, document, ensure_fonts(house.files / "fonts"))
        except FontError as error:
            log.warning("paper_not_printed", number=document.number, reason=str(error))
            abort(500)
        response = Response(pdf, mimetype="application/pdf")
        response.headers["Content-Disposition"] = f'inline; filename="{document.number}.pdf"'
        return response


@documents.get("/<number>/qr.png")
def code(number: str) -> Response:
    """The QR code that leads to this page."""
    with services().database.read() as session:
        document = _document(session, number)
    png = qr_png(f"{services().house.public_url}/d/{document.number}")
    response = Response(png, mimetype="image/png")
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


def _document(session: Session, number: str) -> Document:
    document = papers.find(session, number) if len(number) <= 32 else None
    return document or abort(404)


def _task(session: Session, document: Document) -> RecallTask:
    if document.kind is DocumentKind.ORDER:
        return session.get_one(RecallTask, document.subject_id)
    return session.get_one(Handover, document.subject_id).task


def _is_party(session: Session, document: Document) -> bool:
    now = services().clock()
    task = _task(session, document)
    visitor = auth.visitor(session, now)
    if visitor and visitor.sight.sees(task.store):
        return True
    people = auth.people_of_device(session)
    return any(_signed_or_owns(session, document, task, person, now) for person in people)


def _signed_or_owns(session: Session, document: Document, task: RecallTask, person: Person, now: datetime) -> bool:
    if works_in_store(actor_of(person, now, "h5").duties, task.store_id):
        return True
    if document.kind is DocumentKind.ORDER:
        return False
    handover = session.get_one(Handover, document.subject_id)
    return person.id in {handover.taker_id, handover.giver_id, handover.keeper_id}
