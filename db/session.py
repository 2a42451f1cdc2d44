"""Connections to Postgres: the pool, transactions with the only commit, the database's clock."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from db.connection_faults import describe_fault, find_installation_fault, is_unavailable
from db.connections import create_postgres_engine
from db.observed_statements import StatementObserver, observe_statements

__all__ = [
    "Connection",
    "Database",
    "DatabaseUnavailable",
    "DedicatedConnection",
    "Session",
    "database_now",
    "find_database_fault",
    "is_unavailable",
]

Result = TypeVar("Result")

POOL_TIMEOUT = 2.0  # seconds to wait for a free connection before DatabaseUnavailable
POOL_RECYCLE_SECONDS = 30  # seconds after which an idle connection is replaced

DEFAULT_TOKEN_GUARD = timedelta(minutes=5)
"""How long an access token must still be valid to be used, unless the settings say otherwise."""

GUARD_INFO_KEY = "token_guard"
"""Key of that duration in `Session.info`."""

CLOCK_KEY = "clock"
"""Key in `Session.info` of the database's time at the first `database_now` of a transaction."""


READ_CLOCK = select(func.clock_timestamp())


class DatabaseUnavailable(Exception):
    """Postgres cannot be reached, has no free connection, or rolled the work back.

    The message says why, in words and without secrets.
    """


class Database:
    """A pool of connections to one Postgres. Connects at first use; one instance per process."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 5,
        application_name: str = "signalpost",
        on_unavailable: Callable[[], None] = lambda: None,
        token_guard: timedelta = DEFAULT_TOKEN_GUARD,
        info: Mapping[str, Any] | None = None,
        observer: StatementObserver | None = None,
        read_only: bool = False,
    ) -> None:
        """`url` is as libpq reads it; `application_name` is what pg_stat_activity shows.

        `on_unavailable` is called each time that Postgres does not answer. `token_guard` is
        stored in every session, because the queries for tokens have no access to the settings;
        so is `info`. `observer` gets each statement. `read_only`: transactions cannot write.
        """
        self._on_unavailable = on_unavailable
        self.pool_size = pool_size
        self._begin: Callable[[Session], None] = lambda _session: None
        self._info = {**(info or {}), GUARD_INFO_KEY: token_guard}
        self._engine = create_postgres_engine(
            url,
            application_name=application_name,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT,
            pool_recycle=POOL_RECYCLE_SECONDS,
            pool_pre_ping=True,
            read_only=read_only,
            executemany_mode="values_plus_batch",  # one round trip for updates of many rows
        )
        if observer is not None:
            observe_statements(self._engine, observer)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a session; commit at the end, roll back on an exception.

        Errors: DatabaseUnavailable if Postgres does not answer. The work is then rolled back,
        unless the connection broke during the commit itself, which cannot be distinguished.
        """
        new_session = Session(self._engine, expire_on_commit=False, info=self._info)
        with self._translate_errors(), new_session as session:
            self._begin(session)
            yield session
            session.commit()

    def begin_with(self, begin: Callable[[Session], None]) -> "Database":
        """Return the same pool, with transactions that begin with this."""
        database = copy(self)
        database._begin = begin  # noqa: SLF001 - of the same class
        return database

    def dedicated_connection(self) -> "DedicatedConnection":
        """Return a connection for one thread that writes all the time."""
        return DedicatedConnection(self._engine, self._translate_errors)

    def _translate_errors(self) -> AbstractContextManager[None]:
        return translate_errors(self._on_unavailable)

    def ping(self) -> None:
        """Run a trivial query. Errors: DatabaseUnavailable."""
        with self.transaction() as session:
            session.execute(text("SELECT 1"))

    def connections_in_use(self) -> int:
        """Return how many connections of the pool are checked out."""
        pool: Any = self._engine.pool
        return int(pool.checkedout())

    def dispose(self, *, close: bool = True) -> None:
        """Drop all connections. Pass `close=False` after a fork: they belong to the parent."""
        self._engine.dispose(close=close)


class DedicatedConnection:
    """A connection owned by one thread: no checkout, no pre-ping.

    Each statement is its own transaction, with its settings in the same message. Connects at first
    use and reconnects after an error.
    """

    def __init__(
        self, engine: Engine, translate_errors: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._engine = engine
        self._translate_errors = translate_errors
        self._connection: Connection | None = None

    def run(self, operation: Callable[[Connection], Result]) -> Result:
        """Run the operation; repeat it once if the connection had died since its last use.

        The operation must therefore be safe to repeat.
        Errors: DatabaseUnavailable, as for a transaction.
        """
        with self._translate_errors():
            was_connected = self._connection is not None
            try:
                return self._run_once(operation)
            except DBAPIError as error:
                if not (was_connected and is_unavailable(error)):
                    raise
            return self._run_once(operation)

    def _run_once(self, operation: Callable[[Connection], Result]) -> Result:
        if self._connection is None:
            connection = self._engine.connect()
            connection.detach()
            with connection.begin():
                pass  # ends the transaction with which the pool has tried the connection
            raw: Any = connection.connection.dbapi_connection
            raw.run_single_statements()
            self._connection = connection
        try:
            return operation(self._connection)
        except DBAPIError as error:
            if is_unavailable(error):
                self.close()
            raise
        finally:
            self._end_transaction()

    def _end_transaction(self) -> None:
        """End what SQLAlchemy takes for one: Postgres has ended each with its statement."""
        if self._connection is not None and self._connection.in_transaction():
            self._connection.rollback()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


@contextmanager
def translate_errors(on_unavailable: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Errors: DatabaseUnavailable in the place of every error that may be over later."""
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        if not is_unavailable(error):
            raise
        on_unavailable()
        raise DatabaseUnavailable(describe_fault(error)) from error


def find_database_fault(error: BaseException) -> str | None:
    """Say in words why the database cannot be used as it is; None for every other error."""
    return str(error) if isinstance(error, DatabaseUnavailable) else find_installation_fault(error)


def database_now(session: Session) -> datetime:
    """Return the database's time; all calls in one session return the time of the first."""
    if CLOCK_KEY not in session.info:
        session.info[CLOCK_KEY] = session.scalars(READ_CLOCK).one()
    now: datetime = session.info[CLOCK_KEY]
    return now
