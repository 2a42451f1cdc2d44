"""Read-only queries behind the metrics and the alerts. Each one is served by an index."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Interval, Select, func, select, type_coerce
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.accounts.accounts import Account
from db.ops.alerts import Alert
from db.ops.attempts import Attempt
from db.outbox.deliveries import Delivery
from db.posts.posts import Post
from db.webhooks.events import Event

ZERO_DURATION = timedelta(0)
FAILED_OUTCOMES = ("retry", "failed")

LabeledCounts = list[tuple[tuple[str, ...], float]]
"""Label values of a group, with the number of its rows."""


class RowCounts:
    """Counts of rows by state, for the gauges at `/metrics`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def due_posts(self) -> LabeledCounts:
        """Unfinished posts by platform and state."""
        return self._count((Post.provider, Post.state), Post.due_at.is_not(None))

    def accounts(self) -> LabeledCounts:
        """Accounts by platform and status."""
        return self._count((Account.provider, Account.status))

    def backlog(self) -> LabeledCounts:
        """Webhook events that are due, by platform."""
        is_waiting = (Event.processed_at.is_(None), Event.dead_at.is_(None))
        return self._count((Event.provider,), *is_waiting, Event.due_at <= func.now())

    def dead_letters(self) -> LabeledCounts:
        """Webhook events whose attempts are used up, by platform."""
        return self._count((Event.provider,), Event.dead_at.is_not(None))

    def alerts(self) -> LabeledCounts:
        """Open alerts by severity."""
        return self._count((Alert.severity,), Alert.resolved_at.is_(None))

    def outbox(self) -> LabeledCounts:
        """Deliveries to host applications: pending ones, and dead letters."""
        groups = {"pending": Delivery.due_at.is_not(None), "dead": Delivery.dead_at.is_not(None)}
        return [
            ((state,), self._session.scalar(select(func.count(Delivery.id)).where(condition)) or 0)
            for state, condition in groups.items()
        ]

    def _count(
        self, groups: tuple[InstrumentedAttribute[str], ...], *conditions: Any
    ) -> LabeledCounts:
        query = select(*groups, func.count()).where(*conditions).group_by(*groups)
        rows: Sequence[Any] = self._session.execute(query).all()
        return [(tuple(row[:-1]), float(row[-1])) for row in rows]


class AlertQueries:
    """The numbers that alert conditions compare with their limits. Times are the database's."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def count_dead_letters(self) -> int:
        return self._count(select(Event.id).where(Event.dead_at.is_not(None)))

    def count_unreadable(self, event_type: str, *, within: timedelta) -> int:
        """Count events of the type that marks correctly signed, unreadable deliveries."""
        return self._count(
            select(Event.id).where(
                Event.event_type == event_type, Event.created_at > func.now() - within
            )
        )

    def count_backlog(self, *, older_than: timedelta) -> int:
        """Webhook events overdue by more than `older_than`. One that waits to retry is not due."""
        is_pending = (Event.processed_at.is_(None), Event.dead_at.is_(None))
        return self._count(
            select(Event.id).where(*is_pending, Event.due_at < func.now() - older_than)
        )

    def first_attempt_latency(self, *, within: timedelta) -> tuple[int, timedelta]:
        """Return the number of events applied at their first attempt, and their latency.

        The latency is the 95th percentile of the time from storing to applying an event. Events
        that were retried are left out: they may have waited for a post on purpose.
        """
        percentile = func.percentile_cont(0.95).within_group(Event.processed_at - Event.created_at)
        conditions = (Event.status == "done", Event.attempts == 1)
        query = select(func.count(), type_coerce(percentile, Interval())).where(
            *conditions, Event.processed_at > func.now() - within
        )
        count, latency = self._session.execute(query).one()
        return count, latency or ZERO_DURATION

    def count_finished_posts(self, *, within: timedelta) -> tuple[int, int]:
        """Return how many posts finished, and how many of these failed."""
        failed_count = func.count().filter(Post.state == "FAILED")
        query = select(func.count(), failed_count).where(Post.finished_at > func.now() - within)
        finished, failed = self._session.execute(query).one()
        return finished, failed

    def count_unconfirmed(self, *, older_than: timedelta) -> int:
        """Count posts whose outcome is unknown since their start, more than `older_than` ago."""
        started_at = func.coalesce(Post.started_at, Post.created_at)
        conditions = (Post.state == "UNCONFIRMED", started_at < func.now() - older_than)
        return self._count(select(Post.id).where(*conditions))

    def count_failed_attempts(
        self, kind: str, *, within: timedelta, code: str | None = None
    ) -> int:
        """Count attempts of this kind of jobs that failed, whether they are retried or not.

        `code`: only those that failed with it.
        """
        failed = select(Attempt.id).where(
            Attempt.kind == kind,
            Attempt.outcome.in_(FAILED_OUTCOMES),
            Attempt.started_at > func.now() - within,
        )
        return self._count(failed if code is None else failed.where(Attempt.code == code))

    def count_accounts(self, statuses: Sequence[str]) -> int:
        return self._count(select(Account.id).where(Account.status.in_(statuses)))

    def _count(self, rows: Select[Any]) -> int:
        return self._session.scalar(select(func.count()).select_from(rows.subquery())) or 0
