"""A small invented distributor in an invented city, as files a distributor would send.

Products, stores and people are fixed (`sample/*.csv`). Deliveries, counts and unit codes are worked
out for a given day, always the same ones for the same day, so that on that day some stores hold goods
that are too old, too much or too near their end. Brands, shops and people are made up.
"""

import csv
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

FIXED = Path(__file__).parent / "sample"
SLOW_PRODUCT = "QL42-500"
SLOW_CASES = {"S001": 3, "S002": 2, "S006": 2}
DEAL_DAYS = (176, 147, 118, 89, 61, 33, 10)  # days ago; a store is served about once a month
COUNTED = 1  # days ago


@dataclass(frozen=True)
class _Shelf:
    """A product in a store: bottles and days ago of each delivery, and what is left of the last one."""

    store: str
    product: str
    deliveries: tuple[tuple[int, int], ...]  # (days ago, bottles)
    left: int
    produced_before: int = 45  # days between production and delivery


#: Goods that came long ago and stand there: (store, product, bottles, days ago, left).
STUCK = (
    ("S001", SLOW_PRODUCT, 24, 132, 18),
    ("S002", SLOW_PRODUCT, 18, 132, 12),
    ("S006", SLOW_PRODUCT, 18, 132, 12),
    ("S004", "HT52-500", 12, 204, 11),
    ("S008", "YS53-3Y", 12, 118, 9),
)
#: Sold a little each month, then much too much was pushed in: (store, product, monthly, pushed, left).
PUSHED = (
    ("S003", "HT45-500", 6, 48, 44),
    ("S005", "QL52-500", 6, 36, 33),
    ("S009", "BL38-500", 12, 96, 90),
    ("S010", "SY50-2", 4, 40, 36),
)
#: Has a shelf life and is near its end: (store, product, bottles, left, days since production).
NEAR_END = (
    ("S003", "MZ08-330", 24, 10, 262),
    ("S007", "MZ08-330", 24, 12, 236),
    ("S005", "GH12-500", 12, 7, 430),
)
#: Sells as it should: (product, bottles a month). Every store takes some of them.
HEALTHY = (
    ("QL52-500", 12),
    ("QL45-250", 24),
    ("HT45-500", 18),
    ("YS53-500", 6),
    ("BL38-500", 36),
    ("BL42-450", 48),
)
IN_WAREHOUSE = (
    (SLOW_PRODUCT, 240, 30),
    ("QL52-500", 360, 40),
    ("HT45-500", 300, 35),
    ("HT52-500", 180, 60),
    ("BL38-500", 600, 25),
    ("BL42-450", 720, 20),
    ("MZ08-330", 96, 90),
)


def write_sample(folder: Path, today: date) -> None:
    """Write products, stores, people, deliveries, stock and codes as CSV files into the folder.

    To be imported in that order on `today`. Existing files are overwritten.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("products.csv", "stores.csv", "people.csv"):
        shutil.copyfile(FIXED / name, folder / name)
    shelves = list(_shelves())
    _write(
        folder / "deliveries.csv",
        ("单号", "行号", "门店编码", "商品编码", "发货日期", "瓶数", "批号", "生产日期"),
        _deliveries(shelves, today),
    )
    _write(
        folder / "stock.csv",
        ("门店编码", "商品编码", "批号", "生产日期", "瓶数", "入店日期", "盘点日期"),
        [*_counts(shelves, today), *_warehouse(today)],
    )
    _write(
        folder / "codes.csv",
        ("码", "类型", "所在箱码", "商品编码", "批号", "生产日期"),
        _codes(shelves, today),
    )


def case_codes(today: date, store: str) -> list[str]:
    """The codes of the slow batch's cases that stand in a store, for demos and tests."""
    batch, _ = _batch(_slow_shelf(store), _slow_shelf(store).deliveries[-1][0], today)
    first = sum(SLOW_CASES[other] for other in SLOW_CASES if other < store)
    return [f"X{batch[1:]}{first + n:03d}" for n in range(1, SLOW_CASES[store] + 1)]


