"""What is not in the tables is refused, and tables, cards and texts hold together."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from models.catalog import Lot, Product, Store
from models.engine import History, Outbox, Timer
from models.observing import CountRequest
from models.people import Person, Role
from models.recall import (
    Campaign,
    Discrepancy,
    DiscrepancyKind,
    Handover,
    LegalKind,
    Reason,
    RecallTask,
)
from models.warning import StockWarning
from tests.conftest import migrated
from tests.world import ROOT, World
from texts.render import Texts
from workflows import issuing, sentences
from workflows.acting import Actor, Duty
from workflows.flow import Flow, Row, Step
from workflows.flows import ALL
from workflows.refusals import NotAllowed
from workflows.subjects import SUBJECTS, flow_name

TEXTS = Texts()
NAME = re.compile(r"^(?:safety_)?(?:(?:ask|tell|remind|announce|alarm)_[a-z_]+|campaign_card)$")
#: A card of these flows is shown to stores by the bulk path, not by an action.
BY_ISSUING = {"recall_task": "ask_store", "food_safety_task": "ask_store"}
#: Cards a handler asks back with.
BY_HANDLERS = {"recall_task": ["ask_how_many"], "food_safety_task": ["safety_ask_how_many"]}
WORDED_BOTH = {"handover", "discrepancy"}
#: The card that asks how much is left, by how many products it asks about.
COUNT_CARDS = {"count_ask_one", "count_ask_blank", "count_ask_several"}


def not_in_table() -> Iterator[tuple[str, StrEnum, str]]:
    for flow in ALL:
        table = {(row.state, row.event) for row in flow.rows}
        for state in flow.states():
            for event in sorted(flow.events()):
                if (state, event) not in table:
                    yield flow.name, state, event


def by_name(name: str) -> Flow:
    return next(flow for flow in ALL if flow.name == name)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[World]:
    """One world for the whole page; every test takes back what it does."""
    folder = tmp_path_factory.mktemp("complement")
    with migrated("sqlite", folder, request) as url:
        world = World(folder, url)
        with world.database.write() as session:
            session.add_all(subjects_of(world, session))
        yield world
        world.database.close()


def subjects_of(world: World, session: Any) -> list[Any]:
    """One object of every flow, written straight into the database."""
    product, lot, store = (session.scalars(select(model)).first() for model in (Product, Lot, Store))
    boss = session.scalar(select(Person).where(Person.code == "boss"))
    common = {"product": product, "product_id": product.id, "deadline": date(2026, 9, 30), "version": 1, "visit": 1}
    asked = {"reason": Reason.SLOW, "source": "chat", "creator_id": boss.id, "created_at": world.clock()}
    kinds = [{"kind": LegalKind.COMMERCIAL}, {"kind": LegalKind.FOOD_SAFETY, "legal_class": 1}]
    campaigns = [Campaign(batches=[], store_codes=[], **common, **asked, **kind) for kind in kinds]
    dated = {"deadline": date(2026, 9, 30), "version": 1, "visit": 1}
    tasks = [RecallTask(campaign=campaign, store=store, **dated) for campaign in campaigns]
    session.add_all([*campaigns, *tasks])
    session.flush()
    hand = Handover(task=tasks[0], taker_id=boss.id, opened_at=world.clock(), version=1, visit=1)
    gap = Discrepancy(
        kind=DiscrepancyKind.SHORT, handover=hand, lot=lot, bottles=1, found_by="", found_at=world.clock(),
        due_at=world.clock(), version=1, visit=1,
    )  # fmt: skip
    warning = StockWarning(
        rule="aged", rule_version="1", store_id=store.id, product_id=product.id, bottles=1, figures={}, version=1, visit=1,
        fired_on=date(2026, 9, 1), seen_on=date(2026, 9, 1), changed_at=world.clock(),
    )  # fmt: skip
    count = CountRequest(store=store, store_id=store.id, reason="stale", asked_at=world.clock(), version=1, visit=1)
    return [hand, gap, warning, count]


def counts(session: Any) -> list[int]:
    return [session.scalar(select(func.count()).select_from(table)) for table in (History, Outbox, Timer)]


@pytest.mark.parametrize(("name", "state", "event"), list(not_in_table()))
def test_event_outside_the_table_is_refused_and_changes_nothing(
    house: World, name: str, state: StrEnum, event: str
) -> None:
    everything = Actor(99, "万能", tuple(Duty(role, "", None) for role in Role), "h5")
    with house.database.read() as session:
        subject = next(s for s in session.scalars(select(SUBJECTS[name])) if flow_name(s) == name)
        subject.state = state
        session.flush()
        before = counts(session)
        step = Step(session, house.house, subject, everything, house.clock(), {"reason": "因为", "bottles": 1})

        with pytest.raises(NotAllowed):
            by_name(name).fire(step, event)

        assert not session.dirty
        assert not session.new
        assert counts(session) == before
        assert (subject.state, subject.version) == (state, 1)
        assert "history" not in session.info
        session.rollback()


@pytest.mark.parametrize("flow", ALL, ids=lambda flow: flow.name)
def test_every_state_is_reachable_and_leads_to_an_end(flow: Flow) -> None:
    arrows = {(row.state, row.to) for row in flow.rows if row.to}
    reached, leads_out = {flow.start}, set(flow.ends)
    for _ in arrows:
        reached |= {to for state, to in arrows if state in reached}
        leads_out |= {state for state, to in arrows if to in leads_out}

    assert reached == set(flow.states())
    assert leads_out == set(flow.states())


@pytest.mark.parametrize("flow", ALL, ids=lambda flow: flow.name)
def test_every_state_and_event_has_a_chinese_word(flow: Flow) -> None:
    group = sentences._STATE_LABELS[flow.name]
    states = [state for state in flow.states() if TEXTS.label(group, state.value) == state.value]
    system_only = {"stop", "resolve"}
    events = [event for event in sorted(flow.events() - system_only) if TEXTS.label("event", event) == event]

    assert states == []
    assert events == []


# Texts


def cards_of(flow: Flow) -> Iterator[tuple[Row, str]]:
    """Every text a row of the flow may say, in the flow's wording."""
    for row in flow.rows:
        for action in row.do:
            for name in said_by(action, row.event):
                yield from ((row, text) for text in wordings(flow, name))


