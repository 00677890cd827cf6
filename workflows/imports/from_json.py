"""Items of a program into the database, through the loaders that read files: same checks, same sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from workflows.imports.columns import Header, Row
from workflows.imports.intake import Intake
from workflows.imports.item_errors import ItemError, of_loader, of_model, too_many_fields
from workflows.imports.json_items import columns_of, item_model, kind_of
from workflows.imports.report import Problems, Tally

MOST_PASSES = 10  # over a batch whose bad items are left out
MOST_FIELDS = 100  # of one item, several times what any kind knows


class ItemsRefused(Exception):
    """Items that cannot be taken, and nothing was written."""

    def __init__(self, errors: list[ItemError]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = errors


class _TakeBack(Exception):
    """Rolls a pass back."""


@dataclass(frozen=True)
class Delivered:
    """A batch as it came: who sent it, when, and whether one wrong item refuses all of it."""

    resource: str
    items: Sequence[Any]
    actor_name: str
    now: datetime
    today: date
    atomic: bool = True


@dataclass
class Taken:
    """What came of a batch. `accepted` items were new or `changed` something, `unchanged` ones said nothing new."""

    accepted: int = 0
    changed: int = 0
    unchanged: int = 0
    created: Mapping[str, int] = field(default_factory=dict)
    errors: list[ItemError] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        """How many items were refused."""
        return len({error.index for error in self.errors})


def load_items(session: Session, batch: Delivered) -> Taken:
    """Write the batch in the session's transaction.

    Raises ItemsRefused when an item is wrong and the batch is atomic. Otherwise wrong items are left
    out, and a pass that finds more of them is taken back and done again without them: what is written is
    always a batch in which nothing was wrong. LedgerError and IntegrityError pass through.
    """
    rows, errors = _read(batch)
    for _ in range(MOST_PASSES):
        tally, problems = _pass(session, batch, rows)
        errors += [of_loader(problem, columns_of(batch.resource)) for problem in problems.listed]
        if errors and batch.atomic:
            raise ItemsRefused(_in_order(errors))
        if not problems:
            return Taken(tally.accepted, tally.changed, tally.unchanged, dict(tally.created), _in_order(errors))
        rows = [row for row in rows if row.number not in problems.bad_rows]
    raise ItemsRefused(_in_order(errors))


def _pass(session: Session, batch: Delivered, rows: Sequence[Row]) -> tuple[Tally, Problems]:
    specs = columns_of(batch.resource)
    titles = tuple(spec.title for spec in specs)
    problems = Problems(patient=True)
    intake = Intake(
        session,
        iter(rows),
        Header(0, titles, tuple(enumerate(specs)), ()),
        problems,
        batch.now,
        batch.today,
        batch.actor_name,
        create_missing=False,
        by_program=True,
    )
    try:
        with session.begin_nested():
            kind_of(batch.resource).load(intake)
            _refuse_skipped(intake, problems)
            if problems:
                raise _TakeBack  # noqa: TRY301 - the savepoint ends where the exception passes
    except _TakeBack:
        session.expire_all()
    return intake.tally, problems


def _refuse_skipped(intake: Intake, problems: Problems) -> None:
    # A file may have rows that mean nothing; a program that sends one should hear of it.
    problems.listed += intake.tally.skipped
    problems.bad_rows |= {skipped.row for skipped in intake.tally.skipped}


def _read(batch: Delivered) -> tuple[list[Row], list[ItemError]]:
    model, specs = item_model(batch.resource), columns_of(batch.resource)
    always: dict[str, Any] = {spec.name: None for spec in specs if spec.required}
    rows, errors = [], []
    for index, item in enumerate(batch.items):
        if isinstance(item, dict) and len(item) > MOST_FIELDS:
            errors.append(too_many_fields(index))
            continue
        try:
            read = model.model_validate(item)
        except ValidationError as wrong:
            errors += of_model(index, wrong, specs)
        else:
            said = {name: getattr(read, name) for name in read.model_fields_set}
            rows.append(Row(index + 1, {**always, **said}))
    return rows, errors


def _in_order(errors: list[ItemError]) -> list[ItemError]:
    return sorted(errors, key=lambda error: error.index)
