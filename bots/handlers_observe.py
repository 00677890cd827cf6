"""Words and buttons about how much is left: 对, 改, 还有7瓶, 没有了; the rep's 盘点; 开瓶 and 开箱."""

import re

from sqlalchemy import func, or_, select

from bots.handlers_common import not_understood
from bots.lookup import open_tasks, store_ids
from bots.messages import Reply
from bots.talk import Talk
from bots.understand import Intent, Quantity, to_bottles
from models.catalog import Product, Store
from models.observing import CountLine, CountRequest
from models.people import Person, Role
from rules.counts import looks_mixed_up
from workflows.count_requests import anything_open, expect_number, open_requests
from workflows.count_steps import waiting_lines
from workflows.links import fresh_link_for, link_for
from workflows.refusals import InvalidInput
from workflows.scan_open import Opening, note_opening
from workflows.store_visit import counts_there

#: Readings that may be the answer to a store's open question.
MAY_ANSWER = frozenset(
    {
        Intent.STILL_HAVE,
        Intent.SOLD_OUT,
        Intent.RETURN_PART,
        Intent.CHANGE_QUANTITY,
        Intent.CONFIRM_ALL,
        Intent.NEGATED,
        Intent.UNKNOWN,
    }
)
_ABOUT_RETURNING = re.compile("[退拉收取换走]")
_NOTHING_LEFT = re.compile(r"^\s*都?(?:没有?(?:了|啦|货了?)|无货|[0零]\s*[瓶箱])\s*[。!！]?\s*$")
#: What stands on the buttons of the card, as words.
_BUTTONS = {"对": "confirm", "都对": "confirm", "改": "correct", "报数": "correct"}
_AFFIRMS = re.compile(r"^\s*(?:对的?|好的?|是的?|嗯+|没错|没变|ok|都对)\s*[。!！]?\s*$", re.IGNORECASE)


def press(talk: Talk, request: CountRequest, event: str, seen: int) -> Reply:
    """A button of the card that asks how much is left."""
    if event == "correct":
        return _ask_number(talk, request)
    talk.fire(request, event, seen)
    return Reply(_thanks(talk, [line for line in request.lines if line.answered is not None]), card_status="已登记")


def answered(talk: Talk) -> Reply | None:
    """The words as the answer to an open question of the person's store; None when they are none.

    An open task has the first claim on 还有7瓶, unless the person pressed 改 or named a product that only
    the question is about. 好的 is never an answer: it may mean anything.
    """
    stores = store_ids(talk)
    if not stores or not anything_open(talk.line, stores):
        return None
    requests = open_requests(talk.session, stores)
    typing = next((r for r in requests if _is_typing(talk, r)), None)
    lines = [line for r in ([typing] if typing else requests) for line in waiting_lines(r)]
    if typing is None and _is_about_tasks(talk, lines):
        return None
    if (pressed := _BUTTONS.get(talk.incoming.text.strip())) and (typing or requests):
        return _pressed_in_words(talk, typing or requests[0], pressed)
    if _AFFIRMS.match(talk.incoming.text):
        return Reply(talk.say("count_ask_amount"))
    said = _said(talk, lines, bare_is_bottles=typing is not None)
    return _take(talk, said) if said else None


def _pressed_in_words(talk: Talk, request: CountRequest, event: str) -> Reply:
    """Who sees no cards is told to write what stands on the button; from others 对 may mean anything."""
    if event == "correct":
        return _ask_number(talk, request)
    person = talk.session.get_one(Person, talk.person_id)
    if not person.plain_wechat or len(open_requests(talk.session, store_ids(talk))) > 1:
        return Reply(talk.say("count_ask_amount"))
    return press(talk, request, event, request.version)


def _is_typing(talk: Talk, request: CountRequest) -> bool:
    until = request.typing_until
    return request.typing_by_id == talk.person_id and until is not None and talk.now <= until


def _is_about_tasks(talk: Talk, lines: list[CountLine]) -> bool:
    """Whether the words are better read as about a task: one is open, and no product of ours alone is named."""
    if _ABOUT_RETURNING.search(talk.incoming.text):
        return True
    tasks = {task.campaign.product.code for task in open_tasks(talk)}
    named = {product.code for product, _ in talk.said.items if product}
    asked = {line.product.code for line in lines}
    return bool(tasks) and not (named and named <= asked - tasks)


