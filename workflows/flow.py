"""The engine: a flow is a table of rows, and `fire` is the only way an object moves.

Law of the engine. The first row that fits wins. No row means NotAllowed, and nothing changes. The
state is changed first, then the actions run, so that cards show the new state. Entering a state adds
one to `visit` and writes that state's timers; a timer whose visit has passed does nothing. After each
step the `as_soon_as` rows are looked at until none holds. Every step is written into the history.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from models.engine import Timer
from rules.deadlines import Wait
from settings.schema import Limits
from workflows.acting import SYSTEM, Actor
from workflows.history import Entry, record
from workflows.house import House
from workflows.refusals import NotAllowed, NotPermitted, Stale


class FlowError(Exception):
    """A flow table that cannot be right; raised when the program starts."""


@dataclass
class Step:
    """One thing happening to one object: what conditions, permissions and actions are given."""

    session: Session
    house: House
    subject: Any
    actor: Actor
    now: datetime
    data: dict[str, Any] = field(default_factory=dict)
    event: str = ""
    #: Numbers and words for the history row; actions add what they decided.
    facts: dict[str, Any] = field(default_factory=dict)


Check = Callable[[Step], bool]
Action = Callable[[Step], None]


@dataclass(frozen=True)
class WaitRule:
    """How long a row waits: read for each object when its state is entered; `text` is for people."""

    of: Callable[[Step], Wait]
    text: str


def working(pick: Callable[[Limits], float]) -> WaitRule:
    """Working hours the business sets in config.yaml under `limits`."""
    return WaitRule(lambda step: Wait(pick(step.house.limits)), Wait(pick(Limits())).describe())


#: Every checked table by its name: timers, cards and other flows find it here.
FLOWS: dict[str, "Flow"] = {}


@dataclass(frozen=True)
class Row:
    """One line of a table. `event` is empty for rows that happen by themselves."""

    state: StrEnum
    event: str
    by: Check | None = None
    when: Check | None = None
    to: StrEnum | None = None
    do: tuple[Action, ...] = ()
    wait: WaitRule | None = None

    @property
    def name(self) -> str:
        """What a timer row is called in the timer table and the history."""
        doing = "+".join(action.__name__ for action in self.do)
        return f"after {doing}" if doing else f"after to {self.to}"

    def fits(self, step: Step) -> bool:
        """Whether the row's condition holds."""
        return self.when is None or self.when(step)


_NEW_TIMERS = insert(Timer)


