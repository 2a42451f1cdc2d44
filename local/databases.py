"""Databases of one Postgres server: made, cloned, thrown away. Knows nothing of tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor


@dataclass(frozen=True)
class Databases:
    """Shapes: `server` is the URL of a database that may be connected to, for psycopg2."""

    server: str

    def create(self, name: str, *, template: str = "template1") -> None:
        with self.statements() as run:
            names = sql.Identifier(name), sql.Identifier(template)
            # Copied as files, not block by block through the log: half the time.
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
            run.execute(copy.format(*names))

    def rename(self, name: str, new: str) -> None:
        with self.statements() as run:
            names = sql.Identifier(name), sql.Identifier(new)
            run.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))

    def drop(self, name: str) -> None:
        """Whoever is still connected is thrown out."""
        with self.statements() as run:
            dropping = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            run.execute(dropping.format(sql.Identifier(name)))

    def has(self, name: str) -> bool:
        with self.statements() as run:
            run.execute("SELECT FROM pg_database WHERE datname = %s", (name,))
            return run.fetchone() is not None

    def answers(self) -> bool:
        try:
            with self.statements():
                return True
        except psycopg2.OperationalError:
            return False

    @contextmanager
    def statements(self) -> Iterator[cursor]:
        """Each on its own, as CREATE DATABASE demands."""
        connection = psycopg2.connect(self.server, connect_timeout=3)
        connection.autocommit = True
        try:
            with connection.cursor() as run:
                yield run
        finally:
            connection.close()
