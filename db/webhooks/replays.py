"""Replays of stored webhook events: count what a filter selects, make it due again, follow it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from db.webhooks.events import Event, EventFilter

MAX_COUNTED_EVENTS = 10_000
"""Counting stops here: a filter may select millions of rows."""


class EventSummary(NamedTuple):
    """What a replay or a discard would change. `capped`: there are more than were counted.

    The times are those of the oldest and newest event that was counted.
    """

    matches: int
    capped: bool
    oldest: datetime | None
    newest: datetime | None
    by_type: Mapping[str, int]


class ReplayedEvents(NamedTuple):
    """The ids of the events made due again, and the time that marks them."""

    ids: list[int]
    at: datetime


class EventReplays:
    """Leased and pending events are left alone: a worker is about to apply them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def summarize(self, event_filter: EventFilter) -> EventSummary:
        """Count the events that `replay` would make due again, up to MAX_COUNTED_EVENTS."""
        conditions = (*event_filter.conditions(), *replayable_conditions())
        return summarize_events(self._session, conditions)

    def replay(
        self, event_filter: EventFilter, *, user_id: int | None, limit: int | None = None
    ) -> ReplayedEvents:
        """Make processed and dead events due again with all attempts; the oldest, with a `limit`.

        `parsed` is cleared, so that today's adapter parses them. `user_id` is who wants it.
        """
        chosen = select(Event.id).where(*event_filter.conditions(), *replayable_conditions())
        if limit is not None:
            chosen = chosen.order_by(Event.id).limit(limit)
        statement = (
            update(Event)
            .where(Event.id.in_(chosen), *replayable_conditions())
            .values(
                status="pending",
                processed_at=None,
                dead_at=None,
                parsed=None,
                due_at=func.now(),
                attempts=0,
                leased_until=None,
                replayed_at=func.now(),
                replayed_by=user_id,
            )
        )
        options = {"synchronize_session": False}
        replayed = self._session.scalars(statement.returning(Event.id), execution_options=options)
        ids = sorted(replayed)
        at: datetime = self._session.execute(select(func.now())).scalar_one()
        return ReplayedEvents(ids, at)

    def count_by_status(self, at: datetime) -> dict[str, int]:
        """What became of the events that were replayed at this time; replayed again, they are not
        among them.
        """
        query = select(Event.status, func.count()).where(Event.replayed_at == at)
        rows = self._session.execute(query.group_by(Event.status)).all()
        return {row[0]: row[1] for row in rows}


def summarize_events(session: Session, conditions: Sequence[ColumnElement[bool]]) -> EventSummary:
    """Count the events that meet the conditions, up to MAX_COUNTED_EVENTS."""
    query = select(Event.event_type, Event.created_at).where(*conditions)
    counted = query.limit(MAX_COUNTED_EVENTS + 1).subquery()
    groups = session.execute(
        select(
            counted.c.event_type,
            func.count(),
            func.min(counted.c.created_at),
            func.max(counted.c.created_at),
        ).group_by(counted.c.event_type)
    ).all()
    total = sum(row[1] for row in groups)
    return EventSummary(
        matches=min(total, MAX_COUNTED_EVENTS),
        capped=total > MAX_COUNTED_EVENTS,
        oldest=min((row[2] for row in groups), default=None),
        newest=max((row[3] for row in groups), default=None),
        by_type={row[0]: row[1] for row in sorted(groups, key=lambda row: -row[1])},
    )


def replayable_conditions() -> tuple[ColumnElement[bool], ...]:
    """Conditions: finished, whatever the outcome, and in no worker's hands."""
    return (
        or_(Event.processed_at.is_not(None), Event.dead_at.is_not(None)),
        or_(Event.leased_until.is_(None), Event.leased_until < func.now()),
    )
