"""How long a morning's digests take: `python -m benchmarks.digests [warnings] [reps]` prints one line a size.

A quarter, a half and all of the warnings, so that anything worse than linear shows. Charts are drawn in one go.
"""

import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from models import Base
from models.catalog import Product, Store
from models.database import Database
from models.people import Assignment, Person, Role
from models.warning import StockWarning, WarningState
from reports.fonts import DEFAULT_CACHE, ensure_fonts
from rules.deadlines import WorkCalendar
from rules.warnings import load_rules
from settings.schema import DigestSection, Limits
from texts.render import Texts
from workflows.digest import compose_digests, write_digests
from workflows.house import House
from workflows.ledger import chunks

NOW = datetime(2026, 3, 10, 0, 37, tzinfo=UTC)
TODAY = date(2026, 3, 10)
STORES_EACH = 10
PRODUCTS = 50
LEVELS = (1, 1, 1, 2, 3)


def main(warnings: int = 50_000, reps: int = 200) -> None:
    """Measure a quarter, a half and all of it."""
    for count in (warnings // 4, warnings // 2, warnings):
        with tempfile.TemporaryDirectory() as folder:
            _measure(Path(folder), count, reps)


def _measure(folder: Path, warnings: int, reps: int) -> None:
    database = Database(f"sqlite:///{folder / 'bench.db'}")
    Base.metadata.create_all(database.writer)
    _fill(database, warnings, reps)
    plain = House(Limits(), WorkCalendar(), Texts(), "https://jiuhui.example", "secret", folder)
    house = replace(plain, digest=DigestSection(ramp_days=0, chart=False))
    rules, fonts = load_rules(), ensure_fonts(DEFAULT_CACHE)
    started = time.perf_counter()
    with database.read() as session:
        compose_digests(session, house, rules, TODAY, NOW, fonts=fonts)
    words = time.perf_counter()
    drawing = replace(house, digest=DigestSection(ramp_days=0))
    with database.read() as session:
        digests = compose_digests(session, drawing, rules, TODAY, NOW, fonts=fonts)
    drawn = time.perf_counter()
    for some in chunks(digests, 20):
        with database.write() as session:
            write_digests(session, house, some, NOW)
    written = time.perf_counter()
    letters = sum(len(digest.pieces) for digest in digests)
    print(
        f"{warnings:>6} warnings, {len(digests)} people, {letters} letters: words and tables {words - started:.1f} s, "
        f"with charts {drawn - words:.1f} s, written in {written - drawn:.2f} s"
    )
    database.close()


def _fill(database: Database, warnings: int, reps: int) -> None:
    stores = reps * STORES_EACH
    with database.write() as session:
        session.add_all(
            Product(id=n + 1, code=f"P{n}", name=f"青岚 {n} 度", case_size=6, price_fen=9_900) for n in range(PRODUCTS)
        )
        session.add_all(
            Store(id=n + 1, code=f"S{n:05}", name=f"{n} 号烟酒店", region=f"区{n // STORES_EACH}")
            for n in range(stores)
        )
        for n in range(reps):
            _person(session, n + 1, f"rep{n}", Role.SALES_REP, f"区{n}")
        for n in range(reps // 20):
            person = _person(session, reps + 1 + n, f"manager{n}", Role.REGIONAL_MANAGER, f"区{n * 20}")
            for region in range(n * 20 + 1, min((n + 1) * 20, reps)):
                duty = Assignment(role=Role.REGIONAL_MANAGER, region=f"区{region}", valid_from=date(2020, 1, 1))
                person.assignments.append(duty)
        _person(session, reps + 900, "boss", Role.BOSS, "")
        session.flush()
        rows = [_warning(n, stores) for n in range(warnings)]
        for some in chunks(rows, 5_000):
            session.execute(insert(StockWarning), some)


def _person(session, number: int, code: str, role: Role, region: str) -> Person:  # type: ignore[no-untyped-def]
    person = Person(id=number, code=code, name=code, dingtalk_userid=code)
    person.assignments = [Assignment(role=role, region=region, valid_from=date(2020, 1, 1))]
    session.add(person)
    return person


def _warning(n: int, stores: int) -> dict[str, object]:
    rule, metric = (("aged", "age_in_store"), ("overstock", "months_of_cover"))[n % 2]
    figures = {
        "metric": metric, "day": str(TODAY), "received_on": str(TODAY - timedelta(days=90 + n % 300)), "source": "inferred",
        "as_of": str(TODAY - timedelta(days=9)), "batch": f"2025{n % 12 + 1:02}01", "monthly_millibottles": 1_000 + n % 9_000,
        "low_millibottles": 500, "high_millibottles": 12_000, "history_months": 9, "age_days": 90 + n % 300,
    }  # fmt: skip
    return {
        "state": WarningState.FIRING, "version": 1, "visit": 1, "rule": rule, "rule_version": "v1", "level": LEVELS[n % 5],
        "store_id": n % stores + 1, "product_id": n // stores % PRODUCTS + 1, "lot_id": 0, "episode": 1 + n // (stores * PRODUCTS),
        "bottles": 6 + n % 60, "value": (90 + n % 300) * 1_000, "threshold": 90_000, "loss_fen": n * 7_919 % 900_000,
        "figures": figures, "fired_on": TODAY, "seen_on": TODAY, "changed_at": NOW,
    }  # fmt: skip


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
