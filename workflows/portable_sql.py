"""What SQLite and PostgreSQL spell differently."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Date, Engine, Integer, Text, cast, func, literal, literal_column, type_coerce
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import GenericFunction


class days_between(GenericFunction[int]):  # noqa: N801 - SQL functions are lower case
    """Whole days from the first day to the second."""

    type = Integer()
    inherit_cache = True


class smaller_of(GenericFunction[Any]):  # noqa: N801 - SQL functions are lower case
    """The smaller of two values."""

    inherit_cache = True

    def __init__(self, first: Any, second: Any) -> None:
        super().__init__(first, second)
        self.type = self.clauses.clauses[0].type


class json_object_of(GenericFunction[Any]):  # noqa: N801 - SQL functions are lower case
    """A JSON object from names and values in turn."""

    type = JSON()
    inherit_cache = True


def unless_zero(number: Any) -> ColumnElement[int]:
    """A number to divide by: NULL instead of 0, and with it the quotient."""
    return type_coerce(func.nullif(number, 0), BigInteger)


Figure = ColumnElement[Any] | InstrumentedAttribute[Any] | str | int


def json_of(**figures: Figure) -> ColumnElement[Any]:
    """Build a JSON object in the database from named columns and constants."""
    parts: list[Any] = []
    for name, value in figures.items():
        parts.append(literal_column(f"'{name}'"))  # a keyword of ours: letters and underscores only
        if isinstance(value, (str, int)):
            parts.append(cast(literal(value), Integer if isinstance(value, int) else Text))
        else:
            parts.append(value)
    return json_object_of(*parts)


def insert_for(session: Session) -> Any:
    """The dialect's own INSERT, which knows ON CONFLICT."""
    bind = session.get_bind()
    engine = bind if isinstance(bind, Engine) else bind.engine
    return sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert


@compiles(days_between, "sqlite")
def _days_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    first, second = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(julianday({second}) - julianday({first}) AS INTEGER)"


@compiles(days_between, "postgresql")
def _days_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    first, second = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(CAST({second} AS DATE) - CAST({first} AS DATE))"


@compiles(json_object_of, "sqlite")
def _json_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_object({compiler.process(element.clauses, **options)})"


@compiles(json_object_of, "postgresql")
def _json_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    # Put together as text: json_build_object looks up the type of every value again and takes three times as long.
    told = list(element.clauses)
    parts = []
    for name, value in zip(told[::2], told[1::2], strict=True):
        key = compiler.process(name, **options).strip("'")
        parts.append(f"""'"{key}":' || coalesce({_json_value(value, compiler.process(value, **options))}, 'null')""")
    inside = " || ',' || ".join(parts)
    return f"CAST('{{' || {inside} || '}}' AS JSON)"


def _json_value(value: Any, said: str) -> str:
    if isinstance(value.type, Integer):
        return f"CAST({said} AS TEXT)"
    if isinstance(value.type, Date):
        return f"""'"' || CAST({said} AS TEXT) || '"'"""
    return f"CAST(to_json({said}) AS TEXT)"


@compiles(smaller_of, "sqlite")
def _smaller_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"min({compiler.process(element.clauses, **options)})"


@compiles(smaller_of, "postgresql")
def _smaller_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"least({compiler.process(element.clauses, **options)})"
