"""One visit to a signed link, and how its answers and refusals reach the person."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from flask import Response, jsonify, make_response, redirect, request, url_for
from sqlalchemy.orm import Session

from models.engine import Link
from models.people import Person
from web.auth import leave_notice
from web.errors import wants_json
from workflows import flows  # noqa: F401 - importing it enters the tables into FLOWS
from workflows.acting import Actor
from workflows.flow import FLOWS, Step
from workflows.house import House
from workflows.refusals import InvalidInput
from workflows.subjects import Subject, flow_name

LATEST = timedelta(days=90)  # nobody promises goods for a day after that


@dataclass
class Visit:
    """Who holds the link, for what, in which transaction. `answer` is what a script gets back."""

    session: Session
    house: House
    link: Link
    person: Person
    actor: Actor
    now: datetime
    token: str
    answer: dict[str, Any] = field(default_factory=dict)

    def may(self, subject: Subject) -> set[str]:
        """The events this person could fire on the object now: what buttons the page shows."""
        return offers(Step(self.session, self.house, subject, self.actor, self.now))

    def fire(self, subject: Subject, event: str, data: dict[str, Any] | None = None) -> None:
        """Let this person do something to the object, as seen on the page. Raises a Refusal."""
        step = Step(self.session, self.house, subject, self.actor, self.now, dict(data or {}))
        FLOWS[flow_name(subject)].fire(step, event, seen_version())


#: A verb does one thing and returns the sentence to show, raising a Refusal when it cannot.
Verb = Callable[[Visit], str]


@dataclass(frozen=True)
class Purpose:
    """One kind of link: its page, and what may be posted to it."""

    show: Callable[[Visit], str]
    verbs: Mapping[str, Verb]


def offers(step: Step) -> set[str]:
    """The events of the object's flow that this person could fire now."""
    if step.actor.person_id is None:  # only the system acts without a name, and never through a page
        return set()
    rows = [row for row in FLOWS[flow_name(step.subject)].rows if row.event]
    mine = [row for row in rows if row.state == step.subject.state and row.by and row.by(step)]
    return {row.event for row in mine if row.fits(step)}


def number_in(name: str, *, default: int | None = None, most: int = 1_000_000) -> int:
    """A whole number 0..most from the form. Raises InvalidInput in words."""
    raw = str(sent().get(name) or "").strip()
    if not raw and default is not None:
        return default
    if not (raw.isascii() and raw.isdigit() and len(raw) <= 9 and int(raw) <= most):
        raise InvalidInput(f"数量“{raw[:12]}”看不懂，请填 0 到 {most} 之间的整数。")
    return int(raw)


def words_in(name: str, *, most: int = 500) -> str:
    """Trimmed words from the form, at most `most` characters. Raises InvalidInput when longer."""
    text = str(sent().get(name) or "").replace("\x00", "").strip()
    if len(text) > most:
        raise InvalidInput(f"文字太长了（{len(text)} 字），请写在 {most} 字以内。")
    return text


def sent() -> Mapping[str, Any]:
    """What was posted, as a form or as a JSON object. Raises InvalidInput for anything else."""
    if not request.is_json:
        return request.form
    data = request.get_json(silent=True)
    if not isinstance(data, dict):
        raise InvalidInput("手机发来的内容看不懂，请刷新页面再试。")
    return data


def day_in(name: str, today: date) -> date:
    """A day from the form, today or later. Raises InvalidInput in words."""
    raw = str(sent().get(name) or "").strip()
    try:
        chosen = date.fromisoformat(raw)
    except ValueError:
        raise InvalidInput("请选择一个日期，例如 2026-03-15。") from None
    if chosen < today:
        raise InvalidInput("日期已经过去了，请选今天或以后的一天。")
    if chosen > today + LATEST:
        raise InvalidInput("日期太远了，请选 90 天以内的一天。")
    return chosen


def seen_version() -> int | None:
    """The version of the object the person was looking at, when the page said so."""
    raw = str(sent().get("seen_version") or "")
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 10 else None


def answered(token: str, sentence: str, extra: Mapping[str, Any]) -> Response:
    """The step was taken: data for a script, the page again for a form."""
    if wants_json():
        return jsonify(ok=True, sentence=sentence, **extra)
    onwards = make_response(redirect(extra["next"], 303)) if "next" in extra else _back(token)
    return leave_notice(onwards, sentence) if sentence else onwards


def refused(token: str, sentence: str) -> Response:
    """The step was not taken and nothing changed: say why, and show how things stand now."""
    if wants_json():
        return make_response(jsonify(ok=False, sentence=sentence), 409)
    return leave_notice(_back(token), sentence, "bad")


def _back(token: str) -> Response:
    return make_response(redirect(url_for("pages.show", token=token), 303))
