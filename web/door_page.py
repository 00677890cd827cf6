"""The rep's page at the door: scan, photograph, undo, then both parties sign.

The phone keeps scans it could not send and sends them again later; their own ids make that harmless.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import abort, render_template

from models.recall import Handover, RecallTask
from web.door_queries import door_view
from web.pictures import photo, signature
from web.visits import Purpose, Visit, day_in, sent, words_in
from workflows.acting import business_day
from workflows.door_judge import PhoneScan
from workflows.doorstep import add_photo, open_handover, record_scans, undo_scan
from workflows.refusals import InvalidInput

MOST_SCANS = 100  # in one request; the phone sends the rest with the next
MOST_BOTTLES = 100_000


def show(visit: Visit) -> str:
    """The page with everything counted so far; opening it changes nothing."""
    task = task_of(visit)
    return render_template(
        "door.html",
        visit=visit,
        task=task,
        view=door_view(visit.session, task, visit.person.id),
        today=business_day(visit.now),
        fresh_id=secrets.token_hex(16),
    )


def task_of(visit: Visit) -> RecallTask:
    """The task behind the link; 404 when there is none."""
    task = visit.session.get(RecallTask, visit.link.subject_id)
    if task is None:
        abort(404)
    return task


def scans(visit: Visit) -> str:
    """Record scans and say for each at once what it was. The same ids again count nothing twice."""
    task = task_of(visit)
    given = _scans_sent()
    handover = _open(visit, task)
    answers = record_scans(visit.session, visit.house, handover, given, visit.actor, visit.now)
    visit.answer["answers"] = [
        {
            "client_id": answer.client_id,
            "verdict": answer.verdict,
            "sentence": answer.sentence,
            "lot_id": answer.lot_id,
            "bottles": answer.bottles,
        }
        for answer in answers
    ]
    _tell_counts(visit, task)
    return answers[-1].sentence if answers else ""


def undo(visit: Visit) -> str:
    """Take one scan back."""
    task = task_of(visit)
    client_id = words_in("client_id", most=64)
    undo_scan(visit.session, _open(visit, task), client_id, visit.actor)
    _tell_counts(visit, task)
    return "已撤销这一条。"


def take_photo(visit: Visit) -> str:
    """Keep a photo as evidence."""
    task = task_of(visit)
    content = photo()
    handover = _open(visit, task)
    visit.answer["sha256"] = add_photo(visit.session, task, handover, content, visit.actor, visit.now)
    return "照片已保存。"


def sign(visit: Visit) -> str:
    """Both parties sign at once; what stays behind gets a new date."""
    task = task_of(visit)
    view = door_view(visit.session, task, visit.person.id)
    if view.handover is None or not view.counted:
        raise InvalidInput("还没有清点任何酒，先扫码或手工录入再签字。")
    giver_name = words_in("giver_name", most=40)
    if not giver_name:
        raise InvalidInput("请填写店里签字人的姓名。")
    day = day_in("day", business_day(visit.now)) if view.remaining else None
    data = {
        "giver_png": signature(str(sent().get("giver_png") or ""), "店里"),
        "taker_png": signature(str(sent().get("taker_png") or ""), "业务员"),
        "giver_name": giver_name,
        "remaining_on": day,
        **_place(),
    }
    visit.fire(view.handover, "sign", data)
    return "双方已签字，交接单已生成。"


def void(visit: Visit) -> str:
    """Throw the open count away and start again."""
    view = door_view(visit.session, task_of(visit), visit.person.id)
    if view.handover is None:
        raise InvalidInput("现在没有进行中的清点。")
    visit.fire(view.handover, "void")
    return "这次清点已作废，可以重新开始。"


def _open(visit: Visit, task: RecallTask) -> Handover:
    return open_handover(visit.session, visit.house, task, visit.actor, visit.now)


def _tell_counts(visit: Visit, task: RecallTask) -> None:
    visit.session.flush()
    visit.session.expire_all()
    view = door_view(visit.session, task, visit.person.id)
    visit.answer.update(view.as_data())


def _scans_sent() -> list[PhoneScan]:
    body = sent()
    raw = body.get("scans", [body])
    if not isinstance(raw, list) or not raw or len(raw) > MOST_SCANS:
        raise InvalidInput(f"一次请上传 1 到 {MOST_SCANS} 条。")
    return [_scan(item) for item in raw]


def _scan(item: Any) -> PhoneScan:
    if not isinstance(item, Mapping):
        raise InvalidInput("手机发来的扫码记录看不懂，请刷新页面再试。")
    client_id = str(item.get("client_id") or "")
    if not (8 <= len(client_id) <= 64 and client_id.replace("-", "").isalnum()):
        raise InvalidInput("手机发来的扫码编号不对，请刷新页面再试。")
    text = str(item.get("text") or "").replace("\x00", "").strip()
    if len(text) > 255:
        raise InvalidInput("扫到的内容太长，不是酒上的码。")
    return PhoneScan(
        client_id=client_id,
        text=text,
        bottles=_bottles(item),
        lot_id=_whole(item.get("lot_id"), 2**31 - 1),
        phone_time=_phone_time(item.get("phone_time")),
        photo=_sha(item.get("photo")),
    )


def _bottles(item: Mapping[str, Any]) -> int | None:
    return _whole(item.get("bottles"), MOST_BOTTLES)


def _whole(value: Any, most: int) -> int | None:
    if value in {None, ""}:
        return None
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= most):
        raise InvalidInput("数量看不懂，请填整数。")
    return int(text)


def _phone_time(value: Any) -> datetime | None:
    """The phone's own clock, as evidence only; a moment we cannot read is left out."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _sha(value: Any) -> str | None:
    text = str(value or "")
    return text if len(text) == 64 and text.isalnum() else None


def _place() -> dict[str, float | None]:
    try:
        latitude, longitude = (float(str(sent().get(n) or "")) for n in ("latitude", "longitude"))
    except ValueError:
        return {"latitude": None, "longitude": None}
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return {"latitude": None, "longitude": None}
    return {"latitude": latitude, "longitude": longitude}


PURPOSE = Purpose(show, {"scans": scans, "undo": undo, "photo": take_photo, "sign": sign, "void": void})
