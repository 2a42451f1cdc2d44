"""Time limits of the statements of one transaction, kept by Postgres."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from db.connection_faults import CANCELED_SQLSTATE

SEARCH_TIMEOUT = timedelta(seconds=2)


class SearchTooSlow(Exception):
    """The filter selects too few of too many rows: a shorter time makes it fast."""


def limit_statements(session: Session, timeout: timedelta) -> None:
    """Let Postgres end each statement of this transaction that takes longer."""
    milliseconds = int(timeout.total_seconds() * 1000)
    session.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))
    session.execute(text(f"SET LOCAL lock_timeout = {milliseconds * 9 // 10}"))  # names a lock


@contextmanager
def search_limits(session: Session, timeout: timedelta = SEARCH_TIMEOUT) -> Iterator[None]:
    """Limit the statements of a search by filters that need not have an index.

    The limit stays until the transaction ends. Errors: SearchTooSlow.
    """
    limit_statements(session, timeout)
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) == CANCELED_SQLSTATE:
            raise SearchTooSlow from error
        raise
