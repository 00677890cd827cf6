"""The three papers of a take-back: numbered once, kept as content, printed again byte for byte."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.engine import Counter
from models.people import Person
from models.recall import (
    Campaign,
    Discrepancy,
    Document,
    DocumentKind,
    Grade,
    Handover,
    HandoverLine,
    Photo,
    RecallTask,
    TaskLine,
)
from reports import documents as paper
from reports.fonts import Fonts
from workflows import files, vector
from workflows.acting import business_day
from workflows.house import House
from workflows.subjects import is_safety

WAREHOUSE = "总仓"


def issue(
    session: Session, house: House, kind: DocumentKind, subject: Any, now: datetime, data: dict[str, Any] | None = None
) -> Document:
    """Number a paper and keep what it says; asked again, it is the same paper."""
    known = session.scalar(_of(kind, subject.id))
    if known:
        return known
    number = _next_number(session, kind, business_day(now))
    content = _CONTENTS[kind](session, house, subject, number, now, data or {})
    document = Document(
        number=number,
        kind=kind,
        subject_id=subject.id,
        content=content,
        content_hash=paper.content_hash(_build(session, kind, content)),
        issued_at=now,
    )
    session.add(document)
    session.flush()
    return document


def number_of(session: Session, kind: DocumentKind, subject_id: int) -> str:
    """The number of a subject's paper; empty before it is issued."""
    document = session.scalar(_of(kind, subject_id))
    return document.number if document else ""


def find(session: Session, number: str) -> Document | None:
    """The paper with that number."""
    return session.get(Document, number)


def print_paper(session: Session, house: House, document: Document, fonts: Fonts) -> bytes:
    """The paper as PDF: the same bytes each time."""
    built = _build(session, document.kind, document.content)
    url = f"{house.public_url}/d/{document.number}"
    if isinstance(built, paper.RecallOrderDocument):
        return paper.render_recall_order(built, fonts, verify_url=url)
    if isinstance(built, paper.HandoverDocument):
        return paper.render_handover(built, fonts, verify_url=url)
    return paper.render_receipt(built, fonts, verify_url=url)


def is_unchanged(session: Session, document: Document) -> bool:
    """Whether the kept content still has the hash it was issued with."""
    built = _build(session, document.kind, document.content)
    return paper.content_hash(built) == document.content_hash


def _of(kind: DocumentKind, subject_id: int) -> Any:
    return select(Document).where(Document.kind == kind, Document.subject_id == subject_id)


def _next_number(session: Session, kind: DocumentKind, day: date) -> str:
    series = f"{kind.value}{day:%Y%m%d}"
    counter = session.get(Counter, series, with_for_update=True)
    if counter is None:
        counter = Counter(series=series, last=0)
        session.add(counter)
    counter.last += 1
    session.flush()
    return f"{series}-{counter.last:04d}"


def _order(
    _session: Session, house: House, task: RecallTask, number: str, now: datetime, _data: dict[str, Any]
) -> dict[str, Any]:
    campaign = task.campaign
    approver = campaign.approvals[-1]["name"] if campaign.approvals else house.distributor
    reason = house.texts.label("reason", campaign.reason.value)
    word = "safety_order_instructions" if is_safety(campaign) else "order_instructions"
    return {
        **_head(house, campaign, number),
        "issued_at": (campaign.issued_at or now).isoformat(),
        "store_name": task.store.name,
        "store_address": task.store.address,
        "reason": f"{reason}：{campaign.reason_text}" if campaign.reason_text else reason,
        "deadline": campaign.deadline.isoformat(),
        "instructions": house.texts.sentence(word, deadline=campaign.deadline),
        "approver": approver,
        "lines": [_task_line(line) for line in task.lines],
    }


def _handover(
    session: Session, house: House, hand: Handover, number: str, now: datetime, data: dict[str, Any]
) -> dict[str, Any]:
    task = hand.task
    taker = session.get_one(Person, hand.taker_id)
    photos = session.scalars(select(Photo.id).where(Photo.handover_id == hand.id)).all()
    left = sum(vector.at_store(line) for line in task.lines)
    place = f"{task.store.name}（{task.store.address}）" if task.store.address else task.store.name
    rest = f"还有 {left} 瓶，约定 {task.promised_on:%Y-%m-%d} 再来取。" if left and task.promised_on else "全部交接。"
    return {
        **_head(house, task.campaign, number),
        "signed_at": now.isoformat(),
        "store_name": task.store.name,
        "giver": _signature(str(data.get("giver_name", "")), "门店", now, hand.giver_signature),
        "taker": _signature(taker.name, "接收人", now, hand.taker_signature),
        "photos": len(photos),
        "place": place,
        "remaining": rest,
        "lines": [_goods_line(line, line.counted + line.extra, _remark(line)) for line in hand.lines],
    }


