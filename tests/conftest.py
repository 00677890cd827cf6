"""Fixtures: one world per test, on SQLite and on PostgreSQL.

Migrations run once a session: SQLite tests copy a migrated file, PostgreSQL tests share one migrated
database that is emptied before each, so that a world starts in a tenth of a second.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog
from sqlalchemy import MetaData, Table, create_engine, make_url, text

from models.database import Database
from running.migrate import upgrade
from tests.world import World, postgres_admin

PG = postgres_admin()
KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


def pytest_report_header() -> list[str]:
    if PG:
        return ["databases: SQLite and PostgreSQL"]
    return ["databases: SQLite ONLY. No PostgreSQL server was reachable: THOSE TESTS DID NOT RUN."]


def pytest_configure() -> None:
    if not PG and os.environ.get("REQUIRE_POSTGRES"):
        raise pytest.UsageError("REQUIRE_POSTGRES is set and no PostgreSQL server answers")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Commands set up logging for their process; the next test must not inherit that."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/jiuhui.db"
        return
    if not PG:
        pytest.skip("no PostgreSQL server")
    with postgres_database() as url:
        yield url


@pytest.fixture(params=KINDS)
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of each kind with all tables and nothing in them."""
    with migrated(request.param, tmp_path, request) as url:
        yield url


@pytest.fixture
def postgres_url(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The same on PostgreSQL only, for what needs two writers at once."""
    with migrated("postgresql", tmp_path, request) as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_shared() -> Iterator[str]:
    """A migrated PostgreSQL database for the tests of this process, one after the other."""
    with postgres_database() as url:
        _migrate(url)
        yield url


@pytest.fixture
def world(tmp_path: Path, migrated_url: str) -> Iterator[World]:
    """A distributor with three stores and ten people."""
    world = World(tmp_path, migrated_url)
    yield world
    world.database.close()


@contextmanager
def migrated(kind: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A copy of the template of that kind, gone when the block ends."""
    if kind == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), folder / "jiuhui.db")
        yield f"sqlite:///{folder}/jiuhui.db"
        return
    if not PG:
        pytest.skip("no PostgreSQL server")
    url = request.getfixturevalue("postgres_shared")
    empty(url)
    yield url


def empty(url: str) -> None:
    """Put a migrated PostgreSQL database back to having nothing in it, whoever still holds a connection."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    # TRUNCATE makes a new file for each of forty tables and costs a second; a DELETE of few rows does not.
    found = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    numbers = "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false) FROM pg_sequences WHERE last_value IS NOT NULL"
    with engine.connect() as connection:
        connection.execute(text(others))
        connection.execute(text("SET session_replication_role = replica"))
        for name in connection.execute(text(found)).scalars().all():
            connection.execute(Table(name, MetaData()).delete())
        connection.execute(text(numbers))
    engine.dispose()


@contextmanager
def postgres_database() -> Iterator[str]:
    """A database of its own on the server, dropped when the block ends."""
    name = f"jiuhui_{uuid.uuid4().hex[:12]}"
    admin = create_engine(PG, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(PG).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


def _migrate(url: str) -> None:
    database = Database(url)
    upgrade(database)
    database.close()
