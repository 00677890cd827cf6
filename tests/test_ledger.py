"""The books hold whatever people do: ledger, vector, counters and history after every step.

A machine plays the house: stores answer or do not, reps fetch too little or too much, the warehouse counts
short and over, managers decide, campaigns are stopped, and platforms deliver callbacks twice.
"""

import shutil
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError, NoResultFound

from models.catalog import Hold, Lot, Product, Store
from models.database import Database
from models.recall import (
    Campaign,
    Discrepancy,
    DiscrepancyKind,
    DiscrepancyState,
    Handover,
    HandoverLine,
    HandoverState,
    LegalKind,
    Reason,
    TaskLine,
)
from models.stock import ChannelStock, MoveKind, Place, PlaceKind, StockMove
from running.migrate import upgrade
from tests.conftest import PG, postgres_database
from tests.doorway import Doorway
from tests.world import World
from workflows import campaigns, ledger, scope
from workflows.history import verify
from workflows.ledger import LedgerError, Move
from workflows.refusals import Refusal

STORES = st.sampled_from(["S01", "S02"])
RARELY = st.integers(0, 5)  # only nought lets it happen, or nothing else ever gets done
OWNERS = {"S01": "zhang", "S02": "wang"}
FEW = st.integers(1, 8)
REUSE = {PlaceKind.WAREHOUSE_STOCK, PlaceKind.WAREHOUSE_A, PlaceKind.WAREHOUSE_B, PlaceKind.WAREHOUSE_C}


@cache
def template() -> Path:
    """A migrated SQLite file, made once."""
    path = Path(tempfile.mkdtemp()) / "template.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    database.close()
    return path


class OldestFirst(Doorway):
    """Keeper and manager take up what has been waiting longest."""

    FITS: ClassVar[dict[str, list[str]]] = {
        "sign": ["scanning"],
        "void": ["scanning"],
        "receive": ["in_transit", "arrived"],
        "inspect": ["received"],
    }

    def hand(self, event: str) -> Handover:
        with self.world.database.read() as session:
            fitting = select(Handover).where(Handover.state.in_(self.FITS[event])).order_by(Handover.id).limit(1)
            return session.scalars(fitting).one()

    def gap(self) -> int:
        with self.world.database.read() as session:
            is_open = Discrepancy.state == DiscrepancyState.OPEN
            return session.scalars(select(Discrepancy.id).where(is_open).order_by(Discrepancy.id).limit(1)).one()


