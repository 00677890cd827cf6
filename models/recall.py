"""Take-back and recall: campaign, store tasks, hand-overs, discrepancies, documents."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base
from models.catalog import Lot, Product, Store
from models.engine import Flowing


class LegalKind(StrEnum):
    """The two legal kinds; they never mix."""

    COMMERCIAL = "commercial"  #: 商业回收
    FOOD_SAFETY = "food_safety"  #: 食品安全召回


class Reason(StrEnum):
    """Why goods come back."""

    NEAR_EXPIRY = "near_expiry"  #: 临期
    SLOW = "slow"  #: 滞销
    DAMAGED = "damaged"  #: 包装破损
    COMPLAINT = "complaint"  #: 客诉
    UPGRADE = "upgrade"  #: 换代
    SAFETY = "safety"  #: 食品安全
    OTHER = "other"  #: 其他


class CampaignState(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"  #: 草稿
    AT_REP = "at_rep"  #: 等业务员审批
    AT_MANAGER = "at_manager"  #: 等区域经理审批
    AT_BOSS = "at_boss"  #: 等老板审批
    HOLDING = "holding"  #: 已紧急停售，等追认
    RUNNING = "running"  #: 执行中
    CHECKING = "checking"  #: 门店都了结，等结案
    WINDING_DOWN = "winding_down"  #: 已中止，等在途货物到仓
    CLOSED = "closed"  #: 已结案
    CANCELLED = "cancelled"  #: 已撤销
    ABORTED = "aborted"  #: 已中止


class TaskState(StrEnum):
    """Where a store's task stands. Quantities are counters, not states."""

    ASKED = "asked"  #: 等门店答复
    COLLECTING = "collecting"  #: 门店同意，等交接
    SOLD_OUT = "sold_out"  #: 门店说卖完了，等核实
    REFUSED = "refused"  #: 门店不退，等经理处理
    TROUBLED = "troubled"  #: 门店有问题，等业务员处理
    WINDING_DOWN = "winding_down"  #: 已中止，等在途货物到仓
    CLOSED = "closed"  #: 已了结
    CANCELLED = "cancelled"  #: 已撤销


class HandoverState(StrEnum):
    """Where the goods of one hand-over are."""

    SCANNING = "scanning"  #: 门口清点
    IN_TRANSIT = "in_transit"  #: 在途
    ARRIVED = "arrived"  #: 已到仓
    RECEIVED = "received"  #: 已清点入库，等验收
    INSPECTED = "inspected"  #: 已验收
    VOID = "void"  #: 作废


class DiscrepancyKind(StrEnum):
    """How count and paper differ."""

    SHORT = "short"  #: 少货
    OVER = "over"  #: 多货
    WRONG_PRODUCT = "wrong_product"  #: 品种不符
    WRONG_BATCH = "wrong_batch"  #: 批次不符
    DAMAGED = "damaged"  #: 破损
    OPENED = "opened"  #: 已开封
    FOREIGN = "foreign"  #: 外来货


class DiscrepancyState(StrEnum):
    """Where a discrepancy stands."""

    OPEN = "open"  #: 待处理
    FOUND = "found"  #: 已找回
    LOST = "lost"  #: 认定丢失
    ACCEPTED = "accepted"  #: 多货收下
    GIVEN_BACK = "given_back"  #: 多货退还门店


class Grade(StrEnum):
    """Result of inspection."""

    A = "A"  #: 完好可再利用
    B = "B"  #: 外箱破损
    C = "C"  #: 瓶标瓶盖瑕疵
    D = "D"  #: 渗漏、低液位或已开封
    X = "X"  #: 外来、假冒或食品安全


class Campaign(Flowing, Base):
    """One decision to bring goods back, fanned out to stores.

    `creator_id` is empty when a warning asked for it: then the system is the requester.

    `batches` empty means every batch of the product. `quantity` caps the bottles asked for in
    all, empty means all. `regions` and `store_codes` narrow the stores. `seen_hash` is the hash of
    the scope an approver saw. `known_at` starts the legal clock of a food-safety recall.
    """

    __tablename__ = "campaign"
    __table_args__ = (Index(None, "product_id", "state"),)

    kind: Mapped[LegalKind] = mapped_column(default=LegalKind.COMMERCIAL)
    state: Mapped[CampaignState] = mapped_column(default=CampaignState.DRAFT)
    legal_class: Mapped[int | None]
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    batches: Mapped[list[Any]] = mapped_column(default=list)
    quantity: Mapped[int | None]
    region: Mapped[str] = mapped_column(default="")
    store_codes: Mapped[list[Any]] = mapped_column(default=list)
    reason: Mapped[Reason]
    reason_text: Mapped[str] = mapped_column(Text, default="")
    deadline: Mapped[date]
    source: Mapped[str] = mapped_column(String(16))
    creator_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime]
    issued_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    known_at: Mapped[datetime | None]
    scope_version: Mapped[int] = mapped_column(default=0)
    scope_bottles: Mapped[int] = mapped_column(default=0)
    scope_stores: Mapped[int] = mapped_column(default=0)
    scope_fen: Mapped[int] = mapped_column(default=0)
    seen_hash: Mapped[str] = mapped_column(String(64), default="")
    approvals: Mapped[list[Any]] = mapped_column(default=list)
    waivers: Mapped[list[Any]] = mapped_column(default=list)
    open_tasks: Mapped[int] = mapped_column(default=0)
    warning_id: Mapped[int | None] = mapped_column(ForeignKey("warning.id"))
    product: Mapped[Product] = relationship(lazy="joined", innerjoin=True)

    @property
    def number(self) -> str:
        """The short number people type in chats, e.g. R12."""
        return f"R{self.id}"


