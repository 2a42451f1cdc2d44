"""Tries a small write: a Postgres that answers queries may still refuse to store anything."""

from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError

from db.ops.heartbeats import Heartbeats
from db.session import Database, DatabaseUnavailable

NO_ANSWER = "the database does not answer"

WRITE_FAULTS = {
    "25006": "the database is read-only",
    "42501": "the database does not let our role write",
    "53100": "the disk of the database is full",
    "53300": "the database has no free connection",
    "57P03": "the database is starting or stopping",
}
"""SQLSTATE of a refused write to the reason. Source: appendix A of the Postgres manual."""


def find_write_fault(database: Database, heartbeat: str) -> str | None:
    """Record a heartbeat; return why it cannot be stored, or None."""
    try:
        with database.transaction() as session:
            Heartbeats(session).record(heartbeat)
    except (DatabaseUnavailable, DBAPIError) as error:
        return describe_refusal(error)
    return None


def describe_refusal(error: BaseException) -> str:
    """Return the reason in words, by the first known SQLSTATE of the error and its causes."""
    codes = [getattr(getattr(cause, "orig", None), "pgcode", None) for cause in iter_causes(error)]
    reasons = [WRITE_FAULTS[code] for code in codes if code in WRITE_FAULTS]
    if reasons:
        return reasons[0]
    refused = [code for code in codes if code]
    return f"the database refuses to write ({refused[0]})" if refused else NO_ANSWER


def iter_causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
