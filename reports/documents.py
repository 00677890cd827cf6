"""The three documents of a take-back: order, hand-over and receipt, and the hash of their content.

They are plain values: nothing here reads a database or a clock, and the same document gives the
same bytes. A commercial take-back (回收) and a food-safety recall (召回) are different things in
law and never share a title or a wording.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Spacer

from reports.fonts import Fonts
from reports.layout import Head, SignBox, Typesetter
from reports.lines import DocumentLine, plain_lines, receipt_lines
from reports.pages import build

__all__ = [
    "Document",
    "DocumentLine",
    "HandoverDocument",
    "Kind",
    "RecallOrderDocument",
    "ReceiptDocument",
    "Signature",
    "WordingError",
    "content_hash",
    "render_handover",
    "render_recall_order",
    "render_receipt",
    "short_hash",
]

Kind = Literal["commercial", "food_safety"]

LAYOUT_OF_HASH = 1  # raise when the canonical form changes, since old documents keep their hash
ZONE = ZoneInfo("Asia/Shanghai")

RECALL = "召回"
WORDS: dict[Kind, str] = {"commercial": "回收", "food_safety": RECALL}
KINDS: dict[Kind, str] = {"commercial": "商业回收", "food_safety": f"食品安全{RECALL}"}
WORDINGS: dict[Kind, str] = {
    "commercial": "商业回收：依据购销合同及渠道政策办理，不涉及食品安全处置。",
    "food_safety": (
        f"食品安全{RECALL}：依据《中华人民共和国食品安全法》《食品{RECALL}管理办法》办理，"
        "所列商品立即停止销售、单独封存，不得再次流通。"
    ),
}
HANDOVER_CLAUSE = "双方已当面清点，上列商品、批次与数量属实。自双方签字时起，商品的保管责任由交出方转至接收方。"


class WordingError(ValueError):
    """The document would use the wrong legal word; the sentence says what to change."""


@dataclass(frozen=True)
class Signature:
    """Who signed when (timezone-aware), and the picture of the handwriting as PNG bytes."""

    name: str
    role: str
    at: datetime
    png: bytes


@dataclass(frozen=True)
class RecallOrderDocument:
    """回收指令单: the distributor tells a store what goes back, why and until when."""

    number: str
    issued_at: datetime
    distributor: str
    kind: Kind
    campaign_no: str
    store_name: str
    store_address: str
    reason: str
    deadline: date
    instructions: str
    approver: str
    lines: Sequence[DocumentLine]


@dataclass(frozen=True)
class HandoverDocument:
    """交接单: what a store gave and a driver or rep took, signed by both; `photos` is a count."""

    number: str
    signed_at: datetime
    distributor: str
    kind: Kind
    campaign_no: str
    store_name: str
    giver: Signature
    taker: Signature
    photos: int
    place: str
    remaining: str
    lines: Sequence[DocumentLine]


@dataclass(frozen=True)
class ReceiptDocument:
    """回收入库单: what the warehouse counted, its grades, and where that differs from the paper."""

    number: str
    received_at: datetime
    distributor: str
    kind: Kind
    handover_no: str
    warehouse: str
    keeper: Signature
    driver: Signature | None
    lines: Sequence[DocumentLine]
    discrepancies: Sequence[str]


Document = RecallOrderDocument | HandoverDocument | ReceiptDocument


def content_hash(document: Document) -> str:
    """Return the SHA-256 (64 hex digits) over the document's content in a canonical form.

    Pictures count by their own hash, times in UTC. Raises ValueError for a time without a zone.
    """
    content = {"layout": LAYOUT_OF_HASH, "type": type(document).__name__} | _plain(document)
    text = json.dumps(content, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def short_hash(digest: str) -> str:
    """Return the first 16 digits in groups of four, as people compare them: "1a2b 3c4d …"."""
    return " ".join(digest[start : start + 4] for start in range(0, 16, 4))


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime):
        return _utc(value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} carries no time zone")
    return moment.astimezone(UTC)


def render_recall_order(document: RecallOrderDocument, fonts: Fonts, *, verify_url: str) -> bytes:
    """Return the 回收指令单 as PDF bytes.

    Raises WordingError when a commercial order calls itself a food-safety recall, ValueError for
    a time without a zone or a case size below 1.
    """
    _refuse_mixed_wording(document)

    def compose(setter: Typesetter) -> list[Flowable]:
        return [
            setter.facts(_order_facts(document)),
            *setter.section(f"{_word(document)}原因", [document.reason]),
            *plain_lines(setter, document.lines),
            *setter.section("执行要求", document.instructions.split("\n")),
            Spacer(1, 4 * mm),
            setter.signatures(_order_boxes(document)),
            *_closing(setter, document),
        ]

    return build(_head(document, f"{_word(document)}指令单", verify_url), fonts, compose)


def render_handover(document: HandoverDocument, fonts: Fonts, *, verify_url: str) -> bytes:
    """Return the 交接单 with both signatures as PDF bytes; raises ValueError as above."""

    def compose(setter: Typesetter) -> list[Flowable]:
        boxes = [
            _signed("交出方（门店）", document.giver),
            _signed("接收方", document.taker),
        ]
        return [
            setter.facts(_handover_facts(document)),
            *plain_lines(setter, document.lines),
            *setter.section("未交接余量", [document.remaining]),
            Spacer(1, 4 * mm),
            setter.text(HANDOVER_CLAUSE, 8.5),
            Spacer(1, 2 * mm),
            setter.signatures(boxes),
            *_closing(setter, document),
        ]

    return build(_head(document, f"{_word(document)}交接单", verify_url), fonts, compose)


def render_receipt(document: ReceiptDocument, fonts: Fonts, *, verify_url: str) -> bytes:
    """Return the 回收入库单 with grades and differences as PDF bytes; raises ValueError as above."""

    def compose(setter: Typesetter) -> list[Flowable]:
        boxes = [_signed("仓管员（收货）", document.keeper)]
        if document.driver:
            boxes.append(_signed("司机（送货）", document.driver))
        return [
            setter.facts(_receipt_facts(document)),
            *receipt_lines(setter, document.lines),
            *setter.section("差异说明", _numbered(_findings(document))),
            Spacer(1, 4 * mm),
            setter.signatures(boxes),
            *_closing(setter, document),
        ]

    return build(_head(document, f"{_word(document)}入库单", verify_url), fonts, compose)


def _refuse_mixed_wording(document: RecallOrderDocument) -> None:
    # The order is the distributor's own word. The other two record what people wrote, and a
    # hand-over must never fail because of a remark.
    if document.kind == "commercial" and RECALL in document.reason + document.instructions:
        raise WordingError(f"商业回收的指令单不能出现「{RECALL}」二字，请改写原因或执行要求。")


def _word(document: Document) -> str:
    return WORDS[document.kind]


def _head(document: Document, title: str, verify_url: str) -> Head:
    return Head(
        issuer=document.distributor,
        title=title,
        number=document.number,
        wording=WORDINGS[document.kind],
        digest=content_hash(document),
        verify_url=verify_url,
    )


def _order_facts(document: RecallOrderDocument) -> list[tuple[str, str]]:
    return [
        ("签发时间", _moment(document.issued_at)),
        ("完成期限", f"{document.deadline:%Y-%m-%d}（含当日）"),
        ("类别", KINDS[document.kind]),
        ("活动编号", document.campaign_no),
        ("门店", document.store_name),
        ("门店地址", document.store_address),
        ("签发单位", document.distributor),
        ("批准人", document.approver),
    ]


def _handover_facts(document: HandoverDocument) -> list[tuple[str, str]]:
    return [
        ("交接时间", _moment(document.signed_at)),
        ("类别", KINDS[document.kind]),
        ("活动编号", document.campaign_no),
        ("门店", document.store_name),
        ("交接地点", document.place),
        ("现场照片", f"{document.photos} 张"),
    ]


def _receipt_facts(document: ReceiptDocument) -> list[tuple[str, str]]:
    return [
        ("入库时间", _moment(document.received_at)),
        ("类别", KINDS[document.kind]),
        ("交接单号", document.handover_no),
        ("入库仓库", document.warehouse),
    ]


def _order_boxes(document: RecallOrderDocument) -> list[SignBox]:
    return [
        SignBox(
            "签发单位（盖章）",
            [("批准人", document.approver), ("签发时间", _moment(document.issued_at))],
            None,
        ),
        SignBox("门店回执（签字）", [("签收人", ""), ("签收日期", "")], None),
    ]


def _signed(heading: str, signature: Signature) -> SignBox:
    facts = [
        ("姓名", signature.name),
        ("身份", signature.role),
        ("签署时间", _moment(signature.at)),
    ]
    return SignBox(heading, facts, signature.png)


def _findings(document: ReceiptDocument) -> Sequence[str]:
    if document.discrepancies:
        return document.discrepancies
    known = [line for line in document.lines if line.expected is not None]
    if not known:
        return ["没有应收数量可比。"]
    if any(line.expected != line.bottles for line in known):
        return ["实收与应收不一致的项目见上表「差异」一列。"]
    return ["实收与应收一致，无差异。"]


def _numbered(sentences: Sequence[str]) -> list[str]:
    if len(sentences) == 1:
        return list(sentences)
    return [f"{number}. {sentence}" for number, sentence in enumerate(sentences, start=1)]


def _closing(setter: Typesetter, document: Document) -> list[Flowable]:
    digits = short_hash(content_hash(document))
    note = f"内容校验码：{digits}。扫描右上角二维码可核对本单内容与校验码是否一致。"
    return [Spacer(1, 3 * mm), setter.text(note, 8.5)]


def _moment(moment: datetime) -> str:
    return f"{_utc(moment).astimezone(ZONE):%Y-%m-%d %H:%M}"