class Flow:
    """A named table; `ends` are the states nothing leaves."""

    def __init__(self, name: str, *, start: StrEnum, ends: Iterable[StrEnum]) -> None:
        self.name = name
        self.start = start
        self.ends = frozenset(ends)
        self.rows: list[Row] = []

    def on(
        self,
        state: StrEnum,
        event: str,
        *,
        by: Check,
        when: Check | None = None,
        to: StrEnum | None = None,
        do: Iterable[Action] = (),
    ) -> None:
        """Somebody did something."""
        self.rows.append(Row(state, event, by, when, to, tuple(do)))

    def after(
        self,
        state: StrEnum,
        wait: WaitRule,
        *,
        when: Check | None = None,
        to: StrEnum | None = None,
        do: Iterable[Action] = (),
    ) -> None:
        """Time passed in this state."""
        self.rows.append(Row(state, "", None, when, to, tuple(do), wait))

    def as_soon_as(self, state: StrEnum, when: Check, *, to: StrEnum, do: Iterable[Action] = ()) -> None:
        """A condition became true."""
        self.rows.append(Row(state, "", None, when, to, tuple(do)))

    def checked(self) -> "Flow":
        """Enter the table into FLOWS and return it; raises FlowError for what cannot be right in it."""
        reachable = self._reachable()
        for state in {row.state for row in self.rows} - reachable:
            raise FlowError(f"{self.name}: nothing leads to {state}")
        for row in self.rows:
            if row.event and row.by is None:
                raise FlowError(f"{self.name}: {row.state} {row.event} names nobody")
            if row.state in self.ends:
                raise FlowError(f"{self.name}: {row.state} is an end and has {row.event or 'a row'}")
        for state in reachable - self.ends - {row.state for row in self.rows}:
            raise FlowError(f"{self.name}: {state} has no way out and is no end")
        names = [(row.state, row.name) for row in self.rows if row.wait]
        if len(names) != len(set(names)):
            raise FlowError(f"{self.name}: two timers of one state have one name")
        FLOWS[self.name] = self
        return self

    def events(self) -> set[str]:
        """All events anybody can fire."""
        return {row.event for row in self.rows if row.event}

    def states(self) -> list[StrEnum]:
        """All states, in the order of the enum."""
        return [state for state in type(self.start) if state in self._mentioned()]

    def _reachable(self) -> set[StrEnum]:
        # Walked from the start: states that only lead to each other are an island.
        found: set[StrEnum] = set()
        new = {self.start}
        while new:
            found |= new
            new = {row.to for row in self.rows if row.to and row.state in found} - found
        return found

    def _mentioned(self) -> set[StrEnum]:
        return {self.start, *(r.state for r in self.rows), *(r.to for r in self.rows if r.to)}

    def timers(self, state: StrEnum) -> Iterator[Row]:
        """The rows that wait in a state."""
        return (row for row in self.rows if row.wait and row.state == state)

    def start_at(self, step: Step, *, event: str = "start") -> None:
        """Put a new object into its first state, with its timers and its first history row."""
        subject = step.subject
        subject.state = self.start
        subject.version, subject.visit = 1, 1
        step.session.add(subject)
        step.session.flush()
        self._write_timers(step)
        step.event = event
        self._write_history(step, "", event)
        self._settle(step)

    def fire(self, step: Step, event: str, seen_version: int | None = None) -> None:
        """Let somebody do something to the object.

        Raises NotAllowed (no row), NotPermitted (not this person) or Stale (an older card).
        """
        subject = step.subject
        rows = [row for row in self.rows if row.event == event and row.state == subject.state]
        if seen_version is not None and seen_version != subject.version and not rows:
            raise Stale(**self._facts(step, event))
        if not rows:
            raise NotAllowed(**self._facts(step, event))
        permitted = [row for row in rows if row.by and row.by(step)]
        if not permitted:
            raise NotPermitted(**self._facts(step, event))
        if seen_version is not None and seen_version != subject.version:
            raise Stale(**self._facts(step, event))
        fitting = next((row for row in permitted if row.fits(step)), None)
        if fitting is None:
            raise NotAllowed(**self._facts(step, event))
        step.event = event
        self._take(step, fitting, event)
        self._settle(step)

    def fire_timer(self, step: Step, name: str, visit: int) -> bool:
        """Let time act; return False when the object has moved on since the timer was written."""
        subject = step.subject
        if subject.visit != visit:
            return False
        row = next((r for r in self.timers(subject.state) if r.name == name), None)
        if row is None or not row.fits(step):
            return False
        step.event = name
        self._take(step, row, name)
        self._settle(step)
        return True

    def look_again(self, step: Step) -> None:
        """Something else changed: see whether an `as_soon_as` row now holds."""
        self._settle(step)

    def _settle(self, step: Step) -> None:
        for _ in self.rows:
            row = next((r for r in self._by_themselves(step.subject.state) if r.fits(step)), None)
            if row is None:
                return
            quiet = Step(step.session, step.house, step.subject, SYSTEM, step.now)
            quiet.event = "as soon as"
            self._take(quiet, row, f"as soon as {row.when.__name__ if row.when else ''}")
        raise FlowError(f"{self.name}: its as_soon_as rows go in a circle")

    def _by_themselves(self, state: StrEnum) -> Iterator[Row]:
        return (r for r in self.rows if not r.event and r.wait is None and r.state == state)

    def _take(self, step: Step, row: Row, name: str) -> None:
        subject, before = step.subject, step.subject.state
        subject.version += 1
        if row.to is not None:
            subject.state = row.to
            subject.visit += 1
        if row.to is not None:
            self._write_timers(step)
        # Before the actions: one of them may make this very object take its next step.
        self._write_history(step, before, name)
        for action in row.do:
            action(step)
        step.session.flush()

    def _write_timers(self, step: Step) -> None:
        rows = [self.timer_row(step, row) for row in self.timers(step.subject.state)]
        if rows:
            step.session.connection().execute(_NEW_TIMERS, rows)

    def timer_row(self, step: Step, row: Row) -> dict[str, Any]:
        """The timer a state's row writes when it is entered; running objects keep the moment."""
        wait = row.wait.of(step) if row.wait else Wait(0)
        return {
            "flow": self.name,
            "subject_id": step.subject.id,
            "visit": step.subject.visit,
            "row": row.name,
            "due_at": step.house.calendar.due(step.now, wait),
        }

    def _write_history(self, step: Step, before: str, name: str) -> None:
        subject = step.subject
        entry = Entry(
            flow=self.name,
            subject_id=subject.id,
            version=subject.version,
            event=name,
            from_state=str(before),
            to_state=str(subject.state),
            actor=step.actor.name,
            entrance=step.actor.entrance,
            reason=str(step.data.get("reason", "")),
            facts=step.facts,  # not a copy: actions add to it until the commit
            at=step.now,
        )
        record(step.session, step.house.secret, entry)

    def _facts(self, step: Step, event: str) -> dict[str, Any]:
        return {
            "flow": self.name,
            "subject_id": step.subject.id,
            "state": str(step.subject.state),
            "event": event,
            "who": step.actor.name,
        }


def step_for(step: Step, subject: Any, actor: Actor | None = None, **data: Any) -> Step:
    """The step of another object that follows from this one, in the same transaction."""
    return Step(step.session, step.house, subject, actor or step.actor, step.now, data)
