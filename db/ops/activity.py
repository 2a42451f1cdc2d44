"""What was done with each platform in each hour: connections, posts, webhook events, renewals.

The figures of `/api/monitoring/metrics`. Each query reads one index, and no more than the period.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.accounts.accounts import Account
from db.ops.alert_queries import is_new_post
from db.ops.attempts import FAILED_OUTCOMES, Attempt
from db.ops.audit import CONNECT_REFUSED, CONNECTED, AuditEntry
from db.ops.throughput import DONE_OUTCOME
from db.posts.posts import Post
from db.webhooks.events import Event

REFRESH_KIND = "accounts"


class Figure(StrEnum):
    """One number of a platform."""

    CONNECTED = "connected"
    CONNECT_REFUSED = "connect_refused"
    PUBLISHED = "published"
    POST_FAILED = "post_failed"
    EVENTS_RECEIVED = "events_received"
    EVENTS_PROCESSED = "events_processed"
    EVENTS_TIMED = "events_timed"  # processed at the first attempt, and by no replay
    EVENT_MILLISECONDS = "event_milliseconds"  # from storing to processing, of the timed ones
    REFRESHED = "refreshed"
    REFRESH_FAILED = "refresh_failed"


class CountedFigure(NamedTuple):
    """A figure of a platform in the hour that begins at this time."""

    hour: datetime
    provider: str
    figure: Figure
    number: int


CONNECTION_FIGURES = {CONNECTED: Figure.CONNECTED, CONNECT_REFUSED: Figure.CONNECT_REFUSED}
POST_FIGURES = {"PUBLISHED": Figure.PUBLISHED, "FAILED": Figure.POST_FAILED}
REFRESH_FIGURES = {
    DONE_OUTCOME: Figure.REFRESHED,
    **dict.fromkeys(FAILED_OUTCOMES, Figure.REFRESH_FAILED),
}


class PlatformActivity:
    """Figures by hour and platform; those that are 0 are left out."""

    def __init__(self, session: Session, since: datetime, until: datetime) -> None:
        self._session, self._since, self._until = session, since, until

    def list_figures(self) -> list[CountedFigure]:
        return [
            *self._connections(),
            *self._posts(),
            *self._received_events(),
            *self._processed_events(),
            *self._refreshes(),
        ]

    def _connections(self) -> Iterable[CountedFigure]:
        named = func.coalesce(AuditEntry.details["provider"].astext, AuditEntry.subject)
        groups = (func.date_trunc("hour", AuditEntry.at), named, AuditEntry.action)
        query = select(*groups, func.count()).where(
            AuditEntry.action.in_(CONNECTION_FIGURES), *self._in_period(AuditEntry.at)
        )
        for hour, provider, action, number in self._session.execute(query.group_by(*groups)):
            yield CountedFigure(hour, provider, CONNECTION_FIGURES[action], number)

    def _posts(self) -> Iterable[CountedFigure]:
        groups = (func.date_trunc("hour", Post.finished_at), Post.provider, Post.state)
        query = select(*groups, func.count()).where(
            is_new_post(), Post.state.in_(POST_FIGURES), *self._in_period(Post.finished_at)
        )
        for hour, provider, state, number in self._session.execute(query.group_by(*groups)):
            yield CountedFigure(hour, provider, POST_FIGURES[state], number)

    def _received_events(self) -> Iterable[CountedFigure]:
        groups = (func.date_trunc("hour", Event.created_at), Event.provider)
        query = select(*groups, func.count()).where(*self._in_period(Event.created_at))
        for hour, provider, number in self._session.execute(query.group_by(*groups)):
            yield CountedFigure(hour, provider, Figure.EVENTS_RECEIVED, number)

    def _processed_events(self) -> Iterator[CountedFigure]:
        """Applied events; ignored ones have nothing to apply."""
        groups = (func.date_trunc("hour", Event.processed_at), Event.provider)
        is_timed = (Event.attempts == 1) & Event.replayed_at.is_(None)
        seconds = func.extract("epoch", Event.processed_at - Event.created_at)
        query = select(
            *groups,
            func.count(),
            func.count().filter(is_timed),
            func.coalesce(func.sum(seconds * 1000).filter(is_timed), 0),
        ).where(
            Event.processed_at.is_not(None),
            Event.status == DONE_OUTCOME,
            *self._in_period(Event.processed_at),
        )
        for hour, provider, number, timed, milliseconds in self._session.execute(
            query.group_by(*groups)
        ):
            yield CountedFigure(hour, provider, Figure.EVENTS_PROCESSED, number)
            yield CountedFigure(hour, provider, Figure.EVENTS_TIMED, timed)
            yield CountedFigure(hour, provider, Figure.EVENT_MILLISECONDS, round(milliseconds))

    def _refreshes(self) -> Iterable[CountedFigure]:
        groups = (func.date_trunc("hour", Attempt.started_at), Account.provider, Attempt.outcome)
        query = (
            select(*groups, func.count())
            .join(Account, Account.id == Attempt.row_id)
            .where(
                Attempt.kind == REFRESH_KIND,
                Attempt.outcome.in_(REFRESH_FIGURES),
                *self._in_period(Attempt.started_at),
            )
        )
        for hour, provider, outcome, number in self._session.execute(query.group_by(*groups)):
            yield CountedFigure(hour, provider, REFRESH_FIGURES[outcome], number)

    def _in_period(self, column: InstrumentedAttribute[Any]) -> tuple[Any, Any]:
        return column >= self._since, column < self._until
