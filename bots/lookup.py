"""Which object a person means: their tasks, the campaigns waiting for them, the amount they said."""

import re

from sqlalchemy import bindparam, select
from sqlalchemy.orm import joinedload

from bots.talk import Talk
from bots.understand import Quantity, to_bottles
from models.catalog import Product, Store
from models.people import Role
from models.recall import Campaign, CampaignState, Discrepancy, Handover, HandoverState, RecallTask, TaskState
from rules.people import STORE_ROLES, answers_for, answers_for_region
from workflows.acting import Actor
from workflows.links import fresh_link_for
from workflows.refusals import InvalidInput
from workflows.task_steps import facts_for_texts

OPEN = (TaskState.ASKED, TaskState.COLLECTING, TaskState.SOLD_OUT, TaskState.REFUSED, TaskState.TROUBLED)
_TASK_NUMBER = re.compile(r"^R(\d{1,9})-(\d{1,9})$")
_CAMPAIGN_NUMBER = re.compile(r"^R?(\d{1,9})$")


#: Nearly every word of a store is about its open tasks, so this is put together once and loads all in one go.
_OPEN_TASKS = (
    select(RecallTask)
    .where(RecallTask.store_id.in_(bindparam("stores", expanding=True)), RecallTask.state.in_(OPEN))
    .order_by(RecallTask.deadline, RecallTask.id)
    .options(joinedload(RecallTask.lines, innerjoin=True))
)


def store_ids(talk: Talk) -> list[int]:
    """The stores the person works in today."""
    return stores_of(talk.actor)


def stores_of(actor: Actor) -> list[int]:
    """The stores somebody works in today."""
    return [d.store_id for d in actor.duties if d.role in STORE_ROLES and d.store_id is not None]


def open_tasks(talk: Talk) -> list[RecallTask]:
    """The open tasks of the person's stores as the message found them, the most urgent first."""
    if talk.open_tasks is None:
        found = talk.session.scalars(_OPEN_TASKS, {"stores": store_ids(talk)})
        talk.open_tasks = list(found.unique())
    return talk.open_tasks


def named_task(talk: Talk) -> RecallTask | None:
    """The task whose number was said (R12-34), whoever says it; the flow decides whether they may."""
    found = _TASK_NUMBER.match(talk.said.number)
    task = talk.session.get(RecallTask, int(found[2])) if found else None
    return task if task and found and task.campaign_id == int(found[1]) else None


def the_task(talk: Talk) -> RecallTask:
    """The one task a store means; raises InvalidInput that asks which, or says there is none."""
    if named := named_task(talk):
        return named
    tasks = _narrowed(talk, open_tasks(talk))
    if len(tasks) == 1:
        return tasks[0]
    if not tasks:
        raise InvalidInput(talk.say("no_tasks"))
    example = f"R{tasks[0].campaign_id}-{tasks[0].id} {talk.incoming.text[:20]}"
    lines = "\n".join(task_line(talk, task) for task in tasks[:8])
    raise InvalidInput(talk.say("which_task", count=len(tasks), example=example, lines=lines))


def task_line(talk: Talk, task: RecallTask) -> str:
    """One line about a task, with the person's own link."""
    facts = facts_for_texts(task)
    facts["number"] = f"R{task.campaign_id}-{task.id}"
    link = fresh_link_for(talk.session, talk.house, "task", task.id, talk.person_id, talk.now)
    return talk.say("task_line", **facts, state=talk.label("task_state", task.state.value), link=link)


def named_campaign(talk: Talk) -> Campaign | None:
    """The campaign whose number was said (R12, 12, or R12-34)."""
    found = _CAMPAIGN_NUMBER.match(talk.said.number) or _TASK_NUMBER.match(talk.said.number)
    return talk.session.get(Campaign, int(found[1])) if found else None


def the_campaign(talk: Talk) -> Campaign:
    """The campaign that was named, or the only one waiting for this person."""
    if talk.said.number:
        campaign = named_campaign(talk)
        if campaign is None:
            raise InvalidInput(talk.say("no_such_campaign", number=talk.said.number))
        return campaign
    waiting = waiting_campaigns(talk)
    if len(waiting) == 1:
        return waiting[0]
    number = waiting[0].number if waiting else "R12"
    lines = "\n".join(f"{c.number} {c.product.name} {c.scope_bottles} 瓶" for c in waiting[:8])
    if not waiting:
        raise InvalidInput(talk.say("no_tasks"))
    raise InvalidInput(talk.say("which_task", count=len(waiting), example=f"同意 {number}", lines=lines))


