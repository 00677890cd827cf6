"""Seen before? Else the tables: which words, which button, which kind of message -> which handler."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import structlog
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from bots import handlers_campaign as campaign
from bots import handlers_common as common
from bots import handlers_observe as observe
from bots import handlers_recall as recall
from bots import handlers_warning as warning
from bots.catalog import Catalog
from bots.lookup import named_task, stores_of
from bots.messages import Incoming, Reply
from bots.talk import Talk
from bots.understand import Intent
from models.database import Database
from models.engine import Card, Inbox
from models.prepared import line_of
from texts.message import Message
from workflows import outbox
from workflows.acting import Actor, acting_as
from workflows.flow import FLOWS
from workflows.house import House
from workflows.ledger import LedgerError
from workflows.refusals import Refusal, Stale
from workflows.sentences import sentence_for
from workflows.subjects import SUBJECTS, Subject, flow_name
from workflows.tell import keep_response_code, show_again

log = structlog.get_logger()
Handler = Callable[[Talk], Reply]

WORDS: dict[Intent, Handler] = {
    Intent.CONFIRM_ALL: recall.confirm,
    Intent.RETURN_PART: recall.return_part,
    Intent.STILL_HAVE: recall.return_part,
    Intent.SOLD_OUT: recall.sold_out,
    Intent.SOLD_PART: recall.sold_part,
    Intent.REFUSE: recall.refuse,
    Intent.PROBLEM: recall.problem,
    Intent.RESCHEDULE: recall.reschedule,
    Intent.REQUEST_RETURN: recall.ask_to_return,
    Intent.APPROVE: campaign.approve,
    Intent.REJECT: campaign.reject,
    Intent.CHANGE_QUANTITY: campaign.change_quantity,
    Intent.CANCEL: campaign.cancel,
    Intent.START_RECALL: campaign.start,
    Intent.SIMULATE: campaign.simulate,
    Intent.PROGRESS: common.progress,
    Intent.MY_TASKS: common.my_tasks,
    Intent.DESK: common.desk,
    Intent.HELP: common.help_,
}

#: Orders that carry a number and a reason: the word, and what takes the reason.
ORDERS: list[tuple[re.Pattern[str], Callable[[Talk, str], Reply]]] = [
    (re.compile(r"^\s*中止\s*R\d+\s*(?P<why>.*)", re.IGNORECASE | re.DOTALL), campaign.abort),
    (re.compile(r"^\s*放行\s*R\d+(?:-\d+)?\s*(?P<why>.*)", re.IGNORECASE | re.DOTALL), campaign.waive),
    (re.compile(r"^\s*找[到回]\s*C\d+\s*(?P<why>.*)", re.IGNORECASE | re.DOTALL), campaign.find_again),
    (re.compile(r"^\s*认定丢失\s*C\d+\s*(?P<why>.*)", re.IGNORECASE | re.DOTALL), campaign.write_off),
    (re.compile(r"^\s*收下\s*C\d+\s*(?P<why>.*)", re.IGNORECASE | re.DOTALL), campaign.take_in),
    (re.compile(r"^\s*退还\s*C\d+\s*(?P<why>.*)", re.IGNORECASE | re.DOTALL), campaign.give_back),
    (re.compile(r"^\s*盘点\s*(?P<why>(?!(?:预警\s*)?[WwＷｗ]\s*\d)\S.{0,60})$"), observe.visit),
    (re.compile(r"^\s*开[瓶箱]\s*(?P<why>\S{4,255})\s*$"), observe.opened),
]

BUTTONS: dict[str, Callable[[Talk, Any, str, int], Reply]] = {
    "recall_task": recall.press,
    "food_safety_task": recall.press,
    "recall_campaign": campaign.press_campaign,
    "food_safety_campaign": campaign.press_campaign,
    "warning": warning.press,
    "discrepancy": campaign.press_discrepancy,
    "count_request": observe.press,
}

MENU: dict[str, Handler] = {"my_tasks": common.my_tasks, "help": common.help_, "progress": common.progress}

#: Readings that are acted on only when certain; anything else is answered with an example.
_MUST_BE_CERTAIN = frozenset(
    {Intent.SOLD_OUT, Intent.SOLD_PART, Intent.REFUSE, Intent.STILL_HAVE, Intent.CONFIRM_ALL, Intent.APPROVE}
)


_INTO_INBOX = insert(Inbox)
#: Short enough to be a question; what it really is decides the reading of the words.
_SOUNDS_LIKE_ASKING = re.compile(r"^.{0,12}进度.{0,12}$")


@dataclass(frozen=True)
class Deps:
    """Everything from outside: the database, the house, and the products' names."""

    database: Database
    house: House
    catalog: Catalog