def _receipt(
    session: Session, house: House, hand: Handover, number: str, now: datetime, _data: dict[str, Any]
) -> dict[str, Any]:
    keeper = session.get(Person, hand.keeper_id) if hand.keeper_id else None
    gaps = session.scalars(select(Discrepancy).where(Discrepancy.handover_id == hand.id).order_by(Discrepancy.id))
    said = [
        f"{house.texts.label('discrepancy', gap.kind.value)} {gap.bottles} 瓶（{gap.lot.product.name} {gap.lot.batch}）"
        for gap in gaps
    ]
    head = _head(house, hand.task.campaign, number)
    del head["campaign_no"]
    return {
        **head,
        "received_at": (hand.received_at or now).isoformat(),
        "handover_no": number_of(session, DocumentKind.HANDOVER, hand.id),
        "warehouse": WAREHOUSE,
        "keeper": _signature(keeper.name if keeper else "", "仓管员", hand.received_at or now, hand.keeper_signature),
        "driver": None,
        "lines": [row for line in hand.lines for row in _graded_lines(line)],
        "discrepancies": said,
    }


_Writer = Callable[[Session, House, Any, str, datetime, dict[str, Any]], dict[str, Any]]
_CONTENTS: dict[DocumentKind, _Writer] = {
    DocumentKind.ORDER: _order,
    DocumentKind.HANDOVER: _handover,
    DocumentKind.RECEIPT: _receipt,
}


def _head(house: House, campaign: Campaign, number: str) -> dict[str, Any]:
    return {
        "number": number,
        "distributor": house.distributor,
        "kind": campaign.kind.value,
        "campaign_no": campaign.number,
    }


def _signature(name: str, role: str, at: datetime, sha256: str | None) -> dict[str, Any]:
    return {"name": name, "role": role, "at": at.isoformat(), "file": sha256}


def _task_line(line: TaskLine) -> dict[str, Any]:
    return _line(line.lot, line.scoped)


def _goods_line(line: HandoverLine, bottles: int, remark: str = "") -> dict[str, Any]:
    return {**_line(line.lot, bottles), "remark": remark}


def _graded_lines(line: HandoverLine) -> list[dict[str, Any]]:
    graded = [(grade, getattr(line, f"grade_{grade.value.lower()}")) for grade in Grade]
    rows = [
        {**_line(line.lot, bottles), "grade": grade.value, "expected": bottles} for grade, bottles in graded if bottles
    ]
    missing = line.counted - line.received
    if missing:
        rows.append({**_line(line.lot, 0), "expected": missing, "remark": "少货待查"})
    if line.extra:
        rows.append({**_line(line.lot, line.extra), "expected": None, "remark": "多货待处理"})
    return rows


def _line(lot: Any, bottles: int) -> dict[str, Any]:
    made = lot.production_date
    return {
        "product": lot.product.name,
        "spec": lot.product.spec,
        "batch": lot.batch,
        "production_date": made.isoformat() if made else None,
        "bottles": bottles,
        "case_size": lot.product.case_size,
    }


def _remark(line: HandoverLine) -> str:
    return f"其中多出 {line.extra} 瓶，待处理" if line.extra else ""


def _build(session: Session, kind: DocumentKind, content: dict[str, Any]) -> paper.Document:
    said = dict(content)
    said["lines"] = [_line_object(line) for line in said["lines"]]
    for key in ("giver", "taker", "keeper"):
        if key in said:
            said[key] = _signature_object(session, said[key])
    for key in ("issued_at", "signed_at", "received_at"):
        if key in said:
            said[key] = datetime.fromisoformat(said[key])
    if kind is DocumentKind.ORDER:
        return paper.RecallOrderDocument(**{**said, "deadline": date.fromisoformat(said["deadline"])})
    if kind is DocumentKind.HANDOVER:
        return paper.HandoverDocument(**said)
    return paper.ReceiptDocument(**said)


def _line_object(line: dict[str, Any]) -> paper.DocumentLine:
    made = line["production_date"]
    return paper.DocumentLine(**{**line, "production_date": date.fromisoformat(made) if made else None})


def _signature_object(session: Session, said: dict[str, Any]) -> paper.Signature:
    png = files.load(session, said["file"])
    return paper.Signature(said["name"], said["role"], datetime.fromisoformat(said["at"]), png)
