"""Conditions and actions of a warning."""

from datetime import date, timedelta
from math import ceil
from typing import Any

from sqlalchemy import select

from models.recall import Campaign
from models.transfer import TransferProposal
from models.warning import StockWarning
from texts.render import goods
from workflows.acting import actor_of, business_day
from workflows.campaigns import OVER, start_from_warning
from workflows.count_requests import request_count
from workflows.flow import Step
from workflows.refusals import InvalidInput
from workflows.tell import tell
from workflows.transfer_ideas import propose
from workflows.warning_card import repaint, send_card
from workflows.warning_people import candidates, looks_after, person_with_duties, reps_of_store

RECALL_DAYS = 14  # until the goods should be back, when a warning asks
COUNT_DAYS = 3  # a count that was asked for gets so long before the warning speaks again
SNOOZE_DAYS = (1, 3, 7)  # what buttons offer; words may say any number up to the most
MOST_SNOOZE_DAYS = 30
DISMISS_DAYS = 30
MOST_DISMISS_DAYS = 365
BAND_PERCENT = 20  # a dismissal holds while the bottles stay this close to what was seen
LONGEST_REASON = 200  # characters


# Conditions


def names_goods(step: Step) -> bool:
    """It is about a product and not about the store as a whole."""
    return bool(step.subject.product_id)


def to_oneself(step: Step) -> bool:
    """Somebody takes it on."""
    return step.actor.person_id is not None and step.data.get("person_id") == step.actor.person_id


def is_silenced(step: Step) -> bool:
    """A silence is running."""
    until = step.subject.snoozed_until
    return until is not None and until > business_day(step.now)


def something_under_way(step: Step) -> bool:
    """A campaign it started is still open."""
    query = select(Campaign.id).where(Campaign.warning_id == step.subject.id, Campaign.state.not_in(OVER))
    return step.session.scalar(query.limit(1)) is not None


def nothing_came_of_it(step: Step) -> bool:
    """Whatever was started is over, rejected, or never came to more than a proposal."""
    return not something_under_way(step)


# Taking notice


def stamp_change(step: Step) -> None:
    """When the warning last changed."""
    step.subject.changed_at = step.now


def note_notice(step: Step) -> None:
    """Somebody knows of this level: the ladder stops, and only a graver level speaks up again."""
    warning: StockWarning = step.subject
    warning.acked_level = warning.level
    warning.escalate_at = None
    step.facts["level"] = warning.level
    stamp_change(step)


def give_to(step: Step) -> None:
    """Somebody who answers for the store looks after it from now on."""
    warning: StockWarning = step.subject
    person = person_with_duties(step.session, step.data.get("person_id"))
    if person is None or not looks_after(actor_of(person, step.now, "").duties, warning.store):
        names = "、".join(someone.name for someone in candidates(step)[:8]) or "（这家门店还没有登记负责人）"
        who = f"{person.name}不负责" if person else "没有找到这个人，或他不负责"
        raise InvalidInput(f"{who}{warning.store.name}，没有转派。可以转给：{names}。")
    warning.assignee_id = person.id
    warning.snoozed_until = None
    step.facts |= {"person": person.id, "name": person.name}
    stamp_change(step)


def tell_assignee(step: Step) -> None:
    """Whoever got it hears of it, with the card."""
    person = person_with_duties(step.session, step.subject.assignee_id)
    if person is not None:
        send_card(step, [person], intro=step.house.texts.sentence("warning_given", who=step.actor.name))


# Silence and dismissal


def put_silence(step: Step) -> None:
    """Nothing is said until a day; it has an author, a reason and an end."""
    days = _days(step, "snooze", most=MOST_SNOOZE_DAYS)
    _silence(step, business_day(step.now) + timedelta(days=days))


def end_silence(step: Step) -> None:
    """Whatever kept it quiet by somebody's wish is taken back."""
    warning: StockWarning = step.subject
    warning.snoozed_until = None
    warning.dismissed_until, warning.dismissed_level = None, None
    warning.band_low, warning.band_high = None, None
    stamp_change(step)


