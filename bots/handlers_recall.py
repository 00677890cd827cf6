"""Words and buttons about store tasks become events of the task's flow."""

import re
from collections.abc import Callable

from bots.lookup import (
    amount,
    bottles_of,
    named_task,
    open_tasks,
    store_ids,
    the_product,
    the_task,
    waiting_campaigns,
)
from bots.messages import Reply
from bots.talk import Talk
from models.catalog import Store
from models.people import Person
from models.recall import Reason, RecallTask
from texts.message import Choice
from texts.render import goods
from workflows import vector
from workflows.flow import Step
from workflows.refusals import InvalidInput
from workflows.requests import request_return
from workflows.subjects import flow_name, worded
from workflows.task_steps import facts_for_texts
from workflows.tell import tell

#: 剩下的退: everything that was not sold, without a number.
_REST_GOES_BACK = re.compile(r"(?:剩下|其余|余下|剩余)的?(?:都|全部?|也)?(?:退|拿走|拉走)")


def confirm(talk: Talk) -> Reply:
    """确认：everything goes back."""
    task = the_task(talk)
    talk.fire(task, "answer_all", day=talk.said.date)
    return _answered(task, f"已登记：全部退回 {_declared(task)} 瓶。")


def return_part(talk: Talk) -> Reply:
    """退12瓶；without an open task for the product it is a request of the store."""
    if _names_other_product(talk):
        return ask_to_return(talk)
    task = the_task(talk)
    talk.fire(task, "answer_part", bottles=amount(talk, task.campaign.product.case_size))
    return _answered(task, f"已登记：退 {_declared(task)} 瓶。{_rest(task)}")


def sold_out(talk: Talk) -> Reply:
    """卖完了：the rep checks."""
    task = the_task(talk)
    talk.fire(task, "answer_sold_out")
    return _answered(task, "已登记：卖完了，业务员会核实。")


def sold_part(talk: Talk) -> Reply:
    """卖了6瓶，剩下7瓶退：what was sold leaves the task, the rest is declared."""
    task = the_task(talk)
    case_size = task.campaign.product.case_size
    sold = amount(talk, case_size)
    talk.fire(task, "report_sold", bottles=sold)
    if task.state.value == "collecting" and _REST_GOES_BACK.search(talk.incoming.text):
        talk.fire(task, "answer_all")
        return _answered(task, f"已登记：卖了 {sold} 瓶，其余全部退回 {_declared(task)} 瓶。")
    if len(talk.said.quantities) > 1 and task.state.value == "collecting":
        talk.fire(task, "answer_part", bottles=amount(talk, case_size, 1))
    return _answered(task, f"已登记：卖了 {sold} 瓶。{_rest(task)}")


def refuse(talk: Talk) -> Reply:
    """不退，原因：the manager hears of it."""
    task = the_task(talk)
    if not talk.said.reason:
        raise InvalidInput(talk.say("ask_reason", example="不退，客户已经订走"))
    talk.fire(task, "refuse", reason=talk.said.reason)
    return _answered(task, "已登记：不退。经理会联系您。")


def problem(talk: Talk) -> Reply:
    """有问题：the words go to the rep."""
    task = the_task(talk)
    talk.fire(task, "problem", note=talk.incoming.text.strip()[:500])
    return _answered(task, "已登记：有问题。业务员会联系您。")


def reschedule(talk: Talk) -> Reply:
    """改约11月28日."""
    task = the_task(talk)
    talk.fire(task, "reschedule", day=talk.said.date)
    when = talk.house.texts.day(task.promised_on) if task.promised_on else ""
    return _answered(task, f"已改约 {when} 上门。")


def ask_to_return(talk: Talk) -> Reply:
    """退3箱海之蓝 临期：the store asks by itself."""
    product = the_product(talk)
    quantity = next((q for p, q in talk.said.items if p and q.said), None)
    if quantity is None:
        raise InvalidInput(talk.say("ask_bottles", example=f"退3箱{product.name} 临期"))
    bottles = bottles_of(talk, quantity, product.case_size)
    reason = Reason(talk.said.reason_code or Reason.OTHER)
    store = _the_store(talk)
    campaign = request_return(
        talk.session, talk.house, store, product, bottles, reason, talk.said.reason, talk.actor, talk.now
    )
    return Reply(
        talk.say(
            "request_made",
            number=campaign.number,
            product=product.name,
            bottles=campaign.scope_bottles,
            case_size=product.case_size,
        )
    )


