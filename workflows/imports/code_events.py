"""What happened to registered codes, as brands' systems and stores report it: opened, redeemed, packed anew."""

from collections.abc import Callable
from datetime import datetime, time
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog import UnitCode
from workflows.acting import SHANGHAI
from workflows.imports.cells import code, day, one_of
from workflows.imports.columns import ColumnSpec, Row
from workflows.imports.intake import Intake
from workflows.packing import open_case, pack_anew, redeem
from workflows.refusals import InvalidInput
from workflows.registry import CodeRegistry


class Happened(StrEnum):
    """What a row reports."""

    OPENED = "opened"
    REDEEMED = "redeemed"
    PACKED = "packed"


COLUMNS = (
    ColumnSpec("code", "码", code, "箱码、瓶码或盖内码", "X2501120", ("编码", "unit_code"), required=True),
    ColumnSpec(
        "what",
        "事件",
        one_of({"开箱": Happened.OPENED, "兑奖": Happened.REDEEMED, "装箱": Happened.PACKED}),
        "开箱、兑奖或装箱",
        "开箱",
        ("类型", "event"),
        required=True,
    ),
    ColumnSpec("day", "日期", day, "哪一天", "2026-03-01", ("发生日期", "date"), required=True),
    ColumnSpec("into", "装进", code, "装箱时写新箱码", "", ("新箱码", "into")),
)


def load(intake: Intake) -> None:
    """Apply the events in the order of the file."""
    registry = CodeRegistry(intake.session, intake.today)
    for rows in intake.chunks():
        for row in rows:
            _take(intake, registry, row)


def _take(intake: Intake, registry: CodeRegistry, row: Row) -> None:
    values = row.values
    if values["day"] > intake.today:
        intake.refuse(row, "day", values["day"], "日期在今天以后")
        return
    # The report knows the day only; noon is on that day in every zone we meet.
    when = datetime.combine(values["day"], time(12), SHANGHAI)
    try:
        into = registry.key_of(values.get("into") or "")
        new = _DOES[values["what"]](intake.session, registry.key_of(values["code"]), into, when)
    except InvalidInput as refused:
        intake.refuse(row, "code", values["code"], refused.sentence.rstrip("。"))
        return
    intake.tally.accepted += new
    intake.tally.unchanged += not new


def _opened(session: Session, key: str, _into: str, when: datetime) -> bool:
    return open_case(session, key, when, "导入")


def _redeemed(session: Session, key: str, _into: str, when: datetime) -> bool:
    return redeem(session, key, when)


def _packed(session: Session, key: str, into: str, when: datetime) -> bool:
    if not into:
        raise InvalidInput("装箱要写装进哪个箱码。")
    query = select(UnitCode.parent_code).where(UnitCode.code == key, UnitCode.packed_to.is_(None))
    if session.scalar(query) == into:
        return False
    pack_anew(session, into, [key], when)
    return True


_DOES: dict[Happened, Callable[[Session, str, str, datetime], bool]] = {
    Happened.OPENED: _opened,
    Happened.REDEEMED: _redeemed,
    Happened.PACKED: _packed,
}