class House(RuleBasedStateMachine):
    """One distributor; every rule is something that may happen, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.world = World(self.folder, self.make_url())
        self.door = OldestFirst(self.world)
        self.number = 0
        self.recalled_after: int | None = None

    def make_url(self) -> str:
        shutil.copy(template(), self.folder / "jiuhui.db")
        return f"sqlite:///{self.folder}/jiuhui.db"

    def teardown(self) -> None:
        self.world.database.close()
        shutil.rmtree(self.folder)

    def tries(self, act: Callable[[], Any]) -> bool:
        """Do something people may be refused; anything but a refusal is a fault."""
        self.world.clock.now += timedelta(minutes=1)
        try:
            act()
        except (Refusal, LedgerError, NoResultFound):  # the last: there is no such task yet
            return False
        return True

    # What happens

    @initialize()
    def stores_have_been_asked(self) -> None:
        self.somebody_asks("qian")

    @rule(store=STORES, bottles=FEW)
    def goods_are_delivered(self, store: str, bottles: int) -> None:
        self.number += 1
        with self.world.database.read() as session:
            store_id = session.scalar(select(Store.id).where(Store.code == store))
            lot = session.scalar(select(Lot).where(Lot.batch == "20240312"))
            held = session.scalar(select(Hold.id).where(Hold.lot_id == lot.id, Hold.released_at.is_(None)))
        move = Move(f"delivery:{self.number}", MoveKind.DELIVERY, lot.id, (PlaceKind.OUTSIDE, 0),
                    (PlaceKind.STORE_SHELF, store_id), bottles, date(2026, 9, 7))  # fmt: skip

        def deliver() -> None:
            with self.world.database.write() as session:
                ledger.post(session, [move, move], self.world.clock(), "物流")
                ledger.post(session, [move], self.world.clock(), "物流")
                where = (ChannelStock.store_id == store_id, ChannelStock.lot_id == lot.id)
                session.execute(update(ChannelStock).where(*where).values(bottles=ChannelStock.bottles + bottles))

        assert self.tries(deliver) is (held is None)

    @rule(who=st.sampled_from(["qian", "zhang", "wang"]), twice=st.booleans())
    def somebody_asks_for_goods(self, who: str, twice: bool) -> None:
        self.hears_twice(twice)
        self.somebody_asks(who, twice=twice)

    def somebody_asks(self, who: str, *, twice: bool = False) -> None:
        if who == "qian":
            self.world.says("qian", "发起回收 青溪老窖 20240312批次 滞销 9月30日前", "dingtalk")
        else:
            self.world.says(who, "退2箱青溪老窖 临期")
        self.approved(twice)

    def approved(self, twice: bool) -> None:
        with self.world.database.read() as session:
            waiting = session.scalar(select(Campaign.id).where(Campaign.state == "at_rep"))
        if waiting:
            self.hears_twice(twice)
            self.world.says("li", f"同意 R{waiting}", "dingtalk")

    def hears_twice(self, twice: bool) -> None:
        self.world.sandbox.faults.duplicated.next = int(twice)

    @rule(
        store=STORES,
        words=st.sampled_from(["确认", "退{}瓶", "卖完了", "卖了{}瓶", "不退，原因是客户已经订走", "有问题，漏了两瓶"]),
        bottles=FEW,
        twice=st.booleans(),
    )
    def store_answers(self, store: str, words: str, bottles: int, twice: bool) -> None:
        self.hears_twice(twice)
        self.world.says(OWNERS[store], words.format(bottles))

    @rule(
        store=STORES,
        act=st.sampled_from([
            ("li", "confirm_sold_out"), ("li", "doubt_sold_out"), ("li", "solved"), ("qian", "insist"),
            ("qian", "waive"), ("li", "report_transfer"), ("li", "destroy_on_site"), ("wei", "insist"),
        ]),
        bottles=FEW,
    )  # fmt: skip
    def staff_acts(self, store: str, act: tuple[str, str], bottles: int) -> None:
        who, event = act
        self.tries(lambda: self.door.task_event(who, event, store, bottles=bottles, reason="说明", witness="王芳"))

    @rule(store=STORES, what=st.sampled_from(["CASE-C1", "CASE-C2", "CASE-C3", "typed", "foreign"]), bottles=FEW)
    def rep_scans(self, store: str, what: str, bottles: int) -> None:
        if what in {"typed", "foreign"}:
            self.tries(lambda: self.door.types(1 if what == "typed" else 2, bottles, store))
        else:
            self.tries(lambda: self.door.scans(what, what, store=store))

    @rule()
    def both_sign(self) -> None:
        self.tries(lambda: self.door.signs(remaining_on=date(2026, 9, 20)))

    @rule()
    def rep_gives_up(self) -> None:
        self.tries(self.door.gives_up)

    @rule(difference=st.integers(-3, 2))
    def keeper_counts(self, difference: int) -> None:
        def count() -> None:
            lines = self.door.hand("receive").lines
            first = max(0, lines[0].counted + lines[0].extra + difference)
            self.door.receives(first, *(line.counted + line.extra for line in lines[1:]))

        self.tries(count)

    @rule(grade=st.sampled_from("ABCDX"), bad=st.integers(0, 3))
    def keeper_grades(self, grade: str, bad: int) -> None:
        def inspect() -> None:
            with self.world.database.write() as session:
                hand = session.get(Handover, self.door.hand("inspect").id)
                grades = {}
                for line in hand.lines:
                    off = min(bad, line.received)
                    grades[line.lot_id] = {"X": off} | {grade: line.received - off + (off if grade == "X" else 0)}
                self.world.fire(session, hand, "inspect", "feng", grades=grades)

        self.tries(inspect)

    @rule(first=st.booleans(), who=st.sampled_from(["qian", "qian", "boss", "li", "feng"]))
    def somebody_clears_a_difference(self, first: bool, who: str) -> None:
        for events in (("found", "lose"), ("accept", "give_back")):
            event = events[0] if first else events[1]
            self.tries(partial(self.door.decides, who, event))

    @rule(store=STORES, bottles=st.integers(3, 20), difference=st.integers(-3, 2), grade=st.sampled_from("ABCDX"))
    def goods_are_fetched(self, store: str, bottles: int, difference: int, grade: str) -> None:
        self.world.says(OWNERS[store], "确认")
        if self.tries(lambda: self.door.types(1, bottles, store)):
            self.both_sign()
            self.keeper_counts(difference)
            self.keeper_grades(grade, 1)

    @rule(store=STORES, bottles=st.integers(3, 20))
    def goods_leave_and_are_counted_later(self, store: str, bottles: int) -> None:
        self.world.says(OWNERS[store], "确认")
        if self.tries(lambda: self.door.types(1, bottles, store)):
            self.both_sign()

    @rule(first=st.booleans())
    def manager_clears_all_differences(self, first: bool) -> None:
        for _ in range(4):
            self.somebody_clears_a_difference(first, "qian")

    @rule(words=st.sampled_from(["中止 {} 取消了", "取消 {}"]), twice=st.booleans(), mood=RARELY)
    def boss_stops_it(self, words: str, twice: bool, mood: int) -> None:
        if mood:
            return
        with self.world.database.read() as session:
            newest = session.scalar(select(func.max(Campaign.id)))
        if newest:
            self.hears_twice(twice)
            self.world.says("boss", words.format(f"R{newest}"), "dingtalk")

    @rule(ratified=st.booleans(), mood=RARELY)
    def quality_officer_recalls(self, ratified: bool, mood: int) -> None:
        if mood:
            return

        def start() -> None:
            with self.world.database.write() as session:
                product = session.scalar(select(Product).where(Product.code == "P1"))
                request = campaigns.Request(
                    scope.Ask(product.id, ("20240312",)), Reason.SAFETY, date(2026, 9, 30), "cli",
                    kind=LegalKind.FOOD_SAFETY, legal_class=1,
                )  # fmt: skip
                actor = self.world.actor(session, "wei")
                campaigns.start(session, self.world.house, request, actor, self.world.clock())

        if not self.tries(start):
            return
        with self.world.database.read() as session:
            self.recalled_after = session.scalar(select(func.max(StockMove.id))) or 0
        if ratified:
            self.tries(lambda: self.door.campaign_event("boss", "ratify"))

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours: int) -> None:
        self.world.clock.now += timedelta(hours=hours)
        self.world.worker.fire_timers()
        self.world.worker.deliver()

    # What is always true

    @invariant()
    def books_hold(self) -> None:
        with self.world.database.read() as session:
            assert ledger.reconcile(session) == []
            assert verify(session, self.world.house.secret) == []
            lines = session.scalars(select(TaskLine)).all()
            for line in lines:
                self.line_agrees_with_ledger(session, line)
            self.signed_papers_agree_with_ledger(session)
            self.recalled_goods_are_never_used_again(session)
        assert [note.text for note in self.world.sandbox.notes if "HTTP" in note.text] == []

    def line_agrees_with_ledger(self, session: Any, line: TaskLine) -> None:
        ends = ("accepted", "rejected", "destroyed_on_site", "sold_before", "transferred_out", "lost", "waived")
        assert line.scoped == line.outstanding + sum(getattr(line, name) for name in ends)
        assert line.accepted + line.rejected == moved(session, line, MoveKind.GRADE)
        assert line.sold_before == moved(session, line, MoveKind.SOLD)
        assert line.transferred_out == moved(session, line, MoveKind.TRANSFER)
        assert line.destroyed_on_site == moved(session, line, MoveKind.DESTROY)
        assert line.lost == moved(session, line, MoveKind.LOSE) - gaps(
            session, line, DiscrepancyState.LOST, in_scope=False
        )
        taken_in = counted(session, line) + gaps(session, line, DiscrepancyState.ACCEPTED, in_scope=True)
        found = gaps(session, line, DiscrepancyState.FOUND, in_scope=True)  # some of it was extra and is so no more
        assert taken_in <= line.handed_over <= taken_in + found
        assert line.handed_over >= line.received + line.lost >= line.accepted + line.rejected + line.lost
        assert line.declared >= 0

    def signed_papers_agree_with_ledger(self, session: Any) -> None:
        signed = Handover.state.not_in([HandoverState.SCANNING, HandoverState.VOID])
        query = select(func.sum(HandoverLine.counted + HandoverLine.extra)).join(Handover).where(signed)
        moves = select(func.sum(StockMove.bottles)).where(StockMove.kind == MoveKind.HAND_OVER)
        assert (session.scalar(query) or 0) == (session.scalar(moves) or 0)

    def recalled_goods_are_never_used_again(self, session: Any) -> None:
        if self.recalled_after is None:
            return
        held = select(Hold.lot_id).where(Hold.final.is_(True), Hold.released_at.is_(None))
        query = (
            select(func.count(StockMove.id))
            .join(Place, Place.id == StockMove.to_place_id)
            .where(StockMove.id > self.recalled_after, StockMove.lot_id.in_(held), Place.kind.in_(REUSE))
        )
        assert session.scalar(query) == 0


def moved(session: Any, line: TaskLine, kind: MoveKind) -> int:
    query = select(func.sum(StockMove.bottles)).where(
        StockMove.task_id == line.task_id, StockMove.lot_id == line.lot_id, StockMove.kind == kind
    )
    return session.scalar(query) or 0


def counted(session: Any, line: TaskLine) -> int:
    signed = Handover.state.not_in([HandoverState.SCANNING, HandoverState.VOID])
    query = select(func.sum(HandoverLine.counted)).join(Handover)
    return (
        session.scalar(query.where(Handover.task_id == line.task_id, HandoverLine.lot_id == line.lot_id, signed)) or 0
    )


def gaps(session: Any, line: TaskLine, state: DiscrepancyState, *, in_scope: bool) -> int:
    query = select(func.sum(Discrepancy.bottles)).join(Handover)
    return session.scalar(
        query.where(
            Handover.task_id == line.task_id, Discrepancy.lot_id == line.lot_id, Discrepancy.state == state,
            Discrepancy.in_scope.is_(in_scope), (Discrepancy.kind == DiscrepancyKind.SHORT) == (state in {"lost", "found"}),
        )
    ) or 0  # fmt: skip


class PostgresHouse(House):
    """The same on PostgreSQL."""

    def make_url(self) -> str:
        self.lent = postgres_database()
        return self.lent.__enter__()

    def teardown(self) -> None:
        super().teardown()
        self.lent.__exit__(None, None, None)


SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
TestHouse = House.TestCase
# No shrinking: a minute of it would tell little more than the steps printed anyway.
HOW = {"deadline": None, "suppress_health_check": SLOW, "derandomize": True, "phases": [Phase.generate]}
TestHouse.settings = settings(max_examples=12, stateful_step_count=30, **HOW)
TestPostgresHouse = pytest.mark.postgres(
    pytest.mark.skipif(not PG, reason="no PostgreSQL server")(PostgresHouse.TestCase)
)
TestPostgresHouse.settings = settings(max_examples=2, stateful_step_count=30, **HOW)


# Laws of the ledger, one by one


def a_move(world: World, bottles: int = 6, **changes: Any) -> Move:
    with world.database.read() as session:
        store = session.scalar(select(Store.id).where(Store.code == "S01"))
        lot = session.scalar(select(Lot.id).where(Lot.batch == "20240312"))
    facts = {"key": "m1", "kind": MoveKind.HAND_OVER, "lot_id": lot, "source": (PlaceKind.STORE_SHELF, store),
             "target": (PlaceKind.VEHICLE, 1), "bottles": bottles, "happened_on": date(2026, 9, 7)}  # fmt: skip
    return Move(**{**facts, **changes})


def post(world: World, *moves: Move) -> int:
    with world.database.write() as session:
        return ledger.post(session, moves, world.clock(), "测试")


def hold(world: World, *, final: bool) -> None:
    world.says("qian", "发起回收 青溪老窖 20240312批次 滞销 9月30日前", "dingtalk")
    with world.database.write() as session:
        lot = session.scalar(select(Lot.id).where(Lot.batch == "20240312"))
        facts = {"reason": "R1", "placed_by": "钱经理", "placed_at": world.clock()}
        session.add(Hold(lot_id=lot, campaign_id=1, final=final, **facts))


def test_same_key_is_posted_once(world: World) -> None:
    assert (post(world, a_move(world), a_move(world)), post(world, a_move(world))) == (1, 0)
    world.proves_itself()


@pytest.mark.parametrize("bottles", [0, -6])
def test_bottles_must_be_positive(world: World, bottles: int) -> None:
    with pytest.raises(LedgerError):
        post(world, a_move(world, bottles))
    world.proves_itself()


def test_place_of_ours_never_holds_less_than_nothing(world: World) -> None:
    post(world, a_move(world, 6))
    too_many = a_move(world, 8, key="m2", source=(PlaceKind.VEHICLE, 1), target=(PlaceKind.QUARANTINE, 0))

    with pytest.raises(LedgerError):
        post(world, a_move(world, 1, key="m3"), too_many)
    with world.database.read() as session:
        assert ledger.balance(session, PlaceKind.VEHICLE, 1, too_many.lot_id) == 6
    world.proves_itself()


@pytest.mark.parametrize("final", [False, True])
def test_held_lot_may_not_be_sold_and_may_always_leave(world: World, final: bool) -> None:
    hold(world, final=final)
    store = a_move(world).source
    delivery = {"kind": MoveKind.DELIVERY, "source": (PlaceKind.OUTSIDE, 0), "target": store}
    with pytest.raises(LedgerError, match="is held"):
        post(world, a_move(world, key="m2", **delivery))
    with pytest.raises(LedgerError, match="is held"):
        post(world, a_move(world, key="m3", kind=MoveKind.TRANSFER, target=(PlaceKind.TRANSFERRED, 2)))

    road = a_move(world)
    arrival = a_move(world, key="m5", kind=MoveKind.RECEIVE, source=road.target, target=(PlaceKind.QUARANTINE, 0))
    graded = a_move(world, key="m6", kind=MoveKind.GRADE, source=arrival.target, target=(PlaceKind.WAREHOUSE_X, 0))
    gone = a_move(world, key="m7", kind=MoveKind.DESTROY, source=graded.target, target=(PlaceKind.DESTROYED, 0))
    assert post(world, road, arrival, graded, gone) == 4
    world.proves_itself()


@pytest.mark.parametrize("place", sorted(REUSE))
def test_recalled_lot_never_reaches_a_place_of_reuse(world: World, place: PlaceKind) -> None:
    hold(world, final=True)
    road = a_move(world)
    arrival = a_move(world, key="m5", kind=MoveKind.RECEIVE, source=road.target, target=(PlaceKind.QUARANTINE, 0))

    with pytest.raises(LedgerError):
        post(
            world, road, arrival, a_move(world, key="m6", kind=MoveKind.GRADE, source=arrival.target, target=(place, 0))
        )


def test_balance_changed_by_hand_is_found(world: World) -> None:
    with world.database.write() as session:
        session.execute(update(ledger.Balance).values(bottles=ledger.Balance.bottles + 1))

    with world.database.read() as session:
        assert len(ledger.reconcile(session)) == 6


def test_database_itself_refuses_a_vector_that_does_not_add_up(world: World) -> None:
    world.says("qian", "发起回收 青溪老窖 20240312批次 滞销 9月30日前", "dingtalk")
    world.says("li", "同意 R1", "dingtalk")

    for change in ({"accepted": 1}, {"outstanding": -1, "waived": 19}):
        with pytest.raises(IntegrityError), world.database.write() as session:
            session.execute(update(TaskLine).values(**change))
    assert world.task().lines[0].outstanding == 18
