"""Shared by the tests of reports: the typeface, made once, and one sample of each document."""

from datetime import UTC, date, datetime
from functools import lru_cache
from io import BytesIO

from PIL import Image, ImageDraw

from reports.documents import (
    DocumentLine,
    HandoverDocument,
    RecallOrderDocument,
    ReceiptDocument,
    Signature,
)
from reports.fonts import Fonts, ensure_fonts

AT = datetime(2026, 11, 24, 8, 5, tzinfo=UTC)  # 16:05 in Shanghai
URL = "https://jiuhui.example.com/d/HS-20261124-0007"


@lru_cache(maxsize=1)
def made_fonts() -> Fonts:
    """Return the typeface from the repository's own cache, so that it is made once."""
    return ensure_fonts()


def stroke() -> bytes:
    """Draw a signature on a transparent ground, as phones send it."""
    picture = Image.new("RGBA", (600, 240), (0, 0, 0, 0))
    ImageDraw.Draw(picture).line([(30, 200), (200, 40), (400, 180), (560, 60)], "navy", 8)
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


LINES = (
    DocumentLine("贵州习酒窖藏 1988", "53%vol 500 mL×4", "XJ2025060118", date(2025, 6, 1), 18, 4),
    DocumentLine("江小白", "40%vol 100 mL×24", "", None, 5, 24, "散瓶"),
)
GIVER = Signature("陈玥", "店主", AT, stroke())
TAKER = Signature("李志强", "业务员", AT, stroke())

ORDER = RecallOrderDocument(
    number="HS-20261124-0007",
    issued_at=AT,
    distributor="遵义恒顺商贸有限责任公司",
    kind="commercial",
    campaign_no="HD-2026-018",
    store_name="喆堃烟酒便利店（红军山店）",
    store_address="遵义市汇川区香港路 128 号",
    reason="库龄超过 90 天，按年度购销合同第七条启动滞销回收。",
    deadline=date(2026, 12, 8),
    instructions="清点实物，按箱备好。\n业务员上门时当面清点。",
    approver="王建国（渠道经理）",
    lines=LINES,
)
HANDOVER = HandoverDocument(
    number="JJ-20261125-0031",
    signed_at=AT,
    distributor="遵义恒顺商贸有限责任公司",
    kind="commercial",
    campaign_no="HD-2026-018",
    store_name="喆堃烟酒便利店（红军山店）",
    giver=GIVER,
    taker=TAKER,
    photos=6,
    place="遵义市汇川区香港路 128 号",
    remaining="江小白剩余 3 瓶，12 月 1 日前交接。",
    lines=LINES,
)
RECEIPT = ReceiptDocument(
    number="RK-20261126-0012",
    received_at=AT,
    distributor="遵义恒顺商贸有限责任公司",
    kind="commercial",
    handover_no="JJ-20261125-0031",
    warehouse="城北中心仓退货暂存位",
    keeper=Signature("赵敏", "仓管员", AT, stroke()),
    driver=None,
    lines=(DocumentLine("江小白", "100 mL×24", "B1", None, 3, 24, "破损 2 瓶", "B", expected=5),),
    discrepancies=["江小白：应收 5 瓶，实收 3 瓶，途中破损 2 瓶。"],
)
