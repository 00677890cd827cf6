"""Differences between paper and goods at the desk: who owns them, until when, and what was decided."""

from flask import Blueprint, Response, abort, make_response, redirect, render_template, url_for
from sqlalchemy.orm import Session

from models.recall import Discrepancy, Grade
from web import auth
from web import desk_queries as queries
from web.auth import Visitor
from web.grades import GRADE_WORDS
from web.guards import guard
from web.services import services, transact
from web.visits import offers, seen_version, words_in
from workflows.flow import FLOWS, Step
from workflows.ledger import LedgerError
from workflows.refusals import InvalidInput, Refusal
from workflows.sentences import sentence_for

discrepancies = Blueprint("discrepancies", __name__, url_prefix="/desk/discrepancies")
guard(discrepancies)

STEPS = {"found": "找回来了", "lose": "认定丢失", "accept": "多出的收下", "give_back": "退还门店"}


@discrepancies.get("/<int:gap_id>")
def show(gap_id: int) -> Response:
    """One difference as it stands now."""
    with services().database.read() as session:
        gap, visitor = _found(session, gap_id)
        may = offers(_step(session, gap, visitor))
        return make_response(
            render_template(
                "desk/discrepancy.html",
                visitor=visitor,
                gap=gap,
                owner=queries.name_of(session, gap.owner_id),
                steps={event: word for event, word in STEPS.items() if event in may},
                grades=GRADE_WORDS,
            )
        )


@discrepancies.post("/<int:gap_id>/<event>")
def act(gap_id: int, event: str) -> Response:
    """Decide what became of the bottles, with a word that stays in the record."""
    if event not in STEPS:
        abort(404)
    back = make_response(redirect(url_for("discrepancies.show", gap_id=gap_id), 303))
    try:
        auth.check_csrf()
        transact(lambda session: _decide(session, gap_id, event))
    except auth.Forged:
        return auth.leave_notice(back, "页面放得太久了，请再点一次。", "bad")
    except (Refusal, LedgerError) as refusal:
        return auth.leave_notice(back, sentence_for(services().house, refusal), "bad")
    return auth.leave_notice(back, f"已登记：{STEPS[event]}。")


def _decide(session: Session, gap_id: int, event: str) -> None:
    gap, visitor = _found(session, gap_id)
    if visitor.actor.person_id is None:
        abort(403)
    note = words_in("note")
    if not note:
        raise InvalidInput("请写一句说明，例如：在车上找到了。")
    step = _step(session, gap, visitor)
    step.data.update(note=note, grade=_grade().value)
    FLOWS["discrepancy"].fire(step, event, seen_version())


def _found(session: Session, gap_id: int) -> tuple[Discrepancy, Visitor]:
    visitor = auth.visitor(session, services().clock())
    if visitor is None:
        abort(401)
    gap = session.get(Discrepancy, gap_id)
    if gap is None or not visitor.sight.sees(gap.handover.task.store):
        abort(404)
    return gap, visitor


def _step(session: Session, gap: Discrepancy, visitor: Visitor) -> Step:
    return Step(session, services().house, gap, visitor.actor, services().clock())


def _grade() -> Grade:
    try:
        return Grade(words_in("grade", most=1) or "B")
    except ValueError:
        raise InvalidInput("请选择等级 A、B、C、D 或 X。") from None
