"""Writing a scan down: steps of old warnings, figures that changed, new warnings, and the events of both."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import String, Table, and_, case, cast, delete, func, insert, literal, null, select, type_coerce, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from models.warning import StockWarning, WarningEvent, WarningState
from rules.warning_rules import Grain
from workflows.portable_sql import insert_for
from workflows.scan_figures import written
from workflows.scan_tables import hit, level_of, newcomer, step

W = StockWarning
_QUIET: Any = {"synchronize_session": False}


def hold_still(session: Session) -> None:
    """Lock the warnings about to move. What somebody moved meanwhile is left to the next scan."""
    if session.get_bind().dialect.name != "postgresql":
        return  # on SQLite nobody else writes now
    mine = select(W.id).join(step, step.c.warning_id == W.id).with_for_update().subquery()
    session.execute(select(func.count()).select_from(mine))
    same = select(W.id).where(W.id == step.c.warning_id, W.version == step.c.version)
    session.execute(delete(step).where(~same.exists()))


def take_steps(session: Session, today: date, now: datetime) -> None:
    """Move the warnings, all at once."""
    event, entered = step.c.event, step.c.to_state != step.c.from_state
    again = event.in_(["refired"])
    speaks_up = case((again, True), (and_(event == "risen", W.acked_level > 0, step.c.level > W.acked_level), True))
    moved = (
        update(W)
        .where(W.id == step.c.warning_id, W.version == step.c.version, event != "")
        .values(
            state=type_coerce(step.c.to_state, W.state.type),
            version=W.version + case((event == "stale", 0), else_=1),
            visit=W.visit + case((entered, 1), else_=0),
            changed_at=case((event == "stale", W.changed_at), else_=_const("changed_at", now)),
            level=case((event.in_(["risen", "eased"]), step.c.level), else_=W.level),
            stale=event == "stale",
            fired_on=case((event == "fired", _const("fired_on", today)), else_=W.fired_on),
            pending_since=case(
                (event == "pending", _const("pending_since", today)), (event == "fired", null()), else_=W.pending_since
            ),
            flaps=W.flaps + case((event == "reopened", 1), else_=0),
            cause=type_coerce(step.c.cause, W.cause.type),
            resolved_on=case((event == "resolved", _const("resolved_on", today)), else_=null()),
            seen_on=case((event == "resolved", _const("seen_on", today)), else_=W.seen_on),
            inhibited_by=case((event == "resolved", ""), else_=W.inhibited_by),
            snoozed_until=case((speaks_up.is_(True), null()), else_=W.snoozed_until),
            acked_level=case((again, 0), else_=W.acked_level),
            notified_level=case((again, 0), else_=W.notified_level),
            escalated=case((again, 0), else_=W.escalated),
            escalate_at=case((again | (event == "resolved"), null()), else_=W.escalate_at),
            dismissed_until=case((again, null()), else_=W.dismissed_until),
            dismissed_level=case((again, null()), else_=W.dismissed_level),
            band_low=case((again, null()), else_=W.band_low),
            band_high=case((again, null()), else_=W.band_high),
        )
    )
    session.execute(moved, execution_options=_QUIET)


def refresh_figures(session: Session, grain: Grain, today: date) -> None:
    """Write the figures of today where anything changed."""
    fresh = written(grain, today).add_columns(step.c.warning_id, step.c.level.label("level"))
    fresh = fresh.join(step, and_(*_same_key(step))).where(step.c.event.not_in(["resolved", "stale"]))
    new = fresh.subquery()
    names = ("level", "bottles", "value", "threshold", "loss_fen", "counted_from", "as_of", "rule_version", "figures")
    session.execute(
        update(W)
        .where(W.id == new.c.warning_id)
        .values(**{name: new.c[name] for name in names}, seen_on=today, stale=False),
        execution_options=_QUIET,
    )


def fire_new(session: Session, grain: Grain, today: date, now: datetime) -> None:
    """Write the newcomers of a grain. What is stale, or must last a while first, is only watched."""
    new = written(grain, today)
    names = new.selected_columns
    waits = newcomer.c.waits
    values: dict[str, ColumnElement[Any]] = {
        "state": case((waits, _const("state", WarningState.PENDING)), else_=_const("state", WarningState.FIRING)),
        "level": level_of(names.code),
        "episode": newcomer.c.episode,
        "pending_since": case((waits, _const("pending_since", today))),
        "fired_on": _const("fired_on", today),
        "seen_on": _const("seen_on", today),
        "changed_at": _const("changed_at", now),
        **{name: literal(0) for name in ("acked_level", "notified_level", "escalated", "flaps")},
        "inhibited_by": newcomer.c.inhibited_by,
        "id": newcomer.c.number,
        "version": literal(1),
        "visit": literal(1),
        **{name: names[name] for name in _FROM_HIT},
    }
    rows = new.with_only_columns(*values.values()).join(newcomer, and_(*_same_key(newcomer)))
    # Two scans at once may both want to write a row; the unique key lets one of them win.
    fired = insert_for(session)(W).from_select(list(values), rows, include_defaults=False)
    session.execute(fired.on_conflict_do_nothing(), execution_options=_QUIET)


_KEY = ("rule_no", "store_id", "product_id", "lot_id")
_FROM_HIT = (
    "rule", "rule_version", "store_id", "product_id", "lot_id", "bottles", "value", "threshold", "loss_fen", "figures",
    "counted_from", "as_of", "stale",
)  # fmt: skip


def write_events(session: Session, today: date, newer_than: int) -> None:
    """Keep every step and every birth; `newer_than` is the last warning there was before this scan."""
    born = case((W.state == WarningState.PENDING, "pending"), else_="fired")
    common = {
        "warning_id": W.id,
        "version": W.version,
        "day": _const("seen_on", today),
        "level": W.level,
        "value": W.value,
        "bottles": W.bottles,
        "rule_version": W.rule_version,
    }
    moved = {
        **common,
        "event": step.c.event,
        "from_state": step.c.from_state,
        "to_state": step.c.to_state,
        "cause": type_coerce(step.c.cause, W.cause.type),
    }
    new = {
        **common,
        "event": born,
        "from_state": literal(""),
        "to_state": type_coerce(W.state, String),
        "cause": cast(null(), String),
    }
    of_steps = (
        select(*moved.values())
        .join(step, and_(step.c.warning_id == W.id, W.version == step.c.version + 1))
        .where(step.c.event.not_in(["", "stale"]))
    )
    of_births = select(*new.values()).where(W.id > newer_than)
    session.execute(insert(WarningEvent).from_select(list(moved), of_steps))
    session.execute(insert(WarningEvent).from_select(list(new), of_births))


def last_warning(session: Session) -> int:
    """The number of the last warning there is."""
    return session.scalar(select(func.max(W.id))) or 0


def _same_key(other: Table) -> list[ColumnElement[bool]]:
    return [hit.c[name] == other.c[name] for name in _KEY]


def _const(column: str, value: Any) -> ColumnElement[Any]:
    return literal(value, W.__table__.c[column].type)
