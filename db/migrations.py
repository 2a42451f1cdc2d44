"""Migrations: upgrade and downgrade the schema with Alembic."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from sqlalchemy import NullPool, text
from sqlalchemy.exc import OperationalError

from db.connections import SessionLimits, create_postgres_engine
from db.schema import MIGRATIONS_DIR
from db.session import translate_errors

MIGRATION_LOCK_KEY = 7_310_420_042
"""Key of the advisory lock: an arbitrary number that must never change."""

LOCK_SQL = "SELECT pg_advisory_xact_lock(:key)"
LOCK_NOT_AVAILABLE = "55P03"
LOCK_LIMITS = SessionLimits(statement=0, idle=0, lock=120_000)
"""Units: milliseconds. `lock` is how long a second migration waits for the first."""


class MigrationsBusy(Exception):
    """Another process holds the lock of migrations."""


def upgrade_schema(url: str) -> None:
    """Upgrade to the newest version. Safe to repeat and to run in several processes at once."""
    with migration_lock(url):
        command.upgrade(alembic_config(url), "head")


def downgrade_schema(url: str, version: str = "base") -> None:
    """Downgrade to this version; `base` removes all tables, and their rows with them."""
    with migration_lock(url):
        command.downgrade(alembic_config(url), version)


def alembic_config(url: str) -> Config:
    """Alembic's configuration without an ini file, so that it works wherever we are installed."""
    alembic = Config()
    alembic.set_main_option("script_location", str(MIGRATIONS_DIR).replace("%", "%%"))
    alembic.set_main_option("path_separator", "os")
    alembic.attributes["url"] = url
    return alembic


@contextmanager
def migration_lock(url: str) -> Iterator[None]:
    """Hold the advisory lock of migrations.

    It belongs to a transaction that stays open meanwhile, so that it ends with it, also behind a
    pooler, where a session's lock would stay with a connection of the pooler.
    Errors: DatabaseUnavailable; MigrationsBusy if another process migrates for too long.
    """
    engine = create_postgres_engine(
        url, application_name="signalpost migrate", limits=LOCK_LIMITS, poolclass=NullPool
    )
    with translate_errors(), engine.connect() as connection, connection.begin():
        try:
            connection.execute(text(LOCK_SQL), {"key": MIGRATION_LOCK_KEY})
        except OperationalError as error:
            if getattr(error.orig, "pgcode", None) != LOCK_NOT_AVAILABLE:
                raise
            raise MigrationsBusy(
                "another process is migrating this database: wait for it, and try again"
            ) from error
        yield
