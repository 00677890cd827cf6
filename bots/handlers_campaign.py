"""Words and buttons about campaigns: starting, looking, approving, stopping."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from bots.lookup import (
    amount,
    may_see,
    named_campaign,
    named_discrepancy,
    named_task,
    the_campaign,
    the_product,
)
from bots.messages import Reply
from bots.talk import Talk
from models.catalog import Lot
from models.people import Role
from models.recall import Campaign, Discrepancy, Reason
from workflows import campaigns, scope
from workflows.refusals import InvalidInput, NotPermitted

DAYS = 14  # until the goods should be back, when nobody says
MAY_START = (Role.SALES_REP, Role.REGIONAL_MANAGER, Role.BOSS)


def approve(talk: Talk) -> Reply:
    """同意 R12."""
    campaign = the_campaign(talk)
    talk.fire(campaign, "ratify" if campaign.state.value == "holding" else "approve")
    return _done(talk, campaign, "approve")


def reject(talk: Talk) -> Reply:
    """驳回 R12 原因."""
    campaign = the_campaign(talk)
    if not talk.said.reason:
        raise InvalidInput(talk.say("ask_reason", example=f"驳回 {campaign.number} 数量不对"))
    talk.fire(campaign, "reject", reason=talk.said.reason)
    return _done(talk, campaign, "reject")


def change_quantity(talk: Talk) -> Reply:
    """改 R12 20瓶."""
    campaign = the_campaign(talk)
    talk.fire(campaign, "change_quantity", bottles=amount(talk, campaign.product.case_size))
    return _done(talk, campaign, "change_quantity")


def cancel(talk: Talk) -> Reply:
    """取消 R12：before approval it is withdrawn and cancelled."""
    campaign = the_campaign(talk)
    if campaign.state.value in {"at_rep", "at_manager", "at_boss"}:
        talk.fire(campaign, "withdraw")
    talk.fire(campaign, "cancel")
    return _done(talk, campaign, "cancel")


def abort(talk: Talk, reason: str) -> Reply:
    """中止 R12 原因."""
    campaign = the_campaign(talk)
    talk.fire(campaign, "abort", reason=reason)
    return _done(talk, campaign, "abort")


def waive(talk: Talk, reason: str) -> Reply:
    """放行 R12 原因 (the file) or 放行 R12-34 原因 (one store)."""
    if task := named_task(talk):
        talk.fire(task, "waive", reason=reason)
        return Reply(talk.say("done_event", event="放行", number=talk.said.number, product=task.campaign.product.name))
    campaign = the_campaign(talk)
    talk.fire(campaign, "close_with_waiver", reason=reason)
    return _done(talk, campaign, "close_with_waiver")


def start(talk: Talk) -> Reply:
    """发起回收 海之蓝 20240312批次 滞销 11月30日前."""
    if not any(talk.actor.has(role) for role in MAY_START):
        raise NotPermitted(flow="recall_campaign", state="", event="request", who=talk.actor.name)
    campaign = campaigns.start(talk.session, talk.house, _request(talk), talk.actor, talk.now)
    return _made(talk, campaign)


def simulate(talk: Talk) -> Reply:
    """模拟回收 海之蓝：who has it; nobody is told."""
    if not any(talk.actor.has(role) for role in MAY_START):
        raise NotPermitted(flow="recall_campaign", state="", event="request", who=talk.actor.name)
    ask = _ask(talk)
    found = campaigns.simulate(talk.session, ask)
    product = the_product(talk)
    lines = "\n".join(f"{line.store_name} {line.batch} {line.bottles} 瓶" for line in found.lines[:10])
    return Reply(
        talk.say(
            "simulated",
            product=product.name,
            stores=found.stores,
            bottles=found.bottles,
            lines=lines,
            case_size=product.case_size,
            value_fen=found.value_fen,
            exposure_fen=found.exposure_fen,
            p=found.partition,
        )
    )


# Buttons


def press_campaign(talk: Talk, campaign: Campaign, event: str, seen: int) -> Reply:
    """A button of an approval card. A reason or an amount is asked for in words."""
    reason = " ".join(talk.incoming.choices.get("reason", []))
    if event == "reject" and not reason:
        return Reply(talk.say("ask_reason", example=f"驳回 {campaign.number} 数量不对"))
    if event == "change_quantity":
        return Reply(talk.say("ask_bottles", example=f"改 {campaign.number} 20瓶"))
    talk.fire(campaign, event, seen, reason=reason)
    return replace(_done(talk, campaign, event), card_status=f"已{talk.label('event', event)}")


def press_discrepancy(talk: Talk, gap: Discrepancy, event: str, seen: int) -> Reply:
    """A button of a difference; the press itself is the note."""
    talk.fire(gap, event, seen, note="在卡片上确认")
    label = talk.label("event", event)
    return Reply(f"已{label}：差异 C{gap.id}。", card_status=f"已{label}")


def settle_discrepancy(talk: Talk, event: str, note: str) -> Reply:
    """找到 C5 说明 and its like."""
    gap = named_discrepancy(talk)
    if gap is None:
        raise InvalidInput(talk.say("ask_reason", example="找到 C5 在车厢角落"))
    talk.fire(gap, event, note=note)
    return Reply(f"已{talk.label('event', event)}：差异 C{gap.id}。")


def _request(talk: Talk) -> campaigns.Request:
    deadline = talk.said.date_to or talk.said.date or talk.today + timedelta(days=DAYS)
    reason = Reason(talk.said.reason_code or Reason.SLOW)
    words = talk.said.reason if talk.said.reason_code in {"", "other"} else ""
    return campaigns.Request(_ask(talk), reason, deadline, "chat", reason_text=words)


def _ask(talk: Talk) -> scope.Ask:
    product = the_product(talk)
    quantity = next((q for _, q in talk.said.items if q.said), None)
    bottles = amount(talk, product.case_size) if quantity else None
    return scope.Ask(product.id, _batches(talk, product.id), region=_region(talk), quantity=bottles)


def _batches(talk: Talk, product_id: int) -> tuple[str, ...]:
    if not talk.said.batch:
        return ()
    query = select(Lot.batch).where(Lot.product_id == product_id, Lot.batch.ilike(talk.said.batch))
    batch = talk.session.scalar(query)
    if batch is None:
        raise InvalidInput(f"没有查到批次 {talk.said.batch}，请核对后再发。")
    return (batch,)


def _region(talk: Talk) -> str:
    # Who works in one region asks for that region; the boss asks for all.
    regions = {duty.region for duty in talk.actor.duties if duty.role in MAY_START}
    return next(iter(regions)) if len(regions) == 1 and not talk.actor.has(Role.BOSS) else ""


def _made(talk: Talk, campaign: Campaign) -> Reply:
    return Reply(
        talk.say(
            "campaign_made",
            number=campaign.number,
            product=campaign.product.name,
            stores=campaign.scope_stores,
            bottles=campaign.scope_bottles,
            case_size=campaign.product.case_size,
        )
    )


def _done(talk: Talk, campaign: Campaign, event: str) -> Reply:
    label = talk.label("event", event)
    return Reply(talk.say("done_event", event=label, number=campaign.number, product=campaign.product.name))


def visible_campaign(talk: Talk) -> Campaign:
    """The campaign asked about, if the person may see it."""
    campaign = named_campaign(talk)
    if campaign is None or not may_see(talk, campaign):
        raise InvalidInput(talk.say("no_such_campaign", number=talk.said.number))
    return campaign


def find_again(talk: Talk, note: str) -> Reply:
    """找到 C5 说明."""
    return settle_discrepancy(talk, "found", note)


def write_off(talk: Talk, note: str) -> Reply:
    """认定丢失 C5 说明."""
    return settle_discrepancy(talk, "lose", note)


def take_in(talk: Talk, note: str) -> Reply:
    """收下 C5 说明."""
    return settle_discrepancy(talk, "accept", note)


def give_back(talk: Talk, note: str) -> Reply:
    """退还 C5 说明."""
    return settle_discrepancy(talk, "give_back", note)
