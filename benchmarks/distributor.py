"""A distributor of any size on a fresh database: each store has one owner and one lot on its shelf."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, insert, make_url, select, text
from sqlalchemy.orm import Session

from models.catalog import Lot, Product, Store
from models.database import Database
from models.people import Assignment, Person, Role
from models.recall import Campaign, Reason
from models.stock import ChannelStock, StockSource
from running.build import Running, build
from running.migrate import upgrade
from running.sandboxed import sandbox_environment
from settings import load
from workflows import campaigns
from workflows.acting import actor_of, business_day
from workflows.flow import FLOWS, Step
from workflows.scope import Ask
from workflows.subjects import flow_name

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 9, 7, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai, a working day
BASE = "http://jiuhui.test"
REGIONS = 20  # each with a sales rep of its own
CHUNK = 5_000


def clock() -> datetime:
    """A moment that does not pass: benchmarks measure work, not waiting."""
    return NOW


def open_house(url: str, folder: Path) -> Running:
    """The house on that database, with made-up accounts; nothing is sent anywhere."""
    environ = sandbox_environment(BASE, ["区 0"])
    environ |= {"JIUHUI_DATABASE__URL": url, "JIUHUI_FILES": str(folder), "JIUHUI_SECRET": "benchmark secret"}
    environ |= {"JIUHUI_LIMITS__BOSS_ABOVE_YUAN": "1000000000"}
    return build(load(ROOT / "config.yaml", environ), clock=clock)


def fill(running: Running, stores: int) -> None:
    """Tables, one product with one lot, `stores` stores with their owners, reps and a boss."""
    upgrade(running.database)
    with running.database.write() as session:
        product = Product(code="P1", name="青溪老窖 52度 500ml", case_size=6, price_fen=10_000, aliases=["青溪老窖"])
        session.add(product)
        session.flush()
        lot = Lot(product_id=product.id, batch="20240312", production_date=date(2024, 3, 12))
        session.add(lot)
        session.flush()
        _fill_stores(session, product.id, lot.id, stores)
        _fill_staff(session)


def start_campaign(running: Running) -> int:
    """Somebody asks for everything; the campaign waits for the boss."""
    with running.database.write() as session:
        asker = session.scalars(select(Person).where(Person.code == "asker")).one()
        product = session.scalars(select(Product)).one()
        deadline = business_day(NOW) + timedelta(days=7)
        request = campaigns.Request(Ask(product.id), Reason.SLOW, deadline, "chat", reason_text="卖得慢")
        actor = actor_of(asker, NOW, "dingtalk")
        return campaigns.start(session, running.house, request, actor, NOW).id


def approve(running: Running, campaign_id: int) -> None:
    """The boss says yes: every store gets its task, card, link and timers in this transaction."""
    with running.database.write() as session:
        boss = session.scalars(select(Person).where(Person.code == "boss")).one()
        campaign = session.get_one(Campaign, campaign_id)
        step = Step(session, running.house, campaign, actor_of(boss, NOW, "dingtalk"), NOW)
        FLOWS[flow_name(campaign)].fire(step, "approve")


@contextmanager
def fresh_url(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database that is gone afterwards; `kind` is sqlite or postgresql."""
    name = f"jiuhui_bench_{uuid.uuid4().hex[:12]}"
    if kind == "sqlite":
        yield f"sqlite:///{folder / name}.db"
        return
    with create_engine(postgres_url(), isolation_level="AUTOCOMMIT").connect() as admin:
        admin.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield make_url(postgres_url()).set(database=name).render_as_string(hide_password=False)
        finally:
            admin.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def postgres_url() -> str:
    """The server benchmarks may make databases on."""
    return os.environ.get("TEST_PG_URL", "postgresql+psycopg://postgres@127.0.0.1/postgres")


def postgres_answers() -> bool:
    """Whether such a server is there."""
    engine = create_engine(postgres_url(), connect_args={"connect_timeout": 2})
    try:
        with engine.connect() as connection:
            return connection.execute(text("SELECT 1")).scalar() == 1
    except Exception:  # noqa: BLE001 - any failure means there is no server for us
        return False
    finally:
        engine.dispose()


def close(database: Database) -> None:
    """Give the connections back, so that the database can be dropped."""
    database.close()


def _fill_stores(session: Session, product: int, lot: int, count: int) -> None:
    numbers = range(1, count + 1)
    _bulk(session, Store, ({"code": f"S{n}", "name": f"第 {n} 烟酒店", "region": _region(n)} for n in numbers))
    ids = list(session.scalars(select(Store.id).order_by(Store.id)))
    stock = {"product_id": product, "lot_id": lot, "bottles": 18, "source": StockSource.COUNT}
    days = {"received_on": date(2026, 3, 1), "as_of": date(2026, 9, 1)}
    _bulk(session, ChannelStock, ({**stock, **days, "store_id": store} for store in ids))
    _bulk(session, Person, ({"code": f"o{n}", "name": f"店主 {n}", "wecom_userid": f"o{n}"} for n in numbers))
    owners = session.scalars(select(Person.id).order_by(Person.id))
    since = {"role": Role.STORE_OWNER, "valid_from": date(2020, 1, 1)}
    pairs = zip(list(owners), ids, strict=True)
    _bulk(session, Assignment, ({**since, "person_id": owner, "store_id": store} for owner, store in pairs))


def _fill_staff(session: Session) -> None:
    duties = [(f"rep{n}", Role.SALES_REP, f"区 {n}") for n in range(REGIONS)]
    for code, role, region in [*duties, ("boss", Role.BOSS, ""), ("asker", Role.QUALITY_OFFICER, "")]:
        person = Person(code=code, name=code, dingtalk_userid=code)
        person.assignments = [Assignment(role=role, region=region, valid_from=date(2020, 1, 1))]
        session.add(person)


def _region(number: int) -> str:
    return f"区 {number % REGIONS}"


def _bulk(session: Session, table: type, rows: Iterator[dict[str, Any]]) -> None:
    pending = list(rows)
    for start in range(0, len(pending), CHUNK):
        session.execute(insert(table), pending[start : start + CHUNK])
