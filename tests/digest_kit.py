"""A distributor with people, stores and warnings that already stand, for the tests of digests and escalation."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select

from models.catalog import Lot, Product, Store
from models.engine import Card, Outbox
from models.people import Assignment, Person, Role
from models.recall import Campaign, CampaignState, Reason, RecallTask, TaskState
from models.stock import Reservation
from models.warning import StockWarning, WarningState
from reports.fonts import DEFAULT_CACHE, ensure_fonts
from rules.warnings import Action, Metric, Rule, Ruleset, Scope, Thresholds
from settings.schema import DigestSection
from tests.intake_kit import NOW, TODAY, Kit, new_kit
from texts.message import Message
from workflows import warning
from workflows.acting import SYSTEM, actor_of, business_day
from workflows.digest import push_digests
from workflows.flow import FLOWS, Step
from workflows.house import Group

assert warning  # importing the flow enters it into the engine

REP, MANAGER, BOSS = Role.SALES_REP, Role.REGIONAL_MANAGER, Role.BOSS
LADDER = ((REP,), (REP, MANAGER), (REP, MANAGER, BOSS))


def rule(name: str, metric: Metric, action: Action, receivers: tuple[tuple[Role, ...], ...] = LADDER) -> Rule:
    """A rule as the rule file would give it; its thresholds do not matter here."""
    rows = (Thresholds(Scope(), (90_000, 180_000, 360_000), 90_000),)
    return Rule(
        name, {"aged": "库龄过长", "overstock": "库存偏高"}.get(name, name), metric, rows, receivers, action, "v1"
    )


RULES = Ruleset(
    "f1",
    (
        rule("aged", Metric.AGE_IN_CHANNEL, Action.START_RECALL),
        rule("overstock", Metric.MONTHS_OF_COVER, Action.STOP_SUPPLY),
        rule("near_expiry", Metric.REMAINING_LIFE, Action.START_RECALL),
        rule("likely_loss", Metric.EXPECTED_LOSS, Action.FIND_TRANSFER),
        rule("slow_store", Metric.TURNOVER, Action.COUNT, ((REP, MANAGER),)),
    ),
)
METRICS = {r.name: r.metric for r in RULES.rules}


class Desk:
    """The distributor of these tests. Stores S1, S2 in 东区, S3 in 西区; people by their code."""

    def __init__(self, folder: Path, url: str, groups: tuple[Group, ...] = ()) -> None:
        self.kit: Kit = new_kit(folder, url, groups)
        self.now = NOW
        self.settle(ramp_days=0, chart=False)
        products = "商品编码,商品名称,箱规,单价,价位段\nA1,青岚*42,6,100,中档\nB2,鹤汀 52 度,12,500,高档\n"
        stores = "门店编码,门店名称,区域\nS1,福顺[总店],东区\nS2,聚缘烟酒,东区\nS3,西岭商行,西区\n"
        assert self.kit.take("products", products).written
        assert self.kit.take("stores", stores).written

    # Setting up

    def settle(self, **digest: Any) -> None:
        """Change what config.yaml says of digests."""
        section = DigestSection(**{**self.kit.house.digest.model_dump(), **digest})
        self.kit.house = replace(self.kit.house, digest=section)

    def staff(self) -> None:
        """A rep for each region, a manager of 东区, the boss; all in DingTalk."""
        self.person("li", REP, region="东区")
        self.person("sun", REP, region="西区")
        self.person("qian", MANAGER, region="东区")
        self.person("boss", BOSS)

    def person(self, code: str, role: Role, *, region: str = "", store: int | None = None, platform: str = "dingtalk",
               until: date | None = None, since: date = date(2020, 1, 1)) -> int:  # fmt: skip
        """Somebody with one role; no platform: nobody can reach them."""
        with self.kit.database.write() as session:
            known = session.scalar(select(Person).where(Person.code == code))
            ids = {f"{platform}_userid": code} if platform else {}
            someone = known or Person(code=code, name=f"{code}先生", **ids)
            session.add(someone)
            duty = Assignment(role=role, region=region, store_id=store, valid_from=since, valid_to=until)
            someone.assignments.append(duty)
            session.flush()
            return someone.id

    def warn(self, rule: str = "aged", *, store: int = 1, product: int = 1, lot: int = 0, level: int = 1, value: int = 0,
             loss: int = 100_000, bottles: int = 20, figures: Mapping[str, Any] | None = None, **columns: Any) -> int:  # fmt: skip
        """A warning that fires; `loss` in 分, `value` in thousandths."""
        told = {"metric": METRICS[rule].value, "day": str(TODAY), "as_of": str(TODAY), "source": "count",
                "received_on": str(TODAY - timedelta(days=132)), "monthly_millibottles": 5_000, "history_months": 6}  # fmt: skip
        given = {"state": WarningState.FIRING, "version": 1, "visit": 1, "rule_version": "v1", "threshold": 90_000,
                 "fired_on": TODAY, "seen_on": TODAY, "changed_at": NOW, **columns}  # fmt: skip
        with self.kit.database.write() as session:
            found = StockWarning(rule=rule, store_id=store, product_id=product, lot_id=lot, level=level, bottles=bottles,
                                 value=value or 132_000, loss_fen=loss, figures={**told, **(figures or {})}, **given)  # fmt: skip
            session.add(found)
            session.flush()
            return found.id

    def stores(self, count: int) -> list[int]:
        """More stores of 东区; returns their ids."""
        with self.kit.database.write() as session:
            made = [Store(code=f"N{n:04d}", name=f"东区{n}号店", region="东区") for n in range(count)]
            session.add_all(made)
            session.flush()
            return [store.id for store in made]

    def products(self, count: int) -> list[int]:
        """More products; returns their ids."""
        with self.kit.database.write() as session:
            made = [Product(code=f"P{n:04d}", name=f"新品{n}", case_size=6, price_fen=10_000) for n in range(count)]
            session.add_all(made)
            session.flush()
            return [product.id for product in made]

    def lot(self, batch: str, product: int = 1) -> int:
        """A batch of a product."""
        with self.kit.database.write() as session:
            made = Lot(product_id=product, batch=batch)
            session.add(made)
            session.flush()
            return made.id

    def reserve(self, lot: int, *, store: int = 1, product: int = 1) -> None:
        """An open task asks a store for all it has of a lot."""
        with self.kit.database.write() as session:
            campaign = Campaign(product_id=product, deadline=TODAY, reason=Reason.SLOW, created_at=NOW, source="test",
                                creator_id=session.scalars(select(Person.id)).first(), scope_version=1)  # fmt: skip
            campaign.state = CampaignState.RUNNING
            session.add(campaign)
            session.flush()
            task = RecallTask(campaign_id=campaign.id, store_id=store, deadline=TODAY)
            task.state = TaskState.ASKED
            session.add(task)
            session.flush()
            session.add(Reservation(task_id=task.id, store_id=store, lot_id=lot, bottles=6))

    # Acting

    def push(self) -> int:
        """The morning's push, at the present moment."""
        fonts = ensure_fonts(DEFAULT_CACHE)
        with self.kit.database.write() as session:
            day = business_day(self.now)
            return push_digests(session, self.kit.house, RULES, day, self.now, fonts=fonts)

    def change(self, warning_id: int, **columns: Any) -> None:
        """Put values into a warning, as the scan or a flow would."""
        with self.kit.database.write() as session:
            found = session.get_one(StockWarning, warning_id)
            for name, value in columns.items():
                setattr(found, name, value)

    def fire(self, warning_id: int, event: str, user: str = "", **data: Any) -> None:
        """Somebody, or the system, does something to a warning through its flow."""
        with self.kit.database.write() as session:
            found = session.get_one(StockWarning, warning_id)
            someone = session.scalar(select(Person).where(Person.code == user))
            actor = actor_of(someone, self.now, "dingtalk") if someone else SYSTEM
            FLOWS["warning"].fire(Step(session, self.kit.house, found, actor, self.now, data), event)

    def on(self, workdays: int) -> None:
        """The same hour so many working days later."""
        day = self.kit.house.calendar.add_workdays(business_day(self.now), workdays)
        self.now += day - business_day(self.now)

    # Looking

    def warning(self, warning_id: int) -> StockWarning:
        with self.kit.database.read() as session:
            return session.get_one(StockWarning, warning_id)

    def letters(self, user: str = "", channel: str = "") -> list[Message]:
        """What waits for somebody or in a channel, in order."""
        rows = [r for r in self.rows() if (not user or r.recipient == user) and r.channel.startswith(channel)]
        return [Message.from_dict(row.message) for row in rows]

    def rows(self) -> list[Outbox]:
        return sorted(self.kit.all(Outbox), key=lambda row: row.id)

    def list_of(self, user: str) -> Message:
        """Somebody's last list, which is no card."""
        return [m for m in self.letters(user) if not m.buttons][-1]

    def cards_of(self, user: str) -> list[Message]:
        """Somebody's cards."""
        return [m for m in self.letters(user) if m.buttons]

    def forget_letters(self) -> None:
        """As if they had all gone out and been read."""
        with self.kit.database.write() as session:
            session.execute(delete(Outbox))
            session.execute(delete(Card))


def moment(day: date, hour: int, minute: int = 0) -> datetime:
    """A moment of business time."""
    return NOW.replace(year=day.year, month=day.month, day=day.day, hour=hour - 8, minute=minute)
