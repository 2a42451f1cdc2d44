"""Finds stored webhook events for operators, in bounded time: not every filter has an index."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple, TypeVar

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from db.connection_faults import CANCELED_SQLSTATE
from db.statement_limits import limit_statements
from db.webhooks.events import Event, EventFilter, Events
from db.webhooks.replays import MAX_COUNTED_EVENTS

SEARCH_TIMEOUT = timedelta(seconds=2)
MAX_NEW_EVENTS = 100  # counting new events stops here

T = TypeVar("T")


class SearchTooSlow(Exception):
    """The filter selects too few of too many rows: a shorter time makes it fast."""


class DeadCause(NamedTuple):
    """The code of an error, the number of dead events that have it, and one of their errors."""

    code: str
    events: int
    example: str


class EventSearch:
    """Each call ends the transaction's statements after SEARCH_TIMEOUT. Errors: SearchTooSlow."""

    def __init__(self, session: Session) -> None:
        self._session = session
        limit_statements(session, SEARCH_TIMEOUT)

    def page(
        self, event_filter: EventFilter, *, limit: int, before: int | None = None
    ) -> list[Event]:
        """Return matching events, newest first, with smaller ids than `before`."""
        return self._bounded(
            lambda: Events(self._session).page(event_filter, limit=limit, before=before)
        )

    def count_newer(self, event_filter: EventFilter, *, than: int) -> int:
        """Count matching events with larger ids, up to MAX_NEW_EVENTS."""
        newer = select(Event.id).where(Event.id > than, *event_filter.conditions())
        counted = newer.limit(MAX_NEW_EVENTS).subquery()
        query = select(func.count()).select_from(counted)
        return self._bounded(lambda: self._session.scalar(query)) or 0

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
        rows = self._bounded(lambda: self._session.execute(query).all())
        return [DeadCause(row[0], row[1], row[2]) for row in rows]

    def _bounded(self, query: Callable[[], T]) -> T:
        try:
            return query()
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == CANCELED_SQLSTATE:
                raise SearchTooSlow from error
            raise
