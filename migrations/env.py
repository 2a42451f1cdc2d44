"""How Alembic reaches the database: by the URL that `db/upgrades.py` hands in, and no other way.

The address holds a password, so it comes neither from an ini file nor from the environment.
"""

from alembic import context
from sqlalchemy import NullPool, create_engine

from db import Base

LIMITS = (
    "-c lock_timeout=5000 "  # a migration that waits for a lock makes everybody behind it wait
    "-c statement_timeout=300000 -c timezone=UTC"
)


def migrate() -> None:
    """One transaction per migration: what was done before a failure stays done and is known."""
    url = context.config.attributes["url"]
    arguments = {"options": LIMITS, "application_name": "signalpost migrate"}
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=arguments)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


migrate()
