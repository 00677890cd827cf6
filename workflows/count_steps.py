"""Permissions and actions of a question how much is left."""

from collections.abc import Iterable

from sqlalchemy import select

from models.observing import CountLine, CountRequest, CountState
from models.people import Person, Role
from models.stock import StockSource
from rules.counts import report_margin
from rules.people import answers_for, works_in_store
from workflows.acting import business_day, people_with
from workflows.count_words import line_words, report_words
from workflows.flow import Step
from workflows.observations import Seen, observe
from workflows.refusals import InvalidInput
from workflows.tell import close_cards, tell

FLOW = "count_request"


def works_there(step: Step) -> bool:
    """Owner or clerk of the store."""
    return works_in_store(step.actor.duties, step.subject.store_id)


def system_or_rep_of_store(step: Step) -> bool:
    """A count that was made: told by the system, or by the rep who made it."""
    store = step.subject.store
    return step.actor.person_id is None or answers_for(step.actor.duties, Role.SALES_REP, store.id, store.region)


def anything_shown(step: Step) -> bool:
    """Whether there is a last number that 对 can mean."""
    return any(line.shown is not None for line in waiting_lines(step.subject))


def all_answered(step: Step) -> bool:
    """Whether no line waits any more."""
    return not waiting_lines(step.subject)


def nobody_in_store(step: Step) -> bool:
    """Whether nobody of the store can be asked."""
    return not people_of_store(step)


def waiting_lines(request: CountRequest) -> list[CountLine]:
    """The lines nobody has answered yet."""
    return [line for line in request.lines if line.open_key is not None]


def people_of_store(step: Step) -> list[Person]:
    """The owners of the store; its clerks when it has no owner."""
    day, store = business_day(step.now), step.subject.store
    owners = people_with(step.session, Role.STORE_OWNER, day, region=store.region, store_id=store.id)
    return owners or people_with(step.session, Role.STORE_CLERK, day, region=store.region, store_id=store.id)


# What was said


def take_shown(step: Step) -> None:
    """对: what was believed is still there."""
    lines = [line for line in waiting_lines(step.subject) if line.shown is not None]
    _report(step, {line.product_id: line.shown or 0 for line in lines})


def take_said(step: Step) -> None:
    """改: other numbers, as bottles by product. Raises InvalidInput when none of them was asked for."""
    _report(step, dict(step.data.get("bottles", {})))


def take_counted(step: Step) -> None:
    """Somebody counted, or told it another way: the numbers are observations already."""
    said: dict[int, int] = step.data.get("bottles", {})
    who = str(step.data.get("who") or step.actor.name)
    for line in waiting_lines(step.subject):
        if line.product_id in said:
            _answer(line, said[line.product_id], who)
    _forget_typing(step)


def _report(step: Step, said: dict[int, int]) -> None:
    """Keep what the store says as observations of lower confidence, and as answers."""
    request: CountRequest = step.subject
    lines = [line for line in waiting_lines(request) if line.product_id in said]
    if not lines:
        raise InvalidInput(step.house.texts.sentence("count_nothing_open"))
    seen = [_seen(step, line, said[line.product_id]) for line in lines]
    observe(step.session, seen, step.now)
    for line in lines:
        _answer(line, said[line.product_id], step.actor.name)
    step.facts["bottles"] = {line.product.code: line.answered for line in lines}
    step.data["lines"] = lines
    _forget_typing(step)


def _seen(step: Step, line: CountLine, bottles: int) -> Seen:
    return Seen(
        key=f"report:{step.subject.id}:{line.product_id}",
        store_id=step.subject.store_id,
        product_id=line.product_id,
        lot_id=None,
        bottles=bottles,
        as_of=business_day(step.now),
        source=StockSource.REPORT,
        by=step.actor.name,
        margin=report_margin(bottles),
    )


def _answer(line: CountLine, bottles: int, who: str) -> None:
    line.answered, line.answered_by, line.open_key = bottles, who, None


def _forget_typing(step: Step) -> None:
    step.subject.typing_by_id = step.subject.typing_until = None


# Asking and telling


def ask_store(step: Step, *, again: bool = False) -> None:
    """A card to the people of the store; its page is the answer of those who see no cards."""
    lines = waiting_lines(step.subject)
    words = [line_words(step, line) for line in lines]
    name = "count_ask_several" if len(lines) > 1 else "count_ask_one"
    if len(lines) == 1 and lines[0].shown is None:
        name = "count_ask_blank"
    facts = {"store": step.subject.store.name, "rows": words, "count": len(lines), "row": words[0], "again": again}
    tell(step, FLOW, people_of_store(step), name, page="report", **facts)


def ask_store_again(step: Step) -> None:
    """The old card gives way to a new one that can still be answered."""
    close_cards(step, FLOW, step.house.texts.sentence("count_status_again", at=step.now))
    ask_store(step, again=True)


def ask_about_rest(step: Step) -> None:
    """Some lines were answered: the card comes again with those that wait. Nothing when none does."""
    if waiting_lines(step.subject):
        close_cards(step, FLOW, _status(step))
        ask_store(step)


def send_rep_to_count(step: Step) -> None:
    """The rep is to count on the next visit; the page is about the whole store."""
    store = step.subject.store
    reps = people_with(step.session, Role.SALES_REP, business_day(step.now), region=store.region, store_id=store.id)
    words = [line_words(step, line) for line in waiting_lines(step.subject)]
    reason = step.house.texts.label("count_reason", step.subject.reason)
    facts = {"store": store.name, "rows": words, "count": len(words), "reason": reason}
    tell(step, FLOW, reps, "count_ask_rep", page="visit", page_subject=store.id, **facts)


def close_question(step: Step) -> None:
    """Nothing is waited for any more: cards are repainted, the products may be asked about again."""
    request: CountRequest = step.subject
    request.closed_at = step.now
    for line in waiting_lines(request):
        line.open_key = None
    expired = request.state is CountState.EXPIRED
    status = step.house.texts.sentence("count_status_expired", at=step.now) if expired else _status(step)
    close_cards(step, FLOW, status)


def tell_askers(step: Step) -> None:
    """Who wanted to know hears the numbers."""
    words = [report_words(step, line) for line in step.subject.lines]
    tell(step, FLOW, _askers(step), "count_answered", store=step.subject.store.name, rows=words)


def tell_nobody_counted(step: Step) -> None:
    """Who wanted to know hears that nobody counted; the data stays as old as it is."""
    words = [line_words(step, line) for line in step.subject.lines if line.answered is None]
    tell(step, FLOW, _askers(step), "count_unanswered", store=step.subject.store.name, rows=words)


def _askers(step: Step) -> Iterable[Person]:
    ids = [int(asker) for asker in step.subject.askers]
    return step.session.scalars(select(Person).where(Person.id.in_(ids)).order_by(Person.id))


def _status(step: Step) -> str:
    answered = [line for line in step.subject.lines if line.answered is not None]
    words = "，".join(f"{line.product.name} {line.answered} 瓶" for line in answered[:3])
    who = answered[-1].answered_by if answered else ""
    return step.house.texts.sentence("count_status_answered", who=who, at=step.now, words=words, count=len(answered))
