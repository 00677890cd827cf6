"""The engine, on a tiny table of its own: a parcel that is asked for, packed and sent."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base
from models.database import Database
from models.engine import Flowing, History, Timer
from rules.deadlines import Wait, WorkCalendar
from settings.schema import Limits
from texts.render import Texts
from workflows.acting import SYSTEM, Actor
from workflows.flow import FLOWS, Flow, FlowError, Step, WaitRule
from workflows.history import verify
from workflows.house import House
from workflows.refusals import InvalidInput, NotAllowed, NotPermitted, Stale

NOON = datetime(2026, 9, 7, 4, 0, tzinfo=UTC)
ANNA = Actor(1, "安娜", (), "h5")
BERT = Actor(2, "伯特", (), "h5")


class S(StrEnum):
    ASKED = "asked"
    PACKED = "packed"
    WEIGHED = "weighed"
    SENT = "sent"
    NOWHERE = "nowhere"


class OwnBase(Base):
    """Tables of this file only; they do not join the house's own."""

    __abstract__ = True
    metadata = Base.metadata.__class__()


class Parcel(Flowing, OwnBase):
    """An object with a flow."""

    __tablename__ = "parcel"

    state: Mapped[S] = mapped_column(default=S.ASKED)
    grams: Mapped[int] = mapped_column(default=0)
    notes: Mapped[str] = mapped_column(default="")


def anybody(step: Step) -> bool:
    return step.actor.person_id is not None


def anna(step: Step) -> bool:
    return step.actor is ANNA


def heavy(step: Step) -> bool:
    return step.subject.grams > 1_000


def weighed(step: Step) -> bool:
    return step.subject.grams > 0


def always(_step: Step) -> bool:
    return True


def note_heavy(step: Step) -> None:
    step.subject.notes += f"heavy in {step.subject.state};"
    step.facts["grams"] = step.subject.grams


def note_light(step: Step) -> None:
    step.subject.notes += "light;"


def remind(step: Step) -> None:
    step.subject.notes += "reminded;"


def remind_again(step: Step) -> None:
    step.subject.notes += "reminded again;"


def spill(step: Step) -> None:
    step.subject.grams = 7
    raise InvalidInput("洒了。")


def hours(number: float) -> WaitRule:
    return WaitRule(lambda _step: Wait(number, working=False), f"{number} hours")


def parcels() -> Flow:
    flow = Flow("parcels", start=S.ASKED, ends=[S.SENT])
    flow.on(S.ASKED, "pack", by=anybody, when=heavy, to=S.PACKED, do=[note_heavy])
    flow.on(S.ASKED, "pack", by=anna, to=S.PACKED, do=[note_light])
    flow.on(S.ASKED, "spill", by=anybody, to=S.PACKED, do=[spill])
    flow.on(S.ASKED, "ask_again", by=anybody, to=S.ASKED)
    flow.on(S.ASKED, "look", by=anybody)
    flow.after(S.ASKED, hours(1), do=[remind])
    flow.after(S.ASKED, hours(2), when=heavy, do=[remind_again])
    flow.as_soon_as(S.PACKED, weighed, to=S.WEIGHED)
    flow.on(S.PACKED, "unpack", by=anybody, to=S.ASKED)
    flow.as_soon_as(S.WEIGHED, heavy, to=S.SENT, do=[note_heavy])
    flow.on(S.WEIGHED, "send", by=anna, to=S.SENT)
    return flow.checked()


class Bench:
    """One parcel, one flow, one database."""

    def __init__(self, url: str, tmp_path: Path) -> None:
        self.database = Database(url)
        OwnBase.metadata.drop_all(self.database.writer)  # PostgreSQL tests share a database
        OwnBase.metadata.create_all(self.database.writer)
        self.house = House(Limits(), WorkCalendar(), Texts(), "http://x.test", "secret", tmp_path)
        self.flow = parcels()
        self.now = NOON
        with self.writing() as session:
            parcel = Parcel(grams=0, notes="")
            self.flow.start_at(self.step(session, parcel, ANNA))
        self.id = parcel.id

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with self.database.write() as session:
            yield session

    def step(self, session: Session, parcel: Parcel, actor: Actor) -> Step:
        return Step(session, self.house, parcel, actor, self.now)

    def fire(self, event: str, actor: Actor = ANNA, seen: int | None = None, **changes: int) -> None:
        with self.writing() as session:
            parcel = session.get_one(Parcel, self.id)
            for name, value in changes.items():
                setattr(parcel, name, value)
            self.flow.fire(self.step(session, parcel, actor), event, seen)

    def time_acts(self) -> list[str]:
        """Fire the timers that are due, and say which did something."""
        with self.writing() as session:
            timers = session.scalars(select(Timer).where(Timer.due_at <= self.now).order_by(Timer.due_at)).all()
            parcel = session.get_one(Parcel, self.id)
            fired = []
            for timer in timers:
                if self.flow.fire_timer(self.step(session, parcel, SYSTEM), timer.row, timer.visit):
                    fired.append(timer.row)
                session.delete(timer)
            return fired

    @property
    def parcel(self) -> Parcel:
        with self.database.read() as session:
            return session.get_one(Parcel, self.id)

    @property
    def history(self) -> list[tuple[str, str, str, int]]:
        with self.database.read() as session:
            rows = session.scalars(select(History).where(History.flow == "parcels").order_by(History.id))
            return [(row.event, row.from_state, row.to_state, row.version) for row in rows]

    def refuses(self, why: type[Exception], act: Callable[[], None]) -> None:
        """The act raises, and nothing whatever has changed."""
        before, history = self.parcel, self.history
        with pytest.raises(why):
            act()
        after = self.parcel
        assert (after.state, after.version, after.visit, after.grams, after.notes) == (
            before.state,
            before.version,
            before.visit,
            before.grams,
            before.notes,
        )
        assert self.history == history


