"""The daily digest: one letter a group and platform, with text, chart and Excel, once a day.

A group hears of its regions only, and of bottles, not of money. The lines lead to 发起回收: WeCom and
custom robots cannot call back, so theirs are links to the warning's page; the app's own card in a
DingTalk group has buttons.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.engine import Outbox, Sent
from models.stock import StockSource
from reports.fonts import Fonts, ensure_fonts
from reports.vega import digest_chart
from reports.workbooks import DigestRow, digest_workbook
from rules.warnings import level_word
from texts.message import Button, Message
from texts.render import goods
from workflows import outbox
from workflows.digest_lines import Finding, Place, findings, ranked
from workflows.house import Group, House
from workflows.tell import group_channels

log = structlog.get_logger()

TOP_LINES = 10
TOP_BUTTONS = 5
IN_CHART = 12
_UNSAFE = re.compile(r"[^\w-]+")


@dataclass(frozen=True)
class Digest:
    """One letter of the morning, composed and not yet written down."""

    key: str
    channel: str
    recipient: str
    message: Message
    card_ref: str


def push_digests(session: Session, house: House, today: date, now: datetime, *, fonts: Fonts | None = None) -> int:
    """Compose and write today's digest for every group that has something to hear; return how many letters.

    A second run on the same day writes nothing. `fonts` are made under the house's files if not given.
    """
    return write_digests(session, compose_digests(session, house, today, fonts=fonts), now)


def compose_digests(session: Session, house: House, today: date, *, fonts: Fonts | None = None) -> list[Digest]:
    """Draw chart and table and word the letters; reads only, since it takes about a second a group."""
    composed = []
    for number, group in enumerate(house.groups):
        channels = [
            (channel, recipient)
            for channel, recipient in group_channels(house, group.name)
            if not _is_written(session, _key(today, channel))
        ]
        places = ranked(findings(session, group.regions)) if channels else []
        if not places:
            continue
        typeface = fonts or ensure_fonts(house.files / "fonts")
        message = _message(house, group, places, today, typeface)
        for channel, recipient in channels:
            said = _with_buttons(house, message, places, channel)
            card_ref = f"digest-{today:%Y%m%d}-{number}-{channel.split(':')[0]}"
            composed.append(Digest(_key(today, channel), channel, recipient, said, card_ref))
        log.info("digest_composed", group=number, places=len(places), letters=len(channels))
    return composed


def write_digests(session: Session, digests: Sequence[Digest], now: datetime) -> int:
    """Put composed letters into the outbox; return how many were new today."""
    new = [digest for digest in digests if not _is_written(session, digest.key)]
    for digest in new:
        outbox.put(
            session,
            key=digest.key,
            channel=digest.channel,
            recipient=digest.recipient,
            message=digest.message,
            now=now,
            card_ref=digest.card_ref,
        )
    return len(new)


def _key(today: date, channel: str) -> str:
    return f"digest:{today}:{channel}"


def _is_written(session: Session, key: str) -> bool:
    waiting = session.scalar(select(Outbox.id).where(Outbox.key == key))
    return waiting is not None or session.scalar(select(Sent.id).where(Sent.key == key)) is not None


def _message(house: House, group: Group, places: Sequence[Place], today: date, fonts: Fonts) -> Message:
    shown = places[:TOP_LINES]
    message = house.texts.say(
        "warning_digest",
        group=group.name,
        today=today,
        warnings=sum(len(place.findings) for place in places),
        stores=len({place.first.store_id for place in places}),
        bottles=sum(place.bottles for place in places),
        places=len(places),
        shown=len(shown),
        lines=[_line(house, number, place) for number, place in enumerate(shown, start=1)],
    )
    folder = house.files / "digests"
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{today:%Y%m%d}-{_UNSAFE.sub('_', group.name)}"
    picture = _write_chart(folder / f"{stem}.png", house, message.title, places, fonts)
    table = _write_table(folder / f"{stem}.xlsx", house, group, places, today)
    return replace(message, image=str(picture), files=[str(table)])


def _line(house: House, number: int, place: Place) -> str:
    first = place.first
    said = list(dict.fromkeys(_reason(house, finding) for finding in place.findings))
    return house.texts.sentence(
        "warning_line",
        number=number,
        store=first.store,
        product=first.product,
        stock=goods(place.bottles, first.case_size),
        reasons=said[:3],
        source=_source(house, first),
        url=_page(house, first),
    )


def _reason(house: House, finding: Finding) -> str:
    figures, say = finding.figures, house.texts.sentence
    if figures["kind"] == "age":
        return say("warning_age", days=figures["age_days"])
    if figures["kind"] == "expiry":
        if finding.days_left < 0:
            return say("warning_expired", expiry=finding.expiry)
        return say("warning_expiry", expiry=finding.expiry, days=finding.days_left)
    cover = finding.months_of_cover
    if cover is None:
        return say("warning_no_sales", months=figures["history_months"])
    monthly = _short(figures["monthly_millibottles"] / 1000)
    return say("warning_cover", months=_short(cover), monthly=monthly)


def _source(house: House, finding: Finding) -> str:
    if finding.figures["source"] == StockSource.INFERRED:
        return house.texts.sentence("warning_inferred")
    as_of = date.fromisoformat(finding.figures["as_of"])
    return house.texts.sentence("warning_counted", as_of=as_of)


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _page(house: House, finding: Finding) -> str:
    return f"{house.public_url}/w/{finding.id}"


def _with_buttons(house: House, message: Message, places: Sequence[Place], channel: str) -> Message:
    buttons = []
    for number, place in enumerate(places[:TOP_BUTTONS], start=1):
        label = house.texts.sentence("warning_button", number=number)
        first = place.first
        if channel.startswith("dingtalk:group:"):
            key = f"warning:{first.id}:start_recall:{first.version}"
            buttons.append(Button(label, key=key, style="primary"))
        else:
            buttons.append(Button(label, url=_page(house, first), style="primary"))
    return replace(message, buttons=buttons)


def _write_chart(path: Path, house: House, title: str, places: Sequence[Place], fonts: Fonts) -> Path:
    rows = [(f"{p.first.store} {p.first.product}", float(p.bottles)) for p in places[:IN_CHART]]
    unit = house.texts.sentence("warning_unit")
    path.write_bytes(digest_chart(title, rows, unit, fonts=fonts))
    return path


def _write_table(path: Path, house: House, group: Group, places: Sequence[Place], today: date) -> Path:
    rows = [_row(house, finding) for place in places for finding in place.findings]
    digest_workbook(path, group.name, today, rows)
    return path


def _row(house: House, finding: Finding) -> DigestRow:
    figures = finding.figures
    monthly = figures.get("monthly_millibottles")
    received = date.fromisoformat(figures["received_on"])
    return DigestRow(
        store_code=finding.store_code,
        store=finding.store,
        region=finding.region,
        product_code=finding.product_code,
        product=finding.product,
        batch=figures.get("batch", ""),
        stock=finding.bottles,
        case_size=finding.case_size,
        age_days=(date.fromisoformat(figures["day"]) - received).days,
        monthly_sales=None if monthly is None else monthly / 1000,
        months_left=finding.months_of_cover,
        rule=house.texts.label("rule", finding.rule),
        level=level_word(finding.level),
        advice=house.texts.sentence(f"warning_advice_{figures['kind']}"),
        source=_source(house, finding),
        source_date=date.fromisoformat(figures["as_of"]),
    )
