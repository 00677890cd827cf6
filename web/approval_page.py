"""The approver's page of a campaign: facts, scope per store, agree, refuse or change the quantity."""

from flask import abort, render_template

from models.recall import Campaign
from texts.render import goods
from web.desk_queries import name_of
from web.scope_queries import hash_of, scope_of
from web.visits import Purpose, Verb, Visit, number_in, seen_version, words_in
from workflows.refusals import InvalidInput
from workflows.scope import ask_of, find

#: Events of the campaign the page offers when the flow lets this person fire them.
STEPS_WITH_REASON = {
    "reject": "已驳回，原因会发给申请人。",
    "abort": "已中止，在途的货照常到仓。",
    "close_with_waiver": "已签字放行，原因已留档。",
    "lift": "已解除停售，这次召回已撤销。",
}
PLAIN_STEPS = {
    "submit": "已提交审批。",
    "approve": "已同意，任务会马上发给门店。",
    "ratify": "已追认，召回任务会马上发给门店。",
    "withdraw": "已撤回，可以修改后再提交。",
    "cancel": "已撤销。",
}


def show(visit: Visit) -> str:
    """The page as the campaign stands now."""
    campaign = campaign_of(visit)
    scope = scope_of(visit.session, campaign)
    return render_template(
        "approval.html",
        visit=visit,
        campaign=campaign,
        scope=scope,
        found=find(visit.session, ask_of(campaign)),
        shown=hash_of(campaign, scope),
        may=visit.may(campaign),
        creator=name_of(visit.session, campaign.creator_id),
    )


def campaign_of(visit: Visit) -> Campaign:
    """The campaign behind the link; 404 when there is none."""
    campaign = visit.session.get(Campaign, visit.link.subject_id)
    if campaign is None:
        abort(404)
    return campaign


def _decide(visit: Visit, event: str, data: dict[str, object] | None = None) -> None:
    """Fire an event with the hash of what was seen; refuse when the page showed something else."""
    campaign = campaign_of(visit)
    seen = words_in("shown", most=64)
    # An older version is the flow's to refuse: it also knows who decided in between.
    if seen_version() in {None, campaign.version} and seen != hash_of(campaign, scope_of(visit.session, campaign)):
        raise InvalidInput("内容刚刚变了，下面是最新的，请看过再决定。")
    visit.fire(campaign, event, {"seen_hash": campaign.seen_hash, **(data or {})})


def plain_step(event: str, said: str) -> tuple[str, Verb]:
    """A verb that fires an event as it is."""

    def verb(visit: Visit) -> str:
        _decide(visit, event)
        return said

    return event, verb


def step_with_reason(event: str, said: str) -> tuple[str, Verb]:
    """A verb that fires an event with the reason somebody must give."""

    def verb(visit: Visit) -> str:
        reason = words_in("reason")
        if not reason:
            raise InvalidInput("请写原因，例如：数量太大，先退一半。")
        _decide(visit, event, {"reason": reason})
        return said

    return event, verb


def change_quantity(visit: Visit) -> str:
    """Ask for fewer bottles in all."""
    campaign = campaign_of(visit)
    case_size = campaign.product.case_size
    bottles = number_in("cases", default=0) * case_size + number_in("bottles", default=0)
    if not bottles:
        raise InvalidInput("请填新的总数量，例如 20 箱。")
    _decide(visit, "change_quantity", {"bottles": bottles})
    return f"数量已改为 {goods(bottles, case_size)}，范围已重新计算，请再看一遍后决定。"


PURPOSE = Purpose(
    show,
    {
        "change_quantity": change_quantity,
        **dict(plain_step(event, said) for event, said in PLAIN_STEPS.items()),
        **dict(step_with_reason(event, said) for event, said in STEPS_WITH_REASON.items()),
    },
)
