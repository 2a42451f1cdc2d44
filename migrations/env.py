"""Alembic environment: connects to the URL that `db/migrations.py` passes, and runs migrations.

The URL contains a password, so it is read neither from an ini file nor from the environment.
"""

from alembic import context
from sqlalchemy import NullPool

from db import Base
from db.connections import SessionLimits, create_postgres_engine

MIGRATION_LIMITS = SessionLimits(
    statement=300_000,
    idle=300_000,
    lock=5000,  # statements queue behind a migration that waits for a lock
)


def run_migrations() -> None:
    """Run the migrations, each in its own transaction: those before a failure stay applied."""
    url = context.config.attributes["url"]
    engine = create_postgres_engine(
        url, application_name="signalpost migrate", limits=MIGRATION_LIMITS, poolclass=NullPool
    )
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            transaction_per_migration=True,
            on_version_apply=context.config.attributes["on_version_apply"],
        )
        with context.begin_transaction():
            context.run_migrations()


run_migrations()
