"""Bringing the database to the tables of this version."""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config

from models.database import Database

FOLDER = Path(__file__).parent.parent / "migrations"


def upgrade(database: Database) -> None:
    """Run all migrations that are missing. Safe to call at every start of a single process."""
    _run(database, lambda config: command.upgrade(config, "head"))


def check(database: Database) -> None:
    """Raise Alembic's CommandError when models and migrations differ; for tests."""
    _run(database, command.check)


def _run(database: Database, work: Callable[[Config], None]) -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    with database.writer.connect() as connection:
        config.attributes["connection"] = connection
        work(config)
        connection.commit()
