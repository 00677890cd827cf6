"""Files of the business brought in at the desk: upload, look at what would happen, then do it.

An upload writes nothing but its own bytes, which wait for the second button and are dropped after it, or
after two hours. The button carries a signed token that names the bytes by their hash, so that what was looked
at is what is written, once.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, send_file
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.importing import ImportRun
from web import auth
from web.auth import Visitor
from web.desk_import_tickets import ErrorTicket, Ticket, TicketInvalid, may_import, only_stores
from web.guards import guard
from web.security import IMPORT_LIMIT
from web.services import services, transact
from workflows import files
from workflows.imports.kinds import KINDS
from workflows.imports.reader import open_source
from workflows.imports.report import ImportReport, RowError
from workflows.imports.run import LONGEST_NAME, run_import
from workflows.imports.source import FileRefused
from workflows.imports.template import write_template
from workflows.refusals import InvalidInput

log = structlog.get_logger(__name__)
desk_imports = Blueprint("desk_imports", __name__, url_prefix="/desk/imports")
guard(desk_imports)

SHOWN_ERRORS = 30
SHOWN_RUNS = 20
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: While rows are written nobody else can write on SQLite; a longer file belongs on the command line.
MOST_ROWS = 20_000
TOO_LONG = f"网页上一次最多导入 {MOST_ROWS:,} 行；请分成几个文件，或者在服务器上用命令行导入。"
TOO_OLD = "页面放得太久了，请重新上传文件。"


@desk_imports.get("/")
def overview() -> Response:
    """What may be imported by this person, and what was imported last."""
    with services().database.read() as session:
        visitor = _visitor(session)
        runs = list(session.scalars(select(ImportRun).order_by(ImportRun.id.desc()).limit(SHOWN_RUNS)))
        return make_response(
            render_template(
                "desk/imports.html",
                visitor=visitor,
                kinds={name: KINDS[name].title for name in may_import(visitor)},
                titles={name: kind.title for name, kind in KINDS.items()},
                runs=runs,
                megabytes=IMPORT_LIMIT // 1024 // 1024,
            )
        )


@desk_imports.get("/template/<kind>.xlsx")
def template(kind: str) -> Response:
    """An empty file of a kind to fill in."""
    with services().database.read() as session:
        if kind not in may_import(_visitor(session)):
            abort(404)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{kind}.xlsx"
        write_template(kind, path)
        content = path.read_bytes()
    response = make_response(content)
    response.mimetype = XLSX
    response.headers["Content-Disposition"] = f'attachment; filename="{kind}.xlsx"'
    return response


@desk_imports.post("/<any(upload):verb>")
def upload(verb: str) -> Response:  # noqa: ARG001 - the size of a request is limited by it
    """Keep the bytes and show what would happen."""
    try:
        auth.check_csrf()
        visitor, ticket = transact(_keep)
    except auth.Forged:
        return _back(TOO_OLD)
    except InvalidInput as refusal:
        return _back(refusal.sentence)
    report = _run(visitor, ticket, preview=True)
    if not report.would_write:
        transact(lambda session: files.drop(session, ticket.sha256))
    log.info("import_looked_at", kind=ticket.kind, by=visitor.actor.person_id, would_write=report.would_write)
    return _page(visitor, ticket, report)


@desk_imports.post("/commit")
def commit() -> Response:
    """Write what was looked at, once."""
    try:
        auth.check_csrf()
        ticket = Ticket.opened(request.form.get("ticket", ""), services().clock())
    except auth.Forged:
        return _back(TOO_OLD)
    except TicketInvalid as invalid:
        return _back(str(invalid))
    with services().database.read() as session:
        visitor = _visitor(session)
        content = files.load(session, ticket.sha256)
    if ticket.kind not in may_import(visitor) or ticket.person_id != visitor.actor.person_id:
        abort(403)
    if not transact(lambda session: files.drop(session, ticket.sha256)):
        return _back("这个文件已经导入过，或者放得太久了；需要的话请重新上传。")
    report = _run(visitor, ticket, preview=False, content=content)
    log.info("import_committed", kind=ticket.kind, by=visitor.actor.person_id, written=report.written)
    return _page(visitor, ticket, report)


@desk_imports.get("/errors/<ticket>")
def errors(ticket: str) -> Response:
    """The uploaded rows with the wrong cells marked, for whoever uploaded them."""
    with services().database.read() as session:
        visitor = _visitor(session)
    try:
        found = ErrorTicket.opened(ticket, services().clock())
    except TicketInvalid:
        abort(404)
    path = services().house.files / "imports" / found.name
    if found.person_id != visitor.actor.person_id or not path.is_file():
        abort(404)
    return send_file(path.resolve(), mimetype=XLSX, as_attachment=True, download_name=found.name)


def _visitor(session: Session) -> Visitor:
    found = auth.visitor(session, services().clock())
    if found is None:
        abort(401)
    if not may_import(found):
        abort(403)
    return found


def _keep(session: Session) -> tuple[Visitor, Ticket]:
    """Keep the uploaded bytes. Raises InvalidInput with a sentence."""
    visitor = _visitor(session)
    kind, sent, now = request.form.get("kind", ""), request.files.get("file"), services().clock()
    if kind not in may_import(visitor):
        raise InvalidInput("请选择要导入什么。")
    if sent is None or not sent.filename:
        raise InvalidInput("请选择一个文件。")
    content = sent.read()
    if not content:
        raise InvalidInput("文件是空的。")
    files.drop_old_uploads(session, now)
    sha256 = files.keep(session, content, files.UPLOAD, now)
    name = Path(sent.filename.replace("\\", "/")).name.replace("\x00", "")[-LONGEST_NAME:]
    skip_bad = request.form.get("skip_bad") == "1"
    return visitor, Ticket(kind, sha256, name, visitor.actor.person_id, skip_bad=skip_bad)


def _run(visitor: Visitor, ticket: Ticket, *, preview: bool, content: bytes | None = None) -> ImportReport:
    found = services()
    with found.database.read() as session:
        stores = only_stores(session, visitor)
        content = files.load(session, ticket.sha256) if content is None else content
    with _as_file(ticket.name, content) as path:
        if preview and _is_too_long(path):
            return ImportReport(ticket.kind, errors=[RowError(0, "", "", TOO_LONG)])
        return run_import(
            found.database,
            ticket.kind,
            path,
            house=found.house,
            now=found.clock(),
            actor_name=visitor.actor.name,
            skip_bad=ticket.skip_bad,
            preview=preview,
            only_stores=stores,
        )


def _is_too_long(path: Path) -> bool:
    try:
        return open_source(path).total > MOST_ROWS
    except FileRefused:
        return False  # the import says why


@contextmanager
def _as_file(name: str, content: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (name.encode("utf-8", "replace")[-100:].decode("utf-8", "ignore") or "file")
        path.write_bytes(content)
        yield path


def _page(visitor: Visitor, ticket: Ticket, report: ImportReport) -> Response:
    now = services().clock()
    marked = report.error_file
    return make_response(
        render_template(
            "desk/import_report.html",
            visitor=visitor,
            report=report,
            title=KINDS[ticket.kind].title,
            name=ticket.name,
            columns=list(dict.fromkeys(title for row in report.first_rows for title in row.said)),
            errors=report.errors[:SHOWN_ERRORS],
            more=len(report.errors) - SHOWN_ERRORS + report.errors_beyond,
            ticket=ticket.sealed(now) if report.would_write and not report.written else "",
            marked=ErrorTicket(marked.name, ticket.person_id).sealed(now) if marked else "",
        )
    )


def _back(sentence: str) -> Response:
    return auth.leave_notice(make_response(redirect("/desk/imports/", 303)), sentence, "bad")
