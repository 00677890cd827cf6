"""Stores (门店): where they are and which region they belong to."""

from typing import Any

from models.catalog import Store
from workflows.imports.cells import code, degrees, text, yes
from workflows.imports.columns import ColumnSpec
from workflows.imports.common_columns import STORE_CODES, STORE_NAMES
from workflows.imports.intake import Intake
from workflows.imports.masters import upsert, without_repeats

COLUMNS = (
    ColumnSpec(
        "code",
        "门店编码",
        code,
        "你们系统里的客户编码，唯一",
        "S001",
        ("编码", "编号", "store", *STORE_CODES),
        required=True,
        no_formula=True,
    ),
    ColumnSpec(
        "name",
        "门店名称",
        text,
        "招牌上的名称",
        "临江路烟酒店",
        ("名称", *STORE_NAMES),
        required=True,
    ),
    ColumnSpec("region", "区域", text, "预警群和区域经理按它分", "临江区", ("片区", "大区", "city", "城市")),
    ColumnSpec("channel", "渠道", text, "烟酒店、餐饮、商超、二批……", "烟酒店", ("渠道类型",)),
    ColumnSpec("tier", "等级", text, "A、B、C……", "A", ("门店等级", "级别", "客户等级")),
    ColumnSpec("address", "地址", text, "送货地址", "临江路 18 号", ("门店地址",)),
    ColumnSpec("latitude", "纬度", degrees(90), "可空", "30.512", ("lat",)),
    ColumnSpec("longitude", "经度", degrees(180), "可空", "104.071", ("lon", "lng", "long")),
    ColumnSpec("active", "启用", yes, "停业的写“否”", "是", ("是否启用", "状态")),
)
DEFAULTS: dict[str, Any] = {
    "region": "",
    "channel": "",
    "tier": "",
    "address": "",
    "latitude": None,
    "longitude": None,
    "active": True,
}


def load(intake: Intake) -> None:
    """Add or update stores."""
    rows = list(intake.rows)
    for row in rows:
        if (row.values.get("latitude") is None) != (row.values.get("longitude") is None):
            intake.refuse(row, "latitude", "", "经度和纬度要一起写，或者都空着")
    upsert(intake, Store, without_repeats(intake, rows, "门店编码", "code"), DEFAULTS)
