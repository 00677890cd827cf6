"""Hits that have no open warning: numbered, with their episode, and with the word given to the gravest.

Decided before anything is written: while the table grows under it, PostgreSQL would look it through for
each row. They are numbered as they were found, and written in that order.
"""

from sqlalchemy import BigInteger, Boolean, Subquery, and_, case, cast, func, insert, literal, select, text
from sqlalchemy.orm import Session

from models.warning import StockWarning, WarningState
from workflows.scan_inhibition import graver_mark, place_of
from workflows.scan_tables import count_rows, hit, level_of, newcomer, rule_row

W = StockWarning
_FILLED = [column.name for column in newcomer.columns]


def find_newcomers(session: Session, newest: int) -> int:
    """Write them down; return how many. `newest` is the last warning there is."""
    found = _found(newest)
    place = place_of(found.c.level)
    speaks = and_(found.c.waits.is_(False), found.c.product_id > 0)
    best = func.max(case((speaks, place - found.c.number))).over(partition_by=[found.c.store_id, found.c.product_id])
    seen = select(found, place.label("place"), best.label("best")).subquery()
    mark = case((and_(seen.c.product_id > 0, seen.c.best > seen.c.place), graver_mark(seen.c.best)), else_="")
    kept = {**{column.name: column for column in seen.c}, "inhibited_by": mark}
    rows = select(*(kept[name] for name in _FILLED)).order_by(seen.c.number)
    session.execute(insert(newcomer).from_select(_FILLED, rows))
    count_rows(session, newcomer)
    return session.scalar(select(func.count()).select_from(newcomer)) or 0


def number_on(session: Session, last: int) -> None:
    """Whoever writes a warning next takes the number after the last."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT setval(pg_get_serial_sequence('warning', 'id'), :last)"), {"last": last})


def _found(newest: int) -> Subquery:
    mine = and_(
        W.store_id == hit.c.store_id,
        W.product_id == hit.c.product_id,
        W.lot_id == hit.c.lot_id,
        W.rule == rule_row.c.name,
    )
    is_open = select(W.id).where(mine, W.state != WarningState.RESOLVED).correlate_except(W)
    episode = select(func.coalesce(func.max(W.episode), 0) + 1).where(mine).correlate_except(W).scalar_subquery()
    return (
        select(
            hit.c.rule_no,
            hit.c.store_id,
            hit.c.product_id,
            hit.c.lot_id,
            level_of(hit.c.code).label("level"),
            (episode if newest else literal(1)).label("episode"),
            cast(hit.c.stale | (rule_row.c.pending_days > 0), Boolean).label("waits"),
            cast(func.row_number().over() + newest, BigInteger).label("number"),
        )
        .join(rule_row, rule_row.c.no == hit.c.rule_no)
        .where(level_of(hit.c.code) > 0, rule_row.c.opens.is_(True), *([~is_open.exists()] if newest else []))
        .subquery()
    )
