"""Alembic's entrance: the engine comes from running/migrate.py, the tables from models/."""

from alembic import context
from sqlalchemy import Connection

from models import Base


def run(connection: Connection) -> None:
    """Run the migrations on an open connection."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
