"""Old rows go, a batch at a time. Must not decide how old is old."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

BATCH = 1000
"""Rows per transaction: deleting them holds nobody up."""


def prune(
    session: Session,
    moment: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
    *conditions: ColumnElement[bool],
    older_than: timedelta,
    limit: int = BATCH,
) -> int:
    """Delete the oldest rows past their age by the database's clock; how many, `limit` at most.

    Rows that somebody holds are left for the next time.
    """
    model: Any = moment.class_
    old = select(model.id).where(moment < func.now() - older_than, *conditions)
    batch = old.order_by(moment).limit(limit).with_for_update(skip_locked=True).cte("batch")
    gone = delete(model).where(model.id == batch.c.id).returning(model.id)
    return len(session.execute(gone, execution_options={"synchronize_session": False}).all())
