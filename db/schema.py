"""The schema's versions: up, down, and whether all of it is there. Holds no table itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, Table, create_engine, text
from sqlalchemy.exc import OperationalError

from db import Base
from db.session import CONNECT_TIMEOUT, StoreAway, away

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
ONE_AT_A_TIME = 7_310_420_042
"""Key of the advisory lock: any number, as long as it stays the same."""

PATIENCE = "-c lock_timeout=120000 -c statement_timeout=0 -c timezone=UTC"
"""How long a second migrator waits for the first, in milliseconds."""

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


def up(url: str) -> None:
    """To the newest version. Safe to repeat, and to run from several places at once."""
    with alone(url):
        command.upgrade(config(url), "head")


def down(url: str, to: str = "base") -> None:
    with alone(url):
        command.downgrade(config(url), to)


def status(url: str) -> Status:
    with connected(url) as connection:
        found = connection.execute(text(FOUND)).all()
        current = MigrationContext.configure(connection).get_current_revision()
    ours = Base.metadata.tables
    return Status(
        current=current,
        head=ScriptDirectory.from_config(config(url)).get_current_head() or "",
        missing=tuple(sorted(wanted() - {row.name for row in found})),
        tables=tuple(sorted(row.name for row in found if row.kind == "r" and row.name in ours)),
        indexes=sum(row.kind == "i" and not row.name.startswith("alembic") for row in found),
    )


def wanted() -> set[str]:
    """The names of everything the models declare, and of what migrations add to it."""
    return set(VIEWS).union(*(parts(table) for table in Base.metadata.tables.values()))


def parts(table: Table) -> set[str]:
    constraints = {str(constraint.name) for constraint in table.constraints}
    indexes = {str(index.name) for index in table.indexes}
    touched = {f"trg_{table.name}_updated"} if "updated_at" in table.columns else set()
    return {table.name} | constraints | indexes | touched


def config(url: str) -> Config:
    """Alembic's settings without a file: it must work wherever we are installed."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.attributes["url"] = url
    return made


@contextmanager
def alone(url: str) -> Iterator[None]:
    """Nobody else migrates meanwhile; the lock ends with its connection, however that ends."""
    with connected(url) as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ONE_AT_A_TIME})
        yield


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
