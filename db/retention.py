"""Old rows go, a batch at a time. Must not decide how old is old."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

BATCH = 1000
"""Rows per transaction: deleting them holds nobody up."""


@dataclass(frozen=True)
class Gone:
    """What one batch deleted: how many rows, and the time of the newest of them."""

    count: int
    newest: datetime | None


def prune(
    session: Session,
    moment: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
    *conditions: ColumnElement[bool],
    older_than: timedelta,
    since: datetime | None = None,
    limit: int = BATCH,
) -> Gone:
    """Delete the oldest rows past their age by the database's clock, `limit` at most.

    Rows that somebody holds are left for the next time. `since` is where the batch before ended:
    the index still has what that one deleted, and nobody needs to walk over it again.
    """
    model: Any = moment.class_
    wanted = [moment < func.now() - older_than, *conditions]
    if since is not None:
        wanted.append(moment >= since)
    batch = oldest(moment, wanted, limit=limit).cte("batch")
    gone: Any = delete(model).where(model.id == batch.c.id).returning(moment)
    options = {"synchronize_session": False}
    times = list(session.scalars(gone, execution_options=options))
    return Gone(len(times), max(times, default=None))


def oldest(moment: Any, wanted: Sequence[ColumnElement[bool]], *, limit: int) -> Select[Any]:
    """Their ids, in the order of an index on `moment`, so that only these rows are read."""
    found = select(moment.class_.id).where(*wanted).order_by(moment).limit(limit)
    return found.with_for_update(skip_locked=True)
