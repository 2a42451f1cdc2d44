"""Deletes old rows in small batches. The periods stand in `core/health/housekeeping.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.ops.audit import AuditEntry, AuditLog

MAX_BATCH_ROWS = 1000
"""Rows per transaction: small enough not to block other writers."""


@dataclass(frozen=True)
class PrunedBatch:
    """What one batch deleted: how many rows, and the time of the newest of them."""

    count: int
    newest: datetime | None


def prune_rows(
    session: Session,
    time_column: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
    *conditions: ColumnElement[bool],
    older_than: timedelta,
    since: datetime | None = None,
    limit: int = MAX_BATCH_ROWS,
) -> PrunedBatch:
    """Delete the oldest rows that are older than `older_than`, by the database's clock.

    At most `limit` rows; locked rows are skipped. `since` is where the batch before ended: the
    index still contains the rows which that one deleted, and need not be scanned again.
    """
    model: Any = time_column.class_
    if model is AuditEntry:  # nobody may delete its rows, except by its own function
        return PrunedBatch(
            *AuditLog(session).prune(older_than=older_than, since=since, limit=limit)
        )
    filters = [time_column < func.now() - older_than, *conditions]
    if since is not None:
        filters.append(time_column >= since)
    oldest_ids = oldest_rows(time_column, filters, limit=limit).cte("batch")
    statement: Any = delete(model).where(model.id == oldest_ids.c.id).returning(time_column)
    options = {"synchronize_session": False}
    times = list(session.scalars(statement, execution_options=options))
    return PrunedBatch(len(times), max(times, default=None))


def oldest_rows(
    time_column: Any, filters: Sequence[ColumnElement[bool]], *, limit: int
) -> Select[Any]:
    """Query of the oldest rows' ids, in index order of `time_column`, so only these are read."""
    query = select(time_column.class_.id).where(*filters).order_by(time_column).limit(limit)
    return query.with_for_update(skip_locked=True)
