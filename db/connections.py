"""How a connection to Postgres is opened, and how each transaction sets what it relies on.

Nothing that a transaction relies on is kept in the session: behind a pooler such as PgBouncer each
may run in another one, and a role or database may have defaults of its own. So every transaction
begins with its settings, in the same message as BEGIN (decision 0035). Without a pooler the session
keeps prepared statements, which only save work (decision 0078).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import psycopg2
from psycopg2.extensions import (
    TRANSACTION_STATUS_IDLE,
    connection,
    cursor,
    parse_dsn,
)
from sqlalchemy import Engine, create_engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from db.connection_faults import is_useless_connection
from db.deadlines import DEADLINE_WATCH, is_past_deadline, statement_deadline
from db.json_values import decode_json_column, encode_json

CONNECT_TIMEOUT = 2  # seconds for each host; libpq takes whole seconds, two at least
ANSWER_MARGIN = 2.0  # seconds for which we wait longer than Postgres' own limit of a statement
PING_TIMEOUT = timedelta(seconds=2)
SCHEMA = "public"

NETWORK_PARAMETERS: Mapping[str, str] = {
    "connect_timeout": str(CONNECT_TIMEOUT),
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
"""Units: keepalives in seconds, `tcp_user_timeout` in milliseconds. A URL may say otherwise."""

NEUTRAL_PARAMETERS: Mapping[str, str] = {
    "hostaddr": "",
    "options": "",
    "gssencmode": "disable",
    "target_session_attrs": "any",
    "client_encoding": "UTF8",
}
"""What libpq would otherwise take from PGHOSTADDR, PGOPTIONS and others."""

READ_ONLY_BY_ROLE_SQL = """
SELECT source IN ('user', 'database user') FROM pg_settings
 WHERE name = 'default_transaction_read_only' AND setting = 'on'
"""

KEEP_PLANS_SQL = """
SELECT set_config('plan_cache_mode', 'force_generic_plan', false)
 WHERE pg_backend_pid() = %(pid)s
