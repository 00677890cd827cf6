"""A small distributor behind real pages: the app, its people and stock, and a clock that moves.

Everything goes the real way: flows, ledger, links, pages. Only the platforms are missing, so what
would be sent stays in the outbox.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from models import Base
from models.catalog import Lot, Product, Store, UnitCode
from models.database import Database
from models.engine import StoredFile
from models.people import Assignment, Person, Role
from models.recall import Campaign, Handover, Reason, RecallTask
from models.stock import ChannelStock, MoveKind, PlaceKind, StockSource
from reports.fonts import DEFAULT_CACHE
from rules.deadlines import WorkCalendar
from settings.schema import Limits
from texts.render import Texts
from web import pages
from workflows import campaigns, flows
from workflows.acting import actor_of, business_day
from workflows.flow import FLOWS, Step
from workflows.house import House
from workflows.ledger import Move, post
from workflows.links import link_for
from workflows.scope import Ask
from workflows.subjects import flow_name

MONDAY = datetime(2025, 11, 24, 2, 0, tzinfo=UTC)  # 10:00 in China
URL = "https://jiuhui.example"
REGION = "城东"
CASE = "6901234500019"  # a registered case of six bottles
BOTTLES = [f"690123450010{n}" for n in range(6)]
FOREIGN = "6909999900017"  # a registered bottle of another product


@dataclass
class Clock:
    """The present moment, moved by hand."""

    now: datetime = MONDAY

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Services:
    """What the app's pages need."""

    database: Database
    house: House
    clock: Clock
    sandbox: bool = False


@dataclass
class Shop:
    """The distributor, its app, and short ways to say what tests need."""

    services: Services
    app: Flask
    ids: dict[str, int] = field(default_factory=dict)

    @property
    def clock(self) -> Clock:
        return self.services.clock

    def phone(self) -> "Phone":
        """A new device with an empty cookie jar."""
        return Phone(self, self.app.test_client())

    def write(self, work: Callable[[Any], Any]) -> Any:
        with self.services.database.write() as session:
            return work(session)

    def link(self, purpose: str, subject_id: int, who: str) -> str:
        """The path of a person's link."""
        url = self.write(lambda s: link_for(s, self.services.house, purpose, subject_id, self.ids[who], self.clock()))
        return str(url).removeprefix(self.services.house.public_url)

    def does(self, who: str, model: type, subject_id: int, event: str, **data: Any) -> None:
        """Let somebody fire an event, as from a chat."""

        def work(session: Any) -> None:
            actor = actor_of(session.get(Person, self.ids[who]), self.clock(), "wecom")
            subject = session.get(model, subject_id)
            step = Step(session, self.services.house, subject, actor, self.clock(), data)
            FLOWS[flow_name(subject)].fire(step, event)

        self.write(work)

    def draft(self, who: str = "manager", *, quantity: int | None = None, stores: tuple[str, ...] = ()) -> int:
        """A campaign for 海之蓝, submitted for approval; returns its id."""

        def work(session: Any) -> int:
            actor = actor_of(session.get(Person, self.ids[who]), self.clock(), "dingtalk")
            ask = Ask(self.ids["product"], store_codes=stores, quantity=quantity)
            deadline = business_day(self.clock()) + timedelta(days=7)
            wanted = campaigns.Request(ask, Reason.SLOW, deadline, "chat", reason_text="卖得慢")
            return campaigns.start(session, self.services.house, wanted, actor, self.clock()).id

        return int(self.write(work))

    def running(self, *, stores: tuple[str, ...] = ("S001",), quantity: int | None = None) -> tuple[int, int]:
        """A running campaign; returns its id and the id of its first store task."""
        campaign = self.draft(stores=stores, quantity=quantity)
        self.does("rep", Campaign, campaign, "approve")
        with self.services.database.read() as session:
            query = select(RecallTask.id).where(RecallTask.campaign_id == campaign).order_by(RecallTask.id)
            return campaign, session.scalars(query).first() or 0

    def look(self, model: type, key: Any) -> Any:
        """One object as the database has it now."""
        with self.services.database.read() as session:
            return session.get(model, key)

    def all(self, model: type) -> list[Any]:
        with self.services.database.read() as session:
            return list(session.scalars(select(model)))

    def last_handover(self) -> Handover:
        with self.services.database.read() as session:
            found = session.scalars(select(Handover).order_by(Handover.id.desc())).first()
            assert found is not None
            return found

    def photo_kept(self, sha256: str) -> bool:
        return self.look(StoredFile, sha256) is not None


