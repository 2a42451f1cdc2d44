"""Schema status: the database's version, and the tables, indexes and other objects it lacks.

Web processes check it for `/readyz`, so it works without Alembic, which `migrations.py` needs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, NullPool, Table, text

from db import Base
from db.connections import SessionLimits, create_postgres_engine
from db.session import translate_errors

MIGRATIONS_DIR = Path(__file__).resolve().parent.parent / "migrations"
READ_LIMITS = SessionLimits(statement=5000)

VERSION_TABLE = "alembic_version"
CURRENT_VERSION_SQL = "SELECT version_num FROM alembic_version"
EXPECTED_VIEWS = ("oauth_accounts_summary", "oauth_health_status")
EXPECTED_TRIGGERS = ("trg_users_access", "trg_posts_days", "trg_posts_days_changed")

SCHEMA_OBJECTS_SQL = """
SELECT class.relname AS name, class.relkind::text AS kind FROM pg_class AS class
  LEFT JOIN pg_index AS entry ON entry.indexrelid = class.oid
 WHERE class.relnamespace = current_schema()::regnamespace AND entry.indisvalid IS NOT FALSE
UNION ALL
SELECT conname, 'constraint' FROM pg_constraint
 WHERE connamespace = current_schema()::regnamespace AND convalidated
UNION ALL
SELECT tgname, 'trigger' FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'
"""


@dataclass(frozen=True)
class SchemaStatus:
    """`missing` names every table, index, constraint, trigger and view that does not exist."""

    current: str | None
    head: str
    missing: tuple[str, ...]
    tables: tuple[str, ...]
    indexes: int

    @property
    def is_complete(self) -> bool:
        return self.current == self.head and not self.missing


def read_schema_status(url: str) -> SchemaStatus:
    """Compare the database with the models and the migrations. Errors: DatabaseUnavailable."""
    with open_connection(url) as connection:
        objects = connection.execute(text(SCHEMA_OBJECTS_SQL)).all()
        is_versioned = any(row.name == VERSION_TABLE for row in objects)
        current = connection.execute(text(CURRENT_VERSION_SQL)).scalar() if is_versioned else None
    model_tables = Base.metadata.tables
    return SchemaStatus(
        current=current,
        head=latest_version(),
        missing=tuple(sorted(expected_objects() - {row.name for row in objects})),
        tables=tuple(
            sorted(row.name for row in objects if row.kind == "r" and row.name in model_tables)
        ),
        indexes=len([row for row in objects if is_own_index(row.name, row.kind)]),
    )


def has_users(url: str) -> bool:
    """Whether there are tables with somebody's rows in them. Errors: DatabaseUnavailable."""
    with open_connection(url) as connection:
        if connection.scalar(text("SELECT to_regclass('users')")) is None:
            return False
        return bool(connection.scalar(text("SELECT EXISTS (SELECT FROM users)")))


def count_versions(*, after: str | None = None) -> int:
    """Count the migrations, or those after this version."""
    return len([version for version in list_versions() if version > (after or "")])


def list_versions() -> list[str]:
    """Return all versions, the oldest first: the numbers that names of migrations begin with."""
    return sorted(file.name[:4] for file in (MIGRATIONS_DIR / "versions").glob("[0-9]*.py"))


def is_own_index(name: str, kind: str) -> bool:
    """Whether it is an index (`i` in pg_class), and not that of Alembic's version table."""
    return kind == "i" and not name.startswith("alembic")


def latest_version() -> str:
    """Return the newest version."""
    return list_versions()[-1]


def expected_objects() -> set[str]:
    """Return the names of all objects that the models declare and that migrations add."""
    return {*EXPECTED_VIEWS, *EXPECTED_TRIGGERS}.union(
        *(table_objects(table) for table in Base.metadata.tables.values())
    )


def table_objects(table: Table) -> set[str]:
    """Return the names of the table and of its constraints, indexes and triggers."""
    constraints = {str(constraint.name) for constraint in table.constraints}
    indexes = {str(index.name) for index in table.indexes}
    triggers = {f"trg_{table.name}_updated"} if "updated_at" in table.columns else set()
    return {table.name} | constraints | indexes | triggers


@contextmanager
def open_connection(url: str) -> Iterator[Connection]:
    """Open one connection outside any pool, on which each statement is a transaction.

    Errors: DatabaseUnavailable.
    """
    engine = create_postgres_engine(
        url,
        application_name="signalpost",
        limits=READ_LIMITS,
        single_statements=True,
        poolclass=NullPool,
    )
    with translate_errors(), engine.connect() as connection:
        yield connection
