"""The daily look at all stores: what fires, what still holds, what is over.

No lot and no series is looked at in Python. Each grain is read once for all of its rules
(`scan_hits.py:fill_hits`); the hits are then compared with the warnings there are, and only what changed is
written. What is said of a warning that nobody moved is of the day its figures were written
(`warning_value.py:value_on` carries ages on), and `ScanRun` says when it was last found so.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

import structlog
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.engine import Card
from models.warning import StockWarning
from rules.warning_rules import Grain, Ruleset
from workflows.acting import SYSTEM
from workflows.flow import Step
from workflows.house import House
from workflows.rule_archive import keep_rules
from workflows.scan_endings import settle_endings
from workflows.scan_hits import fill_hits
from workflows.scan_inhibition import set_marks
from workflows.scan_lots import lots
from workflows.scan_newcomers import find_newcomers, number_on
from workflows.scan_products import fill_shelf, products
from workflows.scan_record import ScanResult, record_scan, refuse_an_earlier_day
from workflows.scan_steps import find_steps
from workflows.scan_stores import fill_stores, stores
from workflows.scan_tables import (
    Numbered,
    count_rows,
    hit,
    level_of,
    measure,
    numbered,
    of_grain,
    rule_row,
    step,
    temporary_tables,
)
from workflows.scan_writing import fire_new, hold_still, last_warning, refresh_figures, take_steps, write_events
from workflows.warning_card import repaint

__all__ = ["PreviewHit", "ScanResult", "preview", "scan"]
log = structlog.get_logger()
CHUNK = 5_000  # rows read at once
MANY = 10  # a table that grew by a tenth is looked at anew
_LOCK = 0x6A756875  # any number, the same in all processes


class PreviewHit(NamedTuple):
    """What a rule would say of a subject: lot 0 is the product as a whole, product 0 the whole store."""

    rule: str
    level: int
    store_id: int
    product_id: int
    lot_id: int
    bottles: int
    loss_fen: int


def scan(session: Session, ruleset: Ruleset, today: date, now: datetime, *, house: House | None = None) -> ScanResult:
    """Evaluate every rule for that day and bring the warnings up to date.

    The same day twice changes nothing. With a `house` the scan goes into the history, and cards that are
    out show what is true now. Raises ScanRefused for a day before the last one that was scanned.
    """
    session.flush()
    _prepare(session, alone=True)
    refuse_an_earlier_day(session, today)
    keep_rules(session, ruleset, today)
    rules = numbered(ruleset)
    newest = last_warning(session)
    with temporary_tables(session, rules, today):
        _find_hits(session, rules, today)
        find_steps(session, today, max((rule.quiet_days for rule in ruleset.rules), default=0))
        settle_endings(session, rules)
        hold_still(session)
        take_steps(session, today, now)
        for grain in Grain:
            refresh_figures(session, grain, today)
        new = find_newcomers(session, newest)
        for grain in Grain if new else ():
            fire_new(session, grain, today, now)
        if new:
            number_on(session, newest + new)
        if new * MANY > newest > 0:
            measure(session, StockWarning.__tablename__)
        write_events(session, today, newest)
        set_marks(session, newest)
        result = record_scan(session, ruleset, today, now, house)
        moved = _moved_cards(session) if house else []
    session.expire_all()
    if house:
        for warning_id in moved:
            repaint(Step(session, house, session.get_one(StockWarning, warning_id), SYSTEM, now))
    log.info("scan_done", day=str(today), **result.counts())
    return result


def preview(session: Session, ruleset: Ruleset, on: date) -> Iterator[PreviewHit]:
    """What the rules would fire on that day, with nothing written but temporary tables.

    Goods with stale inputs are not among it, nor rules that fire nothing new in that month. Read it to its
    end before the next one begins.
    """
    session.flush()
    _prepare(session, alone=False)
    rules = numbered(ruleset)
    with temporary_tables(session, rules, on):
        _find_hits(session, rules, on)
        columns = (rule_row.c.name, level_of(hit.c.code), hit.c.store_id, hit.c.product_id, hit.c.lot_id)
        query = (
            select(*columns, hit.c.bottles, hit.c.loss)
            .join(rule_row, rule_row.c.no == hit.c.rule_no)
            .where(level_of(hit.c.code) > 0, hit.c.stale.is_(False), rule_row.c.opens.is_(True))
        )
        for chunk in session.execute(query).partitions(CHUNK):
            yield from (PreviewHit(*row) for row in chunk)


def _find_hits(session: Session, rules: list[Numbered], today: date) -> None:
    of_lots, of_products, of_stores = (of_grain(rules, grain) for grain in Grain)
    if of_lots:
        fill_hits(session, lots(session, of_lots, today), of_lots, today)
    if of_products or of_stores:
        fill_shelf(session, of_products)
    if of_products:
        fill_hits(session, products(today), of_products, today)
    if of_stores:
        fill_stores(session)
        fill_hits(session, stores(), of_stores, today)
    count_rows(session, hit)


def _prepare(session: Session, *, alone: bool) -> None:
    """One scan at a time; room to sort in, and no compiling of questions asked once a day."""
    connection = session.connection()
    if connection.dialect.name != "postgresql":
        return  # on SQLite all writers share one queue
    if alone:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    connection.execute(text("SET LOCAL work_mem = '64MB'"))
    connection.execute(text("SET LOCAL jit = off"))


def _moved_cards(session: Session) -> list[int]:
    """Warnings that took a step and have a card out somewhere."""
    out = select(Card.card_ref).where(Card.flow == "warning", Card.subject_id == step.c.warning_id, Card.open.is_(True))
    query = select(step.c.warning_id).where(step.c.event.not_in(["", "stale"]), out.exists())
    return list(session.scalars(query.order_by(step.c.warning_id)))
