"""The schema's versions, up and down, by Alembic. Only whoever migrates needs this."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from db.schema import MIGRATIONS_DIR, open_connection

MIGRATION_LOCK_KEY = 7_310_420_042
"""Key of the advisory lock: any number, as long as it stays the same."""


def upgrade_schema(url: str) -> None:
    """To the newest version. Safe to repeat, and to run from several places at once."""
    with migration_lock(url):
        command.upgrade(alembic_config(url), "head")


def downgrade_schema(url: str, to: str = "base") -> None:
    with migration_lock(url):
        command.downgrade(alembic_config(url), to)


def alembic_config(url: str) -> Config:
    """Alembic's settings without a file: it must work wherever we are installed."""
    alembic = Config()
    alembic.set_main_option("script_location", str(MIGRATIONS_DIR).replace("%", "%%"))
    alembic.set_main_option("path_separator", "os")
    alembic.attributes["url"] = url
    return alembic


@contextmanager
def migration_lock(url: str) -> Iterator[None]:
    """Nobody else migrates meanwhile; the lock ends with its connection, however that ends."""
    with open_connection(url) as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK_KEY})
        yield
