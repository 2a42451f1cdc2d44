"""Read-only queries behind the metrics. Each one is served by an index."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.accounts.accounts import Account
from db.ops.alerts import Alert
from db.outbox.deliveries import Delivery
from db.posts.posts import Post
from db.webhooks.events import Event

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

    def dead_events(self) -> LabeledCounts:
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
