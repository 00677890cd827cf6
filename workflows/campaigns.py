"""Starting a campaign: looking (`simulate`), drafting, and naming the open one that already asks for it."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog import Product, Store
from models.recall import Campaign, CampaignState, LegalKind, Reason, ScopeLine
from models.warning import StockWarning
from rules.warning_rules import Metric
from workflows import scope
from workflows.acting import SYSTEM, Actor, business_day
from workflows.flow import FLOWS, Step
from workflows.house import House
from workflows.refusals import InvalidInput
from workflows.subjects import flow_name

OVER = (CampaignState.CLOSED, CampaignState.CANCELLED, CampaignState.ABORTED)


@dataclass(frozen=True)
class Request:
    """What somebody wants brought back; `ask` says the goods, the rest why and until when.

    `source` is warning, chat, cli or store. `legal_class` (1-3) goes with food safety only.
    """

    ask: scope.Ask
    reason: Reason
    deadline: date
    source: str
    reason_text: str = ""
    kind: LegalKind = LegalKind.COMMERCIAL
    legal_class: int | None = None
    warning_id: int | None = None


def simulate(session: Session, ask: scope.Ask) -> scope.Scope:
    """Who holds what, what it is worth, and what could still be outside; changes nothing."""
    return scope.find(session, ask)


def start(session: Session, house: House, request: Request, actor: Actor, now: datetime) -> Campaign:
    """Draft the campaign and submit it for approval (food safety: hold the goods at once).

    Raises InvalidInput with a sentence: nothing to bring back, a duplicate, a wrong date or word.
    """
    campaign = draft(session, house, request, actor, now)
    flow = FLOWS[flow_name(campaign)]
    submitter = SYSTEM if campaign.creator_id is None else actor
    event = "hold" if campaign.kind is LegalKind.FOOD_SAFETY else "submit"
    flow.fire(Step(session, house, campaign, submitter, now, {"reason": request.reason_text}), event)
    return campaign


def draft(session: Session, house: House, request: Request, actor: Actor, now: datetime) -> Campaign:
    """Write a draft with its frozen scope."""
    _check(request, now)
    found = scope.find(session, request.ask)
    _refuse_duplicate(session, request, found)
    if not found.lines:
        raise InvalidInput("没有查到哪家门店还有这些货，没有建回收单。请核对商品、批次和门店。")
    campaign = Campaign(
        kind=request.kind,
        legal_class=request.legal_class,
        product_id=request.ask.product_id,
        product=session.get_one(Product, request.ask.product_id),
        batches=list(request.ask.batches),
        quantity=request.ask.quantity,
        region=request.ask.region,
        store_codes=list(request.ask.store_codes),
        reason=request.reason,
        reason_text=request.reason_text.strip(),
        deadline=request.deadline,
        source=request.source,
        creator_id=None if request.source == "warning" else actor.person_id,
        created_at=now,
        known_at=now if request.kind is LegalKind.FOOD_SAFETY else None,
        warning_id=request.warning_id,
        approvals=[],
        waivers=[],
    )
    step = Step(session, house, campaign, actor, now)
    step.facts = {"source": request.source, "asked_by": actor.name}
    FLOWS[flow_name(campaign)].start_at(step)
    scope.freeze(session, campaign, found)
    return campaign


def start_from_warning(
    session: Session, house: House, warning: StockWarning, actor: Actor, deadline: date, now: datetime
) -> Campaign:
    """One tap: the warning's goods in its store, asked for by the system's own finding."""
    near = warning.figures.get("metric") == Metric.REMAINING_LIFE
    ask = scope.Ask(warning.product_id, _batch_of(warning), store_codes=(warning.store.code,))
    request = Request(
        ask=ask,
        reason=Reason.NEAR_EXPIRY if near else Reason.SLOW,
        reason_text=f"库存预警 W{warning.id}",
        deadline=deadline,
        source="warning",
        warning_id=warning.id,
    )
    return start(session, house, request, actor, now)


def find_open_duplicate(session: Session, request: Request, found: scope.Scope) -> Campaign | None:
    """An open campaign of the same kind that already asks one of these stores for one of these lots."""
    query = select(Campaign).where(
        Campaign.product_id == request.ask.product_id,
        Campaign.kind == request.kind,
        Campaign.state.not_in(OVER),
    )
    for campaign in session.scalars(query.order_by(Campaign.id)):
        batches = set(campaign.batches)
        if batches and request.ask.batches and not batches & set(request.ask.batches):
            continue
        if _overlaps(session, campaign, request.ask, found):
            return campaign
    return None


def _check(request: Request, now: datetime) -> None:
    if request.deadline < business_day(now):
        raise InvalidInput("回收期限不能早于今天，例如：11 月 30 日前。")
    if request.kind is LegalKind.COMMERCIAL and "召回" in request.reason_text:
        raise InvalidInput("商业回收不能写“召回”二字；如果是食品安全问题，请走食品安全召回。")
    if request.kind is LegalKind.FOOD_SAFETY and request.legal_class not in {1, 2, 3}:
        raise InvalidInput("食品安全召回要写明级别：一级、二级或三级。")
    if request.ask.quantity is not None and request.ask.quantity <= 0:
        raise InvalidInput("回收数量要大于 0 瓶。")


def _refuse_duplicate(session: Session, request: Request, found: scope.Scope) -> None:
    same = find_open_duplicate(session, request, found)
    if same is not None:
        label = same.product.name
        raise InvalidInput(f"{same.number}（{label}，期限 {same.deadline:%m-%d}）正在回收同样的货，没有重复建单。")


def _overlaps(session: Session, campaign: Campaign, ask: scope.Ask, found: scope.Scope) -> bool:
    query = (
        select(ScopeLine.store_id, Store.code, Store.region)
        .join(Store, Store.id == ScopeLine.store_id)
        .where(ScopeLine.campaign_id == campaign.id, ScopeLine.scope_version == campaign.scope_version)
        .distinct()
    )
    asked = {line.store_id for line in found.lines}
    for store_id, code, region in session.execute(query):
        named = not ask.store_codes or code in ask.store_codes
        in_region = not ask.region or region == ask.region
        # Goods already reserved are not found again, so the words of the request count too.
        if store_id in asked or (named and in_region and not found.lines):
            return True
    return False


def _batch_of(warning: StockWarning) -> tuple[str, ...]:
    batch = str(warning.figures.get("batch", ""))
    return (batch,) if warning.lot_id and batch else ()
