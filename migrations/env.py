"""Alembic environment: connects to the URL that `db/migrations.py` passes, and runs migrations.

The URL contains a password, so it is read neither from an ini file nor from the environment.
"""

from alembic import context
from sqlalchemy import NullPool, create_engine

from db import Base

CONNECTION_OPTIONS = (
    "-c lock_timeout=5000 "  # statements queue behind a migration that waits for a lock
    "-c statement_timeout=300000 -c timezone=UTC"
)
"""Units: milliseconds."""


def run_migrations() -> None:
    """Run the migrations, each in its own transaction: those before a failure stay applied."""
    url = context.config.attributes["url"]
    arguments = {"options": CONNECTION_OPTIONS, "application_name": "signalpost migrate"}
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=arguments)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run_migrations()
