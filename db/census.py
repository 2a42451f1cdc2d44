"""How many rows are in which state, for whoever draws curves. Each question is held by an index."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.accounts import Account
from db.alerts import Alert
from db.deliveries import Delivery
from db.posts import Post
from db.webhooks import Event

Counts = list[tuple[tuple[str, ...], float]]
"""The words that name a group, and how many are in it."""


class Census:
    def __init__(self, session: Session) -> None:
        self._session = session

    def posts_under_way(self) -> Counts:
        """By platform and state: those that are due some time."""
        return self._count((Post.provider, Post.state), Post.due_at.is_not(None))

    def accounts(self) -> Counts:
        """By platform and status."""
        return self._count((Account.provider, Account.status))

    def backlog(self) -> Counts:
        """Stored notices that are due, by platform."""
        waiting = (Event.processed_at.is_(None), Event.dead_at.is_(None))
        return self._count((Event.provider,), *waiting, Event.due_at <= func.now())

    def dead_letters(self) -> Counts:
        return self._count((Event.provider,), Event.dead_at.is_not(None))

    def alerts(self) -> Counts:
        """Open ones, by severity."""
        return self._count((Alert.severity,), Alert.resolved_at.is_(None))

    def outbox(self) -> Counts:
        """What host applications are still to be told, and what they could not be told."""
        groups = {"pending": Delivery.due_at.is_not(None), "dead": Delivery.dead_at.is_not(None)}
        return [
            ((state,), self._session.scalar(select(func.count(Delivery.id)).where(which)) or 0)
            for state, which in groups.items()
        ]

    def _count(self, groups: tuple[InstrumentedAttribute[str], ...], *conditions: Any) -> Counts:
        counted = select(*groups, func.count()).where(*conditions).group_by(*groups)
        rows: Sequence[Any] = self._session.execute(counted).all()
        return [(tuple(row[:-1]), float(row[-1])) for row in rows]
