"""Migrations: upgrade and downgrade the schema with Alembic."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.exc import DBAPIError, OperationalError

from db.connection_faults import describe_fault
from db.connections import SessionLimits, create_postgres_engine
from db.roles import find_application_role, grant_application_rights
from db.schema import MIGRATIONS_DIR
from db.session import DatabaseUnavailable, translate_errors

MIGRATION_LOCK_KEY = 7_310_420_042
"""Key of the advisory lock: an arbitrary number that must never change."""

REFUSED_SQLSTATES = frozenset({"25006", "42501", "42704"})
"""Read-only, no right to do this, or no such role. Not an error of the migration itself."""

LOCK_SQL = "SELECT pg_advisory_xact_lock(:key)"
LOCK_NOT_AVAILABLE = "55P03"
LOCK_LIMITS = SessionLimits(statement=0, idle=0, lock=120_000)
"""Units: milliseconds. `lock` is how long a second migration waits for the first."""


class MigrationsBusy(DatabaseUnavailable):
    """Another process holds the lock of migrations."""


def upgrade_schema(url: str, *, application_url: str | None = None) -> None:
    """Upgrade to the newest version. Safe to repeat and to run in several processes at once.

    The role of `application_url`, if it is another one, may then work with the rows.
    Errors: DatabaseUnavailable, MigrationsBusy.
    """
    role = find_application_role(application_url or url, url)
    with migration_lock(url) as connection, explain_refusals():
        command.upgrade(alembic_config(url), "head")
        if role is not None:
            grant_application_rights(connection, role)


def downgrade_schema(url: str, version: str = "base") -> None:
    """Downgrade to this version; `base` removes all tables, and their rows with them."""
    with migration_lock(url), explain_refusals():
        command.downgrade(alembic_config(url), version)


def alembic_config(url: str) -> Config:
    """Alembic's configuration without an ini file, so that it works wherever we are installed."""
    alembic = Config()
    alembic.set_main_option("script_location", str(MIGRATIONS_DIR).replace("%", "%%"))
    alembic.set_main_option("path_separator", "os")
    alembic.attributes["url"] = url
    return alembic


@contextmanager
def explain_refusals() -> Iterator[None]:
    """Errors: DatabaseUnavailable in words if the role or the server refuses the change."""
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) not in REFUSED_SQLSTATES:
            raise
        raise DatabaseUnavailable(describe_fault(error)) from error


@contextmanager
def migration_lock(url: str) -> Iterator[Connection]:
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
        yield connection