def answer(deps: Deps, incoming: Incoming, now: datetime) -> Reply:
    """Handle one message in one transaction; two people at once: one wins, the other is told so."""
    if (told := _told(deps, incoming, now)) is not None:
        return told
    for attempt in range(2):
        try:
            with deps.database.write() as session:
                if attempt and (reply := seen_before(session, incoming)):
                    return reply
                return handle(session, deps, incoming, now)
        except (StaleDataError, IntegrityError):
            continue  # somebody was faster, or the same message came again: look into the inbox
        except (Refusal, LedgerError) as refusal:
            with deps.database.write() as session:
                return refuse(session, deps, incoming, refusal, now)
    with deps.database.write() as session:
        return refuse(session, deps, incoming, Stale(state="", event=""), now)


def reply_later(deps: Deps, incoming: Incoming, reply: Reply, now: datetime) -> None:
    """Say by message what the platform takes no instant answer for."""
    if reply.text and incoming.user:
        with deps.database.write() as session:
            _put_words(session, incoming, reply, now)


def handle(session: Session, deps: Deps, incoming: Incoming, now: datetime) -> Reply:
    """Answer a message and remember it; its key in the inbox is unique, so the same one again fails here.

    Nearly every message is new, so nobody looks for it beforehand: raises IntegrityError for one that is not.
    """
    keep_response_code(session, incoming.card_ref, incoming.response_code)
    actor = acting_as(line_of(session), incoming.platform, incoming.user, now)
    reply = _dispatched(session, deps, incoming, actor, now) if actor else _stranger(deps, incoming)
    return _remember(session, incoming, reply, now)


def _told(deps: Deps, incoming: Incoming, now: datetime) -> Reply | None:
    """The answer to somebody who only asks how far things are, or None for everything else.

    Nothing changes, so the question neither waits in the queue of writers nor needs to be remembered:
    asked again it is answered again. What would be refused goes the whole way.
    """
    if incoming.kind != "text" or not _SOUNDS_LIKE_ASKING.search(incoming.text):
        return None
    with deps.database.line() as line:
        actor = acting_as(line, incoming.platform, incoming.user, now)
        stores = stores_of(actor) if actor else []
        said = deps.catalog.understood(incoming.text, line, now) if stores else None
        if said is None or said.intent is not Intent.PROGRESS:
            return None
        return common.progress_of_stores(line, deps.house, stores)


def seen_before(session: Session, incoming: Incoming) -> Reply | None:
    """The answer this very message got, or None when it is new."""
    seen = session.get(Inbox, _key(incoming))
    return Reply(**(seen.reply or {})) if seen is not None else None


def refuse(session: Session, deps: Deps, incoming: Incoming, refusal: Exception, now: datetime) -> Reply:
    """What was not possible, said in words; an old card is repainted with what is true now."""
    if reply := seen_before(session, incoming):
        return reply
    keep_response_code(session, incoming.card_ref, incoming.response_code)
    log.info("message_refused", platform=incoming.platform, kind=incoming.kind, why=type(refusal).__name__)
    card = session.get(Card, incoming.card_ref) if incoming.card_ref else None
    status = show_again(session, card, now) if card else ""
    text = sentence_for(deps.house, refusal)
    return _remember(session, incoming, Reply(text, card_status=status), now)


