"""The three documents: the same bytes every time, honest hashes, readable Chinese, any length."""

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader
from structlog.testing import capture_logs

from reports.documents import (
    Document,
    DocumentLine,
    HandoverDocument,
    RecallOrderDocument,
    ReceiptDocument,
    Signature,
    WordingError,
    content_hash,
    render_handover,
    render_recall_order,
    render_receipt,
    short_hash,
)
from reports.quantities import cases_and_bottles, yuan
from tests.report_samples import AT, HANDOVER, ORDER, RECEIPT, URL, made_fonts, stroke

ROOT = Path(__file__).resolve().parent.parent
IN_ANOTHER_PROCESS = """
from hashlib import sha256
from tests.report_samples import HANDOVER
from tests.test_reports_documents import rendered
print(sha256(rendered(HANDOVER)).hexdigest())
"""
SAMPLES: list[Document] = [ORDER, HANDOVER, RECEIPT]


def rendered(document: Document) -> bytes:
    fonts = made_fonts()
    if isinstance(document, RecallOrderDocument):
        return render_recall_order(document, fonts, verify_url=URL)
    if isinstance(document, HandoverDocument):
        return render_handover(document, fonts, verify_url=URL)
    return render_receipt(document, fonts, verify_url=URL)


def pages(document: Document) -> list[str]:
    """Return each page's text without white space: wrapped cells break anywhere."""
    reader = PdfReader(BytesIO(rendered(document)))
    return [re.sub(r"\s", "", page.extract_text()) for page in reader.pages]


def text(document: Document) -> str:
    return "".join(pages(document))


@pytest.mark.parametrize("document", SAMPLES, ids=lambda d: type(d).__name__)
def test_bytes_are_equal_twice(document: Document):
    first = rendered(document)
    assert first.startswith(b"%PDF-")
    assert first == rendered(document)


def test_bytes_are_equal_in_another_process():
    run = subprocess.run([sys.executable, "-c", IN_ANOTHER_PROCESS], cwd=ROOT, capture_output=True, check=True)
    assert run.stdout.decode().split()[-1] == sha256(rendered(HANDOVER)).hexdigest()


