"""The way to Postgres: one pool, and the only commit there is. Must not know any table."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, func, select, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

__all__ = [
    "Connection",
    "Database",
    "DatabaseUnavailable",
    "DedicatedConnection",
    "Session",
    "database_now",
    "is_unavailable",
]

T = TypeVar("T")

CONNECT_TIMEOUT = 2  # seconds; libpq takes whole ones
POOL_TIMEOUT = 2.0  # seconds to wait for a free connection before saying so
POOL_RECYCLE_SECONDS = 30  # seconds after which an idle connection is not trusted any more
STATEMENT_TIMEOUT = 15_000  # milliseconds; the longest statement of ours takes a tenth of it
IDLE_IN_TRANSACTION_TIMEOUT = (
    30_000  # milliseconds: a worker stopped in its tracks must not hold locks
)

DEFAULT_TOKEN_GUARD = timedelta(minutes=5)
TOKEN_GUARD_KEY = "token_guard"
"""What an access token has to outlive to be handed out; under this name a session knows it."""

CLOCK_KEY = "clock"  # under this name a session remembers when it first looked

RETRYABLE_SQLSTATES = frozenset({"40001", "40P01", "25P03"})
"""Serialization, deadlock, a transaction left idle: the same again has every chance."""


class DatabaseUnavailable(Exception):
    """Postgres cannot be reached, has no connection to spare, or has undone what we did."""


class Database:
    """Transactions on one Postgres. Connects at first use; one instance per process."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 5,
        application_name: str = "signalpost",
        on_unavailable: Callable[[], None] = lambda: None,
        token_guard: timedelta = DEFAULT_TOKEN_GUARD,
    ) -> None:
        """`url` is `postgresql+psycopg2://…`; `application_name` is what pg_stat_activity shows.

        `on_away` is told each time that Postgres does not answer. `token_guard` goes with every
        session: whoever hands out a token has one, and no settings.
        """
        self._on_unavailable = on_unavailable
        self._info = {TOKEN_GUARD_KEY: token_guard}
        self._engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT,
            pool_recycle=POOL_RECYCLE_SECONDS,
            pool_pre_ping=True,
            executemany_mode="values_plus_batch",  # one round trip for the changes of many rows
            hide_parameters=True,  # an error message must not quote what it failed to store
            connect_args=connect_args(application_name),
        )

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session whose work is committed at the end, or not at all.

        Errors: StoreAway when Postgres does not answer; the work is then not done, unless the
        connection broke during the commit itself, which nobody can tell apart.
        """
        new_session = Session(self._engine, expire_on_commit=False, info=self._info)
        with self._translate_errors(), new_session as session:
            yield session
            session.commit()

    def dedicated_connection(self) -> "DedicatedConnection":
        """For one thread that writes all the time."""
        autocommit_engine = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        return DedicatedConnection(autocommit_engine, self._translate_errors)

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, PoolTimeout) as error:
            if not is_unavailable(error):
                raise
            self._on_unavailable()
            raise DatabaseUnavailable(type(error).__name__) from error

    def ping(self) -> None:
        """Errors: StoreAway."""
        with self.transaction() as session:
            session.execute(text("SELECT 1"))

    def connections_in_use(self) -> int:
        """Connections that are lent out right now."""
        pool: Any = self._engine.pool
        return int(pool.checkedout())

    def dispose(self, *, close: bool = True) -> None:
        """Forget all connections; after a fork `close` is False, for they are the parent's."""
        self._engine.dispose(close=close)


class DedicatedConnection:
    """A connection that stays with one thread, outside the pool: no loan, no ping, no `BEGIN`.

    Each statement is its own transaction. Connects at first use, and again after a fault.
    """

    def __init__(
        self, engine: Engine, translate_errors: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._engine = engine
        self._translate_errors = translate_errors
        self._connection: Connection | None = None

    def run(self, operation: Callable[[Connection], T]) -> T:
        """`work` must bear to be repeated: a connection may have died since it was last used, and
        only using it tells.

        Errors: StoreAway, as of a transaction.
        """
        with self._translate_errors():
            was_connected = self._connection is not None
            try:
                return self._run_once(operation)
            except DBAPIError as error:
                if not (was_connected and is_unavailable(error)):
                    raise
            return self._run_once(operation)

    def _run_once(self, operation: Callable[[Connection], T]) -> T:
        if self._connection is None:
            self._connection = self._engine.connect()
            self._connection.detach()
        try:
            with self._connection.begin():
                return operation(self._connection)
        except DBAPIError as error:
            if is_unavailable(error):
                self.close()
            raise

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def database_now(session: Session) -> datetime:
    """The database's clock, as this transaction first read it."""
    if CLOCK_KEY not in session.info:
        session.info[CLOCK_KEY] = session.scalars(select(func.clock_timestamp())).one()
    moment: datetime = session.info[CLOCK_KEY]
    return moment


def connect_args(application_name: str) -> dict[str, Any]:
    options = (
        f"-c statement_timeout={STATEMENT_TIMEOUT} "
        f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT} -c timezone=UTC"
    )
    return {
        "connect_timeout": CONNECT_TIMEOUT,
        "application_name": application_name,
        "options": options,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
    }


def is_unavailable(error: Exception) -> bool:
    """No server, none that takes us, or our work undone to end a deadlock: do it again, later.

    A lock or statement timeout is none of these.
    """
    if isinstance(error, PoolTimeout | InterfaceError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    code = getattr(error.orig, "pgcode", None)
    if code is None:
        return error.connection_invalidated or isinstance(error, OperationalError)
    return code in RETRYABLE_SQLSTATES or (code[:2] in {"08", "53", "57"} and code != "57014")
