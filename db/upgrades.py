"""The schema's versions, up and down, by Alembic. Only whoever migrates needs this."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from db.schema import MIGRATIONS, connected

ONE_AT_A_TIME = 7_310_420_042
"""Key of the advisory lock: any number, as long as it stays the same."""


def up(url: str) -> None:
    """To the newest version. Safe to repeat, and to run from several places at once."""
    with alone(url):
        command.upgrade(config(url), "head")


def down(url: str, to: str = "base") -> None:
    with alone(url):
        command.downgrade(config(url), to)


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