def waiting_campaigns(talk: Talk) -> list[Campaign]:
    """The campaigns that wait for a decision this person may take."""
    roles = {
        CampaignState.AT_REP: Role.SALES_REP,
        CampaignState.AT_MANAGER: Role.REGIONAL_MANAGER,
        CampaignState.AT_BOSS: Role.BOSS,
        CampaignState.HOLDING: Role.BOSS,
    }
    states = [state for state, role in roles.items() if talk.actor.has(role)]
    query = select(Campaign).where(Campaign.state.in_(states)).order_by(Campaign.id)
    return [c for c in talk.session.scalars(query) if may_see(talk, c) and c.creator_id != talk.person_id]


def may_see(talk: Talk, campaign: Campaign) -> bool:
    """Boss and quality officer see all; others what concerns their stores or regions."""
    if talk.actor.has(Role.BOSS) or talk.actor.has(Role.QUALITY_OFFICER) or campaign.creator_id == talk.person_id:
        return True
    query = select(Store.id, Store.region).join(RecallTask, RecallTask.store_id == Store.id)
    with_tasks = talk.session.execute(query.where(RecallTask.campaign_id == campaign.id)).all()
    stores = [(store, region) for store, region in with_tasks] or _asked_stores(talk, campaign)
    duties = talk.actor.duties
    return any(
        answers_for(duties, Role.SALES_REP, store, region) or answers_for_region(duties, Role.REGIONAL_MANAGER, region)
        for store, region in stores
    )


def warehouse_handovers(talk: Talk) -> list[Handover]:
    """What a warehouse keeper has to count or grade."""
    states = (HandoverState.IN_TRANSIT, HandoverState.ARRIVED, HandoverState.RECEIVED)
    return list(talk.session.scalars(select(Handover).where(Handover.state.in_(states)).order_by(Handover.id)))


def named_discrepancy(talk: Talk) -> Discrepancy | None:
    """The difference whose number was said (C12)."""
    found = re.match(r"^C(\d{1,9})$", talk.said.number)
    return talk.session.get(Discrepancy, int(found[1])) if found else None


def amount(talk: Talk, case_size: int, position: int = 0) -> int:
    """The bottles said; raises InvalidInput that asks for amount or unit."""
    said = talk.said.quantities
    if len(said) <= position:
        raise InvalidInput(talk.say("ask_bottles", example="退12瓶"))
    return bottles_of(talk, said[position], case_size)


def bottles_of(talk: Talk, quantity: Quantity, case_size: int) -> int:
    """A quantity in bottles; a bare number is asked about, never guessed."""
    if quantity.bare is not None:
        raise InvalidInput(talk.say("ask_unit", number=quantity.bare))
    try:
        return to_bottles(quantity, case_size)
    except ValueError:
        raise InvalidInput(talk.say("ask_bottles", example="退12瓶")) from None


def the_product(talk: Talk) -> Product:
    """The one product named; raises InvalidInput that asks for it."""
    if talk.said.candidates:
        names = "、".join(_by_code(talk, product.code) for product in talk.said.candidates[:5])
        raise InvalidInput(talk.say("ask_which_product", names=names))
    code = next((product.code for product, _ in talk.said.items if product), None)
    product = talk.session.scalar(select(Product).where(Product.code == code)) if code else None
    if product is None:
        raise InvalidInput(talk.say("ask_product", product=talk.example_product()))
    return product


def _by_code(talk: Talk, code: str) -> str:
    """A product as people can tell it from its namesakes, and name it again."""
    name, spec = talk.session.execute(select(Product.name, Product.spec).where(Product.code == code)).one()
    return f"{name}（{spec}，编码 {code}）" if spec else f"{name}（编码 {code}）"


def _narrowed(talk: Talk, tasks: list[RecallTask]) -> list[RecallTask]:
    codes = {product.code for product, _ in talk.said.items if product}
    if codes:
        tasks = [task for task in tasks if task.campaign.product.code in codes]
    if talk.said.number and (campaign := named_campaign(talk)):
        tasks = [task for task in tasks if task.campaign_id == campaign.id]
    return tasks


def _asked_stores(talk: Talk, campaign: Campaign) -> list[tuple[int, str]]:
    query = select(Store.id, Store.region)
    if campaign.store_codes:
        query = query.where(Store.code.in_(campaign.store_codes))
    elif campaign.region:
        query = query.where(Store.region == campaign.region)
    return [(store, region) for store, region in talk.session.execute(query.limit(500))]
