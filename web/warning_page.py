"""The page of one warning: what it says, what can be done, why it fires, and its life so far.

The address `/w/<id>` stands in group messages, so it shows anything only to people of the distributor who look
after the store: at the desk, or at a device that already acted through a link of theirs.
"""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, abort, make_response, redirect, render_template, url_for
from sqlalchemy.orm import Session

from models.catalog import Lot
from models.people import Person
from models.warning import StockWarning
from rules.warnings import level_word
from web import auth
from web.auth import Visitor
from web.guards import guard
from web.services import services, transact
from web.visits import number_in, offers, seen_version, sent, words_in
from workflows.acting import actor_of, business_day
from workflows.explain import explain
from workflows.flow import FLOWS, Step
from workflows.refusals import Refusal, Stale
from workflows.sentences import sentence_for
from workflows.transfer_ideas import latest_proposals
from workflows.warning_life import timeline
from workflows.warning_people import candidates, may_answer
from workflows.warning_steps import (
    DISMISS_DAYS,
    LONGEST_REASON,
    MOST_DISMISS_DAYS,
    MOST_SNOOZE_DAYS,
    SNOOZE_DAYS,
)
from workflows.warning_words import headline, marks, rule_title

warnings = Blueprint("warnings", __name__, url_prefix="/w")
guard(warnings)

DISMISS_CHOICES = (7, 30, 90)


@warnings.get("/<int:warning_id>")
def show(warning_id: int) -> Response:
    """The warning for people of the distributor; for others how to go on."""
    with services().database.read() as session:
        warning = session.get(StockWarning, warning_id)
        visitor = _insider(session, warning)
        if warning is None or visitor is None:
            return make_response(render_template("warning.html", warning=None, number=warning_id))
        step = Step(session, services().house, warning, visitor.actor, services().clock())
        return make_response(_page(step))


@warnings.post("/<int:warning_id>/<verb>")
def act(warning_id: int, verb: str) -> Response:
    """Do something about the warning, as the person saw it."""
    response = make_response(redirect(url_for("warnings.show", warning_id=warning_id), 303))
    if verb not in VERBS:
        abort(404)
    try:
        auth.check_csrf()
        sentence = transact(lambda session: _act(session, warning_id, verb))
    except auth.Forged:
        return auth.leave_notice(response, "页面放得太久了，请再点一次。", "bad")
    except Stale:
        return auth.leave_notice(response, "刚才有人先处理了，下面是现在的情况。您的操作没有执行。", "warn")
    except Refusal as refusal:
        return auth.leave_notice(response, sentence_for(services().house, refusal), "bad")
    return auth.leave_notice(response, sentence)


def _act(session: Session, warning_id: int, verb: str) -> str:
    warning = session.get(StockWarning, warning_id) or abort(404)
    visitor = _insider(session, warning)
    if visitor is None or visitor.actor.person_id is None:  # only the system acts without a name
        abort(403)
    step = Step(session, services().house, warning, visitor.actor, services().clock())
    take, say = VERBS[verb]
    step.data |= take()
    FLOWS["warning"].fire(step, verb, seen_version())
    return say(step)


def _insider(session: Session, warning: StockWarning | None) -> Visitor | None:
    """Who is looking, if it is somebody who may see the store or was given the warning; who may act comes first."""
    seeing = [seen for seen in _visitors(session) if warning and _may_see(seen, warning)]
    return next((seen for seen in seeing if warning and may_answer(seen.actor, warning)), next(iter(seeing), None))


def _visitors(session: Session) -> list[Visitor]:
    now = services().clock()
    signed_in = auth.visitor(session, now)
    if signed_in:
        return [signed_in]
    known = [auth.at_desk(actor_of(person, now, "h5")) for person in auth.people_of_device(session)]
    return [visitor for visitor in known if visitor]


def _may_see(visitor: Visitor, warning: StockWarning) -> bool:
    return visitor.sight.sees(warning.store) or may_answer(visitor.actor, warning)


# What forms send


def _nothing() -> dict[str, Any]:
    return {}


def _silence() -> dict[str, Any]:
    return {"days": number_in("days", default=1, most=MOST_SNOOZE_DAYS), "reason": _reason() or "稍后再看"}


def _dismissal() -> dict[str, Any]:
    return {"days": number_in("days", default=DISMISS_DAYS, most=MOST_DISMISS_DAYS), "reason": _reason()}


def _assignment() -> dict[str, Any]:
    raw = str(sent().get("person") or "")
    return {"person_id": int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 10 else None}


def _reason() -> str:
    return words_in("reason", most=LONGEST_REASON)


# What is said afterwards


def _done(step: Step) -> str:
    return f"已{step.house.texts.label('event', step.event)}。"


def _silenced(step: Step) -> str:
    return f"好的，{step.house.texts.day(step.subject.snoozed_until)}再提醒。"


def _dismissed(_step: Step) -> str:
    return "已忽略这条预警，原因已留档。"


def _assigned(step: Step) -> str:
    return f"已转给{step.facts['name']}，卡片已发过去。"


def _started(step: Step) -> str:
    return f"已发起回收 {step.data['campaign'].number}，等待审批。"


def _proposed(step: Step) -> str:
    return f"有 {len(step.data['ideas'])} 家门店可以接，清单见下，也发给了业务员。"


def _asked(step: Step) -> str:
    return f"已请门店报数。人在店里要直接填，请在聊天里回复：盘点 {step.subject.store.name}"


#: What can be posted: what is read from the form, and what is said when it is done.
VERBS: Mapping[str, tuple[Callable[[], dict[str, Any]], Callable[[Step], str]]] = {
    "acknowledge": (_nothing, _done),
    "reopen": (_nothing, _done),
    "snooze": (_silence, _silenced),
    "dismiss": (_dismissal, _dismissed),
    "assign": (_assignment, _assigned),
    "start_recall": (_nothing, _started),
    "find_transfer": (_nothing, _proposed),
    "ask_count": (_nothing, _asked),
}


def _page(step: Step) -> str:
    session, house, warning = step.session, step.house, step.subject
    today = business_day(step.now)
    may = offers(step) & set(VERBS)
    return render_template(
        "warning.html",
        warning=warning,
        lot=session.get(Lot, warning.lot_id) if warning.lot_id else None,
        rule=rule_title(session, house, warning),
        level=level_word(warning.level),
        headline=headline(session, warning),
        marks=marks(session, house, warning, today),
        may=may,
        people=_people(step) if "assign" in may else [],
        me=step.actor.person_id,
        sections=explain(session, house, warning),
        ideas=latest_proposals(session, warning),
        moments=timeline(session, house, warning),
        snooze_days=SNOOZE_DAYS,
        dismiss_days=DISMISS_CHOICES,
        usual_days=DISMISS_DAYS,
        longest=LONGEST_REASON,
    )


def _people(step: Step) -> list[Person]:
    """Who it can be given to, the one who looks last."""
    return sorted(candidates(step), key=lambda person: person.id == step.actor.person_id)
