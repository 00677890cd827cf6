"""How figures, days and states are written on pages; templates get these as filters."""

import hashlib
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask
from jinja2 import StrictUndefined

from texts.render import goods, yuan
from web.auth import csrf_token, taken_notice
from web.services import services
from workflows.acting import SHANGHAI

WEEKDAYS = "一二三四五六日"
#: Words only pages need; what chats say as well stands in texts/.
PAGE_WORDS = {
    "legal_kind": {"commercial": "商业回收", "food_safety": "食品安全召回"},
    "document_kind": {"HS": "回收指令单", "JJ": "交接单", "RK": "回收入库单"},
    "stock_source": {"opening": "期初", "count": "盘点", "inferred": "按发货推算"},
    "figure": {
        "day": "计算日",
        "age_days": "库龄（天）",
        "threshold_days": "门槛（天）",
        "threshold_months": "门槛（月）",
        "monthly_bottles": "月均销量（瓶）",
        "history_months": "统计月数",
        "batch": "批次",
        "production_date": "生产日期",
        "life_months": "有效期（月）",
        "received_on": "进店日期",
        "source": "库存依据",
        "as_of": "库存日期",
    },
    "event": {"start": "建单", "submit": "提交审批", "hold": "紧急停售", "withdraw": "撤回", "lift": "解除停售"},
}


def install_words(app: Flask) -> None:
    """Give templates their filters and the few functions every page uses."""
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        goods=goods, yuan=yuan, day=day, clock=clock, label=label, stamp=stamp, thousands=thousands
    )
    app.jinja_env.globals.update(csrf_token=csrf_token, taken_notice=taken_notice, distributor=distributor, asset=asset)


@cache
def asset(name: str) -> str:
    """The address of a static file; it changes with the file, so that no old script meets a new page."""
    content = (Path(__file__).parent / "static" / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:10]}"


def day(value: date | None) -> str:
    """11 月 24 日（周一）; a dash for no day."""
    if value is None:
        return "—"
    return f"{services().house.texts.day(value)}（周{WEEKDAYS[value.weekday()]}）"


def clock(value: datetime | None) -> str:
    """11 月 24 日 18:00 in China; a dash for no moment."""
    return "—" if value is None else services().house.texts.clock(value)


def stamp(value: datetime) -> str:
    """2025-11-24 18:00 in China: for papers that are looked at in later years."""
    return f"{value.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def label(value: Any, group: str) -> str:
    """The Chinese word for a listed value; what a flow does by itself has no name of its own."""
    if group == "event" and str(value).startswith(("as soon as ", "after ")):
        return "自动进行" if str(value).startswith("as soon as ") else "到时提醒"
    said = services().house.texts.label(group, str(value))
    return PAGE_WORDS.get(group, {}).get(said, said)


def thousands(value: int) -> str:
    """1,234."""
    return f"{value:,}"


def distributor() -> str:
    """The distributor's name for the head of a page."""
    return services().house.distributor
