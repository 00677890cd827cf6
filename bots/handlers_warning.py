"""Words and buttons about warnings: the list, one warning, why it fires, and what is done about it.

What a warning says is for whoever looks after the store; asked in a group, it is answered in the person's own chat.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bots.messages import Reply
from bots.talk import Talk
from bots.understand.warning_orders import Verb, WarningOrder, read_warning_order
from models.people import Person
from models.warning import StockWarning
from rules.warnings import level_word
from texts.message import Message
from texts.render import plain
from workflows import outbox, warning_card
from workflows.explain import as_text, explain
from workflows.flow import Step
from workflows.links import fresh_link_for
from workflows.refusals import InvalidInput, NotAllowed, NotPermitted
from workflows.sentences import sentence_for
from workflows.warning_list import Mine, mine
from workflows.warning_people import SELLING, candidates, may_answer
from workflows.warning_steps import DISMISS_DAYS, LONGEST_REASON
from workflows.warning_words import headline, marks, stock_words

MOST_LINES = 10
EXAMPLES = {
    Verb.ACKNOWLEDGE: "知晓 W{n}",
    Verb.SNOOZE: "稍后 W{n} 3天",
    Verb.DISMISS: "忽略 W{n} 已谈好下周促销",
    Verb.ASSIGN: "转给 W{n} {name}",
    Verb.FIND_TRANSFER: "找调剂 W{n}",
}
#: What may be done to many at once: nothing is made by it, and all of it can be taken back.
MANY = frozenset({Verb.ACKNOWLEDGE, Verb.SNOOZE, Verb.DISMISS, Verb.ASSIGN, Verb.REOPEN})


def obeyed(talk: Talk) -> Reply | None:
    """The answer to an order about warnings; None when the message is about something else."""
    order = read_warning_order(talk.incoming.text)
    if order is None or not (order.numbers or any(talk.actor.has(role) for role in SELLING)):
        return None  # 预警, 稍后 and the like without a number mean nothing from a store
    if order.verb is Verb.LIST:
        return _listed(talk)
    if not order.numbers:
        raise InvalidInput(_ask_which(talk, order.verb))
    if len(order.numbers) > 1 and order.verb in MANY:
        return _done_to_many(talk, order)
    warning = _named(talk, order.numbers[0])
    return _ANSWERS.get(order.verb, _acted)(talk, warning, order)


def press(talk: Talk, warning: StockWarning, event: str, seen: int) -> Reply:
    """A button of a warning. Pressed on an old copy it changes nothing: the present one comes instead."""
    if not may_answer(talk.actor, warning):
        raise NotPermitted(flow="warning", state=str(warning.state), event=event, who=talk.actor.name)
    if seen != warning.version:
        return _now(talk, warning)
    if event == "dismiss":
        return Reply(talk.say("ask_reason", example=EXAMPLES[Verb.DISMISS].format(n=warning.id)))
    if event not in _HEARD:
        return _now(talk, warning)
    return _fired(talk, warning, event, seen, **_defaults(event, None, ""))


# Looking


def _listed(talk: Talk) -> Reply:
    found = mine(talk.session, talk.house, talk.actor, talk.today, most=MOST_LINES)
    if not found.warnings:
        return _privately(talk, talk.say("warning_none", quiet=found.quiet, stale=found.stale))
    return _privately(talk, _list_text(talk, found))


def _list_text(talk: Talk, found: Mine) -> str:
    return talk.say(
        "warning_list",
        total=found.total,
        shown=len(found.warnings),
        lines="\n".join(_line(talk, warning) for warning in found.warnings),
        quiet=found.quiet,
        stale=found.stale,
        first=found.warnings[0].id,
    )


def _line(talk: Talk, warning: StockWarning) -> str:
    return talk.say(
        "warning_list_line",
        number=f"W{warning.id}",
        level=level_word(warning.level),
        store=warning.store.name,
        product=warning.product_name,
        stock=stock_words(warning),
        headline=headline(talk.session, warning),
    )


def _shown(talk: Talk, warning: StockWarning, _order: WarningOrder) -> Reply:
    """预警 W12: the card with its buttons, in the person's own chat."""
    person = talk.session.get_one(Person, talk.person_id)
    warning_card.send_card(_step(talk, warning), [person])
    return _elsewhere(talk)


