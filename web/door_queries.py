"""SELECTs behind the door and the warehouse: what was counted, signed and printed."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.engine import Link, StoredFile
from models.recall import (
    Document,
    DocumentKind,
    Handover,
    HandoverState,
    Photo,
    RecallTask,
    Scan,
    TaskLine,
)
from web.goods_lines import GoodsLine, line_of
from workflows.vector import at_store

SHOWN_SCANS = 200


@dataclass(frozen=True)
class DoorView:
    """One rep's count at one store. `remaining` bottles of the task stay there after it. `signed` pairs finished hand-overs with their 交接单 numbers."""

    handover: Handover | None
    lines: tuple[GoodsLine, ...]
    remaining: int
    scans: tuple[Scan, ...]
    photos: tuple[str, ...]
    signed: tuple[tuple[Handover, str], ...]

    @property
    def counted(self) -> int:
        """Bottles counted so far, with those nobody asked for."""
        return sum(line.counted + line.extra for line in self.lines)

    def as_data(self) -> dict[str, Any]:
        """What the page's script needs to redraw itself."""
        return {
            "counted": self.counted,
            "remaining": self.remaining,
            "lots": [vars(line) for line in self.lines],
        }

    def log(self) -> list[dict[str, Any]]:
        """The scans so far, the latest first, for the page's script."""
        return [
            {
                "client_id": scan.client_id,
                "text": scan.text,
                "verdict": scan.verdict,
                "bottles": scan.bottles,
            }
            for scan in self.scans
        ]


def door_view(session: Session, task: RecallTask, taker_id: int) -> DoorView:
    """Everything the door page shows for this rep."""
    mine = select(Handover).where(Handover.task_id == task.id).order_by(Handover.id.desc())
    handovers = list(session.scalars(mine))
    handover = next((h for h in handovers if _is_open(h, taker_id)), None)
    signed = [h for h in handovers if h.signed_at is not None and h.state != HandoverState.VOID]
    return DoorView(
        handover,
        tuple(_lines(task, handover)),
        _remaining(task, handover),
        tuple(_scans(session, handover)),
        tuple(photos_of(session, task.id)),
        tuple((h, document_number(session, DocumentKind.HANDOVER, h.id)) for h in signed),
    )


def _is_open(handover: Handover, taker_id: int) -> bool:
    return handover.state == HandoverState.SCANNING and handover.taker_id == taker_id


def _lines(task: RecallTask, handover: Handover | None) -> list[GoodsLine]:
    counted = {line.lot_id: line for line in handover.lines} if handover else {}
    lines = []
    for asked in task.lines:
        found = counted.pop(asked.lot_id, None)
        numbers = (found.counted, found.extra) if found else (0, 0)
        lines.append(line_of(asked.lot, expected(asked), *numbers))
    # Lots nobody asked for were counted too; they go to quarantine.
    lines += [line_of(line.lot, 0, line.counted, line.extra) for line in counted.values()]
    return lines


def _remaining(task: RecallTask, handover: Handover | None) -> int:
    counted = {line.lot_id: line.counted for line in handover.lines} if handover else {}
    return sum(max(0, at_store(line) - counted.get(line.lot_id, 0)) for line in task.lines)


def expected(line: TaskLine) -> int:
    """Bottles to be collected now: what the store promised, or all that is open, less what went already."""
    return max(0, line.declared - line.handed_over) if line.declared else at_store(line)


def _scans(session: Session, handover: Handover | None) -> list[Scan]:
    if handover is None:
        return []
    query = select(Scan).where(Scan.handover_id == handover.id).order_by(Scan.id.desc())
    return list(session.scalars(query.limit(SHOWN_SCANS)))


def photos_of(session: Session, task_id: int) -> list[str]:
    """Hashes of the latest photos of a task."""
    query = select(Photo.sha256).where(Photo.task_id == task_id).order_by(Photo.id.desc()).limit(20)
    return list(session.scalars(query))


def document_number(session: Session, kind: DocumentKind, subject_id: int) -> str:
    """The number of an issued paper, or "" when there is none yet."""
    query = select(Document.number).where(Document.kind == kind, Document.subject_id == subject_id)
    return session.scalar(query) or ""


def photo_of(session: Session, link: Link, sha256: str) -> StoredFile | None:
    """The bytes of a photo, when it belongs to the task (or the hand-over) the link is for."""
    mine = Photo.task_id == link.subject_id
    if link.purpose == "warehouse":
        task_id = select(Handover.task_id).where(Handover.id == link.subject_id).scalar_subquery()
        mine = Photo.task_id == task_id
    elif link.purpose not in {"door", "task"}:
        return None
    query = (
        select(StoredFile)
        .join(Photo, Photo.sha256 == StoredFile.sha256)
        .where(mine, StoredFile.sha256 == sha256)
        .limit(1)
    )
    return session.scalar(query)