@dataclass
class Phone:
    """One device: opens pages and sends the forms it finds there."""

    shop: Shop
    client: FlaskClient
    page: str = ""

    def opens(self, path: str) -> str:
        """The text of a page, which must open."""
        response = self.client.get(path)
        assert response.status_code == 200, (path, response.status_code, response.text)
        self.page = response.text
        return self.page

    def field(self, name: str) -> str:
        """The value of a hidden field on the page that is open."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.page)
        assert found, name
        return found[1]

    def sends(self, path: str, *, seen: bool = False, **fields: Any) -> str:
        """Post a form as the page would, follow the redirect, return the page that shows then."""
        response = self.posts(path, seen=seen, **fields)
        assert response.status_code == 303, (response.status_code, response.text)
        return self.opens(response.location)

    def posts(self, path: str, *, seen: bool = False, **fields: Any) -> TestResponse:
        sent = {"csrf": self.field("csrf"), **fields}
        if seen:
            sent["seen_version"] = self.field("seen_version")
        return self.client.post(path, data=sent)

    def posts_json(self, path: str, body: Any) -> TestResponse:
        token = self.field("csrf")
        return self.client.post(path, json=body, headers={"X-CSRF-Token": token, "Accept": "application/json"})


def open_shop(folder: Path, *, sandbox: bool = False, url: str = "", public_url: str = URL) -> Shop:
    """The distributor with its stock, ready to be visited."""
    # Making the typeface takes ten seconds: one for all tests.
    DEFAULT_CACHE.mkdir(parents=True, exist_ok=True)
    (folder / "fonts").symlink_to(DEFAULT_CACHE)
    database = Database(url or f"sqlite:///{folder / 'shop.db'}")
    Base.metadata.create_all(database.writer)
    assert {flow.name for flow in flows.ALL} <= FLOWS.keys()
    house = House(
        limits=Limits(manager_above_yuan=100_000, boss_above_yuan=1_000_000),
        calendar=WorkCalendar(),
        texts=Texts(),
        public_url=public_url,
        secret="only for tests",
        files=folder,
        distributor="示范酒业",
    )
    services = Services(database, house, Clock(), sandbox)
    app = Flask("tests.webapp", static_folder=None)
    app.extensions["jiuhui"] = services
    pages.register(app)
    shop = Shop(services, app)
    shop.write(lambda session: _fill(session, shop))
    return shop


def _fill(session: Any, shop: Shop) -> None:
    sea = Product(
        code="HZL", name="海之蓝", spec="52 度 480 mL", case_size=6, price_fen=12_800, barcode="6901234567892"
    )
    sky = Product(code="TZL", name="天之蓝", spec="52 度 480 mL", case_size=6, price_fen=29_800)
    stores = [Store(code=f"S{n:03d}", name=f"{name}烟酒店", region=REGION) for n, name in enumerate("一二三", start=1)]
    session.add_all([sea, sky, *stores])
    session.flush()
    lots = [Lot(product_id=sea.id, batch=batch, production_date=date(2025, 1, 9)) for batch in ("B2501", "B2502")]
    other = Lot(product_id=sky.id, batch="T2501", production_date=date(2025, 1, 9))
    session.add_all([*lots, other])
    session.flush()
    session.add(UnitCode(code=CASE, is_case=True, lot_id=lots[0].id))
    session.flush()
    session.add_all(UnitCode(code=code, lot_id=lots[0].id, parent_code=CASE) for code in BOTTLES)
    session.add(UnitCode(code=FOREIGN, lot_id=other.id))
    for store in stores:
        for lot, bottles in zip(lots, (18, 6), strict=True):
            _stock(session, shop, store, lot, bottles)
    shop.ids |= {"product": sea.id, "lot": lots[0].id, "lot2": lots[1].id, "other_lot": other.id}
    shop.ids |= {store.code: store.id for store in stores}
    _people(session, shop)


def _stock(session: Any, shop: Shop, store: Store, lot: Lot, bottles: int) -> None:
    day = date(2025, 6, 1)
    key = f"opening:{store.id}:{lot.id}"
    spots = (PlaceKind.OUTSIDE, 0), (PlaceKind.STORE_SHELF, store.id)
    post(session, [Move(key, MoveKind.OPENING, lot.id, *spots, bottles, day)], shop.clock(), "期初")
    session.add(
        ChannelStock(
            store_id=store.id,
            product_id=lot.product_id,
            lot_id=lot.id,
            bottles=bottles,
            received_on=day,
            as_of=day,
            source=StockSource.OPENING,
        )
    )


def _people(session: Any, shop: Shop) -> None:
    known = [
        ("owner", "刘老板", Role.STORE_OWNER, "", "S001"),
        ("owner2", "赵老板", Role.STORE_OWNER, "", "S002"),
        ("rep", "王芳", Role.SALES_REP, REGION, ""),
        ("driver", "老陈", Role.DRIVER, REGION, ""),
        ("manager", "李经理", Role.REGIONAL_MANAGER, REGION, ""),
        ("west", "西区经理", Role.REGIONAL_MANAGER, "城西", ""),
        ("boss", "周总", Role.BOSS, "", ""),
        ("keeper", "孙仓管", Role.WAREHOUSE_KEEPER, "", ""),
    ]
    for code, name, role, region, store in known:
        person = Person(code=code, name=name, wecom_userid=code if store else None)
        person.dingtalk_userid = None if store else code
        session.add(person)
        session.flush()
        store_id = shop.ids[store] if store else None
        start = date(2025, 1, 1)
        session.add(Assignment(person_id=person.id, role=role, region=region, store_id=store_id, valid_from=start))
        shop.ids[code] = person.id
    # The rep also keeps the warehouse on some days: then somebody else must receive these goods.
    session.add(Assignment(person_id=shop.ids["rep"], role=Role.WAREHOUSE_KEEPER, valid_from=date(2025, 1, 1)))
