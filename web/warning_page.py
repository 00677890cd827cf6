"""The page of one warning: the figures that made it fire, by which rule, and 发起回收.

The address `/w/<id>` stands in group messages, so it shows figures only to people of the
distributor: at the desk, or at a device that already acted through a link of theirs.
"""

from typing import Any

from flask import Blueprint, Response, abort, make_response, redirect, render_template, url_for
from sqlalchemy.orm import Session

from models.catalog import Lot
from models.warning import StockWarning, WarningState
from web import auth
from web.auth import Visitor
from web.guards import guard
from web.services import services, transact
from web.visits import offers, seen_version, words_in
from web.words import label
from workflows.acting import actor_of
from workflows.flow import FLOWS, Step
from workflows.refusals import InvalidInput, Refusal
from workflows.sentences import sentence_for
from workflows.subjects import flow_name

warnings = Blueprint("warnings", __name__, url_prefix="/w")
guard(warnings)

STEPS = ("start_recall", "dismiss")
#: Figures that are shown in other words, or only steer the sentence.
SILENT = frozenset({"kind", "basis", "monthly_millibottles"})


@warnings.get("/<int:warning_id>")
def show(warning_id: int) -> Response:
    """The warning for people of the distributor; for others how to go on."""
    with services().database.read() as session:
        warning = session.get(StockWarning, warning_id)
        visitor = _insider(session)
        if warning is None or visitor is None or not visitor.sight.sees(warning.store):
            return make_response(render_template("warning.html", warning=None, number=warning_id))
        step = Step(session, services().house, warning, visitor.actor, services().clock())
        return make_response(_page(session, warning, offers(step), f"/w/{warning.id}"))


@warnings.post("/<int:warning_id>/<verb>")
def act(warning_id: int, verb: str) -> Response:
    """Start a take-back from the warning, or put the warning aside with a reason."""
    response = make_response(redirect(url_for("warnings.show", warning_id=warning_id), 303))
    if verb not in STEPS:
        abort(404)
    try:
        auth.check_csrf()
        sentence = transact(lambda session: _act(session, warning_id, verb))
    except auth.Forged:
        return auth.leave_notice(response, "页面放得太久了，请再点一次。", "bad")
    except Refusal as refusal:
        return auth.leave_notice(response, sentence_for(services().house, refusal), "bad")
    return auth.leave_notice(response, sentence)


def _act(session: Session, warning_id: int, verb: str) -> str:
    warning = session.get(StockWarning, warning_id) or abort(404)
    visitor = _insider(session)
    if visitor is None or not visitor.sight.sees(warning.store):
        abort(403)
    return _fire(Step(session, services().house, warning, visitor.actor, services().clock()), verb)


def _fire(step: Step, verb: str) -> str:
    if step.actor.person_id is None:  # only the system acts without a name, and never through a page
        abort(403)
    step.data["reason"] = words_in("reason")
    if verb == "dismiss" and not step.data["reason"]:
        raise InvalidInput("请写忽略的原因，例如：下周有宴席要用。")
    FLOWS[flow_name(step.subject)].fire(step, verb, seen_version())
    if verb == "dismiss":
        return "已忽略这条预警，原因已留档。"
    return f"已发起回收 {step.data['campaign'].number}，等待审批。"


def _insider(session: Session) -> Visitor | None:
    now = services().clock()
    found = auth.visitor(session, now)
    if found:
        return found
    for person in auth.people_of_device(session):
        known = auth.at_desk(actor_of(person, now, "h5"))
        if known:
            return known
    return None


def _page(session: Session, warning: StockWarning, may: set[str], action: str) -> str:
    lot = session.get(Lot, warning.lot_id) if warning.lot_id else None
    return render_template(
        "warning.html",
        warning=warning,
        lot=lot,
        may=may & set(STEPS),
        action=action,
        figures=_figures(warning.figures),
        firing=warning.state == WarningState.FIRING,
    )


def _figures(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """The stored numbers as (name, value) rows, in words; what has no word stays as it is written."""
    rows = [(name, str(value)) for name, value in figures.items() if value is not None and name not in SILENT]
    monthly = figures.get("monthly_millibottles")
    if monthly is not None:
        rows.append(("monthly_bottles", f"{monthly / 1000:.1f}"))
    return [
        (label(name, "figure"), label(value, "stock_source") if name == "source" else value) for name, value in rows
    ]
