"""The stock of another day, worked out again without touching the stock of today.

Temporary tables of the same names hide the real ones for this transaction: what came after the day is
left out of them, and the belief is inferred anew. Rolling back takes them away; the real tables are
neither written nor locked, so the house goes on working meanwhile.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    DefaultClause,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    func,
    insert,
    select,
    table,
    text,
    union_all,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import TableClause

from models.base import Base
from models.stock import (
    Balance,
    ChannelStock,
    Experience,
    Observation,
    SalesRate,
    SellOut,
    StockMove,
    StockSource,
)
from workflows.channel_stock import Refreshed, refresh_channel_stock

Keep = Callable[[Any], ColumnElement[bool]]


def turn_to(session: Session, day: date) -> Refreshed:
    """Let the session see the stock believed on that day. The caller rolls back when it has looked.

    Deliveries, counts, reports, sales and moves after the day are not looked at. Call it first: what the session
    did before is rolled back.
    """
    session.rollback()  # the driver forgets statements it prepared against the real tables
    connection = session.connection()
    schema = connection.dialect.default_schema_name or "main"
    kept: tuple[tuple[type[Base], Keep], ...] = (
        (ChannelStock, lambda c: (c.as_of <= day) & (c.source != StockSource.INFERRED)),
        (StockMove, lambda c: c.happened_on <= day),
        (Observation, lambda c: c.as_of <= day),
        (SellOut, lambda c: c.last_day <= day),
        (Experience, lambda c: c.as_of <= day),
    )
    copied = [model for model, _ in kept]
    hidden: list[type[Base]] = [SalesRate, Balance, *copied]
    for model in hidden:
        _empty_copy(model).create(connection, checkfirst=False)
    for model, keep in kept:
        real = _real(model, schema)
        names = [column.name for column in real.c]
        session.execute(insert(model).from_select(names, select(*real.c).where(keep(real.c)), include_defaults=False))
    _sum_moves(session)
    on_postgresql = connection.dialect.name == "postgresql"
    if on_postgresql:
        _number_on(session, copied)
    refreshed = refresh_channel_stock(session, day)
    if on_postgresql:
        for model in (ChannelStock, SalesRate):  # nobody counts the rows of a temporary table by itself
            session.execute(text(f"ANALYZE {model.__tablename__}"))
    return refreshed


def _empty_copy(model: type[Base]) -> Table:
    """A temporary table of the same columns and unique keys; ties to other tables cannot reach out of it."""
    original = Base.metadata.tables[model.__tablename__]
    columns = [
        Column(c.name, c.type, primary_key=c.primary_key, nullable=c.nullable, server_default=_default(c))
        for c in original.columns
    ]
    unique = [
        UniqueConstraint(*(column.name for column in key.columns))
        for key in original.constraints
        if isinstance(key, UniqueConstraint)
    ]
    return Table(original.name, MetaData(), *columns, *unique, prefixes=["TEMPORARY"])


def _default(column: Column[Any]) -> Any:
    return column.server_default.arg if isinstance(column.server_default, DefaultClause) else None


def _real(model: type[Base], schema: str) -> TableClause:
    """The table behind the temporary one."""
    columns = Base.metadata.tables[model.__tablename__].columns
    return table(model.__tablename__, *(Column(c.name, c.type) for c in columns), schema=schema)


def _sum_moves(session: Session) -> None:
    came = select(StockMove.to_place_id.label("place"), StockMove.lot_id.label("lot"), StockMove.bottles.label("by"))
    went = select(StockMove.from_place_id, StockMove.lot_id, -StockMove.bottles)
    moved = union_all(came, went).subquery()
    sums = select(moved.c.place, moved.c.lot, func.sum(moved.c.by).cast(Integer)).group_by(moved.c.place, moved.c.lot)
    session.execute(insert(Balance).from_select(["place_id", "lot_id", "bottles"], sums))


def _number_on(session: Session, models: Iterable[type[Base]]) -> None:
    """New rows are numbered after the copied ones."""
    for model in models:
        columns = Base.metadata.tables[model.__tablename__].columns
        if "id" in columns:
            sequence = func.pg_get_serial_sequence(f"pg_temp.{model.__tablename__}", "id")
            session.execute(select(func.setval(sequence, func.coalesce(func.max(columns["id"]), 0) + 1)))