def _why(talk: Talk, warning: StockWarning, _order: WarningOrder) -> Reply:
    """为什么 W12: every figure, where it comes from and how it was worked out."""
    return _privately(talk, as_text(warning, explain(talk.session, talk.house, warning)))


def _now(talk: Talk, warning: StockWarning) -> Reply:
    """How things stand, for somebody whose card was old."""
    warning_card.show_again(_step(talk, warning), talk.incoming.card_ref)
    said = [mark.text for mark in marks(talk.session, talk.house, warning, talk.today)]
    state = talk.label("warning_state", warning.state.value)
    return Reply(talk.say("warning_now", number=f"W{warning.id}", state=state, marks=said))


# Acting


def _acted(talk: Talk, warning: StockWarning, order: WarningOrder) -> Reply:
    data = _defaults(order.verb.value, order.days, order.words)
    if order.verb is Verb.ASSIGN:
        data = {"person_id": _wanted_person(talk, warning, order.words)}
    return replace(_fired(talk, warning, order.verb.value, None, **data), card_status="")


def _fired(talk: Talk, warning: StockWarning, event: str, seen: int | None, **data: Any) -> Reply:
    if event not in warning_card.WHOLE_STORE and not warning.product_id and event != "assign":
        raise InvalidInput(talk.say("warning_whole_store", number=f"W{warning.id}", store=warning.store.name))
    step = talk.fire(warning, event, seen, **data)
    heard = _HEARD[event](talk, step)
    return Reply(heard, card_status="" if warning_card.buttons_of(talk.house, warning) else _status(talk, event))


def _status(talk: Talk, event: str) -> str:
    return f"已{talk.label('event', event)}"


def _done_to_many(talk: Talk, order: WarningOrder) -> Reply:
    """One order for several warnings; what cannot be done is said, the rest is done."""
    if order.verb is Verb.DISMISS and not order.words:
        raise InvalidInput(talk.say("ask_reason", example=f"忽略 {_names(order.numbers)} 已谈好下周促销"))
    lines = [_one_of_many(talk, number, order) for number in order.numbers]
    return Reply("\n".join(lines))


def _one_of_many(talk: Talk, number: int, order: WarningOrder) -> str:
    warning = talk.session.get(StockWarning, number)
    if warning is None or not may_answer(talk.actor, warning):
        return talk.say("warning_unknown", number=f"W{number}")
    data = _defaults(order.verb.value, order.days, order.words)
    if order.verb is Verb.ASSIGN:
        data = {"person_id": _wanted_person(talk, warning, order.words)}
    try:
        step = talk.fire(warning, order.verb.value, **data)
    except (NotAllowed, NotPermitted) as refusal:  # raised before anything is touched
        return f"W{number}：{sentence_for(talk.house, refusal)}"
    return _HEARD[order.verb.value](talk, step)


def _defaults(event: str, days: int | None, words: str) -> dict[str, Any]:
    """What goes into a step: the reason in the person's own words, and for how long."""
    data: dict[str, Any] = {"reason": words[:LONGEST_REASON]}
    if event == "snooze":
        data |= {"days": 1 if days is None else days, "reason": data["reason"] or "稍后再看"}
    if event == "dismiss":
        data["days"] = DISMISS_DAYS if days is None else days
    return data


def _wanted_person(talk: Talk, warning: StockWarning, words: str) -> int | None:
    """Who was named, among those it can be given to; None when nobody fits."""
    said = words.strip("给 ：:，,。了吧")
    if said in {"我", "我自己", "自己"}:
        return talk.person_id
    people = candidates(_step(talk, warning))
    if not said:
        raise InvalidInput(_ask_person(talk, warning, people))
    exact = [person for person in people if said in {person.name, person.code}]
    fitting = exact or [person for person in people if person.name in said or said in person.name]
    if len(fitting) > 1:
        raise InvalidInput(_ask_person(talk, warning, fitting))
    return fitting[0].id if fitting else None


def _ask_person(talk: Talk, warning: StockWarning, people: list[Person]) -> str:
    names = "、".join(f"{person.name}（{person.code}）" for person in people[:8])
    example = EXAMPLES[Verb.ASSIGN].format(n=warning.id, name=people[0].code if people else "姓名")
    return talk.say("warning_ask_person", names=names, example=example)


