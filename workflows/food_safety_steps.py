"""What only a food-safety recall does: stop the sale at once, legal clocks, its own announcements."""

from datetime import datetime, time
from typing import Any

from sqlalchemy import select, update

from models.catalog import Hold, Lot
from models.people import Person, Role
from models.recall import Campaign
from rules.deadlines import Wait, legal_start
from workflows.acting import SHANGHAI, business_day, people_with
from workflows.campaign_people import regions_of
from workflows.campaign_steps import campaign_facts
from workflows.flow import Step, WaitRule
from workflows.subjects import flow_name
from workflows.tell import close_cards, tell, tell_groups


def _start_wait(step: Step) -> Wait:
    campaign: Campaign = step.subject
    due = legal_start(campaign.known_at or step.now, campaign.legal_class or 3)
    return Wait(max(0.0, (due - step.now).total_seconds() / 3600), working=False)


def _finish_wait(step: Step) -> Wait:
    last = step.house.calendar.legal_finish(business_day(step.now), step.subject.legal_class or 3)
    end = datetime.combine(last, time.max, tzinfo=SHANGHAI)
    return Wait((end - step.now).total_seconds() / 3600, working=False)


start_clock = WaitRule(_start_wait, "24/48/72 hours by class, nights included")
finish_clock = WaitRule(_finish_wait, "10/20/30 working days by class")


def stop_sale(step: Step) -> None:
    """Every lot named is held from this moment, for ever: it may come back, and be destroyed."""
    campaign: Campaign = step.subject
    query = select(Lot.id).where(Lot.product_id == campaign.product_id)
    if campaign.batches:
        query = query.where(Lot.batch.in_(campaign.batches))
    for lot_id in step.session.scalars(query).all():
        step.session.add(
            Hold(
                lot_id=lot_id,
                campaign_id=campaign.id,
                reason=campaign.number,
                final=True,
                placed_by=step.actor.name,
                placed_at=step.now,
            )
        )
    step.session.flush()
    _to_groups(step, "safety_announce_hold")


def lift_hold(step: Step) -> None:
    """It was a false alarm: the lots are free again."""
    step.session.execute(
        update(Hold).where(Hold.campaign_id == step.subject.id, Hold.released_at.is_(None)).values(released_at=step.now)
    )
    close_cards(
        step,
        flow_name(step.subject),
        step.house.texts.sentence("status_lifted", who=step.actor.name, at=step.now, answer=""),
    )


def ask_to_ratify(step: Step) -> None:
    """The boss decides on the recall while the goods are already held."""
    _to_bosses(step, "safety_ask_ratify")


def remind_to_ratify(step: Step) -> None:
    """The hold is waiting for its decision."""
    _to_bosses(step, "safety_remind_ratify")


def alarm_start_late(step: Step) -> None:
    """The legal time to start is over."""
    _to_bosses(step, "safety_alarm_start")


def alarm_finish_late(step: Step) -> None:
    """The legal time to finish is over."""
    _to_bosses(step, "safety_alarm_finish")


def announce_recall(step: Step) -> None:
    """The groups hear that the recall has begun."""
    link = f"{step.house.public_url}/desk/recalls/{step.subject.id}"
    _to_groups(step, "safety_campaign_card", link=link)


def tell_lifted(step: Step) -> None:
    """The groups hear that sale may go on."""
    _to_groups(step, "safety_announce_lift")


def _to_bosses(step: Step, text: str) -> None:
    day = business_day(step.now)
    people = {p.id: p for role in (Role.BOSS, Role.QUALITY_OFFICER) for p in people_with(step.session, role, day)}
    _tell(step, list(people.values()), text)


def _tell(step: Step, people: list[Person], text: str, **more: Any) -> None:
    tell(step, flow_name(step.subject), people, text, page="approve", **campaign_facts(step), **more)


def _to_groups(step: Step, text: str, **more: Any) -> None:
    facts = {
        **campaign_facts(step),
        "scoped": step.subject.scope_bottles,
        "done": 0,
        "left": step.subject.scope_bottles,
    }
    tell_groups(step, flow_name(step.subject), regions_of(step), text, **facts, **more)
