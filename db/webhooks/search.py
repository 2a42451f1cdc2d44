"""Finds stored webhook events for operators, in bounded time: not every filter has an index."""

from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.statement_limits import search_limits
from db.webhooks.events import Event, EventFilter, Events
from db.webhooks.replays import MAX_COUNTED_EVENTS

MAX_NEW_EVENTS = 100  # counting new events stops here


class DeadCause(NamedTuple):
    """The code of an error, the number of dead events that have it, and one of their errors."""

    code: str
    events: int
    example: str


class EventSearch:
    """Each call ends within SEARCH_TIMEOUT. Errors: SearchTooSlow."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def page(
        self, event_filter: EventFilter, *, limit: int, before: int | None = None
    ) -> list[Event]:
        """Return matching events, newest first, with smaller ids than `before`."""
        with search_limits(self._session):
            return Events(self._session).page(event_filter, limit=limit, before=before)

    def count_newer(self, event_filter: EventFilter, *, than: int) -> int:
        """Count matching events with larger ids, up to MAX_NEW_EVENTS."""
        newer = select(Event.id).where(Event.id > than, *event_filter.conditions())
        counted = newer.limit(MAX_NEW_EVENTS).subquery()
        query = select(func.count()).select_from(counted)
        with search_limits(self._session):
            return self._session.scalar(query) or 0

    def list_dead_causes(self, event_filter: EventFilter) -> list[DeadCause]:
        """Group dead events by the code of their error, the largest group first.

        Of more than MAX_COUNTED_EVENTS, only so many are grouped.
        """
        error = func.coalesce(Event.last_error, "")
        dead = select(func.split_part(error, ":", 1).label("code"), error.label("error")).where(
            *event_filter.conditions()
        )
        counted = dead.limit(MAX_COUNTED_EVENTS).subquery()
        query = (
            select(counted.c.code, func.count(), func.min(counted.c.error))
            .group_by(counted.c.code)
            .order_by(func.count().desc(), counted.c.code)
        )
        with search_limits(self._session):
            rows = self._session.execute(query).all()
        return [DeadCause(row[0], row[1], row[2]) for row in rows]
