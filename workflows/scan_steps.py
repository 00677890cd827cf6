"""What today's hits mean for the warnings there are: one pass over the open ones, and what comes back.

A warning without a hit is `gone`; whether it is over, or only nobody looked, is decided in
`scan_endings.py`. An empty event is no step: only the figures are written anew.
"""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import Integer, Select, String, and_, case, cast, func, insert, null, or_, select, type_coerce
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.elements import ColumnElement

from models.stock import StockSource
from models.warning import StockWarning, WarningState
from workflows.scan_levels import Condition
from workflows.scan_tables import by_hashing, count_rows, hit, level_of, level_row, rule_row, step

W = StockWarning
_FILLED = [column.name for column in step.columns]
_STATE = type_coerce(W.state, String)


def find_steps(session: Session, today: date, quiet_days: int) -> None:
    """Write what becomes of each warning that is open, or was until lately; no rule is quiet for longer."""
    with by_hashing(session):
        session.execute(insert(step).from_select(_FILLED, _of_open(today)))
    session.execute(insert(step).from_select(_FILLED, _coming_back(today, today - timedelta(days=quiet_days))))
    count_rows(session, step)


def _of_open(today: date) -> Select[*tuple[Any, ...]]:
    event = _event(today)
    found = (
        select(
            W.id.label("warning_id"),
            W.version,
            W.rule,
            rule_row.c.no.label("rule_no"),
            W.store_id,
            W.product_id,
            W.lot_id,
            event.label("event"),
            _STATE.label("from_state"),
            _level().label("level"),
        )
        .select_from(W)
        .outerjoin(rule_row, rule_row.c.name == W.rule)
        .outerjoin(hit, _same_key())
        .outerjoin(level_row, level_row.c.code == hit.c.code)
        .where(W.state != WarningState.RESOLVED)
        .subquery()
    )
    fires = found.c.event.in_(["fired", "refired"])
    to_state = case((fires, WarningState.FIRING.value), else_=found.c.from_state)
    kept = {**{column.name: column for column in found.c}, "to_state": to_state, "cause": cast(null(), String)}
    return select(*(kept[name] for name in _FILLED)).where(found.c.event.is_not(None))


def _same_key() -> Condition:
    return and_(
        hit.c.rule_no == rule_row.c.no,
        hit.c.store_id == W.store_id,
        hit.c.product_id == W.product_id,
        hit.c.lot_id == W.lot_id,
    )


def _level() -> ColumnElement[Any]:
    """The level of the hit; past `clears` a warning stays at level 1."""
    level = level_of(hit.c.code)
    return case((level == 0, 1), else_=level)


def _event(today: date) -> ColumnElement[Any]:
    waits = W.state == WarningState.PENDING
    ripe = and_(W.pending_since <= rule_row.c.pending_until, rule_row.c.opens.is_(True))
    fires_again = case(
        (W.state == WarningState.DISMISSED, _dismissal_is_over(today)),
        (W.state == WarningState.ACKNOWLEDGED, or_(_level() > W.acked_level, _outside_band())),
        else_=False,
    )
    return case(
        (hit.c.code.is_(None), "gone"),
        (hit.c.stale.is_(True), case((W.stale.is_(False), "stale"))),
        (and_(waits, level_of(hit.c.code) == 0), "gone"),
        (and_(waits, ripe), "fired"),
        (fires_again.is_(True), "refired"),
        (and_(~waits, _level() > W.level), "risen"),
        (and_(~waits, _level() < W.level), "eased"),
        (_figures_changed(), ""),
    )


def _dismissal_is_over(today: date) -> Condition:
    """It holds for that level and about that many bottles, until its day."""
    return or_(
        _level() > func.coalesce(W.dismissed_level, 0),
        _outside_band(),
        func.coalesce(W.dismissed_until <= today, True),
    )


def _outside_band() -> Condition:
    return or_(
        hit.c.bottles < func.coalesce(W.band_low, hit.c.bottles),
        hit.c.bottles > func.coalesce(W.band_high, hit.c.bottles),
    )


def _figures_changed() -> Condition:
    """Whether anything is other than written; that another day has passed is none of it."""
    seen_by_somebody = and_(hit.c.source != StockSource.INFERRED.value, W.as_of.is_distinct_from(hit.c.as_of))
    return or_(
        W.bottles != hit.c.bottles,
        W.loss_fen != hit.c.loss,
        W.level != _level(),
        W.threshold != level_row.c.threshold,
        W.rule_version != rule_row.c.version,
        W.stale.is_(True),
        W.counted_from.is_distinct_from(hit.c.counted_from),
        and_(hit.c.counted_from.is_(None), W.value != hit.c.value),
        seen_by_somebody,
    )


def _coming_back(today: date, since: date) -> Select[*tuple[Any, ...]]:
    """What was over and is true again within its quiet days: the same episode, and nobody is told anew.

    What had only been watched is watched again.
    """
    later = aliased(W)
    newer = select(later.id).where(
        later.store_id == W.store_id,
        later.product_id == W.product_id,
        later.lot_id == W.lot_id,
        later.rule == W.rule,
        later.episode > W.episode,
    )
    never_fired = W.pending_since.is_not(None)
    still_dismissed = and_(W.dismissed_until > today, ~_dismissal_is_over(today))
    to_state = case(
        (never_fired, WarningState.PENDING.value),
        (still_dismissed, WarningState.DISMISSED.value),
        else_=WarningState.FIRING.value,
    )
    values = {
        "warning_id": W.id,
        "version": W.version,
        "rule": W.rule,
        "rule_no": rule_row.c.no,
        "store_id": W.store_id,
        "product_id": W.product_id,
        "lot_id": W.lot_id,
        "event": case((never_fired, "pending"), else_="reopened"),
        "from_state": _STATE,
        "to_state": to_state,
        "level": cast(level_of(hit.c.code), Integer),
        "cause": cast(null(), String),
    }
    # The few that ended lately are looked up among the hits, not the hits among all that ever ended.
    lately = (
        select(W.id, W.rule).where(W.state == WarningState.RESOLVED, W.resolved_on.is_not(None), W.resolved_on >= since)
    ).cte("lately")
    lately = lately.prefix_with("MATERIALIZED")
    return (
        select(*(values[name] for name in _FILLED))
        .select_from(lately)
        .join(W, W.id == lately.c.id)
        .join(rule_row, rule_row.c.name == W.rule)
        .join(hit, _same_key())
        .where(
            W.resolved_on >= rule_row.c.quiet_from,
            rule_row.c.opens.is_(True),
            level_of(hit.c.code) > 0,
            hit.c.stale.is_(False),
            ~newer.exists(),
        )
    )
