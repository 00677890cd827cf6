"""A whole small distributor in the process: clock, people, both platforms, our own web side.

Nothing is patched: callbacks are encrypted and signed by the sandbox and come in through the real
webhooks; letters go out through the real senders into the sandbox. No socket is opened.
"""

import os
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import requests
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import Session

from models.catalog import Lot, Product, Store, UnitCode
from models.people import Assignment, Person, Role
from models.recall import Campaign, Handover, RecallTask
from models.stock import ChannelStock, MoveKind, PlaceKind, StockSource
from running.build import build, flask_app
from running.migrate import upgrade
from running.sandboxed import make_world, mounted, sandbox_environment
from running.worker import Worker
from sandbox.wsgi import WsgiAdapter
from settings import load
from workflows import ledger
from workflows.acting import actor_of
from workflows.flow import FLOWS, Step
from workflows.subjects import Subject, flow_name

ROOT = Path(__file__).parent.parent
BASE = "http://jiuhui.test"
MONDAY = datetime(2026, 9, 7, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai, a working day


class Clock:
    """A clock that only moves when told."""

    def __init__(self, now: datetime = MONDAY) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class World:
    """The distributor. Methods read like a protocol of a conversation."""

    def __init__(self, tmp_path: Path, url: str, *, cards: bool = True) -> None:
        environ = sandbox_environment(BASE, ["城东", "城西"])
        environ |= {"JIUHUI_DATABASE__URL": url, "JIUHUI_FILES": str(tmp_path), "JIUHUI_SECRET": "test secret"}
        if not cards:
            environ.pop("JIUHUI_DINGTALK__CARD_TEMPLATE_ID")
        self.clock = Clock()
        self.settings = load(ROOT / "config.yaml", environ)
        self.web = requests.Session()
        self.running = build(self.settings, clock=self.clock, session=self.web)
        self.database = self.running.database
        self.house = self.running.house
        self.sandbox = make_world(self.running, session=self.web, clock=self.clock, pause=lambda _s: None)
        self.app = flask_app(self.running)
        self.web.mount(BASE, WsgiAdapter(mounted(self.app, self.sandbox)))
        self.worker = Worker(self.running)
        upgrade(self.database)
        self._seed()

    # Acting

    def says(self, user: str, words: str, platform: str = "wecom") -> str:
        """Somebody writes to the bot; returns what they read in answer."""
        before = len(self.sandbox.chat(platform, user))
        self.sandbox.say(platform, user, words)
        self.worker.deliver()
        return "\n".join(b.body or b.title for b in self.sandbox.chat(platform, user)[before:] if b.sender == "bot")

    def presses(self, user: str, label: str, platform: str = "wecom", *, title: str = "") -> str:
        """Somebody presses a button of the newest card that has it; returns the words that follow."""
        bubble, key = self._button(platform, user, label, title)
        before = len(self.sandbox.chat(platform, user))
        self.sandbox.press(platform, user, bubble.id, key)
        self.worker.deliver()
        return "\n".join(b.body for b in self.sandbox.chat(platform, user)[before:] if b.sender == "bot" and b.body)

    def waits(self, **span: float) -> None:
        """Time passes in steps of half an hour, and the worker does what falls due."""
        end = self.clock.now + timedelta(**span)
        while self.clock.now < end:
            self.clock.now = min(end, self.clock.now + timedelta(minutes=30))
            self.worker.tick()

    def titles(self, user: str, platform: str = "wecom") -> list[str]:
        """What the bot wrote to somebody, by its titles."""
        return [b.title or b.body for b in self.sandbox.chat(platform, user) if b.sender == "bot"]

    def buttons(self, user: str, platform: str = "wecom") -> list[str]:
        """The buttons of the newest card in a chat."""
        cards = [b for b in self.sandbox.chat(platform, user) if b.sender == "bot"]
        return [button["label"] for button in cards[-1].buttons] if cards else []

    # Looking

    @contextmanager
    def looking(self):
        with self.database.read() as session:
            yield session

    def task(self, store: str = "S01") -> RecallTask:
        """The newest task of a store."""
        with self.database.read() as session:
            query = select(RecallTask).join(Store).where(Store.code == store).order_by(RecallTask.id.desc())
            return session.scalars(query.limit(1)).one()

    def campaign(self) -> Campaign:
        """The newest campaign."""
        with self.database.read() as session:
            return session.scalars(select(Campaign).order_by(Campaign.id.desc()).limit(1)).one()

    def handover(self) -> Handover:
        """The newest hand-over."""
        with self.database.read() as session:
            return session.scalars(select(Handover).order_by(Handover.id.desc()).limit(1)).one()

    def proves_itself(self) -> None:
        """Ledger, vector and history are whole."""
        with self.database.read() as session:
            assert ledger.reconcile(session) == []
            from workflows.history import verify  # noqa: PLC0415 - a test's late look

            assert verify(session, self.house.secret) == []

    # Acting through the flows, where no chat is under test

    def fire(self, session: Session, subject: Subject, event: str, user: str, **data: object) -> None:
        """Somebody does something to an object, by the page entrance."""
        FLOWS[flow_name(subject)].fire(
            Step(session, self.house, subject, self.actor(session, user), self.clock(), data), event
        )

    def actor(self, session: Session, code: str):
        person = session.scalars(select(Person).where(Person.code == code)).one()
        return actor_of(person, self.clock(), "h5")

    # Seed

    def _seed(self) -> None:
        with self.database.write() as session:
            self._goods(session)
            self._people(session)

    def _goods(self, session: Session) -> None:
        liquor = Product(
            code="P1",
            name="青溪老窖 52度 500ml",
            case_size=6,
            price_fen=10_000,
            barcode="6901234567892",
            price_band="中档",
            aliases=["青溪老窖"],
            spec="500ml×6",
        )
        other = Product(
            code="P2",
            name="竹海特曲 42度 500ml",
            case_size=6,
            price_fen=8_000,
            price_band="中档",
            aliases=["竹海特曲"],
            spec="500ml×6",
        )
        session.add_all([liquor, other])
        stores = [Store(code=f"S0{n}", name=f"城东{n}号店", region="城东", address=f"城东路 {n} 号") for n in (1, 2)]
        stores.append(Store(code="S11", name="城西1号店", region="城西", address="城西路 1 号"))
        session.add_all(stores)
        session.flush()
        lots = [
            Lot(product_id=liquor.id, batch="20240312", production_date=date(2024, 3, 12)),
            Lot(product_id=liquor.id, batch="20240901", production_date=date(2024, 9, 1)),
            Lot(product_id=other.id, batch="20250101", production_date=date(2025, 1, 1)),
        ]
        session.add_all(lots)
        session.flush()
        moves: list[ledger.Move] = []
        for store in stores:
            self._shelve(session, moves, store, lots[0], 18)
        self._shelve(session, moves, stores[0], lots[2], 12)
        ledger.post(session, moves, self.clock(), "期初")
        self._codes(session, lots[0])

    def _shelve(self, session: Session, moves: list, store: Store, lot: Lot, bottles: int) -> None:
        session.add(
            ChannelStock(
                store_id=store.id,
                product_id=lot.product_id,
                lot_id=lot.id,
                bottles=bottles,
                received_on=date(2026, 3, 1),
                as_of=date(2026, 9, 1),
                source=StockSource.COUNT,
            )
        )
        moves.append(
            ledger.Move(
                f"open:{store.id}:{lot.id}",
                MoveKind.OPENING,
                lot.id,
                (PlaceKind.OUTSIDE, 0),
                (PlaceKind.STORE_SHELF, store.id),
                bottles,
                date(2026, 9, 1),
            )
        )

    def _codes(self, session: Session, lot: Lot) -> None:
        for case in ("C1", "C2", "C3"):
            session.add(UnitCode(code=f"CASE-{case}", is_case=True, lot_id=lot.id))
            session.flush()
            session.add_all(
                UnitCode(code=f"{case}-B{n}", lot_id=lot.id, parent_code=f"CASE-{case}") for n in range(1, 7)
            )

    def _people(self, session: Session) -> None:
        store = {s.code: s.id for s in session.scalars(select(Store))}
        rows = [
            ("zhang", "张老板", "wecom", Role.STORE_OWNER, "", store["S01"]),
            ("wang", "王老板", "wecom", Role.STORE_OWNER, "", store["S02"]),
            ("zhao", "赵老板", "wecom", Role.STORE_OWNER, "", store["S11"]),
            ("li", "李业务", "dingtalk", Role.SALES_REP, "城东", None),
            ("sun", "孙业务", "dingtalk", Role.SALES_REP, "城西", None),
            ("qian", "钱经理", "dingtalk", Role.REGIONAL_MANAGER, "城东", None),
            ("wu", "吴经理", "dingtalk", Role.REGIONAL_MANAGER, "城西", None),
            ("boss", "周总", "dingtalk", Role.BOSS, "", None),
            ("feng", "冯仓管", "dingtalk", Role.WAREHOUSE_KEEPER, "", None),
            ("wei", "卫质量", "dingtalk", Role.QUALITY_OFFICER, "", None),
        ]
        for code, name, platform, role, region, store_id in rows:
            person = Person(code=code, name=name, **{f"{platform}_userid": code})
            person.assignments = [Assignment(role=role, region=region, store_id=store_id, valid_from=date(2020, 1, 1))]
            session.add(person)

    def _button(self, platform: str, user: str, label: str, title: str):
        for bubble in reversed(self.sandbox.chat(platform, user)):
            for button in bubble.buttons:
                if button["label"] == label and title in bubble.title:
                    return bubble, button["key"]
        raise AssertionError(f"{user} has no card with {label}: {self.titles(user, platform)}")


def database_urls() -> list[str]:
    """The databases the suite runs on: always SQLite, PostgreSQL where a server answers."""
    return ["sqlite", "postgresql"] if postgres_admin() else ["sqlite"]


def postgres_admin() -> str:
    """A URL of a PostgreSQL server that lets us create databases; empty when there is none."""
    url = os.environ.get("TEST_PG_URL", "postgresql+psycopg://postgres@127.0.0.1/postgres")
    try:
        engine = create_engine(url, connect_args={"connect_timeout": 2})
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        engine.dispose()
    except Exception:  # noqa: BLE001 - any failure means there is no server for us
        return ""
    return url
