"""Questions that nearly every message asks, put into the driver's own words once.

An ORM builds, keys and looks up a statement each time it is asked. That is right nearly everywhere, but for
a question behind every chat message it costs ten times what the database itself needs. Only for reading.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, PoolProxiedConnection, Select
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

Converter = Callable[[Any], Any]


@dataclass(frozen=True)
class Line:
    """An open line to the database: the driver's connection, and the dialect it speaks."""

    connection: PoolProxiedConnection
    dialect: Dialect


def line_of(session: Session) -> Line:
    """The line of a session's own transaction; what the session has not flushed is not seen."""
    bound = session.connection()
    return Line(bound.connection, bound.dialect)


class Prepared:
    """A SELECT with named values (`bindparam`); compiled when first asked, once for each dialect."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, line: Line, **values: Any) -> list[tuple[Any, ...]]:
        """Ask with these values; the rows come with Python's own types, as the ORM would give them."""
        compiled = self._compiled.get(line.dialect.name)
        if compiled is None:
            compiled = self._compiled[line.dialect.name] = _Compiled(self._statement, line.dialect)
        cursor = line.connection.cursor()
        try:
            cursor.execute(compiled.sql, compiled.arguments(values))
            return compiled.read(cursor.fetchall())
        finally:
            cursor.close()


class _Compiled:
    def __init__(self, statement: Select[*tuple[Any, ...]], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self._order = compiled.positiontup  # the names in the order of "?", or None where they go by name
        self._given = dict(compiled.params)
        binds = {name: bind.type.dialect_impl(dialect) for bind, name in compiled.bind_names.items()}
        self._writers = _only({name: kind.bind_processor(dialect) for name, kind in binds.items()})
        kinds: list[TypeEngine[Any]] = [column.type.dialect_impl(dialect) for column in statement.selected_columns]
        self._readers = _only({at: kind.result_processor(dialect, None) for at, kind in enumerate(kinds)})

    def arguments(self, values: dict[str, Any]) -> Any:
        """The values as the driver takes them."""
        said = {**self._given, **values}
        for name, write in self._writers.items():
            said[name] = write(said[name])
        return [said[name] for name in self._order] if self._order is not None else said

    def read(self, rows: Sequence[Any]) -> list[tuple[Any, ...]]:
        """What the driver gave, in Python's own types."""
        return [self._row(list(row)) for row in rows]

    def _row(self, row: list[Any]) -> tuple[Any, ...]:
        for at, read in self._readers.items():
            row[at] = read(row[at])
        return tuple(row)


def _only(converters: dict[Any, Converter | None]) -> dict[Any, Converter]:
    return {name: converter for name, converter in converters.items() if converter is not None}
