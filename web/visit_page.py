"""The rep's count on a phone: numbers, photos and place, kept in the phone until they are sent.

The page also works where there is no network: it is opened once, and what was filled in is sent later under
the phone's own number, which makes a second sending harmless.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import abort, render_template
from itsdangerous import BadSignature, URLSafeSerializer

from models.catalog import Store
from models.observing import StoreVisit
from web.pictures import photo
from web.visit_queries import products_like, products_to_count
from web.visits import Purpose, Visit, sent, words_in
from workflows.acting import business_day
from workflows.house import House
from workflows.refusals import InvalidInput
from workflows.store_visit import (
    MOST_BOTTLES,
    MOST_LINES,
    VisitKept,
    VisitLine,
    VisitSent,
    add_visit_photo,
    counts_there,
    keep_visit,
)


def show(visit: Visit) -> str:
    """What is believed to stand in the store, to be counted; opening it changes nothing."""
    store = _store(visit)
    if not counts_there(visit.actor, store):
        abort(403)
    products = products_to_count(visit.session, visit.house, store, business_day(visit.now))
    return render_template(
        "visit.html",
        visit=visit,
        store=store,
        products=[product.as_data() for product in products],
        opened=_signer(visit.house).dumps(visit.now.isoformat()),
        fresh_id=secrets.token_hex(16),
    )


def find(visit: Visit) -> str:
    """Products the page does not list, by name or code."""
    store = _store(visit)
    if not counts_there(visit.actor, store):
        abort(403)
    words = words_in("words", most=255)
    if not words:
        raise InvalidInput("请写酒名，或扫一下瓶上的码。")
    found = products_like(visit.session, visit.house, store, words, business_day(visit.now))
    visit.answer["products"] = [product.as_data() for product in found]
    return "" if found else f"没有找到“{words[:20]}”，换个写法试试。"


def take_photo(visit: Visit) -> str:
    """Keep a photo for the count that will be sent."""
    content = photo()
    client_id = _client_id(words_in("client_id", most=64))
    store = _store(visit)
    visit.answer["sha256"] = add_visit_photo(visit.session, store, client_id, content, visit.actor, visit.now)
    return "照片已保存。"


def count(visit: Visit) -> str:
    """Keep the count, or ask back when cases and bottles look mixed up."""
    store = _store(visit)
    kept = keep_visit(visit.session, visit.house, store, _sent(visit.house), visit.actor, visit.now)
    if kept.visit is None:
        visit.answer["question"] = kept.question
        return kept.question
    visit.answer["kept"] = True
    return _said(visit.house, kept, kept.visit)


def _said(house: House, kept: VisitKept, visit: StoreVisit) -> str:
    say = house.texts.sentence
    flags = []
    if visit.far_away:
        flags.append(say("visit_far", metres=visit.metres_away))
    elif visit.latitude is None:
        flags.append(say("visit_no_place"))
    if not visit.has_photo:
        flags.append(say("visit_no_photo"))
    if visit.photo_is_old:
        flags.append(say("visit_old_photo"))
    if kept.clock_off:
        flags.append(say("visit_clock_off"))
    facts = {"products": visit.products, "bottles": visit.bottles, "confidence": visit.confidence}
    return say("visit_kept", **facts, flags=flags)


def _store(visit: Visit) -> Store:
    store = visit.session.get(Store, visit.link.subject_id)
    return store if store is not None and store.active else abort(404)


def _sent(house: House) -> VisitSent:
    body = sent()
    return VisitSent(
        client_id=_client_id(str(body.get("client_id") or "")),
        lines=tuple(map(_line, _items(body, "lines", MOST_LINES))),
        photos=tuple(str(sha) for sha in _items(body, "photos", 50)),
        place=_place(body),
        opened_at=_opened(house, body.get("opened")),
        seconds=_seconds(body.get("seconds")),
        phone_time=_moment(body.get("phone_time")),
        sure=body.get("sure") is True,
    )


def _client_id(text: str) -> str:
    if not (8 <= len(text) <= 64 and text.isascii() and text.replace("-", "").isalnum()):
        raise InvalidInput("手机发来的盘点编号不对，请刷新页面再试。")
    return text


def _items(body: Mapping[str, Any], name: str, most: int) -> list[Any]:
    items = body.get(name) or []
    if not isinstance(items, list) or len(items) > most:
        raise InvalidInput(f"一次请上传不超过 {most} 行。")
    return items


def _line(item: Any) -> VisitLine:
    if not isinstance(item, Mapping):
        raise InvalidInput("手机发来的盘点看不懂，请刷新页面再试。")
    product, lot = _whole(item.get("product_id"), 2**31 - 1), item.get("lot_id")
    lot_id = _whole(lot, 2**31 - 1) if lot else None
    return VisitLine(product, lot_id, _whole(item.get("bottles"), MOST_BOTTLES))


def _whole(value: Any, most: int) -> int:
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= most):
        raise InvalidInput("数量看不懂，请填 0 或更大的整数。")
    return int(text)


def _place(body: Mapping[str, Any]) -> tuple[float, float] | None:
    try:
        latitude, longitude = (float(str(body.get(name))) for name in ("latitude", "longitude"))
    except ValueError:
        return None
    return (latitude, longitude) if -90 <= latitude <= 90 and -180 <= longitude <= 180 else None


def _opened(house: House, token: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(_signer(house).loads(str(token or "")))
    except (BadSignature, TypeError, ValueError):
        return None


def _seconds(value: Any) -> float:
    """The phone's time since the page was opened; what is no number counts as none."""
    return float(value) if isinstance(value, int | float) and 0 <= value < 10_000_000 else 0.0


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _signer(house: House) -> URLSafeSerializer:
    return URLSafeSerializer(house.secret, salt="page opened")


PURPOSE = Purpose(show, {"find": find, "photo": take_photo, "count": count})