def _ask_which(talk: Talk, verb: Verb) -> str:
    found = mine(talk.session, talk.house, talk.actor, talk.today, most=3)
    number = found.warnings[0].id if found.warnings else 12
    example = EXAMPLES[verb].format(n=number, name="姓名")
    return talk.say("warning_which", example=example, lines="\n".join(_line(talk, w) for w in found.warnings))


# What is said afterwards


def _heard_simply(talk: Talk, step: Step) -> str:
    warning: StockWarning = step.subject
    return talk.say(
        "warning_done",
        event=talk.label("event", step.event),
        number=f"W{warning.id}",
        store=warning.store.name,
        product=warning.product_name,
    )


def _heard_snooze(talk: Talk, step: Step) -> str:
    return talk.say("warning_snoozed", number=f"W{step.subject.id}", until=step.subject.snoozed_until)


def _heard_dismiss(talk: Talk, step: Step) -> str:
    warning: StockWarning = step.subject
    return talk.say(
        "warning_dismissed",
        number=f"W{warning.id}",
        until=warning.dismissed_until,
        low=warning.band_low,
        high=warning.band_high,
    )


def _heard_assign(talk: Talk, step: Step) -> str:
    return talk.say("warning_assigned", number=f"W{step.subject.id}", name=step.facts["name"])


def _heard_recall(talk: Talk, step: Step) -> str:
    campaign = step.data["campaign"]
    return talk.say(
        "campaign_made",
        number=campaign.number,
        product=campaign.product.name,
        stores=campaign.scope_stores,
        bottles=campaign.scope_bottles,
        case_size=campaign.product.case_size,
    )


def _heard_transfer(talk: Talk, step: Step) -> str:
    return talk.say("warning_transfer", number=f"W{step.subject.id}", stores=len(step.data["ideas"]))


def _heard_count(talk: Talk, step: Step) -> str:
    warning: StockWarning = step.subject
    link = fresh_link_for(talk.session, talk.house, "visit", warning.store_id, talk.person_id, talk.now)
    return talk.say("warning_count_asked", number=f"W{warning.id}", store=warning.store.name, link=link)


_HEARD: dict[str, Callable[[Talk, Step], str]] = {
    "acknowledge": _heard_simply,
    "reopen": _heard_simply,
    "snooze": _heard_snooze,
    "dismiss": _heard_dismiss,
    "assign": _heard_assign,
    "start_recall": _heard_recall,
    "find_transfer": _heard_transfer,
    "ask_count": _heard_count,
}
_ANSWERS: dict[Verb, Callable[[Talk, StockWarning, WarningOrder], Reply]] = {Verb.SHOW: _shown, Verb.WHY: _why}


# Small things


def _named(talk: Talk, number: int) -> StockWarning:
    """The warning with that number; for whoever does not look after its store there is none."""
    warning = talk.session.get(StockWarning, number)
    if warning is None or not may_answer(talk.actor, warning):
        raise InvalidInput(talk.say("warning_unknown", number=f"W{number}"))
    return warning


def _step(talk: Talk, warning: StockWarning) -> Step:
    return Step(talk.session, talk.house, warning, talk.actor, talk.now)


def _names(numbers: tuple[int, ...]) -> str:
    return "、".join(f"W{number}" for number in numbers)


def _privately(talk: Talk, text: str) -> Reply:
    """Say it in the person's own chat: long words do not fit an instant answer, and a group must not read them."""
    key = f"warning:{talk.incoming.platform}:{talk.incoming.key}"[:255]
    channel = "wecom:app" if talk.incoming.platform == "wecom" else "dingtalk:app"
    # DingTalk reads Markdown: a store's name must not become a link.
    message = Message("", text if talk.incoming.platform == "wecom" else plain(text))
    outbox.put(talk.session, key=key, channel=channel, recipient=talk.incoming.user, message=message, now=talk.now)
    return _elsewhere(talk)


def _elsewhere(talk: Talk) -> Reply:
    return Reply(talk.say("warning_private")) if talk.incoming.conversation else Reply()