"""
"""Sets it in a session of our own only. The plans are made for a few rows, and never for the
values of one execution."""


@dataclass(frozen=True)
class SessionLimits:
    """Units: milliseconds; 0 means none.

    `idle` is how long a transaction may wait for our next statement, `lock` for a lock.
    """

    statement: int = 15_000  # our longest statement takes a tenth of it
    idle: int = 30_000  # a worker that stops in the middle must not keep its locks
    lock: int = 0

    def to_sql(self) -> str:
        """Return the statements that set these limits, and all else that we rely on."""
        return (
            f"SET LOCAL statement_timeout = {self.statement};"
            f"SET LOCAL idle_in_transaction_session_timeout = {self.idle};"
            f"SET LOCAL lock_timeout = {self.lock};"
            "SET LOCAL timezone = 'UTC';"
            "SET LOCAL datestyle = 'ISO, MDY';"
            "SET LOCAL intervalstyle = 'postgres';"
            f"SET LOCAL search_path = {SCHEMA}"
        )

    @property
    def answer_seconds(self) -> float | None:
        """How long we wait for an answer; None: for ever."""
        return self.statement / 1000 + ANSWER_MARGIN if self.statement else None


class PostgresConnection(connection):
    """A connection of psycopg2 that begins transactions with their settings.

    psycopg2 itself is in its autocommit mode all the time, so that it begins none of its own.
    """

    limits = SessionLimits()
    prefix = ""
    is_overdue = False
    keeps_session = False  # no pooler may give our next transaction another session
    has_begun = False  # the pool has begun the next transaction, to see whether Postgres answers

    def prepare(self, limits: SessionLimits, *, read_only: bool = False) -> None:
        """Set what does not change while the connection lives."""
        self.autocommit = True
        self.limits = limits
        self.prepared_names: set[str] = set()
        self.keeps_session = self._claim_session()
        mode = f"ISOLATION LEVEL READ COMMITTED{self._find_access(read_only=read_only)}"
        self._begin_statement = f"BEGIN {mode};{limits.to_sql()}"
        self._single_prefix = f"SET TRANSACTION {mode};{limits.to_sql()};"

    def run_single_statements(self) -> None:
        """Let each statement be a transaction from now on. None may be open."""
        self.prefix = self._single_prefix

    def _claim_session(self) -> bool:
        """Whether the session is ours alone. It then keeps the plans of prepared statements.

        A pooler gives its clients an id of its own instead of that of the server's process.
        """
        with self.cursor() as cur:
            cur.execute(KEEP_PLANS_SQL, {"pid": self.info.backend_pid})
            return cur.fetchone() is not None

    def _find_access(self, *, read_only: bool) -> str:
        if read_only:
            return " READ ONLY"
        return " READ WRITE" if self._is_read_only_by_role() else ""

    def _is_read_only_by_role(self) -> bool:
        """Whether our role's own default forbids writes, which we then ask for explicitly.

        A database or server that was made read-only is left so: that is how operators and
        providers stop all writes, for a switch-over or when the disk is full.
        """
        if self.info.parameter_status("default_transaction_read_only") == "off":
            return False
        with self.cursor() as cur:
            cur.execute(READ_ONLY_BY_ROLE_SQL)
            row = cur.fetchone()
        return bool(row and row[0])

    def begin(self) -> None:
        has_begun, self.has_begun = self.has_begun, False
        if not (self.prefix or has_begun):
            self._run(self._begin_statement)

    def begin_early(self) -> None:
        """Begin the transaction that `begin` asks for next."""
        self.begin()
        self.has_begun = True

    def commit(self) -> None:
        self._end("COMMIT")

    def rollback(self) -> None:
        self._end("ROLLBACK")

    def _end(self, statement: str) -> None:
        self.has_begun = False
        if self.closed:
            raise psycopg2.InterfaceError("connection already closed")
        if self.get_transaction_status() != TRANSACTION_STATUS_IDLE:
            self._run(statement)

    def _run(self, statement: str) -> None:
        with self.cursor() as cur:
            cur.execute(statement)


class DeadlineCursor(cursor):
    """A cursor whose statements end in time, see `db/deadlines.py`.

    If each statement is a transaction, its settings go before it in the same message.
    """

    connection: PostgresConnection

    def execute(self, query: Any, values: Any = None) -> None:
        """Errors: those of psycopg2; OperationalError if the answer is overdue."""
        owner = self.connection
        if owner.prefix:
            query = (owner.prefix if isinstance(query, str) else owner.prefix.encode()) + query
        limit = owner.limits.answer_seconds
        if limit is None:
            super().execute(query, values)
            return
        DEADLINE_WATCH.add(owner, limit)
        try:
            super().execute(query, values)
        except psycopg2.Error as error:
            if owner.is_overdue:
                raise psycopg2.OperationalError("Postgres did not answer in time") from error
            raise
        finally:
            DEADLINE_WATCH.remove(owner)


class PostgresDialect(PGDialect_psycopg2):
    """SQLAlchemy's dialect with our way to begin a transaction, and one judgement of errors."""

    supports_statement_cache = True

    def do_begin(self, dbapi_connection: Any) -> None:
        dbapi_connection.begin()

    def do_ping(self, dbapi_connection: Any) -> Literal[True]:
        """Begin the transaction for which a connection leaves the pool: an answer to that is as
        good as one to a query, and nothing has been done yet that a new connection would lack.
        """
        with statement_deadline(PING_TIMEOUT):
            dbapi_connection.begin_early()
        return True

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        """Whether the connection is of no use any more: SQLAlchemy then drops the whole pool."""
        is_lost = super().is_disconnect(e, connection, cursor)  # type: ignore[no-untyped-call]  # SQLAlchemy's
        return bool(is_lost or is_useless_connection(e))


registry.register("postgresql.signalpost", __name__, "PostgresDialect")


def create_postgres_engine(
    url: str,
    *,
    application_name: str,
    limits: SessionLimits | None = None,
    single_statements: bool = False,
    read_only: bool = False,
    **options: Any,
) -> Engine:
    """Build an engine whose connections libpq opens by `url`, which SQLAlchemy never parses.

    `single_statements`: each statement is a transaction. `options`: those of `create_engine`.
    """
    session_limits = limits or SessionLimits()
    parameters = connection_parameters(url, application_name)

    def connect() -> PostgresConnection:
        if is_past_deadline():  # libpq would wait two seconds more
            raise psycopg2.OperationalError("Postgres did not answer in time")
        opened: PostgresConnection = psycopg2.connect(
            connection_factory=PostgresConnection, cursor_factory=DeadlineCursor, **parameters
        )
        try:
            opened.prepare(session_limits, read_only=read_only)
            if single_statements:
                opened.run_single_statements()
        except BaseException:
            opened.close()
            raise
        return opened

    return create_engine(
        "postgresql+signalpost://",
        creator=connect,
        use_native_hstore=False,  # saves a query per connection
        json_serializer=encode_json,
        json_deserializer=decode_json_column,
        hide_parameters=True,  # error messages must not contain the values
        **options,
    )


def connection_parameters(url: str, application_name: str) -> dict[str, Any]:
    """Return the parameters for libpq; those of the URL come before ours."""
    own = {**NETWORK_PARAMETERS, **NEUTRAL_PARAMETERS, "application_name": application_name}
    return own | parse_dsn(strip_driver(url))


def strip_driver(url: str) -> str:
    """Return the URL as libpq reads it: SQLAlchemy's name of a driver removed."""
    return re.sub(r"^(postgresql)\+\w+:", r"\1:", url)
