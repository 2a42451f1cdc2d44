"""Migrations: upgrade and downgrade the schema with Alembic."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationInfo
from alembic.util import CommandError
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.exc import DBAPIError, OperationalError

from db.connection_faults import describe_fault
from db.connections import SessionLimits, create_postgres_engine
from db.roles import find_application_role, grant_application_rights
from db.schema import MIGRATIONS_DIR
from db.session import DatabaseUnavailable, translate_errors

MIGRATION_LOCK_KEY = 7_310_420_042
"""Key of the advisory lock: an arbitrary number that must never change."""

REFUSED_SQLSTATES = frozenset(
    {"25006", "3F000", "42501", "42703", "42704", "42710", "42723", "42P07"}
)
"""Read-only, no schema, no right to do this, no such role, or tables whose version is unknown. Not
an error of the migration itself."""

LOCK_SQL = "SELECT pg_advisory_xact_lock(:key)"
LOCK_NOT_AVAILABLE = "55P03"
LOCK_LIMITS = SessionLimits(statement=0, idle=0, lock=120_000)
"""Units: milliseconds. `lock` is how long a second migration waits for the first."""


class MigrationsBusy(DatabaseUnavailable):
    """Another process holds the lock of migrations."""


ReportVersion = Callable[[str], None]


def upgrade_schema(
    url: str, *, application_url: str | None = None, report: ReportVersion | None = None
) -> None:
    """Upgrade to the newest version. Safe to repeat and to run in several processes at once.

    The role of `application_url`, if it is another one, may then work with the rows. `report` gets
    each version that has been reached.
    Errors: DatabaseUnavailable, MigrationsBusy.
    """
    role = find_application_role(application_url or url, url)
    with migration_lock(url) as connection, explain_refusals():
        check_encoding(connection)
        command.upgrade(alembic_config(url, report), "head")
        if role is not None:
            grant_application_rights(connection, role)


def downgrade_schema(
    url: str, version: str = "base", *, report: ReportVersion | None = None
) -> None:
    """Downgrade to this version; `base` removes all tables, and their rows with them.

    `report` gets each version that has been undone.
    """
    with migration_lock(url), explain_refusals():
        command.downgrade(alembic_config(url, report), version)


def alembic_config(url: str, report: ReportVersion | None = None) -> Config:
    """Alembic's configuration without an ini file, so that it works wherever we are installed."""

    def report_version(*, step: MigrationInfo, **_: Any) -> None:
        if report is not None:
            report(str(step.up_revision_id))

    alembic = Config()
    alembic.set_main_option("script_location", str(MIGRATIONS_DIR).replace("%", "%%"))
    alembic.set_main_option("path_separator", "os")
    alembic.attributes["url"] = url
    alembic.attributes["on_version_apply"] = report_version
    return alembic


@contextmanager
def explain_refusals() -> Iterator[None]:
    """Errors: DatabaseUnavailable in words if role, server or tables do not allow the change."""
    try:
        yield
    except CommandError as error:  # its text is for those who write migrations
        raise DatabaseUnavailable(
            "the tables are of a version that this release does not know: use the release that "
            "migrated them, or a database of its own"
        ) from error
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


def check_encoding(connection: Connection) -> None:
    """Errors: DatabaseUnavailable unless the database stores every character, as one."""
    encoding = connection.scalar(text("SELECT current_setting('server_encoding')"))
    if encoding != "UTF8":
        raise DatabaseUnavailable(f"the encoding of the database is {encoding}: it must be UTF8")
