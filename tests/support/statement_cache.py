"""Compiled statements of SQLAlchemy, shared by all engines of a test process."""

import pytest
from sqlalchemy.dialects import registry
from sqlalchemy.util import LRUCache

from db.connections import PostgresDialect

DIALECT = "postgresql.signalpost"
MAX_STATEMENTS = 5000
COMPILED_STATEMENTS = LRUCache(MAX_STATEMENTS)


class StatementSharingDialect(PostgresDialect):
    """Our dialect, whose engines find what an earlier one of the same kind has compiled.

    A process of ours has one engine and compiles each statement once. Each test has an engine of
    its own: compiling the same statements again took a sixth of a test.
    """

    supports_statement_cache = True

    @classmethod
    def engine_created(cls, engine):
        """Called by SQLAlchemy at the end of `create_engine`."""
        super().engine_created(engine)
        engine._compiled_cache = COMPILED_STATEMENTS

    def __eq__(self, other):
        """Dialects are part of the key under which a compiled statement is found."""
        return isinstance(other, StatementSharingDialect) and self._kind == other._kind

    def __hash__(self):
        return hash(self._kind)

    @property
    def _kind(self):
        return (self.executemany_mode, self.server_version_info, self._backslash_escapes)


@pytest.fixture(scope="package", autouse=True)
def compiled_statements():
    """Give the engines of this folder's tests one cache of compiled statements."""
    registry.register(DIALECT, __name__, StatementSharingDialect.__name__)
    yield
    registry.register(DIALECT, PostgresDialect.__module__, PostgresDialect.__name__)
