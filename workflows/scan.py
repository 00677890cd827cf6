"""The daily look at all stores: what fires, what still holds, what is over.

No lot is looked at in Python. Each rule is one SELECT (`scan_queries.py`) whose rows are written into a
temporary table; from there come the new warnings, today's figures of the old ones, and the end of
those no longer true. A warning that somebody dismissed stays dismissed until its cause is gone; the
next time it is a new episode. Goods an open task already asks for fire nothing new.
"""

from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

import structlog
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Integer,
    MetaData,
    Table,
    and_,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from models.warning import StockWarning, WarningState
from rules.warnings import AnyRule, Ruleset
from workflows.acting import SYSTEM
from workflows.history import Entry, record
from workflows.house import House
from workflows.portable_sql import insert_for
from workflows.scan_queries import hits_of

log = structlog.get_logger()

OPEN = (WarningState.FIRING, WarningState.IN_ACTION, WarningState.DISMISSED)

hit = Table(
    "scan_hit",
    MetaData(),
    Column("store_id", Integer, primary_key=True, autoincrement=False),
    Column("product_id", Integer, primary_key=True, autoincrement=False),
    Column("lot_id", Integer, primary_key=True, autoincrement=False),
    Column("bottles", Integer, nullable=False),
    Column("level", Integer, nullable=False),
    Column("figures", JSON, nullable=False),
    Column("covered", Boolean, nullable=False),
    prefixes=["TEMPORARY"],
)


@dataclass
class ScanResult:
    """Warnings by rule: newly fired, still true, no longer true."""

    fired: dict[str, int] = field(default_factory=dict)
    still: dict[str, int] = field(default_factory=dict)
    resolved: dict[str, int] = field(default_factory=dict)


def scan(session: Session, ruleset: Ruleset, today: date, now: datetime, *, house: House | None = None) -> ScanResult:
    """Evaluate every rule for that day and bring the warnings up to date.

    The same day twice changes nothing. With a `house` the end of each warning goes into the history.
    """
    result = ScanResult()
    session.flush()
    connection = session.connection()
    hit.create(connection, checkfirst=False)
    for rule in ruleset.rules:
        _fill(session, rule, today)
        result.still[rule.name] = _renew(session, rule.name, ruleset.version, today)
        result.fired[rule.name] = _fire(session, rule.name, ruleset.version, today, now)
        gone = and_(StockWarning.rule == rule.name, ~select(hit.c.lot_id).where(_same()).exists())
        result.resolved[rule.name] = _resolve(session, gone, now, house)
    hit.drop(connection, checkfirst=False)
    dropped = StockWarning.rule.not_in([rule.name for rule in ruleset.rules])
    _resolve(session, dropped, now, house)
    session.expire_all()
    log.info("scan_done", day=str(today), **asdict(result))
    return result


def _fill(session: Session, rule: AnyRule, today: date) -> None:
    session.execute(delete(hit))
    query = hits_of(session, rule, today)
    if query is not None:
        session.execute(insert(hit).from_select([column.name for column in hit.columns], query))


def _same() -> ColumnElement[bool]:
    return and_(
        StockWarning.store_id == hit.c.store_id,
        StockWarning.product_id == hit.c.product_id,
        StockWarning.lot_id == hit.c.lot_id,
    )


def _renew(session: Session, rule: str, version: str, today: date) -> int:
    renewed = (
        update(StockWarning)
        .where(StockWarning.rule == rule, StockWarning.state.in_(OPEN), _same())
        .values(
            level=hit.c.level,
            bottles=hit.c.bottles,
            figures=hit.c.figures,
            rule_version=version,
            seen_on=today,
        )
    )
    return _rows(session, renewed)


def _fire(session: Session, rule: str, version: str, today: date, now: datetime) -> int:
    earlier = select(StockWarning.id).where(StockWarning.rule == rule, _same())
    episode = select(func.coalesce(func.max(StockWarning.episode), 0) + 1).where(StockWarning.rule == rule, _same())
    values: dict[str, Any] = {
        "state": _literal("state", WarningState.FIRING),
        "rule": _literal("rule", rule),
        "rule_version": _literal("rule_version", version),
        "level": hit.c.level,
        "store_id": hit.c.store_id,
        "product_id": hit.c.product_id,
        "lot_id": hit.c.lot_id,
        "episode": episode.correlate(hit).scalar_subquery(),
        "bottles": hit.c.bottles,
        "figures": hit.c.figures,
        "fired_on": _literal("fired_on", today),
        "seen_on": _literal("seen_on", today),
        "changed_at": _literal("changed_at", now),
        "version": _literal("version", 1),
        "visit": _literal("visit", 1),
    }
    still_open = earlier.where(StockWarning.state.in_(OPEN)).correlate(hit)
    new = select(*values.values()).where(hit.c.covered.is_(False), ~still_open.exists())
    # Two scans at once may both want to write a row; the unique key lets one of them win.
    fired = insert_for(session)(StockWarning).from_select(list(values), new)
    return _rows(session, fired.on_conflict_do_nothing())


def _literal(column: str, value: Any) -> ColumnElement[Any]:
    return literal(value, StockWarning.__table__.c[column].type)


def _resolve(session: Session, gone: ColumnElement[bool], now: datetime, house: House | None) -> int:
    where = and_(StockWarning.state.in_(OPEN), gone)
    if house is not None:
        _write_history(session, where, now, house)
    over = (
        update(StockWarning)
        .where(where)
        .values(
            state=WarningState.RESOLVED,
            version=StockWarning.version + 1,
            visit=StockWarning.visit + 1,
            changed_at=now,
        )
    )
    return _rows(session, over)


def _write_history(session: Session, where: ColumnElement[bool], now: datetime, house: House) -> None:
    ending = select(StockWarning.id, StockWarning.version, StockWarning.state).where(where)
    for warning_id, version, state in session.execute(ending):
        entry = Entry(
            flow="warning",
            subject_id=warning_id,
            version=version + 1,
            event="resolve",
            from_state=str(state),
            to_state=str(WarningState.RESOLVED),
            actor=SYSTEM.name,
            entrance=SYSTEM.entrance,
            reason="",
            facts={},
            at=now,
        )
        record(session, house.secret, entry)


def _rows(session: Session, statement: Any) -> int:
    result = session.execute(statement, execution_options={"synchronize_session": False, "preserve_rowcount": True})
    return int(getattr(result, "rowcount", 0))
