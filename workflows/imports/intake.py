"""What a loader is given: a session, the rows, and places to leave problems and counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog import Product, Store
from workflows.imports.columns import Header, Row
from workflows.imports.report import Problems, RowError, Tally

T = TypeVar("T")
MOST_SHOWN = 8  # rows a preview shows
CHUNK = 5_000  # rows looked up and written at once


@dataclass(frozen=True)
class Intake:
    """One import under way. `today` is the business day; nothing later may have happened.

    With `skip_bad` the good rows are taken though others are refused. `by_program`: another system sends
    this by itself, nobody typed it. `only_stores` are the stores the sender answers for, None all.
    """

    session: Session
    rows: Iterator[Row]
    header: Header
    problems: Problems
    now: datetime
    today: date
    actor_name: str
    create_missing: bool = True
    skip_bad: bool = False
    by_program: bool = False
    only_stores: frozenset[int] | None = None
    tally: Tally = field(default_factory=Tally)

    def refuse(self, row: Row, column: str, value: Any, sentence: str) -> None:
        """Refuse a row for what one of its cells says, `column` by its internal name."""
        titles = {spec.name: spec.title for _, spec in self.header.places}
        self.problems.add(row.number, titles.get(column, column), value, sentence)

    def understand(self, row: Row, store: str, product: str, bottles: int | None) -> None:
        """Note for the preview what the first rows came to mean."""
        if len(self.tally.understood) < MOST_SHOWN:
            amount = "" if bottles is None else f"{bottles} 瓶"
            self.tally.understood[row.number] = {"门店": store, "商品": product, "合计": amount}

    def skip(self, row: Row, sentence: str) -> None:
        """Leave a row out that is not wrong."""
        text = f"第 {row.number} 行：{sentence}。"
        self.tally.skipped.append(RowError(row.number, "", "", text))

    def chunks(self) -> Iterator[list[Row]]:
        """The rows in portions, so that memory stays flat whatever the file's length."""
        while chunk := list(islice(self.rows, CHUNK)):
            yield chunk


def portions(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """Cut a list into pieces a statement can take."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def ids_by_code(session: Session, model: type[Product] | type[Store]) -> dict[str, int]:
    """All products or stores: their ids by code."""
    return {row.code: row.id for row in session.execute(select(model.code, model.id))}
