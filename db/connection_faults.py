"""What an error of Postgres means for the connection and for the work, and how to say it.

The one place that decides whether a connection is of no use any more. Such a connection is dropped
with its pool, so that the next use opens a new one, perhaps to another server.
"""

import re
from collections.abc import Mapping

import psycopg2
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

USELESS_SQLSTATES = frozenset(
    {
        "25006",  # read only: a standby, a server that was demoted, or made read-only
        "25P03",  # ended: idle in a transaction for too long
        "25P04",  # ended: a transaction took too long
        "26000",  # somebody has reset the session: its prepared statements are gone
        "57P01",  # an administrator ended it
        "57P02",  # another process of the server crashed
        "57P03",  # starting, stopping or recovering
        "57P04",  # the database was dropped
        "57P05",  # ended: idle for too long
        "58000",  # the server's system failed
        "58030",  # an input or output error of the server
        "F0000",  # its configuration cannot be read
        "XX001",  # its data are damaged
        "XX002",  # its index is damaged
    }
)
USELESS_CLASSES = frozenset({"08"})  # connection exceptions; a pooler's errors are among them
"""Source: https://www.postgresql.org/docs/18/errcodes-appendix.html, read 2026-11-29."""

RETRYABLE_SQLSTATES = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: repeating the work may succeed, on the same connection."""

RETRYABLE_CLASSES = frozenset({"53", "57"})
"""Out of connections, disk or memory; the operator stepped in. Not 57014, a statement that took too
long: it would again."""

CANCELED_SQLSTATE = "57014"
UNSUPPORTED_SQLSTATE = "0A000"
UNSUPPORTED_WORDS = (
    "during recovery",  # "cannot set transaction read-write mode during recovery": a standby
    "cached plan must not change result type",  # a migration has changed the type of a column
)
RECOVERY_CONFLICT_WORDS = "conflict with recovery"  # "canceling statement due to", and others


def is_useless_connection(error: BaseException) -> bool:
    """Whether an error of psycopg2 says that its connection, or this server, is of no use now."""
    code = getattr(error, "pgcode", None)
    if code is None:
        return False
    if code == UNSUPPORTED_SQLSTATE:
        return any(words in str(error) for words in UNSUPPORTED_WORDS)
    return code in USELESS_SQLSTATES or code[:2] in USELESS_CLASSES


def is_unavailable(error: Exception) -> bool:
    """Whether the same work may succeed later: no server, no connection, or a rolled back deadlock.

    A lock timeout or statement timeout does not count.
    """
    if isinstance(error, PoolTimeout | InterfaceError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    original = error.orig
    code = getattr(original, "pgcode", None)
    if code is None:
        return error.connection_invalidated or isinstance(error, OperationalError)
    if original is not None and is_useless_connection(original):
        return True
    is_retryable = code in RETRYABLE_SQLSTATES or code[:2] in RETRYABLE_CLASSES
    return is_retryable and code != CANCELED_SQLSTATE


def is_recovery_conflict(error: BaseException) -> bool:
    """Whether a standby ended the statement or its connection to be able to go on replaying."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return RECOVERY_CONFLICT_WORDS in str(original)


SQLSTATE_WORDS: Mapping[str, str] = {
    "25006": "the database is read-only",
    "26000": "somebody has reset the session",
    "42501": "the role may not do this",
    "42704": "a role that is named does not exist",
    "3F000": "the schema public is missing",
    "42P01": "the tables are missing",
    "42703": "the tables are those of another version",
    "42P07": "tables of these names exist already, and no version of them is recorded",
    "42710": "objects of these names exist already, and no version of them is recorded",
    "42723": "functions of these names exist already, and no version of them is recorded",
    "22P05": "the encoding of the database has no place for a character: it must be UTF8",
    "55P03": "another transaction holds a lock for too long",
    "57014": "a statement took too long",
    "53100": "the disk of the database is full",
    "53300": "the server has no connection left",
    "57P01": "the server is shutting down, or an administrator ended the connection",
    "57P02": "a process of the server crashed",
    "57P03": "the server is starting up, shutting down or recovering",
    "57P04": "the database was dropped",
}

