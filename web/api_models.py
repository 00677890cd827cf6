"""What the API takes and gives, as models: they check, they write the answers, and they are the OpenAPI document."""

from datetime import date, datetime
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, create_model

from models.recall import CampaignState, DocumentKind, LegalKind, Reason, TaskState
from models.warning import ResolveCause, WarningState
from web.api_problems import FieldProblem
from workflows.imports.json_items import item_model, kind_of

MOST_ROWS = 500
Word = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
Bottles = Annotated[int, Field(description="瓶")]
Fen = Annotated[int | None, Field(description="分；密钥不能看价格时为 null")]


class Asking(BaseModel):
    """The query part of an address; what it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


class Paging(Asking):
    """A list in portions."""

    limit: Annotated[int, Field(ge=1, le=MOST_ROWS, description="一页几条")] = 100
    cursor: Annotated[
        str | None, Field(max_length=500, description="上一页给的 next_cursor；其他条件要与上一页相同")
    ] = None


class WarningsQuery(Paging):
    """Which warnings are asked for."""

    state: Annotated[list[WarningState], Field(max_length=10, description="可以写几次")] = []
    rule: Annotated[Word | None, Field(description="规则名")] = None
    store: Annotated[Word | None, Field(description="门店编码")] = None
    product: Annotated[Word | None, Field(description="商品编码")] = None
    level: Annotated[int | None, Field(ge=1, le=100, description="这一级及以上")] = None
    updated_since: Annotated[datetime | None, Field(description="此后有变化的；带时区")] = None


class RecallsQuery(Paging):
    """Which take-backs and recalls are asked for."""

    state: Annotated[list[CampaignState], Field(max_length=20, description="可以写几次")] = []
    kind: LegalKind | None = None
    product: Annotated[Word | None, Field(description="商品编码")] = None


class DocumentsQuery(Paging):
    """Which papers are asked for."""

    kind: Annotated[DocumentKind | None, Field(description="HS 指令单，JJ 交接单，RK 入库单")] = None


class Answer(BaseModel):
    """An answer; its fields are all there."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class StoreRef(Answer):
    """A store."""

    code: str
    name: str
    region: str


class ProductRef(Answer):
    """A product."""

    code: str
    name: str
    brand: str


class WarningOut(Answer):
    """A warning with the figures that made it fire. `value` and `threshold` are thousandths of the rule's unit."""

    id: int
    state: WarningState
    rule: str
    rule_title: str
    rule_version: Annotated[str, Field(description="触发时规则内容的哈希")]
    level: int
    episode: int
    store: StoreRef
    product: Annotated[ProductRef | None, Field(description="null：整个门店")]
    batch: Annotated[str | None, Field(description="null：整个商品")]
    bottles: Bottles
    value: Annotated[int | None, Field(description="规则单位的千分之一；涉及价格而密钥不能看时为 null")]
    threshold: int | None
    loss_fen: Fen
    figures: Annotated[dict[str, Any], Field(description="触发时的各项数字")]
    stale: Annotated[bool, Field(description="数据太旧，等盘点")]
    inhibited_by: str
    snoozed_until: date | None
    fired_on: date
    seen_on: date
    changed_at: datetime
    resolved_on: date | None
    cause: ResolveCause | None
    explanation_url: Annotated[str, Field(description="数字从哪里来的说明页")]


class Vector(Answer):
    """Where the bottles of a task are: `scoped` is the sum of the eight from `accepted` to `outstanding`."""

    scoped: Bottles
    accepted: Bottles
    rejected: Bottles
    destroyed_on_site: Bottles
    sold_before: Bottles
    transferred_out: Bottles
    lost: Bottles
    waived: Bottles
    outstanding: Bottles
    declared: Bottles
    handed_over: Bottles
    received: Bottles


class RecallOut(Answer):
    """A take-back (commercial) or a recall (food_safety), summed over the stores the key may see."""

    number: str
    kind: LegalKind
    legal_class: int | None
    state: CampaignState
    product: ProductRef
    reason: Reason
    deadline: date
    created_at: datetime
    issued_at: datetime | None
    closed_at: datetime | None
    stores: int
    bottles: Vector
    scope_fen: Fen


class LineOut(Vector):
    """The bottles of one lot in a task."""

    batch: str
    production_date: date | None


class TaskOut(Answer):
    """What one store has to do for one campaign."""

    number: str
    recall: str
    store: StoreRef
    state: TaskState
    deadline: date
    promised_on: date | None
    overdue: bool
    notified_at: datetime | None
    answered_at: datetime | None
    lines: list[LineOut]


class DocumentOut(Answer):
    """A numbered paper."""

    number: str
    kind: DocumentKind
    recall: str
    store: str
    issued_at: datetime
    content_hash: str
    pdf_url: str
    verify_url: str


class Page(Answer):
    """A portion of a list. `as_of` is the moment of asking: the next `updated_since`."""

    as_of: datetime
    next_cursor: Annotated[str | None, Field(description="null：没有更多")]


class WarningsPage(Page):
    """Warnings, the oldest first."""

    items: list[WarningOut]


class RecallsPage(Page):
    """Campaigns, the oldest first."""

    items: list[RecallOut]


class TasksPage(Page):
    """Tasks of a campaign."""

    items: list[TaskOut]


class DocumentsPage(Page):
    """Papers by number."""

    items: list[DocumentOut]


class BatchAnswer(Answer):
    """What came of a batch. `accepted` were new or `changed` something, `unchanged` were known already."""

    accepted: int
    changed: Annotated[int, Field(description="accepted 里改了已有数据的条数")]
    unchanged: int
    rejected: Annotated[int, Field(description="没有收下的条数；atomic 为 true 时总是 0")]
    created: dict[str, int]
    errors: list[FieldProblem]


class Batch(BaseModel):
    """Items of one kind. With `atomic` one wrong item refuses all of them."""

    model_config = ConfigDict(extra="forbid")

    atomic: Annotated[StrictBool, Field(description="true：有一条错就整批不收；false：收下对的，返回错的")] = True


class Envelope(Batch):
    """A batch whose items are not looked at yet."""

    items: Annotated[list[Any], Field(min_length=1)]


@cache
def batch_model(resource: str, most_items: int) -> type[Batch]:
    """The model of a whole batch, for the document."""
    item: Any = item_model(resource)
    fields: dict[str, Any] = {"items": (Annotated[list[item], Field(min_length=1, max_length=most_items)], ...)}
    name = f"{resource.capitalize()}Batch"
    model: type[Batch] = create_model(name, __base__=Batch, __doc__=f"{kind_of(resource).title}：一批", **fields)
    return model