def wordings(flow: Flow, name: str) -> list[str]:
    if name.startswith("safety_"):
        return [name]
    if flow.name in WORDED_BOTH:
        return [name, f"safety_{name}"]
    return [f"safety_{name}"] if flow.name.startswith("food_safety") else [name]


def said_by(action: Callable[..., Any], event: str) -> set[str]:
    """The names of texts in the source of an action; four actions choose among several."""
    tree = ast.parse(inspect.getsource(action))
    found = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    names = {word for word in found if NAME.match(word)}
    answers = {"refuse": "tell_rep_refused", "problem": "tell_rep_problem", "answer_sold_out": "ask_rep_sold_out"}
    chosen = {
        "ask_owner": {"ask_discrepancy_short", "ask_discrepancy_over"},
        "remind_owner": {"remind_discrepancy_short", "remind_discrepancy_over"},
        "tell_rep_answer": {answers.get(event, "tell_rep_answer")},
        **dict.fromkeys(("ask_about_rest", "ask_store_again"), COUNT_CARDS),
        **{name: {"ask_approver"} for name in ("ask_rep", "ask_manager", "ask_boss")},
    }
    return chosen.get(action.__name__, names)


@pytest.mark.parametrize("flow", ALL, ids=lambda flow: flow.name)
def test_every_text_a_flow_says_exists_in_its_wording(flow: Flow) -> None:
    missing = sorted({text for _, text in cards_of(flow)} - set(TEXTS.names()))

    assert missing == []


@pytest.mark.parametrize("flow", ALL, ids=lambda flow: flow.name)
def test_every_button_can_be_pressed_in_the_state_its_card_is_shown_in(flow: Flow) -> None:
    table = {(row.state, row.event) for row in flow.rows}
    dead = {
        (str(row.to or row.state), text, event)
        for row, text in cards_of(flow)
        for event in TEXTS.events_of(text)
        if (row.to or row.state, event) not in table
    }

    assert sorted(dead) == []


@pytest.mark.parametrize("name", sorted(BY_ISSUING))
def test_every_button_of_the_first_card_is_an_event(name: str) -> None:
    flow = by_name(name)
    (text,) = wordings(flow, BY_ISSUING[name])

    assert '"ask_store"' in inspect.getsource(issuing)
    assert {(flow.start, event) for event in TEXTS.events_of(text)} <= {(r.state, r.event) for r in flow.rows}


def test_every_text_with_buttons_is_said_by_a_flow() -> None:
    said = {text for flow in ALL for _, text in cards_of(flow)}
    said |= {text for name, first in BY_ISSUING.items() for text in wordings(by_name(name), first)}
    said |= {text for names in BY_HANDLERS.values() for text in names}
    said |= {text for side in ("short", "over") for text in wordings(by_name("discrepancy"), f"ask_discrepancy_{side}")}

    assert {name for name in TEXTS.names() if TEXTS.events_of(name)} <= said


@pytest.mark.parametrize("name", sorted(BY_HANDLERS))
def test_every_button_of_a_card_that_asks_back_is_an_event(name: str) -> None:
    events = {event for text in BY_HANDLERS[name] for event in TEXTS.events_of(text)}

    assert events <= by_name(name).events()


def test_every_text_in_the_yaml_is_used() -> None:
    literals, starts = words_of_the_house()
    unused = [name for name in TEXTS.names() if not used(name, literals, starts)]

    assert unused == []


def used(name: str, literals: set[str], starts: set[str]) -> bool:
    bare = name.removeprefix("safety_")
    if name in literals or bare in literals:
        return True
    return any(bare.startswith(start) and bare.removeprefix(start) in literals for start in starts)


def words_of_the_house() -> tuple[set[str], set[str]]:
    """All string literals of our code, and the beginnings of the f-strings."""
    literals: set[str] = set()
    starts: set[str] = set()
    for path in code_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                literals.add(node.value)
            if isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
                start = str(node.values[0].value)
                if re.fullmatch(r"[a-z_]{3,}_", start):
                    starts.add(start)
    return literals | {member.value for member in DiscrepancyKind}, starts


def code_files() -> list[Path]:
    folders = ("rules", "workflows", "bots", "web", "reports", "running")
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


SAYING = {"tell", "_tell", "_tell_store", "say", "sentence", "worded", "_to_groups", "_to_bosses"}


def test_every_text_name_in_the_code_exists() -> None:
    names, missing = set(TEXTS.names()), set()
    for path in code_files():
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or called(call) not in SAYING:
                continue
            for argument in call.args[:4]:
                word = argument.value if isinstance(argument, ast.Constant) else ""
                if (
                    isinstance(word, str)
                    and re.fullmatch(r"[a-z]+(?:_[a-z]+)+", word)
                    and not {
                        word,
                        f"safety_{word}",
                    }
                    & (names | FLOW_NAMES)
                ):
                    missing.add((str(path.relative_to(ROOT)), word))

    assert sorted(missing) == []


FLOW_NAMES = set(SUBJECTS)


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
