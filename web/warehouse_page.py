"""The warehouse keeper's page of one hand-over: it arrived, what was counted, how it was graded."""

from flask import abort, render_template
from sqlalchemy import select

from models.recall import Discrepancy, DocumentKind, Grade, Handover, HandoverLine
from web.desk_queries import name_of
from web.door_queries import document_number, photos_of
from web.grades import GRADE_WORDS
from web.pictures import photo, signature
from web.visits import Purpose, Visit, number_in, sent
from workflows.doorstep import add_photo
from workflows.refusals import InvalidInput

NOT_YOURSELF = "这批货是你自己从店里收来的，到仓、清点和验收要换一位仓管来做。"


def show(visit: Visit) -> str:
    """The page as the hand-over stands now."""
    handover = handover_of(visit)
    papers = {
        kind: document_number(visit.session, kind, handover.id)
        for kind in (DocumentKind.HANDOVER, DocumentKind.RECEIPT)
    }
    return render_template(
        "warehouse.html",
        visit=visit,
        handover=handover,
        taker=name_of(visit.session, handover.taker_id),
        may=set() if handover.taker_id == visit.person.id else visit.may(handover),
        not_yourself=NOT_YOURSELF if handover.taker_id == visit.person.id else "",
        papers=papers,
        photos=photos_of(visit.session, handover.task_id),
        differences=_differences(visit, handover),
        grades=GRADE_WORDS,
    )


def handover_of(visit: Visit) -> Handover:
    """The hand-over behind the link; 404 when there is none."""
    handover = visit.session.get(Handover, visit.link.subject_id)
    if handover is None:
        abort(404)
    return handover


def _for_keeper(visit: Visit) -> Handover:
    handover = handover_of(visit)
    if handover.taker_id == visit.person.id:
        raise InvalidInput(NOT_YOURSELF)
    return handover


def arrive(visit: Visit) -> str:
    """The vehicle is here."""
    visit.fire(_for_keeper(visit), "arrive")
    return "已确认到仓，请清点。"


def receive(visit: Visit) -> str:
    """What was counted, lot by lot; differences become discrepancies with an owner and a clock."""
    handover = _for_keeper(visit)
    counts = {line.lot_id: _count(line) for line in handover.lines}
    signed = signature(str(sent().get("signature_png") or ""), "仓管")
    visit.fire(handover, "receive", {"counts": counts, "signature_png": signed})
    short = sum(line.counted + line.extra for line in handover.lines) - sum(counts.values())
    if short:
        words = f"少 {short} 瓶" if short > 0 else f"多 {-short} 瓶"
        return f"已入库，与交接单相比{words}，差异单已开出。"
    return "已入库，数量与交接单一致，请验收定级。"


def _count(line: HandoverLine) -> int:
    raw = {n: str(sent().get(f"{n}_{line.lot_id}") or "").strip() for n in ("cases", "bottles")}
    if not any(raw.values()):
        raise InvalidInput(f"批次 {line.lot.batch} 还没填清点数量；一瓶都没有请填 0。")
    cases = number_in(f"cases_{line.lot_id}", default=0)
    return cases * line.lot.product.case_size + number_in(f"bottles_{line.lot_id}", default=0)


def inspect(visit: Visit) -> str:
    """How good the goods are: every received bottle gets exactly one grade."""
    handover = _for_keeper(visit)
    grades = {line.lot_id: _grades(line) for line in handover.lines}
    signed = signature(str(sent().get("signature_png") or ""), "仓管")
    visit.fire(handover, "inspect", {"grades": grades, "signature_png": signed})
    return "已验收，回收入库单已生成。"


def _grades(line: HandoverLine) -> dict[str, int]:
    found = {grade.value: number_in(f"{grade.value}_{line.lot_id}", default=0) for grade in Grade}
    total = sum(found.values())
    if total != line.received:
        raise InvalidInput(f"批次 {line.lot.batch} 入库 {line.received} 瓶，各等级加起来是 {total} 瓶，请改到一样多。")
    return found


def take_photo(visit: Visit) -> str:
    """Keep a photo as evidence."""
    handover = _for_keeper(visit)
    add_photo(visit.session, handover.task, handover, photo(), visit.actor, visit.now)
    return "照片已保存。"


def _differences(visit: Visit, handover: Handover) -> list[Discrepancy]:
    query = select(Discrepancy).where(Discrepancy.handover_id == handover.id)
    return list(visit.session.scalars(query.order_by(Discrepancy.id)))


PURPOSE = Purpose(show, {"arrive": arrive, "receive": receive, "inspect": inspect, "photo": take_photo})
