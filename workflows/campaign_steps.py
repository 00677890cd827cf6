"""Conditions, permissions and actions of a campaign."""

from typing import Any

from sqlalchemy import func, select, update

from models.catalog import Hold, Store
from models.people import Person, Role
from models.recall import (
    Campaign,
    Discrepancy,
    DiscrepancyState,
    Handover,
    HandoverState,
    RecallTask,
    ScopeLine,
    TaskLine,
    TaskState,
)
from workflows import scope
from workflows.acting import SYSTEM, business_day, people_with
from workflows.campaign_people import (
    approving_managers,
    approving_reps,
    asked_by_boss,
    boss,
    creators,
    others,
    regions_of,
)
from workflows.flow import FLOWS, Step, step_for
from workflows.refusals import InvalidInput
from workflows.subjects import flow_name, worded
from workflows.tell import close_cards, tell, tell_groups

FEN = 100

# Whether


def asked_by_warning(step: Step) -> bool:
    """The system asked: there is nobody to hand the draft back to."""
    return step.subject.creator_id is None


def for_rep(step: Step) -> bool:
    """A rep answers for all stores and did not ask for it."""
    return bool(approving_reps(step))


def for_manager(step: Step) -> bool:
    """One region, and its manager did not ask for it."""
    return bool(approving_managers(step))


def needs_manager(step: Step) -> bool:
    """Worth more than a rep may approve alone, and a manager is there to ask."""
    limit = step.house.limits.manager_above_yuan * FEN
    return step.subject.scope_fen > limit and bool(approving_managers(step))


def needs_boss(step: Step) -> bool:
    """Worth more than a manager may approve alone, or more than a rep may where no manager is.

    A boss who asked for it has said yes already.
    """
    limits = step.house.limits
    fen = step.subject.scope_fen
    too_much = fen > limits.boss_above_yuan * FEN
    nobody_between = not approving_managers(step) and fen > limits.manager_above_yuan * FEN
    return (too_much or nobody_between) and not boss(step) and not asked_by_boss(step)


def no_open_task(step: Step) -> bool:
    """Every store is done."""
    return step.subject.open_tasks <= 0 and step.subject.issued_at is not None


def close_criteria_met(step: Step) -> bool:
    """Nothing unaccounted for, every hand-over inspected, every difference cleared."""
    return not open_points(step)


def second_waiver(step: Step) -> bool:
    """Somebody else has signed the waiver already."""
    signed = {waiver["person_id"] for waiver in step.subject.waivers}
    return bool(signed - {step.actor.person_id})


def open_points(step: Step) -> list[str]:
    """What still keeps a campaign from closing, in Chinese."""
    campaign: Campaign = step.subject
    left = _count(
        step,
        select(func.coalesce(func.sum(TaskLine.outstanding), 0))
        .join(RecallTask)
        .where(RecallTask.campaign_id == campaign.id),
    )
    over = (HandoverState.INSPECTED, HandoverState.VOID)
    driving = _count(
        step,
        select(func.count(Handover.id))
        .join(RecallTask)
        .where(RecallTask.campaign_id == campaign.id, Handover.state.not_in(over)),
    )
    differing = _count(
        step,
        select(func.count(Discrepancy.id))
        .join(Handover)
        .join(RecallTask)
        .where(RecallTask.campaign_id == campaign.id, Discrepancy.state == DiscrepancyState.OPEN),
    )
    points = [(left, "瓶没有着落"), (driving, "张交接单没有验收"), (differing, "个差异没有处理")]
    return [f"{number} {what}" for number, what in points if number]


# What


def sign_off(step: Step) -> None:
    """Keep who approved what they saw; a changed scope has to be seen again."""
    campaign: Campaign = step.subject
    seen = step.data.get("seen_hash", campaign.seen_hash)
    if seen != campaign.seen_hash:
        raise InvalidInput("回收范围在您打开之后改过，请看过新的内容再同意。")
    step.facts["seen_hash"] = campaign.seen_hash
    campaign.approvals = [
        *campaign.approvals,
        {
            "person_id": step.actor.person_id,
            "name": step.actor.name,
            "at": step.now.isoformat(),
            "seen_hash": campaign.seen_hash,
        },
    ]
    close_cards(step, flow_name(campaign), _status(step, "approved"))