class ScopeLine(Base):
    """What the campaign asks of one store and lot, as shown to the approver."""

    __tablename__ = "scope_line"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    scope_version: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"), primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"), primary_key=True)
    bottles: Mapped[int]


class RecallTask(Flowing, Base):
    """What one store has to do for one campaign. `promised_on` is the day the store named."""

    __tablename__ = "recall_task"
    __table_args__ = (UniqueConstraint("campaign_id", "store_id"), Index(None, "store_id", "state"))

    state: Mapped[TaskState] = mapped_column(default=TaskState.ASKED)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    deadline: Mapped[date]
    promised_on: Mapped[date | None]
    overdue: Mapped[bool] = mapped_column(default=False)
    notified_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(String(32), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    campaign: Mapped[Campaign] = relationship(lazy="joined", innerjoin=True)
    store: Mapped[Store] = relationship(lazy="joined", innerjoin=True)
    lines: Mapped[list["TaskLine"]] = relationship(back_populates="task", lazy="selectin", order_by="TaskLine.id")


class TaskLine(Base):
    """The quantity vector of one lot in one task, in bottles.

    The database itself checks
    `scoped = accepted + rejected + destroyed_on_site + sold_before + transferred_out + lost + waived + outstanding`.
    `declared`, `handed_over` and `received` count on the way and are no part of the sum.
    """

    __tablename__ = "task_line"
    __table_args__ = (
        UniqueConstraint("task_id", "lot_id"),
        CheckConstraint(
            "scoped = accepted + rejected + destroyed_on_site + sold_before + transferred_out"
            " + lost + waived + outstanding",
            name="vector_adds_up",
        ),
        CheckConstraint(
            "accepted >= 0 AND rejected >= 0 AND destroyed_on_site >= 0 AND sold_before >= 0"
            " AND transferred_out >= 0 AND lost >= 0 AND waived >= 0 AND outstanding >= 0",
            name="vector_not_negative",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("recall_task.id"))
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    scoped: Mapped[int]
    declared: Mapped[int] = mapped_column(default=0)
    handed_over: Mapped[int] = mapped_column(default=0)
    received: Mapped[int] = mapped_column(default=0)
    accepted: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    destroyed_on_site: Mapped[int] = mapped_column(default=0)
    sold_before: Mapped[int] = mapped_column(default=0)
    transferred_out: Mapped[int] = mapped_column(default=0)
    lost: Mapped[int] = mapped_column(default=0)
    waived: Mapped[int] = mapped_column(default=0)
    outstanding: Mapped[int]
    task: Mapped[RecallTask] = relationship(back_populates="lines")
    lot: Mapped[Lot] = relationship(lazy="joined", innerjoin=True)


class Handover(Flowing, Base):
    """One visit at the door: goods counted, signed by both, driven to the warehouse."""

    __tablename__ = "handover"
    __table_args__ = (Index(None, "task_id", "state"),)

    state: Mapped[HandoverState] = mapped_column(default=HandoverState.SCANNING)
    task_id: Mapped[int] = mapped_column(ForeignKey("recall_task.id"))
    taker_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    giver_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    keeper_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    opened_at: Mapped[datetime]
    signed_at: Mapped[datetime | None]
    arrived_at: Mapped[datetime | None]
    received_at: Mapped[datetime | None]
    inspected_at: Mapped[datetime | None]
    giver_signature: Mapped[str | None] = mapped_column(ForeignKey("stored_file.sha256"))
    taker_signature: Mapped[str | None] = mapped_column(ForeignKey("stored_file.sha256"))
    keeper_signature: Mapped[str | None] = mapped_column(ForeignKey("stored_file.sha256"))
    content_hash: Mapped[str] = mapped_column(String(64), default="")
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    task: Mapped[RecallTask] = relationship(lazy="joined", innerjoin=True)
    lines: Mapped[list["HandoverLine"]] = relationship(
        back_populates="handover", lazy="selectin", order_by="HandoverLine.id"
    )


class HandoverLine(Base):
    """Bottles of one lot in one hand-over: counted at the door, counted at the warehouse, graded.

    `extra` are bottles beyond the task's scope (too many, or a lot nobody asked for); they go to
    quarantine and never into the task's vector.
    """

    __tablename__ = "handover_line"
    __table_args__ = (UniqueConstraint("handover_id", "lot_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    handover_id: Mapped[int] = mapped_column(ForeignKey("handover.id"))
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    counted: Mapped[int] = mapped_column(default=0)
    extra: Mapped[int] = mapped_column(default=0)
    received: Mapped[int] = mapped_column(default=0)
    grade_a: Mapped[int] = mapped_column(default=0)
    grade_b: Mapped[int] = mapped_column(default=0)
    grade_c: Mapped[int] = mapped_column(default=0)
    grade_d: Mapped[int] = mapped_column(default=0)
    grade_x: Mapped[int] = mapped_column(default=0)
    handover: Mapped[Handover] = relationship(back_populates="lines")
    lot: Mapped[Lot] = relationship(lazy="joined", innerjoin=True)


class Scan(Base):
    """One scan or typed line at the door. `client_id` is the phone's own id, so a queue sent twice counts once.

    `unit_code` is empty for lines typed without a readable code. A unit counts once in a task:
    (task_id, unit_code) is unique for scans that counted.
    """

    __tablename__ = "scan"
    __table_args__ = (UniqueConstraint("handover_id", "client_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    handover_id: Mapped[int] = mapped_column(ForeignKey("handover.id"), index=True)
    client_id: Mapped[str] = mapped_column(String(64))
    text: Mapped[str]
    verdict: Mapped[str] = mapped_column(String(24))
    lot_id: Mapped[int | None] = mapped_column(ForeignKey("lot.id"))
    bottles: Mapped[int] = mapped_column(default=0)
    photo: Mapped[str | None] = mapped_column(ForeignKey("stored_file.sha256"))
    by_name: Mapped[str]
    phone_time: Mapped[datetime | None]
    at: Mapped[datetime]
    #: Counted by hand because no code told it apart: needs a photo, and there may be only so many.
    by_hand: Mapped[bool] = mapped_column(default=False, server_default=false())
    #: What to look at in the warehouse: opened bottles, one code on a whole case.
    remark: Mapped[str] = mapped_column(String(24), default="", server_default="")


class ScannedUnit(Base):
    """A bottle that was counted in a task, so that neither it nor its case counts again."""

    __tablename__ = "scanned_unit"

    task_id: Mapped[int] = mapped_column(ForeignKey("recall_task.id"), primary_key=True)
    unit_code: Mapped[str] = mapped_column(primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scan.id"))


class Photo(Base):
    """A picture as evidence, at the door or in the warehouse."""

    __tablename__ = "photo"

    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("recall_task.id"), index=True)
    handover_id: Mapped[int | None] = mapped_column(ForeignKey("handover.id"))
    sha256: Mapped[str] = mapped_column(ForeignKey("stored_file.sha256"))
    by_name: Mapped[str]
    at: Mapped[datetime]


class Discrepancy(Flowing, Base):
    """A difference between paper and goods; it has an owner and a clock and blocks only its own bottles.

    `in_scope`: the bottles belong to the task's quantity vector (false for extra bottles).
    """

    __tablename__ = "discrepancy"

    state: Mapped[DiscrepancyState] = mapped_column(default=DiscrepancyState.OPEN)
    kind: Mapped[DiscrepancyKind]
    handover_id: Mapped[int] = mapped_column(ForeignKey("handover.id"), index=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    bottles: Mapped[int]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    in_scope: Mapped[bool] = mapped_column(default=True)
    found_by: Mapped[str]
    found_at: Mapped[datetime]
    due_at: Mapped[datetime]
    note: Mapped[str] = mapped_column(Text, default="")
    handover: Mapped[Handover] = relationship(lazy="joined", innerjoin=True)
    lot: Mapped[Lot] = relationship(lazy="joined", innerjoin=True)


class DocumentKind(StrEnum):
    """The three papers of a take-back."""

    ORDER = "HS"  #: 回收指令单
    HANDOVER = "JJ"  #: 交接单
    RECEIPT = "RK"  #: 回收入库单


class Document(Base):
    """A numbered paper. `content` is all it says, so the same bytes can be made again at any time."""

    __tablename__ = "document"
    __table_args__ = (UniqueConstraint("kind", "subject_id"),)

    number: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[DocumentKind]
    subject_id: Mapped[int]
    content: Mapped[dict[str, Any]]
    content_hash: Mapped[str] = mapped_column(String(64))
    issued_at: Mapped[datetime]
