"""Discards of dead letters: count what a filter selects, give it up, and take that back."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db.webhooks.events import DISCARDED, STATUS_CONDITIONS, Event, EventFilter
from db.webhooks.replays import EventSummary, summarize_events

LAST_ERROR = func.coalesce(Event.last_error, "")
NO_SESSION_SYNC = {"synchronize_session": False}


class DiscardedEvents(NamedTuple):
    """The ids of the events that were given up, and the time that marks them."""

    ids: list[int]
    at: datetime


def count_dead_events(session: Session, *, most: int) -> int:
    """Count the dead letters, up to `most`."""
    dead = select(Event.id).where(*STATUS_CONDITIONS["dead"]).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(dead)) or 0


class EventDiscards:
    """Only dead letters are given up; a discarded one is `ignored`, and is deleted by age."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def summarize(self, event_filter: EventFilter) -> EventSummary:
        """Count the dead letters that `discard` would give up, up to MAX_COUNTED_EVENTS."""
        conditions = (*event_filter.conditions(), *STATUS_CONDITIONS["dead"])
        return summarize_events(self._session, conditions)

    def discard(self, event_filter: EventFilter, *, limit: int | None = None) -> DiscardedEvents:
        """Give up dead letters: those that match; with a `limit`, the oldest of them."""
        dead = STATUS_CONDITIONS["dead"]
        chosen = select(Event.id).where(*event_filter.conditions(), *dead)
        if limit is not None:
            chosen = chosen.order_by(Event.id).limit(limit)
        statement = (
            update(Event)
            .where(Event.id.in_(chosen), *dead)
            .values(
                status="ignored",
                dead_at=None,
                parsed=None,
                processed_at=func.now(),
                due_at=None,
                leased_until=None,
                last_error=DISCARDED + LAST_ERROR,
            )
        )
        discarded = self._session.scalars(
            statement.returning(Event.id), execution_options=NO_SESSION_SYNC
        )
        ids = sorted(discarded)
        at: datetime = self._session.execute(select(func.now())).scalar_one()
        return DiscardedEvents(ids, at)

    def restore(self, at: datetime) -> list[int]:
        """Make what was discarded at this time dead letters again; return their ids.

        Events that were replayed since are left alone.
        """
        statement = (
            update(Event)
            .where(
                Event.processed_at == at,
                Event.status == "ignored",
                Event.last_error.startswith(DISCARDED, autoescape=True),
            )
            .values(
                status="dead",
                dead_at=Event.processed_at,
                processed_at=None,
                last_error=func.substr(LAST_ERROR, len(DISCARDED) + 1),
            )
        )
        restored = self._session.scalars(
            statement.returning(Event.id), execution_options=NO_SESSION_SYNC
        )
        return sorted(restored)

    def count_discarded(self, at: datetime) -> int:
        """Count what was discarded at this time and is not restored or replayed since."""
        query = select(func.count(Event.id)).where(
            Event.processed_at == at,
            Event.status == "ignored",
            Event.last_error.startswith(DISCARDED, autoescape=True),
        )
        return self._session.scalar(query) or 0
