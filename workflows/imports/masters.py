"""Rows that describe one thing by its code: new ones are added, known ones brought up to date."""

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import select

from models.catalog import Product, Store
from workflows.imports.columns import Row
from workflows.imports.intake import Intake

M = TypeVar("M", Product, Store)


def without_repeats(intake: Intake, rows: list[Row], label: str, *names: str) -> list[Row]:
    """Refuse rows that name the same thing again, naming the first one."""
    first: dict[tuple[Any, ...], int] = {}
    kept = []
    for row in rows:
        key = tuple(row.values.get(name) for name in names)
        number = first.setdefault(key, row.number)
        if number == row.number:
            kept.append(row)
        else:
            intake.refuse(row, names[0], row.values.get(names[0]), f"{label}与第 {number} 行重复")
    return kept


def upsert(intake: Intake, model: type[M], rows: list[Row], defaults: Mapping[str, Any]) -> None:
    """Write rows by their code. An empty cell means the default; a column not in the file says nothing."""
    known = {thing.code: thing for thing in intake.session.scalars(select(model))}
    for row in rows:
        if row.number in intake.problems.bad_rows:
            continue
        values: dict[str, Any] = {
            name: defaults.get(name) if value is None else value for name, value in row.values.items()
        }
        thing = known.get(values["code"])
        if thing is None:
            intake.session.add(model(**{**defaults, **values}))
            intake.tally.accepted += 1
        elif _changed(thing, values):
            intake.tally.accepted += 1
            intake.tally.changed += 1
        else:
            intake.tally.unchanged += 1
    intake.session.flush()


def _changed(thing: Product | Store, values: Mapping[str, Any]) -> bool:
    different = {name: value for name, value in values.items() if getattr(thing, name) != value}
    for name, value in different.items():
        setattr(thing, name, value)
    return bool(different)
