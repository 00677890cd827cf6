"""Real deliveries to many stores, as arrays sorted by store, product and day.

The folder holds `sales_*.parquet` (date, store, item, bottles), `items.csv.gz` (item, pack) and `prices.csv.gz`
(item, from_date, cents). Days are ordinals; prices are in the data's own cents per bottle.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
USUAL_CASE = 12  # bottles, where the data names no case
ZERO = date(1, 1, 1)


class NoData(Exception):
    """The folder does not hold what is needed; `str()` says what."""


@dataclass(frozen=True)
class Deliveries:
    """All lines; `case_size` and `prices` by product, prices as (first day, cents) in order."""

    store: Ints
    product: Ints
    day: Ints
    bottles: Ints
    case_size: dict[int, int]
    prices: dict[int, list[tuple[int, int]]]

    @property
    def last_day(self) -> int:
        """The last day of the data."""
        return int(self.day.max())

    def stores(self) -> list[int]:
        """The stores, in order."""
        return [int(store) for store in np.unique(self.store)]

    def of_store(self, store: int) -> slice:
        """Where the store's lines stand."""
        first, last = np.searchsorted(self.store, [store, store + 1])
        return slice(int(first), int(last))

    def price(self, product: int, day: int) -> int:
        """Cents a bottle on the day; the first known price before it was priced, 0 when never."""
        known = self.prices.get(product, [])
        earlier = [cents for first, cents in known if first <= day]
        return earlier[-1] if earlier else (known[0][1] if known else 0)


def load(folder: Path, keep: Sequence[int] | None = None, every: int = 1) -> Deliveries:
    """Read the folder: all stores, only those to `keep`, or every n-th. Raises NoData."""
    if not list(folder.glob("sales_*.parquet")):
        raise NoData(f"no sales_*.parquet in {folder}")
    connection = duckdb.connect()
    where = _where(connection, folder, keep, every)
    lines = connection.execute(
        f"SELECT store::INT AS store, item::INT AS item, date::DATE - DATE '0001-01-01' + 1 AS day,"  # noqa: S608 - whole numbers and our own path
        f" bottles::INT AS bottles FROM {_sales(folder)} WHERE {where} ORDER BY 1, 2, 3"
    ).fetchnumpy()
    if not len(lines["store"]):
        raise NoData(f"no deliveries of these stores in {folder}")
    return Deliveries(
        store=lines["store"].astype(np.int64),
        product=lines["item"].astype(np.int64),
        day=lines["day"].astype(np.int64),
        bottles=lines["bottles"].astype(np.int64),
        case_size=_case_sizes(connection, folder),
        prices=_prices(connection, folder),
    )


def _sales(folder: Path) -> str:
    quoted = str(folder / "sales_*.parquet").replace("'", "''")
    return f"'{quoted}'"


def _where(connection: Any, folder: Path, keep: Sequence[int] | None, every: int) -> str:
    if keep:
        return f"store IN ({', '.join(str(int(store)) for store in keep)})"
    if every <= 1:
        return "TRUE"
    rows = connection.execute(f"SELECT DISTINCT store::INT FROM {_sales(folder)} ORDER BY 1").fetchall()  # noqa: S608 - our own path
    return f"store IN ({', '.join(str(store) for (store,) in rows[::every])})"


def _case_sizes(connection: Any, folder: Path) -> dict[int, int]:
    rows = connection.execute(
        "SELECT try_cast(item AS INT), try_cast(pack AS INT) FROM read_csv(?, all_varchar = true)",
        [str(folder / "items.csv.gz")],
    ).fetchall()
    return {item: pack for item, pack in rows if item is not None and pack}


def _prices(connection: Any, folder: Path) -> dict[int, list[tuple[int, int]]]:
    rows = connection.execute(
        "SELECT try_cast(item AS INT), from_date::DATE - DATE '0001-01-01' + 1, try_cast(cents AS INT)"
        " FROM read_csv(?, all_varchar = true) ORDER BY 1, 2",
        [str(folder / "prices.csv.gz")],
    ).fetchall()
    prices: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for item, day, cents in rows:
        if item is not None and cents is not None:
            prices[item].append((day, cents))
    return dict(prices)
