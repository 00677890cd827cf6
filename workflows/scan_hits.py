"""From one pass over a grain's goods to the hits of all its rules.

The pass works out a code for each rule side by side (`scan_levels.py:code_of`) and keeps the rows where
one of them holds; from there the codes are laid one below the other. Per rule there is no second look
at the goods.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import CTE, BigInteger, Date, FromClause, Select, insert, literal, null, or_, select, union_all
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from rules.warning_rules import Metric
from workflows.scan_levels import Column, Measure, Subject, code_of
from workflows.scan_tables import Numbered, hit

_FILLED = [column.name for column in hit.columns]


@dataclass(frozen=True)
class Ground:
    """What a grain is measured on. `columns` names what each hit keeps; `known_on` is what decides freshness."""

    tables: FromClause
    where: tuple[ColumnElement[bool], ...]
    columns: Mapping[str, Any]
    known_on: ColumnElement[Any]
    measures: Mapping[Metric, Measure]
    subject: Subject


def fill_hits(session: Session, ground: Ground, rules: list[Numbered], today: date) -> None:
    """Write the hits of these rules, all of one grain."""
    if not rules:
        return
    wide = _pass(ground, rules, today)
    arms = [_arm(wide, one, today) for one in rules]
    session.execute(insert(hit).from_select(_FILLED, union_all(*arms) if len(arms) > 1 else arms[0]))


def _pass(ground: Ground, rules: list[Numbered], today: date) -> CTE:
    columns = [column.label(name) for name, column in ground.columns.items()]
    columns.append(ground.known_on.label("known_on"))
    held = []
    for one in rules:
        measure = ground.measures[one.rule.metric]
        code = code_of(one, measure, ground.subject, today)
        held.append(code.is_not(None))
        columns += [
            code.label(f"code_{one.no}"),
            _or_null(measure.value).label(f"value_{one.no}"),
            _or_null(measure.counted_from, Date).label(f"from_{one.no}"),
        ]
    query = select(*columns).select_from(ground.tables).where(*ground.where, or_(*held))
    # Without the word PostgreSQL would work the rows out again for a single rule; SQLite keeps them anyway.
    return query.cte("wide").prefix_with("MATERIALIZED", dialect="postgresql")


def _arm(wide: CTE, one: Numbered, today: date) -> Select[*tuple[Any, ...]]:
    kept = {
        "rule_no": literal(one.no),
        "code": wide.c[f"code_{one.no}"],
        "value": wide.c[f"value_{one.no}"],
        "counted_from": wide.c[f"from_{one.no}"],
        "stale": wide.c.known_on < today - timedelta(days=one.rule.fresh_days),
    }
    return select(*(kept[name] if name in kept else wide.c[name] for name in _FILLED)).where(
        wide.c[f"code_{one.no}"].is_not(None)
    )


def _or_null(value: Column | None, kind: Any = BigInteger) -> Any:
    return null().cast(kind) if value is None else value