def _said(talk: Talk, lines: list[CountLine], *, bare_is_bottles: bool) -> dict[CountLine, int]:
    """The bottles said of each line. Raises InvalidInput that asks which product or which unit."""
    by_code = {line.product.code: line for line in lines}
    named = [(by_code[p.code], q) for p, q in talk.said.items if p and p.code in by_code]
    if _none_left(talk, named):
        return {line: 0 for line, _ in named} or {_only(talk, lines): 0}
    if named and all(q.said for _, q in named):
        return {line: _bottles(talk, line, quantity, bare_is_bottles) for line, quantity in named}
    amounts = [q for q in talk.said.quantities if q.said]
    if not amounts or talk.said.intent is Intent.UNKNOWN or any(product for product, _ in talk.said.items):
        return {}
    if not (bare_is_bottles or _names_an_amount(talk, amounts[0])):
        return {}
    line = _only(talk, lines)
    return {line: _bottles(talk, line, amounts[0], bare_is_bottles)}


def _names_an_amount(talk: Talk, amount: Quantity) -> bool:
    """Whether an amount nobody just asked this person for is what is left: a bare number may be anything."""
    if talk.said.intent is Intent.STILL_HAVE:
        return True
    return talk.said.intent in {Intent.RETURN_PART, Intent.CHANGE_QUANTITY} and amount.bare is None


def _none_left(talk: Talk, named: list[tuple[CountLine, Quantity]]) -> bool:
    if talk.said.intent is Intent.SOLD_OUT and (talk.said.certain or named):
        return True
    return bool(_NOTHING_LEFT.match(talk.incoming.text))


def _only(talk: Talk, lines: list[CountLine]) -> CountLine:
    if len(lines) == 1:
        return lines[0]
    raise InvalidInput(talk.say("count_ask_which", product=lines[0].product.name))


def _bottles(talk: Talk, line: CountLine, quantity: Quantity, bare_is_bottles: bool) -> int:
    case_size = line.product.case_size
    if quantity.bare is None:
        try:
            return to_bottles(quantity, case_size)
        except ValueError:
            raise InvalidInput(talk.say("count_ask_amount")) from None
    if not bare_is_bottles:
        raise InvalidInput(talk.say("count_ask_unit", number=quantity.bare))
    if line.shown is not None and looks_mixed_up(quantity.bare, line.shown, case_size):
        facts = {"product": line.product.name, "believed": line.shown, "counted": quantity.bare}
        raise InvalidInput(talk.say("count_mixed_up", **facts))
    return quantity.bare


def _take(talk: Talk, said: dict[CountLine, int]) -> Reply:
    for request in {line.request.id: line.request for line in said}.values():
        bottles = {line.product_id: amount for line, amount in said.items() if line.request_id == request.id}
        talk.fire(request, "correct", bottles=bottles)
    return Reply(_thanks(talk, list(said)))


def _thanks(talk: Talk, lines: list[CountLine]) -> str:
    facts = [
        {"product": line.product.name, "bottles": line.answered or 0, "case_size": line.product.case_size}
        for line in lines
    ]
    return talk.say("count_thanks", rows=facts)


def _ask_number(talk: Talk, request: CountRequest) -> Reply:
    expect_number(talk.session, talk.house, request, talk.actor, talk.now)
    lines = waiting_lines(request)
    product = lines[0].product.name
    if len(lines) == 1:
        return Reply(talk.say("count_ask_number", product=product))
    link = link_for(talk.session, talk.house, "report", request.id, talk.person_id, talk.now)
    return Reply(talk.say("count_ask_numbers", product=product, link=link))


# Orders


def visit(talk: Talk, words: str) -> Reply:
    """盘点 城东1号店: the page for counting in that store. People of stores may begin their answer so."""
    if not talk.actor.has(Role.SALES_REP):
        return answered(talk) or not_understood(talk)
    store = _my_store(talk, words)
    link = fresh_link_for(talk.session, talk.house, "visit", store.id, talk.person_id, talk.now)
    return Reply(talk.say("visit_link", store=store.name, link=link))


def _my_store(talk: Talk, words: str) -> Store:
    name = words.strip()[:60]
    alike = or_(func.lower(Store.code) == name.lower(), Store.name == name)
    query = select(Store).where(Store.active.is_(True), alike).order_by(Store.id).limit(20)
    found = [store for store in talk.session.scalars(query) if counts_there(talk.actor, store)]
    if len(found) == 1:
        return found[0]
    if found:
        raise InvalidInput(talk.say("visit_which_store", count=len(found), example=found[0].code))
    raise InvalidInput(talk.say("visit_no_store", words=name))


def opened(talk: Talk, code: str) -> Reply:
    """开瓶 <码>, 开箱 <码>: a unit of the person's store was opened."""
    stores = store_ids(talk)
    opening = Opening(code, stores[0] if len(stores) == 1 else None, talk.today, talk.actor.name)
    result = note_opening(talk.session, opening, talk.now, talk.house.public_url)
    product = talk.session.get(Product, result.product_id) if result.product_id else None
    facts = {"product": product.name if product else "", "code": result.code, "day": result.day or talk.today}
    return Reply(talk.say(f"opened_{result.verdict}", **facts))
