"""How many jobs were done in each hour, read from the log of attempts and the webhook events."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.ops.attempts import Attempt
from db.webhooks.events import Event

DONE_OUTCOME = "done"
EVENT_KIND = "webhooks"  # has no log of attempts: its events carry the time themselves


class DoneJobs(NamedTuple):
    """Jobs of one kind that were done in the hour that begins at this time."""

    kind: str
    hour: datetime
    jobs: int


class DoneJobCounts:
    """Each query reads one index, and no more of it than the period."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def by_hour(self, since: datetime, until: datetime) -> list[DoneJobs]:
        """Count by kind and hour; hours without any are left out."""
        return [*self._attempts(since, until), *self._events(since, until)]

    def _attempts(self, since: datetime, until: datetime) -> Iterable[DoneJobs]:
        hour = func.date_trunc("hour", Attempt.started_at)
        query = select(Attempt.kind, hour, func.count()).where(
            Attempt.started_at >= since,
            Attempt.started_at < until,
            Attempt.outcome == DONE_OUTCOME,
        )
        rows = self._session.execute(query.group_by(Attempt.kind, hour))
        return [DoneJobs(row[0], row[1], row[2]) for row in rows]

    def _events(self, since: datetime, until: datetime) -> Iterable[DoneJobs]:
        hour = func.date_trunc("hour", Event.processed_at)
        query = select(hour, func.count()).where(
            Event.processed_at.is_not(None),
            Event.processed_at >= since,
            Event.processed_at < until,
        )
        rows = self._session.execute(query.group_by(hour))
        return [DoneJobs(EVENT_KIND, row[0], row[1]) for row in rows]