def change_scope(step: Step) -> None:
    """Ask for `bottles` in all, oldest first; whoever approves sees the new scope."""
    campaign: Campaign = step.subject
    bottles = step.data.get("bottles")
    if not isinstance(bottles, int) or bottles <= 0:
        raise InvalidInput(f"请写明总瓶数，例如：改 {campaign.number} 20瓶。")
    campaign.quantity = bottles
    found = scope.find(step.session, scope.ask_of(campaign))
    if not found.lines:
        raise InvalidInput("现在没有门店还有这些货，范围没有改。")
    scope.freeze(step.session, campaign, found)
    step.facts["bottles"] = found.bottles
    close_cards(step, flow_name(campaign), _status(step, "changed"))


def withdraw_cards(step: Step) -> None:
    """The request is taken back before anybody decided."""
    close_cards(step, flow_name(step.subject), _status(step, "withdrawn"))


def note_rejection(step: Step) -> None:
    """Why it was rejected stays in the history; the card says by whom."""
    if not str(step.data.get("reason", "")).strip():
        raise InvalidInput(f"驳回要写明原因，例如：驳回 {step.subject.number} 数量不对。")
    close_cards(step, flow_name(step.subject), _status(step, "rejected"))


def note_abort(step: Step) -> None:
    """Why it was aborted stays in the history."""
    if not str(step.data.get("reason", "")).strip():
        raise InvalidInput("中止要写明原因，例如：中止 R12 厂家取消政策。")


def stop_tasks(step: Step) -> None:
    """Ask for nothing more: every open task lets its rest go; what is on the way still arrives."""
    query = select(RecallTask).where(
        RecallTask.campaign_id == step.subject.id,
        RecallTask.state.not_in([TaskState.CLOSED, TaskState.CANCELLED, TaskState.WINDING_DOWN]),
    )
    for task in step.session.scalars(query).all():
        FLOWS[flow_name(task)].fire(step_for(step, task, SYSTEM, reason=step.data["reason"]), "stop")


def release_holds(step: Step) -> None:
    """The lots may be sold again, unless a food-safety recall named them."""
    step.session.execute(
        update(Hold)
        .where(Hold.campaign_id == step.subject.id, Hold.final.is_(False), Hold.released_at.is_(None))
        .values(released_at=step.now)
    )


def close_books(step: Step) -> None:
    """The end: holds are released, cards closed, the groups hear of it."""
    campaign: Campaign = step.subject
    campaign.closed_at = step.now
    release_holds(step)
    close_cards(step, flow_name(campaign), _status(step, "closed"))
    facts = campaign_facts(step)
    sums = _sums(step, campaign)
    tell_groups(step, flow_name(campaign), regions_of(step), worded(campaign, "announce_close"), **facts, **sums)


def sign_waiver(step: Step) -> None:
    """One more person takes responsibility for what is not accounted for."""
    if not str(step.data.get("reason", "")).strip():
        raise InvalidInput("放行结案要写明原因，例如：放行 R12 三瓶查无下落，损失已报。")
    campaign: Campaign = step.subject
    if any(w["person_id"] == step.actor.person_id for w in campaign.waivers):
        raise InvalidInput("您已经签过字了，还要另一位负责人签字。")
    signed = {"person_id": step.actor.person_id, "name": step.actor.name, "reason": step.data["reason"]}
    campaign.waivers = [*campaign.waivers, {**signed, "at": step.now.isoformat()}]
    step.facts["open_points"] = open_points(step)


# Telling


def ask_rep(step: Step) -> None:
    """An approval card for the stores' rep."""
    _ask(step, approving_reps(step))


def ask_manager(step: Step) -> None:
    """An approval card for the region's manager."""
    _ask(step, approving_managers(step))


def ask_boss(step: Step) -> None:
    """An approval card for the boss."""
    _ask(step, others(step, people_with(step.session, Role.BOSS, business_day(step.now))))


def remind_approver(step: Step) -> None:
    """The card has been lying there."""
    people = {"at_rep": approving_reps, "at_manager": approving_managers}.get(step.subject.state.value)
    who = people(step) if people else people_with(step.session, Role.BOSS, business_day(step.now))
    _tell(step, who, "remind_approver", page="approve")


