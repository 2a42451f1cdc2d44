"""Migrations: upgrade and downgrade the schema with Alembic."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from db.schema import MIGRATIONS_DIR, open_connection

MIGRATION_LOCK_KEY = 7_310_420_042
"""Key of the advisory lock: an arbitrary number that must never change."""


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
    """Hold the advisory lock of migrations; Postgres releases it when the connection ends."""
    with open_connection(url) as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK_KEY})
        yield
