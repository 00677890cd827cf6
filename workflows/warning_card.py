"""The card of one warning: what it says, what can be pressed now, and how all copies stay the same.

Every copy shows the same piece of work: whoever acts first repaints it for everybody. Until the matter is over the
buttons left are those of the present state; afterwards a line says who did what.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from sqlalchemy import update
from sqlalchemy.orm import Session

from models.engine import Card
from models.people import Person
from models.warning import StockWarning, WarningState
from rules.warnings import level_word
from texts.message import Button, Message, Style
from workflows.acting import business_day
from workflows.flow import Step
from workflows.house import House
from workflows.tell import channel_of, repaint_card, repaint_cards, send
from workflows.warning_words import headline, marks, rule_title, stock_words

#: What can be pressed in a state, the main thing first. Five fit on a DingTalk card.
BUTTONS = {
    WarningState.FIRING: ("start_recall", "find_transfer", "ask_count", "acknowledge", "snooze", "dismiss"),
    WarningState.ACKNOWLEDGED: ("start_recall", "find_transfer", "ask_count", "snooze", "dismiss"),
    WarningState.IN_ACTION: ("start_recall", "find_transfer"),
    WarningState.DISMISSED: ("reopen", "start_recall"),
}
#: What a warning of a whole store offers: it names no goods that could be moved or counted.
WHOLE_STORE = frozenset({"acknowledge", "snooze", "dismiss", "reopen"})
STYLES: dict[str, Style] = {"start_recall": "primary", "dismiss": "danger"}
FLOW = "warning"


def card_of(session: Session, house: House, warning: StockWarning, today: date) -> Message:
    """The card as things stand; without buttons once nothing is left to do, then `status` says what became of it."""
    said = [mark.text for mark in marks(session, house, warning, today)]
    message = house.texts.say(
        "warning_card",
        number=f"W{warning.id}",
        store=warning.store.name,
        product=warning.product_name or "整店库存",
        batch=str(warning.figures.get("batch") or "") if warning.lot_id else "",
        rule=rule_title(session, house, warning),
        level=level_word(warning.level),
        stock=stock_words(warning),
        headline=headline(session, warning),
        state=house.texts.label("warning_state", warning.state.value),
        marks=said,
    )
    buttons = buttons_of(house, warning)
    status = "" if buttons else "；".join([house.texts.label("warning_state", warning.state.value), *said])
    return replace(message, buttons=buttons, status=status, link=page_of(house, warning))


def buttons_of(house: House, warning: StockWarning) -> list[Button]:
    """What can be pressed in the present state, each with the version of now."""
    events = [event for event in BUTTONS.get(warning.state, ()) if warning.product_id or event in WHOLE_STORE]
    return [
        Button(
            label=house.texts.label("warning_button", event),
            key=f"{FLOW}:{warning.id}:{event}:{warning.version}",
            style=STYLES.get(event, "plain"),
        )
        for event in events
    ]


def page_of(house: House, warning: StockWarning) -> str:
    """Where everything about it stands; shown to whoever looks after the store."""
    return f"{house.public_url}/w/{warning.id}"


def send_card(step: Step, people: Iterable[Person], *, intro: str = "") -> None:
    """Give people the card of the step's warning; `intro` says why they get it."""
    message = card_of(step.session, step.house, step.subject, business_day(step.now))
    if intro:
        message = replace(message, body=f"{intro}\n{message.body}")
    people = list(people)
    _retire_copies(step, people)
    send(step, FLOW, people, "warning_card", message)


def _retire_copies(step: Step, people: Iterable[Person]) -> None:
    """Only a person's newest copy is repainted; pressed on an older one, the present one comes."""
    for person in people:
        if reached := channel_of(person):
            mine = (Card.channel == reached[0], Card.recipient == reached[1])
            of_it = (Card.flow == FLOW, Card.subject_id == step.subject.id, Card.open.is_(True))
            step.session.execute(update(Card).where(*of_it, *mine).values(open=False))


def repaint(step: Step) -> None:
    """All open copies show what is true now."""
    repaint_cards(step, FLOW, card_of(step.session, step.house, step.subject, business_day(step.now)))


def show_again(step: Step, card_ref: str) -> None:
    """Whoever pressed on an old copy gets the present one."""
    card = step.session.get(Card, card_ref) if card_ref else None
    if card is not None and card.flow == FLOW and card.subject_id == step.subject.id:
        now_true = card_of(step.session, step.house, step.subject, business_day(step.now))
        repaint_card(step.session, card, now_true, step.now)
