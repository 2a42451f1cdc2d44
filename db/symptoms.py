"""How the house feels, as numbers that the tables can give: one question each. Judges none of them.

Times are the database's.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Interval, Select, func, select, type_coerce
from sqlalchemy.orm import Session

from db.accounts import Account
from db.attempts import Attempt
from db.posts import Post
from db.webhooks import Event

NEVER = timedelta(0)
FAILED = ("retry", "failed")


class Symptoms:
    def __init__(self, session: Session) -> None:
        self._session = session

    def dead_letters(self) -> int:
        return self._count(select(Event.id).where(Event.dead_at.is_not(None)))

    def unreadable(self, kind: str, *, within: timedelta) -> int:
        """Events of that kind: what was signed and could not be read."""
        return self._count(select(Event.id).where(Event.event_type == kind, recent(Event, within)))

    def backlog(self, *, older_than: timedelta) -> int:
        """Events that are due since so long; those that wait for their next try are not."""
        waits = (Event.processed_at.is_(None), Event.dead_at.is_(None))
        return self._count(select(Event.id).where(*waits, Event.due_at < func.now() - older_than))

    def latency(self, *, within: timedelta) -> tuple[int, timedelta]:
        """How many were applied at their first try, and how long 95 of 100 took at most."""
        took = func.percentile_cont(0.95).within_group(Event.processed_at - Event.created_at)
        applied = (Event.status == "done", Event.attempts == 1)
        found = select(func.count(), type_coerce(took, Interval())).where(
            *applied, Event.processed_at > func.now() - within
        )
        count, slowest = self._session.execute(found).one()
        return count, slowest or NEVER

    def ended(self, *, within: timedelta) -> tuple[int, int]:
        """Posts that ended: how many, and how many of them failed."""
        failed = func.count().filter(Post.state == "FAILED")
        found = select(func.count(), failed).where(Post.finished_at > func.now() - within)
        count, bad = self._session.execute(found).one()
        return count, bad

    def unconfirmed(self, *, older_than: timedelta) -> int:
        since = func.coalesce(Post.started_at, Post.created_at)
        doubtful = (Post.state == "UNCONFIRMED", since < func.now() - older_than)
        return self._count(select(Post.id).where(*doubtful))

    def failed_tries(self, kind: str, *, within: timedelta) -> int:
        tries = (Attempt.kind == kind, Attempt.outcome.in_(FAILED))
        long_ago = func.now() - within
        return self._count(select(Attempt.id).where(*tries, Attempt.started_at > long_ago))

    def accounts(self, statuses: Sequence[str]) -> int:
        return self._count(select(Account.id).where(Account.status.in_(statuses)))

    def _count(self, rows: Select[Any]) -> int:
        return self._session.scalar(select(func.count()).select_from(rows.subquery())) or 0


def recent(model: type[Event], within: timedelta) -> ColumnElement[bool]:
    return model.created_at > func.now() - within
