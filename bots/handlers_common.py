"""What everybody may say: help, my tasks, progress, the desk; and what is no words at all."""

from bots.handlers_campaign import visible_campaign
from bots.lookup import open_tasks, store_ids, task_line, waiting_campaigns, warehouse_handovers
from bots.messages import Reply
from bots.talk import Talk
from models.catalog import Product
from models.engine import WantedMedia
from models.people import Role
from models.prepared import Line
from models.recall import Campaign, Handover
from workflows.acting import business_day
from workflows.code_registry import resolve
from workflows.house import House
from workflows.links import fresh_link_for
from workflows.progress import OwnTask, campaign_progress_words, tasks_of_stores
from workflows.refusals import NotPermitted

DESK_ROLES = (
    Role.BOSS,
    Role.REGIONAL_MANAGER,
    Role.SALES_REP,
    Role.WAREHOUSE_KEEPER,
    Role.FINANCE,
    Role.QUALITY_OFFICER,
)


def help_(talk: Talk) -> Reply:
    """What one can say here."""
    name = "help_store" if store_ids(talk) else "help_staff"
    return Reply(talk.say(name, product=talk.example_product()))


def greet(talk: Talk) -> Reply:
    """Somebody opened the chat."""
    return Reply(talk.say("greeting", name=talk.actor.name))


def group_number(talk: Talk) -> Reply:
    """群号, said in a group: the openConversationId that goes into config.yaml."""
    return Reply(talk.say("group_number", number=talk.incoming.conversation))


def silence(_talk: Talk) -> Reply:
    """Nothing to say: somebody opened the chat, or the platform told us something of its own."""
    return Reply()


def my_tasks(talk: Talk) -> Reply:
    """Everything that waits for this person, with fresh links."""
    lines = [task_line(talk, task) for task in open_tasks(talk)]
    lines += [_approval_line(talk, campaign) for campaign in waiting_campaigns(talk)]
    if talk.actor.has(Role.WAREHOUSE_KEEPER):
        lines += [_warehouse_line(talk, hand) for hand in warehouse_handovers(talk)]
    if not lines:
        return Reply(talk.say("no_tasks"))
    return Reply(talk.say("my_tasks", count=len(lines), lines="\n".join(lines[:8])))


def progress(talk: Talk) -> Reply:
    """进度, 进度 R12."""
    if not store_ids(talk):
        return _campaign_progress(talk)
    return progress_of_stores(talk.line, talk.house, store_ids(talk))


def progress_of_stores(line: Line, house: House, stores: list[int]) -> Reply:
    """How far the tasks of these stores are."""
    tasks = tasks_of_stores(line, stores, most=5)
    if not tasks:
        return Reply(house.texts.sentence("no_tasks"))
    return Reply("\n".join(_store_progress(house, task) for task in tasks))


def desk(talk: Talk) -> Reply:
    """看板：a link for this person and one device."""
    if not any(talk.actor.has(role) for role in DESK_ROLES):
        raise NotPermitted(flow="desk", state="", event="看板", who=talk.actor.name)
    return Reply(
        talk.say("desk_link", link=fresh_link_for(talk.session, talk.house, "desk", 0, talk.person_id, talk.now))
    )


def not_understood(talk: Talk) -> Reply:
    """An example to copy, fitting to what is open."""
    example = "确认 / 退12瓶 / 卖完了 / 帮助" if store_ids(talk) else "同意 R12 / 进度 R12 / 帮助"
    return Reply(talk.say("not_understood", example=example))


def image(talk: Talk) -> Reply:
    """A photo goes to the most urgent open task; a worker fetches it from the platform."""
    tasks = open_tasks(talk)
    if not tasks:
        return Reply(talk.say("media_no_task"))
    task = tasks[0]
    wanted = WantedMedia(
        platform=talk.incoming.platform, media_id=talk.incoming.media_id, task_id=task.id,
        by_name=talk.actor.name, asked_at=talk.now, due_at=talk.now,
    )  # fmt: skip
    talk.session.add(wanted)
    return Reply(talk.say("media_kept", number=task.campaign.number, store=task.store.name))


def voice(talk: Talk) -> Reply:
    """Words cannot be heard here."""
    return Reply(talk.say("voice_hint"))


def location(talk: Talk) -> Reply:
    """Nothing hangs on a place sent in the chat."""
    return Reply(talk.say("place_kept"))


def scan(talk: Talk) -> Reply:
    """The app's own scanner: a counter code leads to the store's home, goods to how they are given back."""
    code = resolve(talk.session, talk.incoming.text, business_day(talk.now), talk.house.public_url)
    if code.kind == "store":
        return Reply(talk.say("scanned_store", link=f"{talk.house.public_url}/s/{code.code}"))
    if code.kind == "document":
        return Reply(talk.say("scanned_document", link=f"{talk.house.public_url}/d/{code.code}"))
    product = talk.session.get(Product, code.product_id) if code.product_id else None
    if product is None:
        return Reply(talk.say("scan_unreadable", detail=code.sentence))
    return Reply(talk.say("scanned_goods", product=product.name, batch=code.batch or "") + code.sentence)


def _store_progress(house: House, task: OwnTask) -> str:
    state = house.texts.label("task_state", task.state.value)
    return house.texts.sentence("progress_store", **{**vars(task), "state": state})


def _campaign_progress(talk: Talk) -> Reply:
    if not talk.said.number:
        return my_tasks(talk)
    campaign = visible_campaign(talk)
    words = campaign_progress_words(talk.session, campaign)
    state = talk.label("campaign_state", campaign.state.value)
    return Reply(
        talk.say("progress_campaign", number=campaign.number, product=campaign.product.name, state=state, **words)
    )


def _approval_line(talk: Talk, campaign: Campaign) -> str:
    link = fresh_link_for(talk.session, talk.house, "approve", campaign.id, talk.person_id, talk.now)
    product = campaign.product
    return talk.say(
        "approval_line",
        number=campaign.number,
        product=product.name,
        bottles=campaign.scope_bottles,
        case_size=product.case_size,
        link=link,
    )


def _warehouse_line(talk: Talk, hand: Handover) -> str:
    link = fresh_link_for(talk.session, talk.house, "warehouse", hand.id, talk.person_id, talk.now)
    return talk.say(
        "warehouse_line",
        number=hand.task.campaign.number,
        store=hand.task.store.name,
        bottles=sum(line.counted + line.extra for line in hand.lines),
        state=talk.label("handover_state", hand.state.value),
        link=link,
    )
