"""The chain of history: every way of tampering is found, and two writers at once leave it whole."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from models.database import Database
from models.engine import ChainHead, History
from workflows.history import Entry, record, verify

NOW = datetime(2026, 9, 7, 1, 0, tzinfo=UTC)
SECRET = "chain secret"


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    database = Database(migrated_url)
    for number in range(1, 6):
        write(database, number)
    yield database
    database.close()


def entry(number: int, **changes: object) -> Entry:
    said = {"flow": "recall_task", "subject_id": number, "version": 1, "event": "start", "from_state": "",
            "to_state": "asked", "actor": "李业务", "entrance": "dingtalk", "reason": "", "facts": {"瓶": number},
            "at": NOW}  # fmt: skip
    return Entry(**{**said, **changes})


def write(database: Database, *numbers: int) -> None:
    with database.write() as session:
        for number in numbers:
            record(session, SECRET, entry(number))


def problems(database: Database, secret: str = SECRET) -> list[str]:
    with database.read() as session:
        return verify(session, secret)


def tampered(database: Database, how: Callable[[Session], object]) -> list[str]:
    with database.write() as session:
        how(session)
    return problems(database)


def test_untouched_chain_is_whole(database: Database) -> None:
    assert problems(database) == []


def test_empty_chain_is_whole(migrated_url: str) -> None:
    database = Database(migrated_url)

    assert problems(database) == []
    database.close()


def test_step_taken_back_leaves_no_row(database: Database) -> None:
    def step() -> None:
        with database.write() as session:
            record(session, SECRET, entry(9))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        step()

    with database.read() as session:
        assert session.scalar(select(History.id).where(History.subject_id == 9)) is None
    assert problems(database) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "别人"),
        ("reason", "改过的理由"),
        ("to_state", "closed"),
        ("version", 7),
        ("facts", {"瓶": 999}),
        ("at", datetime(2020, 1, 1, tzinfo=UTC)),
        ("hash", "0" * 64),
    ],
)
def test_edited_row_is_found(database: Database, column: str, value: object) -> None:
    found = tampered(database, lambda s: s.execute(update(History).where(History.id == 3).values({column: value})))

    assert any("row 3 was changed" in sentence for sentence in found)


def test_removed_row_in_the_middle_is_found(database: Database) -> None:
    found = tampered(database, lambda s: s.execute(delete(History).where(History.id == 3)))

    assert "history row 3 is missing (found 4)" in found


def test_removed_row_whose_followers_moved_up_is_found(database: Database) -> None:
    def close_the_gap(session: Session) -> None:
        session.execute(delete(History).where(History.id == 3))
        for number in (4, 5):
            session.execute(update(History).where(History.id == number).values(id=number - 1))
        session.execute(update(ChainHead).values(rows=4))

    assert tampered(database, close_the_gap)


def test_removed_tail_is_found(database: Database) -> None:
    found = tampered(database, lambda s: s.execute(delete(History).where(History.id == 5)))

    assert found == ["the chain's head says 5 rows, there are 4"]


def test_removed_tail_with_a_rewritten_head_is_found(database: Database) -> None:
    def cut(session: Session) -> None:
        session.execute(delete(History).where(History.id == 5))
        last = session.scalar(select(History.hash).where(History.id == 4))
        session.execute(update(ChainHead).values(rows=4, hash=last))

    assert tampered(database, cut) == ["the chain's head was changed"]


def test_whole_history_removed_is_found(database: Database) -> None:
    assert tampered(database, lambda s: s.execute(delete(History)))


def test_added_row_is_found(database: Database) -> None:
    def add(session: Session) -> None:
        session.execute(insert(History).values(id=6, hash="f" * 64, **vars(entry(6))))

    assert any("row 6 was changed" in sentence for sentence in tampered(database, add))


def test_row_added_with_a_guessed_secret_is_found(database: Database) -> None:
    with database.write() as session:
        record(session, "guessed", entry(6))

    assert any("row 6 was changed" in sentence for sentence in problems(database))


def test_swapped_pair_is_found(database: Database) -> None:
    def swap(session: Session) -> None:
        for old, new in ((2, 99), (3, 2), (99, 3)):
            session.execute(update(History).where(History.id == old).values(id=new))

    found = tampered(database, swap)

    assert any("row 2 was changed" in sentence for sentence in found)
    assert any("row 3 was changed" in sentence for sentence in found)


def test_another_secret_proves_nothing(database: Database) -> None:
    assert len(problems(database, "another")) == 6


@pytest.mark.postgres
@pytest.mark.parametrize("filled", [False, True], ids=["first rows ever", "later rows"])
def test_two_writers_at_once_leave_the_chain_whole(postgres_url: str, filled: bool) -> None:
    database = Database(postgres_url)
    if filled:
        write(database, 1)
    start = threading.Barrier(2)
    failures: list[Exception] = []

    def writer(first: int) -> None:
        start.wait()
        try:
            for number in range(first, first + 20):
                write(database, number, number + 1000)
        except Exception as problem:  # noqa: BLE001 - told to the test below
            failures.append(problem)

    threads = [threading.Thread(target=writer, args=(first,)) for first in (100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert failures == []
    assert problems(database) == []
    with database.read() as session:
        assert len(session.scalars(select(History.id)).all()) == 80 + filled
    database.close()