def _dispatched(session: Session, deps: Deps, incoming: Incoming, actor: Actor, now: datetime) -> Reply:
    talk = Talk(session, line_of(session), deps.house, deps.catalog, incoming, actor, now)
    return _KINDS.get(incoming.kind, common.not_understood)(talk)


def _stranger(deps: Deps, incoming: Incoming) -> Reply:
    log.info("unknown_person", platform=incoming.platform, kind=incoming.kind)
    return Reply(deps.house.texts.sentence("unknown_person"))


def _ordered(talk: Talk) -> Reply | None:
    """The answer to words that are read literally, None when they are none of those."""
    if talk.incoming.conversation and talk.incoming.text.strip() == "群号":
        return common.group_number(talk)
    if (heard := warning.obeyed(talk)) is not None:
        return heard
    found = ((order, pattern.match(talk.incoming.text)) for pattern, order in ORDERS)
    return next((order(talk, match["why"].strip()) for order, match in found if match), None)


def _words(talk: Talk) -> Reply:
    if (heard := _ordered(talk)) is not None:
        return heard
    said = talk.said
    if said.intent in observe.MAY_ANSWER and (reply := observe.answered(talk)):
        return reply
    handler = WORDS.get(said.intent, common.not_understood)
    if said.intent is Intent.APPROVE and named_task(talk):
        handler = recall.confirm  # "R12-34 确认" names a store's task and no campaign
    if said.intent in _MUST_BE_CERTAIN and not said.certain:
        handler = common.not_understood
    if said.intent is Intent.CONFIRM_ALL and not recall.has_tasks(talk):
        handler = campaign.approve if recall.is_approver(talk) else common.greet
    return handler(talk)


def _button(talk: Talk) -> Reply:
    name, subject_id, event, version = _parsed(talk.incoming.button)
    press = BUTTONS.get(name)
    subject = cast("Subject | None", talk.session.get(SUBJECTS[name], subject_id)) if press else None
    if press is None or subject is None or flow_name(subject) != name or event not in FLOWS[name].events():
        log.warning("unknown_button", platform=talk.incoming.platform, flow=name)
        return common.not_understood(talk)
    return press(talk, subject, event, version)


def _parsed(button: str) -> tuple[str, int, str, int]:
    name, _, rest = button.partition(":")
    found = re.match(r"^(\d{1,12}):([a-z_]{1,40}):(\d{1,9})$", rest)
    return (name, int(found[1]), found[2], int(found[3])) if found else ("", 0, "", 0)


def _menu(talk: Talk) -> Reply:
    return MENU.get(talk.incoming.button, common.help_)(talk)


_KINDS: dict[str, Handler] = {
    "text": _words,
    "button": _button,
    "menu": _menu,
    "scan": common.scan,
    "image": common.image,
    "voice": common.voice,
    "location": common.location,
    "enter": common.silence,
    "subscribe": common.greet,
    "other": common.silence,
}


def _key(incoming: Incoming) -> str:
    return f"{incoming.platform}:{incoming.key}"


def _remember(session: Session, incoming: Incoming, reply: Reply, now: datetime) -> Reply:
    row = {"key": _key(incoming), "received_at": now, "reply": dict(vars(reply))}
    session.connection().execute(_INTO_INBOX, row)
    if incoming.kind == "button" and reply.text:
        # A press has no room for words, so they follow as a message of their own.
        _put_words(session, incoming, reply, now)
    return reply


def _put_words(session: Session, incoming: Incoming, reply: Reply, now: datetime) -> None:
    key = f"reply:{incoming.platform}:{incoming.key}"[:255]
    channel = "wecom:app" if incoming.platform == "wecom" else "dingtalk:app"
    message = Message("", reply.text)
    outbox.put(session, key=key, channel=channel, recipient=incoming.user, message=message, now=now)
