"""Cases and bottles scanned when they are opened: a lower bound of what a store sold.

An opened bottle is one bottle sold. An opened case proves no bottle: the store may have opened it for the
shelf, with bottles of the case before still standing beside it. It is kept with 0 bottles, as a sign that
the product moves on that day. A unit's code is unique, so an opening counts once, whoever tells it and how
often; a bottle and its case are two openings and never added up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog import Store
from models.stock import SellOut, SellOutSource
from workflows.acting import SHANGHAI, business_day
from workflows.code_registry import CodeState, Resolved, resolve
from workflows.packing import open_case, redeem
from workflows.portable_sql import insert_for
from workflows.refusals import InvalidInput

log = structlog.get_logger()

OpeningVerdict = Literal["bottle", "case", "before", "unknown", "nowhere"]
BOTTLES = frozenset({"cap", "bottle"})
PACKAGES = frozenset({"box", "case", "pallet"})
#: A package opened before is no obstacle here: the opening itself is what is told.
COUNTABLE = frozenset({CodeState.FINE, CodeState.UNREGISTERED, CodeState.OPENED})


@dataclass(frozen=True)
class Opening:
    """A unit's code as scanned, the store it was opened in, the business day, and who told it."""

    text: str
    store_id: int | None
    opened_on: date
    by: str


@dataclass(frozen=True)
class Opened:
    """What an opening was. `day` is set when it was told before: the day it was opened on."""

    verdict: OpeningVerdict
    code: str = ""
    product_id: int | None = None
    day: date | None = None


def note_openings(session: Session, openings: Sequence[Opening], now: datetime, public_url: str = "") -> list[Opened]:
    """Keep each opening once, in the order told; return what each was. Raises InvalidInput for a day to come."""
    return [note_opening(session, opening, now, public_url) for opening in openings]


def note_opening(session: Session, opening: Opening, now: datetime, public_url: str = "") -> Opened:
    """Keep one opening, unless its unit was opened before. Raises InvalidInput for a day to come."""
    if opening.opened_on > business_day(now):
        raise InvalidInput("开封日期在今天以后，请核对。")
    found = resolve(session, opening.text, opening.opened_on, public_url)
    if not _names_one_unit(found):
        return Opened("unknown", found.code[:64])
    if opening.store_id is None or session.get(Store, opening.store_id) is None:
        log.info("opening_nowhere", code=found.code)
        return Opened("nowhere", found.code, found.product_id)
    key = f"open:{found.product_id}:{found.serial}"[:255]
    if not _keep(session, opening, found, key, now):
        day = session.scalar(select(SellOut.first_day).where(SellOut.key == key))
        return Opened("before", found.code, found.product_id, day)
    if found.state is not CodeState.UNREGISTERED:
        _mark(session, opening, found)
    return Opened("bottle" if found.kind in BOTTLES else "case", found.code, found.product_id)


def _names_one_unit(found: Resolved) -> bool:
    """A barcode, or a code that all bottles of a case share, names no single bottle: two scans may be two bottles."""
    known = found.kind in BOTTLES | PACKAGES and found.state in COUNTABLE
    return known and found.serial is not None and found.product_id is not None


def _keep(session: Session, opening: Opening, found: Resolved, key: str, now: datetime) -> bool:
    """Write the lower bound; False when its unit was told before."""
    row = {
        "key": key,
        "store_id": opening.store_id,
        "product_id": found.product_id,
        "lot_id": found.lot_id,
        "first_day": opening.opened_on,
        "last_day": opening.opened_on,
        "bottles": 1 if found.kind in BOTTLES else 0,
        "is_lower_bound": True,
        "source": SellOutSource.SCAN_OPEN,
        "recorded_at": now,
    }
    new = insert_for(session)(SellOut).values(row).on_conflict_do_nothing(index_elements=["key"]).returning(SellOut.id)
    return session.scalar(new) is not None


def _mark(session: Session, opening: Opening, found: Resolved) -> None:
    """The registry learns it too: an opened case holds nothing, an opened bottle is no sealed one."""
    noon = datetime.combine(opening.opened_on, time(12), SHANGHAI)
    if found.kind in BOTTLES:
        redeem(session, found.code, noon)
    else:
        open_case(session, found.code, noon, opening.by)
