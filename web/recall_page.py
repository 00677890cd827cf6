"""What the desk's page of one campaign shows: progress per store and in sum, history, papers."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog import Store
from models.engine import History
from models.recall import Campaign, Document
from web.desk_queries import PAGE, Slice, cut, documents_of_campaign, history_of, name_of
from web.sight import Sight
from workflows.progress import StoreProgress, Totals, progress
from workflows.subjects import flow_name

SHOWN_STEPS = 100
BAR_WIDTH = 420  # units of the drawing a full bar is wide


@dataclass(frozen=True)
class Bar:
    """One stage of the drawing: its name, its bottles, how wide its bar is."""

    name: str
    bottles: int
    width: int


@dataclass(frozen=True)
class RecallPage:
    """Everything the template needs."""

    slice: Slice[StoreProgress]
    totals: Totals
    bars: tuple[Bar, ...]
    history: list[History]
    documents: list[Document]
    creator: str


def recall_page(session: Session, campaign: Campaign, sight: Sight, page: int) -> RecallPage:
    """The page for somebody who may see these stores; sums count only those stores."""
    found, totals = _figures(session, campaign, sight, page)
    papers = documents_of_campaign(session, campaign.id) if sight.everything else []
    return RecallPage(
        found,
        totals,
        bars_of(totals),
        history_of(session, [flow_name(campaign)], campaign.id, SHOWN_STEPS),
        papers,
        name_of(session, campaign.creator_id),
    )


def _figures(session: Session, campaign: Campaign, sight: Sight, page: int) -> tuple[Slice[StoreProgress], Totals]:
    if not sight.everything:
        codes = set(session.scalars(select(Store.code).where(sight.stores())))
        rows = [row for row in progress(session, campaign.id).rows if row.store_code in codes]
        return cut(rows, page), totals_of(rows)
    shown = progress(session, campaign.id, offset=(max(1, page) - 1) * PAGE, limit=PAGE)
    return Slice(shown.rows, shown.totals.stores, max(1, page)), shown.totals


def totals_of(rows: Sequence[StoreProgress]) -> Totals:
    """The sums over some stores."""
    bottles = {f.name for f in fields(Totals)} & {f.name for f in fields(StoreProgress)}
    return Totals(
        stores=len(rows),
        done=sum(row.state in {"closed", "cancelled"} for row in rows),
        **{name: sum(getattr(row, name) for row in rows) for name in sorted(bottles)},
    )


def bars_of(totals: Totals) -> tuple[Bar, ...]:
    """The stages of the way back as bars, against everything asked for."""
    stages = (
        ("应退", totals.scoped),
        ("门店答应", totals.declared),
        ("已交接", totals.handed_over),
        ("在途", totals.in_transit),
        ("已入库", totals.received),
        ("已验收", totals.accepted),
        ("已卖出", totals.sold_before),
        ("未了结", totals.outstanding),
    )
    most = max(1, *(bottles for _, bottles in stages))
    return tuple(Bar(name, bottles, round(BAR_WIDTH * bottles / most)) for name, bottles in stages)
