"""SELECTs behind the desk. Nothing here changes anything. `sight` narrows to what somebody may see."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import Session

from models.catalog import Product, Store
from models.engine import Attempt, Channel, History, Outbox
from models.people import Person
from models.recall import (
    Campaign,
    CampaignState,
    Discrepancy,
    DiscrepancyState,
    Document,
    DocumentKind,
    Handover,
    RecallTask,
    ScopeLine,
    TaskState,
)
from models.stock import ChannelStock
from models.warning import StockWarning, WarningState
from web.sight import Sight
from workflows.acting import SYSTEM

PAGE = 50  # rows on one page
SHORT = 12  # rows of a list on the overview
OVER = (CampaignState.CLOSED, CampaignState.CANCELLED, CampaignState.ABORTED)
DONE = (TaskState.CLOSED, TaskState.CANCELLED)

Row = TypeVar("Row")


@dataclass(frozen=True)
class Slice(Generic[Row]):
    """One page of rows out of `total`; pages count from 1."""

    rows: list[Row]
    total: int
    page: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // PAGE))


@dataclass(frozen=True)
class Quota:
    """How much of a channel's budget its last period used."""

    name: str
    used: int
    allowed: int
    period_seconds: int


def page_of(session: Session, query: Select[Any], page: int) -> Slice[Any]:
    """One page of an ordered query of one entity."""
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    page = min(max(1, page), max(1, -(-total // PAGE)))
    rows = list(session.scalars(query.limit(PAGE).offset((page - 1) * PAGE)))
    return Slice(rows, total, page)


def cut(rows: list[Row], page: int) -> Slice[Row]:
    """One page of rows that are in memory already."""
    page = min(max(1, page), max(1, -(-len(rows) // PAGE)))
    return Slice(rows[(page - 1) * PAGE : page * PAGE], len(rows), page)


def campaigns(sight: Sight, *, only_open: bool = False) -> Select[Any]:
    """Campaigns, the latest first."""
    query = select(Campaign).order_by(Campaign.id.desc())
    if only_open:
        query = query.where(Campaign.state.not_in(OVER))
    if not sight.everything:
        query = query.where(or_(Campaign.region.in_(sight.regions), _asks_in(sight)))
    return query


def _asks_in(sight: Sight) -> ColumnElement[bool]:
    asked = select(ScopeLine.store_id).join(Store, Store.id == ScopeLine.store_id)
    return exists(asked.where(ScopeLine.campaign_id == Campaign.id, sight.stores()))


def sees_campaign(session: Session, sight: Sight, campaign_id: int) -> bool:
    """Whether somebody may see the campaign."""
    mine = campaigns(sight).where(Campaign.id == campaign_id).order_by(None)
    return session.scalar(mine) is not None


def overdue_tasks(sight: Sight) -> Select[Any]:
    """Tasks past their time that are not done, the oldest deadline first."""
    return (
        select(RecallTask)
        .join(Store, Store.id == RecallTask.store_id)
        .where(RecallTask.overdue.is_(True), RecallTask.state.not_in(DONE), sight.stores())
        .order_by(RecallTask.deadline, RecallTask.id)
    )


def open_discrepancies(sight: Sight) -> Select[Any]:
    """Differences nobody has settled, the most urgent first."""
    return (
        select(Discrepancy)
        .join(Handover, Handover.id == Discrepancy.handover_id)
        .join(RecallTask, RecallTask.id == Handover.task_id)
        .join(Store, Store.id == RecallTask.store_id)
        .where(Discrepancy.state == DiscrepancyState.OPEN, sight.stores())
        .order_by(Discrepancy.due_at)
    )


def warnings_firing(sight: Sight) -> Select[Any]:
    """Warnings that wait for somebody, the worst first."""
    return (
        select(StockWarning)
        .join(Store, Store.id == StockWarning.store_id)
        .where(StockWarning.state == WarningState.FIRING, sight.stores())
        .order_by(StockWarning.level.desc(), StockWarning.bottles.desc(), StockWarning.id)
    )


def dead_letters() -> Select[Any]:
    """Letters no platform took, the latest first."""
    return select(Outbox).where(Outbox.dead.is_(True)).order_by(Outbox.id.desc())


def count(session: Session, query: Select[Any]) -> int:
    """How many rows a query has."""
    return session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0


def quotas(session: Session, now: datetime) -> list[Quota]:
    """What each channel used of its budget in its last period."""
    channels = list(session.scalars(select(Channel).order_by(Channel.name)))
    return [Quota(c.name, _used(session, c, now), c.allowed, c.period_seconds) for c in channels]


def _used(session: Session, channel: Channel, now: datetime) -> int:
    since = now - timedelta(seconds=channel.period_seconds)
    query = select(func.count()).where(Attempt.channel == channel.name, Attempt.finished_at > since)
    return session.scalar(query) or 0


def history_of(session: Session, flows: Iterable[str], subject_id: int, most: int) -> list[History]:
    """The last steps of one object, the latest first."""
    query = (
        select(History)
        .where(History.flow.in_(list(flows)), History.subject_id == subject_id)
        .order_by(History.id.desc())
        .limit(most)
    )
    return list(session.scalars(query))


def stores_like(sight: Sight, words: str) -> Select[Any]:
    """Stores whose name or code has the words, by code."""
    query = select(Store).where(sight.stores()).order_by(Store.code)
    if words:
        like = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        query = query.where(or_(Store.name.like(like, escape="\\"), Store.code.like(like, escape="\\")))
    return query


def stock_of(session: Session, store_id: int) -> list[tuple[ChannelStock, Product]]:
    """What a store is believed to hold, the oldest first."""
    query = (
        select(ChannelStock, Product)
        .join(Product, Product.id == ChannelStock.product_id)
        .where(ChannelStock.store_id == store_id, ChannelStock.bottles > 0)
        .order_by(ChannelStock.received_on, Product.name)
        .limit(200)
    )
    return list(session.execute(query))


def tasks_of(session: Session, store_id: int, *, only_open: bool = False) -> list[RecallTask]:
    """A store's tasks, the latest first."""
    query = select(RecallTask).where(RecallTask.store_id == store_id)
    if only_open:
        query = query.where(RecallTask.state.not_in(DONE))
    return list(session.scalars(query.order_by(RecallTask.id.desc()).limit(100)))


def documents_of_campaign(session: Session, campaign_id: int) -> list[Document]:
    """Papers of a campaign's tasks and hand-overs, the latest first."""
    tasks = select(RecallTask.id).where(RecallTask.campaign_id == campaign_id)
    handovers = select(Handover.id).where(Handover.task_id.in_(tasks))
    visits = (DocumentKind.HANDOVER, DocumentKind.RECEIPT)
    query = select(Document).where(
        or_(
            (Document.kind == DocumentKind.ORDER) & Document.subject_id.in_(tasks),
            Document.kind.in_(visits) & Document.subject_id.in_(handovers),
        )
    )
    return list(session.scalars(query.order_by(Document.issued_at.desc()).limit(100)))


def history_rows(session: Session) -> int:
    """How many steps the history has."""
    return session.scalar(select(func.count()).select_from(History)) or 0


def name_of(session: Session, person_id: int | None) -> str:
    """A person's name; the system where nobody is named."""
    return session.get_one(Person, person_id).name if person_id else SYSTEM.name