def bottle_codes(case: str) -> list[str]:
    """The codes of the six bottles in a case."""
    return [f"P{case[1:]}{n}" for n in range(1, 7)]


def _shelves() -> Iterator[_Shelf]:
    for store, product, bottles, ago, left in STUCK:
        yield _Shelf(store, product, ((ago + 29, bottles), (ago, bottles)), left)
    for store, product, monthly, pushed, left in PUSHED:
        steady = tuple((ago, monthly) for ago in DEAL_DAYS[:-2])
        yield _Shelf(store, product, (*steady, (DEAL_DAYS[-2], pushed)), left)
    for store, product, bottles, left, produced in NEAR_END:
        steady = tuple((ago, bottles) for ago in DEAL_DAYS[:-1])
        yield _Shelf(store, product, steady, left, produced - DEAL_DAYS[-2])
    special = {(store, product) for store, product, *_ in (*STUCK, *PUSHED, *NEAR_END)}
    for number in range(1, 11):
        for product, monthly in _assortment(number):
            store = f"S{number:03d}"
            if (store, product) not in special:
                steady = tuple((ago, monthly) for ago in DEAL_DAYS)
                yield _Shelf(store, product, steady, monthly * 2 // 3)


def _assortment(number: int) -> Iterable[tuple[str, int]]:
    # Neighbouring stores share most of what they sell, but not all.
    return [HEALTHY[(number + step) % len(HEALTHY)] for step in range(4)]


def _batch(shelf: _Shelf, days_ago: int, today: date) -> tuple[str, date]:
    """Batch number and production day of what was delivered so many days ago."""
    produced = today - timedelta(days=days_ago + shelf.produced_before)
    return f"B{produced:%y%m%d}", produced


def _deliveries(shelves: Sequence[_Shelf], today: date) -> Iterator[tuple[object, ...]]:
    lines = sorted(
        (-ago, shelf.store, shelf.product, bottles, shelf) for shelf in shelves for ago, bottles in shelf.deliveries
    )
    numbers: dict[str, int] = {}
    for minus_ago, store, product, bottles, shelf in lines:
        day = today + timedelta(days=minus_ago)
        document = f"CK{day:%Y%m%d}-{store}"
        numbers[document] = numbers.get(document, 0) + 1
        batch, produced = _batch(shelf, -minus_ago, today)
        yield document, numbers[document], store, product, day, bottles, batch, produced


def _counts(shelves: Sequence[_Shelf], today: date) -> Iterator[tuple[object, ...]]:
    counted = today - timedelta(days=COUNTED)
    for shelf in shelves:
        ago = shelf.deliveries[-1][0]
        batch, produced = _batch(shelf, ago, today)
        received = today - timedelta(days=ago)
        yield shelf.store, shelf.product, batch, produced, shelf.left, received, counted


def _warehouse(today: date) -> Iterator[tuple[object, ...]]:
    counted = today - timedelta(days=COUNTED)
    for product, bottles, age in IN_WAREHOUSE:
        produced = counted - timedelta(days=age)
        yield "仓库", product, f"B{produced:%y%m%d}", produced, bottles, "", counted


def _slow_shelf(store: str) -> _Shelf:
    return next(s for s in _shelves() if s.store == store and s.product == SLOW_PRODUCT)


def _codes(shelves: Sequence[_Shelf], today: date) -> Iterator[tuple[object, ...]]:
    for shelf in shelves:
        if shelf.product != SLOW_PRODUCT or shelf.store not in SLOW_CASES:
            continue
        batch, produced = _batch(shelf, shelf.deliveries[-1][0], today)
        for case in case_codes(today, shelf.store):
            yield case, "箱", "", SLOW_PRODUCT, batch, produced
            for bottle in bottle_codes(case):
                yield bottle, "瓶", case, SLOW_PRODUCT, batch, produced


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(head)
        writer.writerows(rows)