def has_tasks(talk: Talk) -> bool:
    """Whether 好的 can mean a task: the person has one, or names one."""
    return bool(named_task(talk) or open_tasks(talk))


def is_approver(talk: Talk) -> bool:
    """Whether 同意 can mean a campaign."""
    return bool(waiting_campaigns(talk))


# Buttons

HOW_MANY = "bottles"  # the question on the card that asks how many
MOST_AMOUNTS = 10  # options a card may have


def press(talk: Talk, task: RecallTask, event: str, seen: int) -> Reply:
    """A button of a task's card."""
    if event == "answer_part":
        return _press_part(talk, task, seen)
    if ask := _NEED_WORDS.get(event):
        return Reply(ask(talk, task))
    talk.fire(task, event, seen)
    label = talk.label("event", event)
    return Reply(_confirmed(task, label), card_status=label)


def _press_part(talk: Talk, task: RecallTask, seen: int) -> Reply:
    """部分退回：first a card asks how many, then the picked amount is the answer."""
    picked = talk.incoming.choices.get(HOW_MANY, [])
    if picked and picked[0].isdigit():
        talk.fire(task, "answer_part", seen, bottles=int(picked[0]))
        return Reply(f"{_confirmed(task, '部分退回')}。{_rest(task)}", card_status="部分退回")
    amounts = _amounts(task)
    if amounts and talk.incoming.platform == "wecom":
        step = Step(talk.session, talk.house, task, talk.actor, talk.now)
        person = talk.session.get_one(Person, talk.person_id)
        facts = facts_for_texts(task)
        choices = [Choice(HOW_MANY, "退多少", amounts)]
        tell(step, flow_name(task), [person], worded(task.campaign, "ask_how_many"), choices=choices, **facts)
        return Reply()
    return Reply(talk.say("ask_bottles", example=_with_number(talk, task, "退12瓶")))


def _amounts(task: RecallTask) -> list[tuple[str, str]]:
    """Up to ten amounts below all there is: whole cases first, single bottles where there is no whole case."""
    left = sum(vector.at_store(line) for line in task.lines)
    case_size = task.campaign.product.case_size
    step = case_size if left > case_size else 1
    amounts = range(step, left, step)[:MOST_AMOUNTS]
    return [(str(bottles), goods(bottles, case_size)) for bottles in amounts]


def _ask_problem(talk: Talk, task: RecallTask) -> str:
    return talk.say("ask_reason", example=_with_number(talk, task, "有问题，漏了两瓶"))


def _ask_waiver(talk: Talk, task: RecallTask) -> str:
    return talk.say("ask_reason", example=f"放行 R{task.campaign_id}-{task.id} 门店已关门")


#: Buttons that need words or numbers a card cannot take: the answer says what to write.
_NEED_WORDS: dict[str, Callable[[Talk, RecallTask], str]] = {
    "problem": _ask_problem,
    "waive": _ask_waiver,
}


def _answered(task: RecallTask, what: str) -> Reply:
    return Reply(f"{what}（R{task.campaign_id}-{task.id} {task.campaign.product.name}）")


def _confirmed(task: RecallTask, label: str) -> str:
    facts = facts_for_texts(task)
    amounts = f" {facts['declared']} 瓶" if task.answer in {"all", "part"} and facts["declared"] else ""
    return f"已登记：{label}{amounts}（R{task.campaign_id}-{task.id} {facts['product']}）"


def _declared(task: RecallTask) -> int:
    return sum(line.declared for line in task.lines)


def _rest(task: RecallTask) -> str:
    rest = sum(vector.at_store(line) for line in task.lines) - sum(
        max(0, line.declared - line.handed_over) for line in task.lines
    )
    return f"其余 {rest} 瓶如已卖掉，请回复：卖了{rest}瓶。" if rest > 0 else ""


def _with_number(talk: Talk, task: RecallTask, words: str) -> str:
    return words if len(open_tasks(talk)) <= 1 and store_ids(talk) else f"R{task.campaign_id}-{task.id} {words}"


def _names_other_product(talk: Talk) -> bool:
    named = {product.code for product, _ in talk.said.items if product}
    return bool(named) and not any(task.campaign.product.code in named for task in open_tasks(talk))


def _the_store(talk: Talk) -> Store:
    stores = store_ids(talk)
    if len(stores) != 1:
        raise InvalidInput(
            "您名下有几家门店，请扫门店柜台上的二维码，在页面里申请。" if stores else talk.say("no_tasks")
        )
    return talk.session.get_one(Store, stores[0])