def put_aside(step: Step) -> None:
    """Left alone, for a reason, while level and bottles stay about what they are."""
    warning: StockWarning = step.subject
    if not str(step.data.get("reason", "")).strip():
        raise InvalidInput(f"忽略要写明原因，例如：忽略 W{warning.id} 已谈好下周促销。")
    days = _days(step, "dismiss", most=MOST_DISMISS_DAYS)
    warning.snoozed_until = None
    warning.dismissed_until = business_day(step.now) + timedelta(days=days)
    warning.dismissed_level = warning.level
    warning.band_low = warning.bottles * (100 - BAND_PERCENT) // 100
    warning.band_high = ceil(warning.bottles * (100 + BAND_PERCENT) / 100)
    step.facts |= {"until": warning.dismissed_until.isoformat(), "low": warning.band_low, "high": warning.band_high}


def speak_again(step: Step) -> None:
    """Nothing came of what was started, so the warning asks once more."""
    end_silence(step)


def _silence(step: Step, until: date) -> None:
    step.subject.snoozed_until = until
    step.facts["until"] = until.isoformat()
    stamp_change(step)


def _days(step: Step, event: str, *, most: int) -> int:
    days = step.data.get("days", DISMISS_DAYS if event == "dismiss" else SNOOZE_DAYS[0])
    if not isinstance(days, int) or not 1 <= days <= most:
        what = "忽略" if event == "dismiss" else "稍后"
        raise InvalidInput(f"{what}的天数要在 1 到 {most} 天之间，例如：{what} W{step.subject.id} 7天 已谈好下周促销。")
    return days


# Acting


def open_campaign(step: Step) -> None:
    """One tap starts a campaign for the warning's goods."""
    warning: StockWarning = step.subject
    deadline = business_day(step.now) + timedelta(days=RECALL_DAYS)
    campaign = start_from_warning(step.session, step.house, warning, step.actor, deadline, step.now)
    step.facts["campaign"] = campaign.id
    step.data["campaign"] = campaign


def propose_stores(step: Step) -> None:
    """Which stores nearby could take the goods over, as a list kept with the warning and sent to the rep."""
    found = propose(step)
    warning: StockWarning = step.subject
    case_size = warning.product.case_size if warning.product else 0
    lines = [_idea_line(step, number, idea) for number, idea in enumerate(found, start=1)]
    facts: dict[str, Any] = {
        "number": f"W{warning.id}",
        "store": warning.store.name,
        "product": warning.product_name,
        "stock": goods(warning.bottles, case_size),
        "lines": "\n".join(lines),
        "url": f"{step.house.public_url}/w/{warning.id}",
    }
    actor = person_with_duties(step.session, step.actor.person_id)
    people = [*reps_of_store(step), *([actor] if actor else [])]
    tell(step, "warning", people, "tell_transfer_ideas", **facts)
    step.facts["stores"] = [idea.to_store.code for idea in found]
    step.data["ideas"] = lines


def note_action(step: Step) -> None:
    """Somebody acts: no silence is needed any more."""
    step.subject.acked_level = step.subject.level
    step.subject.snoozed_until = None
    step.subject.escalate_at = None
    stamp_change(step)


def _idea_line(step: Step, number: int, idea: TransferProposal) -> str:
    product = step.subject.product
    return step.house.texts.sentence(
        "transfer_idea",
        number=number,
        store=idea.to_store.name,
        bottles=idea.bottles,
        case_size=product.case_size if product else 0,
        held=idea.stock_bottles,
        monthly=f"{idea.monthly_millibottles / 1000:.1f}",
        place=f"{idea.metres / 1000:.1f} 公里" if idea.metres is not None else "同区域，没有坐标",
    )


def ask_for_count(step: Step) -> None:
    """The owner is asked in their own chat, the rep gets the page for a count on the spot."""
    warning: StockWarning = step.subject
    request = request_count(step.session, step.house, warning.store_id, warning.product_id, step.actor, step.now)
    step.facts["count_request"] = request.id
    step.data["count_request"] = request
    _silence(step, business_day(step.now) + timedelta(days=COUNT_DAYS))


# Cards


def show_now(step: Step) -> None:
    """Every open card of the warning shows what is true now: one shared piece of work, many viewers."""
    repaint(step)
