"""A standby of Postgres that answers reads: how much of the primary's log it has replayed.

Positions are bytes of the log (WAL) since its beginning. They grow for ever, also over a failover,
and say without any clock whether a standby has what the primary had at some moment. What a
standby replayed last, and when that was written, would not: it looks late while nothing is written.

Source: https://www.postgresql.org/docs/18/functions-admin.html (tables 9.97 and 9.98), read
2026-11-30.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.connection_faults import describe_fault, is_recovery_conflict
from db.deadlines import statement_deadline
from db.ops.diagnosis import read_database_identity
from db.session import Database, DatabaseUnavailable, Session

PRIMARY_SQL = """
SELECT clock_timestamp() AS at,
       CAST(pg_current_wal_flush_lsn() - CAST('0/0' AS pg_lsn) AS bigint) AS position
"""

STANDBY_SQL = """
SELECT pg_is_in_recovery() AS is_standby,
       CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END AS is_paused,
       CAST(coalesce(pg_last_wal_replay_lsn() - CAST('0/0' AS pg_lsn), 0) AS bigint) AS position
"""

BEGIN_READING_SQL = """
SET LOCAL statement_timeout = {milliseconds};
SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() - CAST('0/0' AS pg_lsn) >= :position
"""
"""One message, before anything is read: behind one address there may be several servers."""

RIGHTS_SQL = """
SELECT current_user AS role,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser,
       coalesce(bool_and(has_table_privilege(oid, 'SELECT')), false) AS can_read,
       coalesce(bool_or(has_table_privilege(oid, 'INSERT, UPDATE, DELETE, TRUNCATE')), false)
           AS can_write
  FROM pg_class WHERE relnamespace = CAST('public' AS regnamespace) AND relkind = 'r'
"""


class ReplicaBehind(Exception):
    """The server has not replayed what a read demands, or is no standby any more."""


@dataclass(frozen=True)
class PrimaryPosition:
    """What the primary had written to its disk when its clock showed `at`."""

    at: datetime
    position: int
    identity: str


@dataclass(frozen=True)
class StandbyState:
    """What a server has replayed. `identity`: of which primary it is a copy."""

    is_standby: bool
    is_paused: bool
    position: int
    identity: str


@dataclass(frozen=True)
class ReadingRights:
    """What the role of the replica's URL may do, by what the primary has granted it."""

    role: str
    is_superuser: bool
    can_read: bool
    can_write: bool


class ReplicaFaultKind(Enum):
    """`UNREADABLE`: its server refused or did not answer, as any server of Postgres may."""

    UNREADABLE = auto()
    NO_STANDBY = auto()
    OTHER_PRIMARY = auto()
    PAUSED = auto()
    BEHIND = auto()
    NOT_WATCHED = auto()
    AWAITS_WRITE = auto()


@dataclass(frozen=True)
class ReplicaFault:
    """Why no list is read from the replica, or why it did not answer a read.

    `is_passing`: the next read may succeed. The standby ended the statement to go on replaying, or
    has not replayed yet what this user demands.
    """

    words: str
    is_passing: bool = False
    kind: ReplicaFaultKind = ReplicaFaultKind.UNREADABLE


class ReplicaReadFailed(Exception):
    """A read did not succeed on the replica, and may succeed on the primary."""

    def __init__(self, fault: ReplicaFault) -> None:
        super().__init__(fault.words)
        self.fault = fault


def read_primary_position(database: Database, *, limit: timedelta) -> PrimaryPosition:
    """Errors: ReplicaReadFailed if the primary says nothing within `limit`."""
    with reading_within(limit), database.transaction() as session:
        row = session.execute(text(PRIMARY_SQL)).one()
        return PrimaryPosition(row.at, row.position, read_database_identity(session))


def read_standby_state(database: Database, *, limit: timedelta) -> StandbyState:
    """Errors: ReplicaReadFailed if the server says nothing within `limit`."""
    with reading_within(limit), database.transaction() as session:
        row = session.execute(text(STANDBY_SQL)).one()
        identity = read_database_identity(session)
        return StandbyState(row.is_standby, row.is_paused, row.position, identity)


def read_rights(database: Database, *, limit: timedelta) -> ReadingRights:
    """Errors: ReplicaReadFailed."""
    with reading_within(limit), database.transaction() as session:
        row = session.execute(text(RIGHTS_SQL)).one()
        return ReadingRights(row.role, row.is_superuser, row.can_read, row.can_write)


def demand_position(position: int, *, limit: timedelta) -> Callable[[Session], None]:
    """Return the beginning of a transaction that reads nothing older than `position`.

    Its statements end within `limit`. Errors of it: ReplicaBehind.
    """
    begin = text(BEGIN_READING_SQL.format(milliseconds=int(limit.total_seconds() * 1000)))

    def begin_reading(session: Session) -> None:
        if not session.scalar(begin, {"position": position}):
            raise ReplicaBehind("the replica has not replayed what this read demands")

    return begin_reading


@contextmanager
def reading_within(limit: timedelta) -> Iterator[None]:
    """Let statements on a replica be done within `limit`.

    Errors: ReplicaReadFailed in the place of every error of a database.
    """
    try:
        with statement_deadline(limit):
            yield
    except ReplicaBehind as error:
        fault = ReplicaFault(str(error), is_passing=True, kind=ReplicaFaultKind.BEHIND)
        raise ReplicaReadFailed(fault) from error
    except DatabaseUnavailable as error:
        is_passing = is_recovery_conflict(error.__cause__ or error)
        raise ReplicaReadFailed(ReplicaFault(str(error), is_passing)) from error
    except DBAPIError as error:
        fault = ReplicaFault(describe_fault(error), is_recovery_conflict(error))
        raise ReplicaReadFailed(fault) from error
