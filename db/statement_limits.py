"""Time limits of the statements of one transaction, kept by Postgres."""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session


def limit_statements(session: Session, timeout: timedelta) -> None:
    """Let Postgres end each statement of this transaction that takes longer."""
    milliseconds = int(timeout.total_seconds() * 1000)
    session.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))
    session.execute(text(f"SET LOCAL lock_timeout = {milliseconds * 9 // 10}"))  # names a lock