@pytest.fixture
def bench(migrated_url: str, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(migrated_url, tmp_path)
    yield bench
    bench.database.close()
    FLOWS.pop("parcels", None)


def test_start_writes_history_and_timers(bench: Bench) -> None:
    with bench.database.read() as session:
        due = {timer.row: timer.due_at - NOON for timer in session.scalars(select(Timer))}

    assert due == {"after remind": timedelta(hours=1), "after remind_again": timedelta(hours=2)}
    assert bench.history == [("start", "", "asked", 1)]
    assert (bench.parcel.version, bench.parcel.visit) == (1, 1)


def test_first_row_that_fits_wins(bench: Bench) -> None:
    bench.fire("pack", ANNA, grams=2_000)

    assert bench.parcel.notes.startswith("heavy")


def test_second_row_is_taken_when_the_first_does_not_fit(bench: Bench) -> None:
    bench.fire("pack", ANNA)

    assert (bench.parcel.state, bench.parcel.notes) == (S.PACKED, "light;")


def test_row_of_another_person_is_passed_over(bench: Bench) -> None:
    bench.refuses(NotAllowed, lambda: bench.fire("pack", BERT))  # his row needs more than a kilogram


def test_actions_see_the_new_state(bench: Bench) -> None:
    bench.fire("pack", BERT, grams=1_001)

    assert "heavy in packed;" in bench.parcel.notes


def test_event_of_another_state_changes_nothing(bench: Bench) -> None:
    bench.refuses(NotAllowed, lambda: bench.fire("unpack"))


def test_unknown_event_changes_nothing(bench: Bench) -> None:
    bench.refuses(NotAllowed, lambda: bench.fire("explode"))


def test_event_of_nobody_is_refused(bench: Bench) -> None:
    bench.refuses(NotPermitted, lambda: bench.fire("look", SYSTEM))


def test_action_that_refuses_takes_the_step_back(bench: Bench) -> None:
    bench.refuses(InvalidInput, lambda: bench.fire("spill"))


def test_old_card_is_stale(bench: Bench) -> None:
    bench.fire("look")

    bench.refuses(Stale, lambda: bench.fire("look", seen=1))


def test_old_card_whose_event_is_gone_is_stale_and_not_impossible(bench: Bench) -> None:
    bench.fire("pack")

    bench.refuses(Stale, lambda: bench.fire("pack", seen=1))


def test_present_card_works(bench: Bench) -> None:
    bench.fire("look")
    bench.fire("look", seen=2)

    assert bench.parcel.version == 3


def test_stranger_with_an_old_card_hears_that_he_may_not(bench: Bench) -> None:
    bench.fire("look")

    bench.refuses(NotPermitted, lambda: bench.fire("look", SYSTEM, seen=1))


def test_timers_fire_once_each_when_due(bench: Bench) -> None:
    bench.now = NOON + timedelta(minutes=59)
    early = bench.time_acts()
    bench.now = NOON + timedelta(hours=1)
    due = bench.time_acts()

    assert (early, due, bench.time_acts()) == ([], ["after remind"], [])
    assert bench.parcel.notes == "reminded;"


def test_timer_is_silent_after_the_state_was_left(bench: Bench) -> None:
    bench.fire("pack")
    bench.now = NOON + timedelta(hours=3)

    assert bench.time_acts() == []
    assert bench.parcel.notes == "light;"


def test_timer_of_an_earlier_visit_is_silent_after_coming_back(bench: Bench) -> None:
    bench.now = NOON + timedelta(minutes=30)
    bench.fire("pack")
    bench.fire("unpack")
    bench.now = NOON + timedelta(hours=1, minutes=15)
    old_visit = bench.time_acts()
    bench.now = NOON + timedelta(hours=1, minutes=30)

    assert (old_visit, bench.time_acts()) == ([], ["after remind"])


def test_entering_the_same_state_again_starts_its_clock_anew(bench: Bench) -> None:
    bench.now = NOON + timedelta(minutes=50)
    bench.fire("ask_again")
    bench.now = NOON + timedelta(minutes=70)
    old_visit = bench.time_acts()
    bench.now = NOON + timedelta(minutes=110)

    assert (old_visit, bench.time_acts()) == ([], ["after remind"])


def test_step_that_stays_keeps_the_clock(bench: Bench) -> None:
    bench.now = NOON + timedelta(minutes=50)
    bench.fire("look")
    bench.now = NOON + timedelta(minutes=60)

    assert bench.time_acts() == ["after remind"]


def test_timer_whose_condition_fails_does_nothing(bench: Bench) -> None:
    bench.now = NOON + timedelta(hours=2)

    assert bench.time_acts() == ["after remind"]


def test_as_soon_as_rows_follow_each_other(bench: Bench) -> None:
    bench.fire("pack", ANNA, grams=2_000)

    assert bench.parcel.state is S.SENT
    assert [(event, to) for event, _, to, _ in bench.history[1:]] == [
        ("pack", "packed"),
        ("as soon as weighed", "weighed"),
        ("as soon as heavy", "sent"),
    ]


def test_look_again_takes_what_has_become_true(bench: Bench) -> None:
    bench.fire("pack")
    with bench.writing() as session:
        parcel = session.get_one(Parcel, bench.id)
        parcel.grams = 500
        bench.flow.look_again(bench.step(session, parcel, ANNA))

    assert bench.parcel.state is S.WEIGHED


def test_history_tells_states_and_versions_in_the_order_they_came(bench: Bench) -> None:
    """Also when an action of the first step makes the object move on by itself."""

    def weigh_at_once(step: Step) -> None:
        step.subject.grams = 2_000
        bench.flow.look_again(Step(step.session, step.house, step.subject, SYSTEM, step.now))

    bench.flow.on(S.ASKED, "rush", by=anybody, to=S.PACKED, do=[weigh_at_once])
    bench.fire("rush")

    assert bench.history[1:] == [
        ("rush", "asked", "packed", 2),
        ("as soon as weighed", "packed", "weighed", 3),
        ("as soon as heavy", "weighed", "sent", 4),
    ]


def test_facts_an_action_decides_are_in_the_history(bench: Bench) -> None:
    bench.fire("pack", BERT, grams=1_500)

    with bench.database.read() as session:
        row = session.scalar(select(History).where(History.event == "pack"))
        problems = verify(session, "secret")

    assert row is not None
    assert row.facts == {"grams": 1_500}
    assert problems == []


def test_circle_of_as_soon_as_rows_is_detected(bench: Bench) -> None:
    circle = Flow("circle", start=S.ASKED, ends=[S.SENT])
    circle.on(S.ASKED, "go", by=anybody, to=S.PACKED)
    circle.as_soon_as(S.PACKED, always, to=S.WEIGHED)
    circle.as_soon_as(S.WEIGHED, always, to=S.PACKED)
    circle.on(S.PACKED, "send", by=anybody, to=S.SENT)
    bench.flow = circle

    bench.refuses(FlowError, lambda: bench.fire("go"))


# What a table may not say


def broken(*, start: S = S.ASKED, ends: tuple[S, ...] = (S.SENT,)) -> Flow:
    flow = Flow("broken", start=start, ends=ends)
    flow.on(S.ASKED, "pack", by=anybody, to=S.PACKED)
    flow.on(S.PACKED, "send", by=anybody, to=S.SENT)
    return flow


def refused(flow: Flow) -> str:
    try:
        flow.checked()
    except FlowError as problem:
        assert "broken" not in FLOWS
        return str(problem)
    FLOWS.pop("broken")
    pytest.fail("the table was taken")


def test_sound_table_is_entered() -> None:
    assert broken().checked() is FLOWS.pop("broken")


def test_unreachable_state_is_refused() -> None:
    flow = broken()
    flow.on(S.NOWHERE, "send", by=anybody, to=S.SENT)

    assert "nothing leads to nowhere" in refused(flow)


def test_states_that_only_lead_to_each_other_are_unreachable() -> None:
    """Each has a row that leads to it, and still nobody can get there."""
    flow = broken()
    flow.on(S.WEIGHED, "lose", by=anybody, to=S.NOWHERE)
    flow.on(S.NOWHERE, "find", by=anybody, to=S.WEIGHED)

    assert "nothing leads to" in refused(flow)


def test_row_that_names_nobody_is_refused() -> None:
    flow = broken()
    flow.on(S.ASKED, "look", by=None)

    assert "names nobody" in refused(flow)


def test_way_out_of_an_end_is_refused() -> None:
    flow = broken()
    flow.on(S.SENT, "return", by=anybody, to=S.PACKED)

    assert "is an end" in refused(flow)


def test_state_without_a_way_out_is_refused() -> None:
    flow = broken()
    flow.on(S.ASKED, "lose", by=anybody, to=S.NOWHERE)

    assert "no way out" in refused(flow)


def test_twin_timers_are_refused() -> None:
    flow = broken()
    flow.after(S.ASKED, hours(1), do=[remind])
    flow.after(S.ASKED, hours(2), do=[remind])

    assert "one name" in refused(flow)
