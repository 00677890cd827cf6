"""A distributor's database on disk and files somebody sends, for the tests of imports and warnings."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook
from sqlalchemy import func, select

from models import Base
from models.database import Database
from models.stock import ChannelStock, PlaceKind
from rules.deadlines import WorkCalendar
from settings.schema import Limits
from texts.render import Texts
from workflows.house import Group, House
from workflows.imports import ImportReport, run_import
from workflows.ledger import balance, reconcile

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
TODAY = date(2026, 3, 10)
PRODUCTS = "商品编码,商品名称,箱规,单价,价位段\nA1,青岚 42 度,6,100,中档\nB2,鹤汀 52 度,12,50.5,低档\n"
STORES = "门店编码,门店名称,区域\nS1,福顺烟酒,东区\nS2,聚缘烟酒,西区\n"


@dataclass
class Kit:
    """A database, a house and a folder."""

    folder: Path
    database: Database
    house: House
    now: datetime = NOW

    def write(self, content: str | bytes, name: str = "data.csv") -> Path:
        """Put a file into the folder."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def take(self, kind: str, content: str | bytes | Path, **options: Any) -> ImportReport:
        """Import a file, or the content of one."""
        path = content if isinstance(content, Path) else self.write(content)
        return run_import(
            self.database,
            kind,
            path,
            house=self.house,
            now=self.now,
            actor_name="测试",
            **options,
        )

    def merged(self, path: Path, *ranges: str) -> Path:
        """A copy of an Excel file with some cells merged."""
        book = load_workbook(path)
        assert book.active is not None
        for cells in ranges:
            book.active.merge_cells(cells)
        copy = path.with_name(f"merged-{path.name}")
        book.save(copy)
        return copy

    def masters(self) -> None:
        """Two products and two stores."""
        assert self.take("products", PRODUCTS).written
        assert self.take("stores", STORES).written

    def count(self, model: type[Base]) -> int:
        """How many rows a table has."""
        with self.database.read() as session:
            return session.scalar(select(func.count()).select_from(model)) or 0

    def all(self, model: type[Base]) -> list[Any]:
        """All rows of a table."""
        with self.database.read() as session:
            return list(session.scalars(select(model)))

    def on_shelf(self, store_id: int, lot_id: int) -> int:
        """What the ledger says is on a store's shelf."""
        with self.database.read() as session:
            return balance(session, PlaceKind.STORE_SHELF, store_id, lot_id)

    def believed(self) -> dict[tuple[int, int], ChannelStock]:
        """What stores are believed to hold, by store and lot."""
        return {(stock.store_id, stock.lot_id): stock for stock in self.all(ChannelStock)}

    def books_are_right(self) -> bool:
        """Whether the ledger proves itself."""
        with self.database.read() as session:
            return reconcile(session) == []


def new_kit(folder: Path, url: str = "", groups: tuple[Group, ...] = ()) -> Kit:
    """An empty distributor; SQLite in the folder unless another database is named."""
    database = Database(url or f"sqlite:///{folder / 'test.db'}")
    Base.metadata.create_all(database.writer)
    files = folder / "var"
    house = House(Limits(), WorkCalendar(), Texts(), "https://jiuhui.example", "secret", files, groups, "测试")
    return Kit(folder, database, house)


def xlsx(rows: Iterable[Any], before: Sequence[Sequence[Any]] = ()) -> bytes:
    """An Excel file of these rows."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (*before, *rows):
        sheet.append(list(row))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def csv_text(rows: Iterable[Any]) -> str:
    """A CSV file of these rows."""
    stream = io.StringIO()
    csv.writer(stream).writerows(rows)
    return stream.getvalue()