def announce_start(step: Step) -> None:
    """The group hears that stores are being asked; the live card follows the progress. No prices."""
    campaign: Campaign = step.subject
    facts = {**campaign_facts(step), **_sums(step, campaign)}
    link = f"{step.house.public_url}/desk/recalls/{campaign.id}"
    text = worded(campaign, "campaign_card")
    tell_groups(step, flow_name(campaign), regions_of(step), text, link=link, **facts)


def tell_creator_rejected(step: Step) -> None:
    """Who asked hears why not; the draft can be changed and submitted again."""
    _tell(step, creators(step), "tell_creator_rejected", why_not=str(step.data["reason"]), who=step.actor.name)


def tell_creator_cancelled(step: Step) -> None:
    """Who asked hears that it is off."""
    _tell(step, creators(step), "tell_creator_cancelled", who=step.actor.name)


def tell_aborted(step: Step) -> None:
    """The group hears that no more goods are asked for."""
    close_cards(step, flow_name(step.subject), _status(step, "aborted"))
    why = str(step.data["reason"])
    facts = {**campaign_facts(step), "why_not": why, "who": step.actor.name}
    tell_groups(step, flow_name(step.subject), regions_of(step), worded(step.subject, "announce_abort"), **facts)


def tell_waiting_for_close(step: Step) -> None:
    """All stores are done, but something keeps the file open."""
    managers = approving_managers(step) or people_with(step.session, Role.BOSS, business_day(step.now))
    _tell(step, managers, "tell_waiting_for_close", points="，".join(open_points(step)))


def campaign_facts(step: Step) -> dict[str, Any]:
    """What texts about a campaign may say."""
    campaign: Campaign = step.subject
    person = step.session.get(Person, campaign.creator_id) if campaign.creator_id else None
    return {
        "number": campaign.number,
        "product": campaign.product.name,
        "spec": campaign.product.spec,
        "case_size": campaign.product.case_size,
        "batches": "、".join(campaign.batches) or "全部批次",
        "bottles": campaign.scope_bottles,
        "stores": campaign.scope_stores,
        "value_fen": campaign.scope_fen,
        "reason_label": step.house.texts.label("reason", campaign.reason.value),
        "why": campaign.reason_text,
        "deadline": campaign.deadline,
        "creator": person.name if person else "库存预警",
        "legal_class": campaign.legal_class or "",
    }


def _ask(step: Step, people: list[Person]) -> None:
    if not people:
        raise InvalidInput("今天没有能审批的人，请先在人员表里登记审批人。")
    shown = _first_lines(step)
    _tell(step, people, "ask_approver", page="approve", shown=shown)


def _first_lines(step: Step) -> str:
    campaign: Campaign = step.subject
    query = (
        select(Store.name, func.sum(ScopeLine.bottles))
        .join(ScopeLine, ScopeLine.store_id == Store.id)
        .where(ScopeLine.campaign_id == campaign.id, ScopeLine.scope_version == campaign.scope_version)
        .group_by(Store.id, Store.name)
        .order_by(func.sum(ScopeLine.bottles).desc(), Store.id)
        .limit(3)
    )
    names = [f"{name} {bottles} 瓶" for name, bottles in step.session.execute(query)]
    more = f"等 {campaign.scope_stores} 家" if campaign.scope_stores > len(names) else ""
    return "，".join(names) + more


def _tell(step: Step, people: list[Person], name: str, **more: Any) -> None:
    text = worded(step.subject, name)
    tell(step, flow_name(step.subject), people, text, **campaign_facts(step), **more)


def _status(step: Step, name: str) -> str:
    return step.house.texts.sentence(f"status_{name}", who=step.actor.name, at=step.now, answer="")


def _sums(step: Step, campaign: Campaign) -> dict[str, int]:
    query = (
        select(
            func.coalesce(func.sum(TaskLine.scoped), 0),
            func.coalesce(func.sum(TaskLine.accepted + TaskLine.rejected), 0),
            func.coalesce(func.sum(TaskLine.outstanding), 0),
        )
        .join(RecallTask)
        .where(RecallTask.campaign_id == campaign.id)
    )
    scoped, done, left = step.session.execute(query).one()
    return {"scoped": int(scoped), "done": int(done), "left": int(left)}


def _count(step: Step, query: Any) -> int:
    return int(step.session.scalar(query) or 0)
