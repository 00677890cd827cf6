"""Saying things to people and groups: a text becomes a letter, and a card when it has buttons."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from models.engine import Card
from models.people import Person
from texts.message import Message
from workflows import outbox
from workflows.flow import Step
from workflows.house import House
from workflows.links import link_for

log = structlog.get_logger()

#: Which flow an object belongs to is asked here, so that a card knows whom to press for.
CARD_REF = "{flow}-{id}-{stamp:x}-{version}-{text}-{person}"


def channel_of(person: Person) -> tuple[str, str] | None:
    """The channel and user id a person is reached by: DingTalk for staff, WeCom for stores."""
    if person.dingtalk_userid:
        return "dingtalk:app", person.dingtalk_userid
    if person.wecom_userid:
        return "wecom:app", person.wecom_userid
    return None


def tell(step: Step, flow: str, people: Iterable[Person], text: str, **data: Any) -> None:
    """Send a text about the step's object to people. `page` in data adds a link for that purpose, `choices` questions.

    `subject_id` may name another object for the page's link.
    """
    page, choices = data.pop("page", ""), data.pop("choices", [])
    page_subject = data.pop("page_subject", step.subject.id)
    # Who is there in two roles is told once.
    for person in {person.id: person for person in people}.values():
        reached = channel_of(person)
        if reached is None:
            log.warning("person_unreachable", person=person.code, text=text)
            continue
        message = _said(step, flow, text, data)
        if page:
            url = link_for(step.session, step.house, page, page_subject, person.id, step.now)
            message = replace(message, link=url)
        if choices:
            message = replace(message, choices=choices)
        _write(step, flow, person.id, reached, text, message)


def send(step: Step, flow: str, people: Iterable[Person], text: str, message: Message) -> None:
    """Send people a message put together before; `text` names it, so that it is said once a step."""
    for person in {person.id: person for person in people}.values():
        reached = channel_of(person)
        if reached is None:
            log.warning("person_unreachable", person=person.code, text=text)
            continue
        _write(step, flow, person.id, reached, text, message)


def tell_groups(step: Step, flow: str, regions: Iterable[str], text: str, **data: Any) -> None:
    """Send a text to every group that hears of one of the regions: a live card where the group takes one."""
    regions = set(regions)
    link = data.pop("link", "")
    message = replace(_said(step, flow, text, data), link=link)
    for index, group in enumerate(step.house.groups):
        if not any(group.hears(region) for region in regions):
            continue
        for channel, recipient in group_channels(step.house, group.name):
            _write(step, flow, -index - 1, (channel, recipient), text, message)


def group_channels(house: House, name: str) -> list[tuple[str, str]]:
    """The channels of a group: WeCom robot, and DingTalk card or custom robot."""
    group = next(group for group in house.groups if group.name == name)
    channels = []
    if group.wecom_robot:
        channels.append((f"wecom:robot:{name}", name))
    if group.dingtalk_conversation:
        channels.append((f"dingtalk:group:{name}", group.dingtalk_conversation))
    elif group.dingtalk_robot:
        channels.append((f"dingtalk:robot:{name}", name))
    return channels


_OPEN_CARDS = select(Card).where(
    Card.flow == bindparam("flow"), Card.subject_id == bindparam("subject"), Card.open.is_(True)
)


def close_cards(step: Step, flow: str, status: str) -> None:
    """Repaint every open card of the object: the buttons give way to what was decided."""
    for card in step.session.scalars(_OPEN_CARDS, {"flow": flow, "subject": step.subject.id}):
        if card.channel.startswith("dingtalk:group:"):
            continue  # the group's progress card lives as long as the campaign
        card.open = False
        _repaint(step, card, replace(_shown(card), buttons=[], choices=[], how="", status=status))


def repaint_group_cards(step: Step, flow: str, message: Message) -> None:
    """Show new figures on the live cards of the groups."""
    query = select(Card).where(
        Card.flow == flow,
        Card.subject_id == step.subject.id,
        Card.channel.startswith("dingtalk:group:"),
        Card.card_ref.contains("campaign_card"),  # an announcement stays what it was
    )
    for card in step.session.scalars(query):
        if card.message != message.as_dict():
            _repaint(step, card, message)


def repaint_cards(step: Step, flow: str, message: Message) -> None:
    """Give every open card of the object in a person's chat a new face; one without buttons is open no more."""
    for card in step.session.scalars(_OPEN_CARDS, {"flow": flow, "subject": step.subject.id}):
        card.open = bool(message.buttons)
        if card.message != message.as_dict():
            _repaint(step, card, message)


def repaint_card(session: Session, card: Card, message: Message, now: datetime) -> None:
    """Send one card its present face again: its holder pressed on an old copy."""
    card.message = message.as_dict()
    card.open = bool(message.buttons)
    card.repaints += 1
    _put_update(session, card, message, now)


def keep_response_code(session: Session, card_ref: str, code: str) -> None:
    """Keep the single-use code that came with a click, for the next repaint of that card."""
    if card_ref and code:
        session.execute(update(Card).where(Card.card_ref == card_ref).values(response_code=code))


def _said(step: Step, flow: str, text: str, data: dict[str, Any]) -> Message:
    return step.house.texts.say(text, key_for=f"{flow}:{step.subject.id}", version=step.subject.version, **data)


def _shown(card: Card) -> Message:
    return Message.from_dict(card.message)


_NEW_CARD = insert(Card)


def _write(step: Step, flow: str, person: int, reached: tuple[str, str], text: str, message: Message) -> None:
    channel, recipient = reached
    ref = CARD_REF.format(
        flow=flow,
        id=step.subject.id,
        stamp=int(step.now.timestamp() * 1000),  # two presses may come within a second
        version=step.subject.version,
        text=text,
        person=f"{channel.split(':')[0][0]}{person}",
    )
    is_card = bool(message.buttons) or channel.startswith("dingtalk:group:")
    if is_card:
        row = card_row(ref, flow, step.subject.id, reached, message)
        step.session.connection().execute(_NEW_CARD, row)
    outbox.put(
        step.session,
        key=ref,
        channel=channel,
        recipient=recipient,
        message=message,
        now=step.now,
        card_ref=ref if is_card else "",
    )


def card_row(ref: str, flow: str, subject_id: int, reached: tuple[str, str], message: Message) -> dict[str, Any]:
    """The columns of a card, for those who write thousands at once."""
    return {
        "card_ref": ref,
        "channel": reached[0],
        "recipient": reached[1],
        "flow": flow,
        "subject_id": subject_id,
        "message": message.as_dict(),
        "open": True,
        "response_code": "",
        "repaints": 0,
    }


def _repaint(step: Step, card: Card, message: Message) -> None:
    card.message = message.as_dict()
    card.repaints += 1
    _put_update(step.session, card, message, step.now)


def _put_update(session: Session, card: Card, message: Message, now: datetime) -> None:
    outbox.put(
        session,
        key=f"{card.card_ref}+{card.repaints}",
        channel=card.channel,
        recipient=card.recipient,
        message=message,
        now=now,
        kind="update",
        card_ref=card.card_ref,
    )


def show_again(session: Session, card: Card, now: datetime) -> str:
    """Send the card's present face again to its holder, whose copy was old; returns its status line."""
    message = _shown(card)
    if card.open:
        return ""
    card.repaints += 1
    _put_update(session, card, message, now)
    return message.status
