"""Read-only queries behind the metrics. Each one is served by an index."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.accounts.accounts import Account
from db.ops.alert_queries import is_new_post
from db.ops.alerts import Alert
from db.ops.heartbeats import Heartbeat
from db.outbox.deliveries import Delivery
from db.outbox.delivery_log import IS_DEAD
from db.posts.posts import Post, is_unfinished
from db.webhooks.events import Event

CANARY_PREFIX = "canary:"
UNUSED_SLOT_STATES = ("FAILED", "CANCELLED")

LabeledCounts = list[tuple[tuple[str, ...], float]]
"""Label values of a group, with the number of its rows."""


class StateOfPosts(NamedTuple):
    """Unfinished posts of a platform in a state: how many, and since when the oldest is to go."""

    provider: str
    state: str
    posts: int
    oldest_at: datetime


class HeldSlots(NamedTuple):
    """How many of its newest posts of a kind hold a quota slot of an account."""

    account_id: int
    provider: str
    kind: str
    slots: int


class RowCounts:
    """Counts of rows by state, for the gauges at `/metrics`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def unfinished_posts(self) -> list[StateOfPosts]:
        """Unfinished posts by platform and state, those on hold and unconfirmed ones included."""
        since = func.coalesce(Post.started_at, Post.publish_at, Post.created_at)
        groups = (Post.provider, Post.state)
        query = select(*groups, func.count(), func.min(since)).where(is_unfinished())
        return [StateOfPosts(*row) for row in self._session.execute(query.group_by(*groups))]

    def oldest_due_events(self) -> list[tuple[str, datetime]]:
        """When the oldest event that is due fell due, by platform."""
        is_waiting = (Event.processed_at.is_(None), Event.dead_at.is_(None))
        query = select(Event.provider, func.min(Event.due_at)).where(
            *is_waiting, Event.due_at <= func.now()
        )
        rows: Sequence[Any] = self._session.execute(query.group_by(Event.provider)).all()
        return [(row[0], row[1]) for row in rows]

    def held_slots(self, *, within: timedelta) -> list[HeldSlots]:
        """Quota slots that were taken within that time, of the newest posts, by account and kind.

        Reads up to `MAX_RECENT_POSTS` rows, so not at each scrape.
        """
        groups = (Post.oauth_account_id, Post.provider, Post.kind)
        query = select(*groups, func.count()).where(
            is_new_post(),
            Post.has_slot,
            Post.state.not_in(UNUSED_SLOT_STATES),
            Post.oauth_account_id.is_not(None),
            Post.created_at > func.now() - within,
        )
        rows: Sequence[Any] = self._session.execute(query.group_by(*groups)).all()
        return [HeldSlots(*row) for row in rows]

    def last_successes(self) -> LabeledCounts:
        """When a worker last ran a message of each queue, by the canaries. Units: Unix time."""
        query = select(Heartbeat.name, func.extract("epoch", Heartbeat.at)).where(
            Heartbeat.name.startswith(CANARY_PREFIX, autoescape=True)
        )
        rows = self._session.execute(query)
        return [((name.removeprefix(CANARY_PREFIX),), float(at)) for name, at in rows]

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
        groups = {"pending": Delivery.due_at.is_not(None), "dead": IS_DEAD}
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