CONNECTION_WORDS: tuple[tuple[str, str], ...] = (
    (r"unsupported startup parameter", "the pooler refuses a parameter of the connection"),
    (r"no such database|database \".*\" does not exist", "the database does not exist"),
    (r"peer authentication failed|Ident authentication failed", "the system's user is refused"),
    (r"password authentication failed|auth\w* failed|no such user", "user or password are wrong"),
    (r"no password supplied", "the server demands a password, and none is set"),
    (r"role \".*\" does not exist", "the user does not exist"),
    (r"no pg_hba.conf entry", "the server's pg_hba.conf admits no connection from here"),
    (r"permission denied for database", "the user may not connect to this database"),
    (r"is not permitted to log in", "the role may not log in"),
    (r"too many connections for role", "the role has no connection left (its CONNECTION LIMIT)"),
    (
        r"too many connections for database",
        "the database has no connection left (its CONNECTION LIMIT)",
    ),
    (r"not currently accepting connections", "the database is closed (ALLOW_CONNECTIONS false)"),
    (r"remaining connection slots|too many (clients|connections)", SQLSTATE_WORDS["53300"]),
    (r"no more connections allowed", "the pooler has no connection left"),
    (r"query_wait_timeout", "the pooler had no free connection to the server in time"),
    (r"server does not support SSL", "the server offers no TLS, and the connection demands it"),
    (r"server certificate for .* does not match", "the server's certificate is for another name"),
    (r"certificate has expired", "the server's certificate has expired"),
    (r"certificate revoked", "the server's certificate is revoked"),
    (
        r"certificate verify failed|self.signed certificate",
        "the server's certificate is signed by nobody whom we trust",
    ),
    (r"root certificate file .* does not exist", "the file of sslrootcert does not exist"),
    (r"could not read root certificate", "the file of sslrootcert cannot be read"),
    (r"channel binding", "the server does not offer the channel binding that the URL demands"),
    (RECOVERY_CONFLICT_WORDS, "the standby ended the read to go on replaying"),
    (r"session is read-only|read-only", SQLSTATE_WORDS["25006"]),
    (r"starting up|shutting down|recovery", SQLSTATE_WORDS["57P03"]),
    (r"could not translate host name|Name or service not known", "the host's name is unknown"),
    (r"Connection refused", "nothing listens on that host and port"),
    (r"No such file or directory", "there is no socket of a server on this machine"),
    (r"No route to host|Network is unreachable", "there is no way to the host"),
    (r"did not answer in time|timeout expired|timed out", "the server does not answer in time"),
    (r"pgbouncer cannot connect|server login failed|server conn", "the pooler has no server"),
    (
        r"received invalid response|invalid length of|lost synchronization",
        "what answers there is no Postgres",
    ),
    (r"SSL", "the TLS handshake failed"),
    (r"closed the connection|terminat|could not receive", "the connection was lost"),
)
"""Patterns of libpq's, Postgres' and PgBouncer's English messages, with what they mean.

psycopg2 gives no SQLSTATE for a connection that was refused.
"""

UNKNOWN_WORDS = "the server cannot be used"
MAX_DETAIL = 200  # characters of a message that no pattern knows: without SQLSTATE it is libpq's


def find_installation_fault(error: BaseException) -> str | None:
    """Say in words what is wrong with server, tables or rights; None for any other error."""
    if not isinstance(error, DBAPIError):
        return None
    return SQLSTATE_WORDS.get(getattr(error.orig, "pgcode", None) or "")


def describe_fault(error: BaseException) -> str:
    """Say in words why Postgres cannot be used. Contains no value and no secret."""
    if isinstance(error, PoolTimeout):
        return "all connections of this process are in use"
    original = error.orig if isinstance(error, DBAPIError) and error.orig else error
    code: str = getattr(original, "pgcode", None) or ""
    if code in SQLSTATE_WORDS:
        return SQLSTATE_WORDS[code]
    text = str(original) if isinstance(original, psycopg2.Error) else ""
    for pattern, words in CONNECTION_WORDS:
        if re.search(pattern, text, re.IGNORECASE):
            return words
    detail = f"SQLSTATE {code}" if code else text.strip().partition("\n")[0][:MAX_DETAIL]
    return f"{UNKNOWN_WORDS} ({detail})" if detail else UNKNOWN_WORDS
