"""What a backup reads of a database besides its dump, and what a restore needs of its target."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2.extensions import make_dsn, parse_dsn
from sqlalchemy import Connection, NullPool, text

from db.connections import (
    SCHEMA,
    SessionLimits,
    connection_parameters,
    create_postgres_engine,
    strip_driver,
)
from db.session import translate_errors

APPLICATION_NAME = "signalpost backup"
UNLIMITED = SessionLimits(statement=0, idle=0)
"""A snapshot stays open while pg_dump reads; counting a large table takes minutes."""

TABLES_SQL = """
SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(:schema) AND relkind IN ('r', 'p')
 ORDER BY relname
"""
OTHER_SESSIONS_SQL = """
SELECT coalesce(nullif(application_name, ''), usename) AS name, count(*) AS number
  FROM pg_stat_activity
 WHERE datname = current_database() AND backend_type = 'client backend'
   AND pid <> pg_backend_pid()
 GROUP BY 1 ORDER BY 1
"""
VERSION_TABLE = "alembic_version"


@dataclass(frozen=True)
class DatabaseSnapshot:
    """One moment of a database. `tables` says how many rows each has."""

    snapshot_id: str
    at: datetime
    revision: str | None
    server_version: int
    tables: Mapping[str, int]


@dataclass(frozen=True)
class TargetState:
    """What a restore finds in its target. `sessions`: who else is connected, and how often."""

    server_version: int
    tables: tuple[str, ...]
    sessions: Mapping[str, int]


@contextmanager
def open_backup_connection(url: str) -> Iterator[Connection]:
    """Open a transaction without time limits. Errors: DatabaseUnavailable."""
    engine = create_postgres_engine(
        url, application_name=APPLICATION_NAME, limits=UNLIMITED, poolclass=NullPool
    )
    with translate_errors(), engine.begin() as connection:
        yield connection


@contextmanager
def open_snapshot(url: str) -> Iterator[DatabaseSnapshot]:
    """Hold one moment of the database open, for pg_dump to read the same rows that are counted."""
    with open_backup_connection(url) as connection:
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        snapshot_id = str(connection.scalar(text("SELECT pg_export_snapshot()")))
        yield DatabaseSnapshot(
            snapshot_id=snapshot_id,
            at=read_scalar(connection, "SELECT now()"),
            revision=read_revision(connection),
            server_version=read_server_version(connection),
            tables=count_rows(connection),
        )


def read_target_state(url: str) -> TargetState:
    with open_backup_connection(url) as connection:
        sessions = connection.execute(text(OTHER_SESSIONS_SQL)).all()
        return TargetState(
            server_version=read_server_version(connection),
            tables=list_tables(connection),
            sessions={str(row.name): row.number for row in sessions},
        )


def read_major_version(url: str) -> int:
    with open_backup_connection(url) as connection:
        return read_server_version(connection)


def count_table_rows(url: str) -> Mapping[str, int]:
    """Count the rows of every table."""
    with open_backup_connection(url) as connection:
        return count_rows(connection)


def drop_all_tables(url: str) -> None:
    """Remove our schema with everything in it, and leave an empty one.

    Errors: DatabaseUnavailable if the role owns neither it nor the database.
    """
    with open_backup_connection(url) as connection:
        connection.execute(text(f"DROP SCHEMA {SCHEMA} CASCADE"))
        connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))


def count_rows(connection: Connection) -> dict[str, int]:
    quote = connection.dialect.identifier_preparer.quote
    return {
        table: read_scalar(connection, f"SELECT count(*) FROM {SCHEMA}.{quote(table)}")  # noqa: S608 - a quoted name of the catalogue # nosec B608
        for table in list_tables(connection)
    }


def list_tables(connection: Connection) -> tuple[str, ...]:
    return tuple(connection.scalars(text(TABLES_SQL), {"schema": SCHEMA}))


def read_revision(connection: Connection) -> str | None:
    if VERSION_TABLE not in list_tables(connection):
        return None
    revision: str | None = read_scalar(connection, f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - a constant # nosec B608
    return revision


def read_server_version(connection: Connection) -> int:
    """Return the major version of the server."""
    return int(read_scalar(connection, "SELECT current_setting('server_version_num')")) // 10_000


def read_scalar(connection: Connection, statement: str) -> Any:
    return connection.scalar(text(statement))


def split_password(url: str) -> tuple[str, str | None]:
    """Return what libpq's programs connect with, without the password, and the password.

    The first part may be an argument of a process, which every user of the machine can read.
    """
    parameters = connection_parameters(url, APPLICATION_NAME)
    password = parameters.pop("password", None)
    return make_dsn(**{name: value for name, value in parameters.items() if value}), password


def add_password(url: str, other_url: str) -> str:
    """Give a URL without a password that of another one, if both name the same role.

    So that it need not be an argument of a command.
    """
    given, other = parse_dsn(strip_driver(url)), parse_dsn(strip_driver(other_url))
    if "password" in given or given.get("user") != other.get("user"):
        return url
    if "password" in other:
        given["password"] = other["password"]
    return str(make_dsn(**given))


def describe_target(url: str) -> str:
    """Name the database without secrets: `name at host:port`."""
    values = parse_dsn(strip_driver(url))
    host, port = values.get("host", "localhost"), values.get("port", "5432")
    return f"{values.get('dbname', 'the default database')} at {host}:{port}"