def test_bytes_are_equal_when_many_threads_render():
    expected = {document.number: rendered(document) for document in SAMPLES}
    wrong: list[str] = []

    def render_all() -> None:
        numbers = [d.number for d in SAMPLES if rendered(d) != expected[d.number]]
        wrong.extend(numbers)

    threads = [Thread(target=render_all) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_order_says_what_until_when_and_why():
    said = text(ORDER)
    for part in [
        "回收指令单",
        "单号：HS-20261124-0007",
        "遵义恒顺商贸有限责任公司",
        "商业回收",
        "HD-2026-018",
        "喆堃烟酒便利店（红军山店）",
        "2026-11-2416:05",
        "2026-12-08（含当日）",
        "库龄超过90天",
        "贵州习酒窖藏1988",
        "XJ2025060118",
        "2025-06-01",
        "4箱2瓶",
        "4箱7瓶",
        "业务员上门时当面清点",
        "王建国（渠道经理）",
        "第1页/共1页",
        short_hash(content_hash(ORDER)).replace(" ", ""),
        content_hash(ORDER),
    ]:
        assert part in said, part


def test_handover_names_both_signers_and_the_photos():
    said = text(HANDOVER)
    for part in ["交接单", "交出方（门店）", "陈玥", "接收方", "李志强", "6张", "江小白剩余3瓶"]:
        assert part in said, part
    assert len(PdfReader(BytesIO(rendered(HANDOVER))).pages[0].images) >= 1


def test_receipt_shows_expected_counted_difference_and_grade():
    said = text(RECEIPT)
    for part in ["回收入库单", "JJ-20261125-0031", "应收（瓶）", "53瓶3-2B破损2瓶", "赵敏"]:
        assert part in said, part
    assert "司机" not in said


@pytest.mark.parametrize(
    ("counted", "expected", "sentence"),
    [
        (5, 5, "实收与应收一致，无差异。"),
        (4, 5, "实收与应收不一致的项目"),
        (4, None, "没有应收数量可比。"),
    ],
)
def test_receipt_without_discrepancies_never_claims_what_it_cannot_know(
    counted: int, expected: int | None, sentence: str
):
    lines = [DocumentLine("江小白", "", "", None, counted, 24, expected=expected)]
    assert sentence in text(replace(RECEIPT, lines=lines, discrepancies=[]))


@pytest.mark.parametrize("document", SAMPLES, ids=lambda d: type(d).__name__)
def test_commercial_documents_never_say_recall(document: Document):
    assert "召回" not in text(document)


@pytest.mark.parametrize(
    ("document", "title"),
    [(ORDER, "召回指令单"), (HANDOVER, "召回交接单"), (RECEIPT, "召回入库单")],
)
def test_food_safety_documents_have_their_own_title_and_wording(document: Any, title: str):
    said = text(replace(document, kind="food_safety"))
    assert title in said
    assert "《食品召回管理办法》" in said
    assert "商业回收" not in said


def test_commercial_order_that_says_recall_is_refused():
    with pytest.raises(WordingError, match="请改写原因或执行要求"):
        rendered(replace(ORDER, reason="厂家召回"))
    assert "厂家召回" in text(replace(ORDER, reason="厂家召回", kind="food_safety"))


def test_remark_that_says_recall_never_stops_a_handover():
    line = replace(HANDOVER.lines[0], remark="店主问是否召回")
    assert "店主问是否召回" in text(replace(HANDOVER, lines=[line]))


CHANGES: list[tuple[type, Callable[[Any], Any]]] = [
    (datetime, lambda value: value + timedelta(seconds=1)),
    (date, lambda value: value + timedelta(days=1)),
    (Signature, lambda value: replace(value, png=b"other")),
    (bytes, lambda value: value + b"x"),
    (int, lambda value: value + 1),
    (tuple, lambda value: value[:-1]),
    (list, lambda value: [*value, "另一条"]),
    (str, lambda value: "food_safety" if value == "commercial" else f"{value}改"),
    (type(None), lambda _value: 1),
]


def changed(value: Any) -> Any:
    """Return a value of the same kind that differs."""
    return next(change(value) for kind, change in CHANGES if isinstance(value, kind))


@pytest.mark.parametrize("document", SAMPLES, ids=lambda d: type(d).__name__)
def test_hash_changes_with_any_field(document: Any):
    original = content_hash(document)
    for field in fields(document):
        other = replace(document, **{field.name: changed(getattr(document, field.name))})
        assert content_hash(other) != original, field.name


def test_hash_changes_with_any_field_of_a_line_and_of_a_signature():
    line, giver = HANDOVER.lines[0], HANDOVER.giver
    for part in (line, giver):
        for field in fields(part):
            other: Any = replace(part, **{field.name: changed(getattr(part, field.name))})
            moved = [other, *HANDOVER.lines[1:]]
            altered = replace(HANDOVER, **({"lines": moved} if part is line else {"giver": other}))
            assert content_hash(altered) != content_hash(HANDOVER), field.name


def test_hash_depends_on_the_moment_not_on_the_zone_or_the_container():
    same = AT.astimezone(datetime.fromisoformat("2026-01-01T00:00+08:00").tzinfo)
    other = replace(ORDER, issued_at=same, lines=list(ORDER.lines))
    assert content_hash(other) == content_hash(ORDER)


def test_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        rendered(replace(ORDER, issued_at=AT.replace(tzinfo=None)))


def test_300_lines_repeat_the_table_head_and_number_the_pages():
    lines = [replace(ORDER.lines[0], batch=f"PC{n:04}", bottles=7) for n in range(300)]
    found = pages(replace(ORDER, lines=lines))
    total = len(found)
    assert total > 8
    for number, page in enumerate(found, start=1):
        assert f"第{number}页/共{total}页" in page
        if "PC0" in page:
            assert "生产日期" in page
    said = "".join(found)
    assert re.findall(r"PC\d{4}", said) == [f"PC{n:04}" for n in range(300)]
    assert "300箱900瓶2,100" in said
    assert all("HS-20261124-0007" in page for page in found)


def test_document_without_lines_says_so():
    assert "（无明细）" in text(replace(ORDER, lines=[]))


def test_long_remark_moves_below_the_table_in_full():
    line = replace(HANDOVER.lines[0], remark="外箱受潮" * 600)
    said = text(replace(HANDOVER, lines=[line]))
    assert "见附注" in said
    assert said.count("外箱受潮") > 550  # a word torn by a page's end does not count


def test_long_names_wrap_and_lose_nothing():
    name = "贵州省仁怀市茅台镇某某酒业有限公司出品酱香型白酒生肖纪念丙午马年典藏礼盒装"
    said = text(replace(ORDER, lines=[replace(ORDER.lines[0], product=name)]))
    assert all(part in said for part in re.findall(".{6}", name[:12]))
    assert set(name) <= set(said)


def huge_png() -> bytes:
    buffer = BytesIO()
    Image.new("1", (20_000, 10_000)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "png",
    [b"", b"not a picture", stroke()[:90], huge_png()],
    ids=["empty", "text", "cut", "bomb"],
)
def test_unreadable_signature_is_said_and_logged(png: bytes):
    with capture_logs() as logs:
        said = text(replace(HANDOVER, taker=replace(HANDOVER.taker, png=png)))
    assert "签名图像无法读取" in said
    assert [line["event"] for line in logs] == ["signature_unreadable"]


def test_text_is_never_markup():
    said = text(replace(ORDER, reason="<b>5 < 6 & &lt; </para> 100%"))
    assert "<b>5<6&&lt;</para>100%" in said


awkward = st.text(max_size=400).map(lambda part: part * 3)


@settings(max_examples=15, deadline=None)
@given(awkward, awkward, awkward)
def test_any_text_gives_a_document(name: str, remark: str, reason: str):
    line = DocumentLine(name, name, remark, None, 7, 6, remark, grade=name, expected=9)
    signer = Signature(name, remark, AT, b"")
    document = ReceiptDocument(
        number=name,
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
        distributor=remark,
        kind="food_safety",
        handover_no=reason,
        warehouse=name,
        keeper=signer,
        driver=signer,
        lines=[line],
        discrepancies=[reason],
    )
    assert rendered(document).startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("bottles", "case_size", "said"),
    [
        (20, 6, "3 箱 2 瓶"),
        (5, 6, "5 瓶"),
        (12, 6, "2 箱"),
        (0, 6, "0 瓶"),
        (5, 1, "5 瓶"),
        (7200, 6, "1,200 箱"),
        (-7, 6, "-1 箱 1 瓶"),
    ],
)
def test_cases_and_bottles(bottles: int, case_size: int, said: str):
    assert cases_and_bottles(bottles, case_size) == said


def test_case_of_no_bottles_is_refused():
    with pytest.raises(ValueError, match="at least one bottle"):
        cases_and_bottles(3, 0)


@pytest.mark.parametrize(("fen", "said"), [(123450, "¥1,234.50"), (5, "¥0.05"), (-5, "-¥0.05"), (0, "¥0.00")])
def test_yuan(fen: int, said: str):
    assert yuan(fen) == said
