"""Whether all of the schema is there, and of which version. Holds no table, and changes nothing.

Every web process asks this, so it must not need Alembic: `upgrades.py` does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, NullPool, Table, create_engine, text
from sqlalchemy.exc import OperationalError

from db import Base
from db.session import CONNECT_TIMEOUT, StoreAway, away

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
PATIENCE = "-c lock_timeout=120000 -c statement_timeout=0 -c timezone=UTC"
"""How long a second migrator waits for the first, in milliseconds."""

VERSION = "alembic_version"
CURRENT = "SELECT version_num FROM alembic_version"
VIEWS = ("oauth_accounts_summary", "oauth_health_status")

FOUND = """
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
class Status:
    """`missing` names every table, index, constraint, trigger and view that should be there."""

    current: str | None
    head: str
    missing: tuple[str, ...]
    tables: tuple[str, ...]
    indexes: int

    @property
    def complete(self) -> bool:
        return self.current == self.head and not self.missing


def status(url: str) -> Status:
    with connected(url) as connection:
        found = connection.execute(text(FOUND)).all()
        versioned = any(row.name == VERSION for row in found)
        current = connection.execute(text(CURRENT)).scalar() if versioned else None
    ours = Base.metadata.tables
    return Status(
        current=current,
        head=head(),
        missing=tuple(sorted(wanted() - {row.name for row in found})),
        tables=tuple(sorted(row.name for row in found if row.kind == "r" and row.name in ours)),
        indexes=sum(row.kind == "i" and not row.name.startswith("alembic") for row in found),
    )


def head() -> str:
    """The newest version there is: the number that its file begins with."""
    return max(file.name[:4] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def wanted() -> set[str]:
    """The names of everything the models declare, and of what migrations add to it."""
    return set(VIEWS).union(*(parts(table) for table in Base.metadata.tables.values()))


def parts(table: Table) -> set[str]:
    constraints = {str(constraint.name) for constraint in table.constraints}
    indexes = {str(index.name) for index in table.indexes}
    touched = {f"trg_{table.name}_updated"} if "updated_at" in table.columns else set()
    return {table.name} | constraints | indexes | touched


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """Errors: StoreAway."""
    arguments = {"connect_timeout": CONNECT_TIMEOUT, "options": PATIENCE}
    engine = create_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        connect_args=arguments,
    )
    try:
        with engine.connect() as connection:
            yield connection
    except OperationalError as error:
        if not away(error):
            raise
        raise StoreAway(type(error).__name__) from error
