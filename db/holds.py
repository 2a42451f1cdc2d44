"""Posts that wait for their account: for a new token, or for a person to connect it again.

Rows that somebody holds are left out, where nothing is said to the contrary: whoever holds one is
about to find out by itself how the account stands.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from db.posts import Post

ON_RECONNECT = ("needs_reconnect", "disconnected")
"""Reasons that a reconnect takes away."""

STALE = "wait_for_release"
"""Wished too long ago to go out by itself."""

GOES_BY_ITSELF = timedelta(hours=24)
UNSENT = ("QUEUED", "SENDING")


class Holds:
    def __init__(self, session: Session) -> None:
        self._session = session

    def wake(self, account_ids: Collection[int]) -> None:
        """Their tokens are there: whoever waits for one need not wait to the end."""
        waiting = (
            Post.leased_until.is_(None),
            Post.due_at > func.now(),
            Post.last_error.startswith("token "),
        )
        if account_ids:
            self._set(Post.oauth_account_id.in_(account_ids), *waiting, due_at=func.now())

    def queued(self, account_id: int) -> Sequence[Post]:
        """Posts of which nothing was sent yet, locked; waits for those that somebody holds."""
        found = select(Post).where(Post.oauth_account_id == account_id, Post.state == "QUEUED")
        return self._session.scalars(
            found.order_by(Post.id).with_for_update(),
            execution_options={"populate_existing": True},
        ).all()

    def hold(self, account_id: int, reason: str) -> Sequence[Post]:
        """Park what is queued: the posts that were not parked before."""
        waiting = (
            Post.state == "QUEUED",
            Post.leased_until.is_(None),
            Post.hold_reason.is_(None),
        )
        of_it = Post.oauth_account_id == account_id
        return self._set(of_it, *waiting, due_at=None, hold_reason=reason)

    def resume(self, account_id: int) -> Sequence[Post]:
        """Parked posts go on, at once or at their time: those that do.

        One wished more than a day ago, of which nothing is out yet, waits for the user's word.
        One in a worker's hands may be about to be parked for the old grant's sake: it is rung.
        """
        of_it = Post.oauth_account_id == account_id
        held = Post.hold_reason.in_(ON_RECONNECT)
        wished = func.coalesce(Post.publish_at, Post.created_at)
        old = wished < func.now() - GOES_BY_ITSELF
        self._set(of_it, held, old, Post.state.in_(UNSENT), hold_reason=STALE)
        underway = (Post.leased_until.is_not(None), Post.due_at.is_not(None))
        self._set(of_it, *underway, due_at=func.clock_timestamp())  # about to be parked?
        due = func.greatest(func.now(), Post.publish_at)
        return self._set(of_it, held, due_at=due, hold_reason=None)

    def _set(self, *conditions: ColumnElement[bool], **values: Any) -> Sequence[Post]:
        free = select(Post.id).where(*conditions).with_for_update(skip_locked=True).cte("free")
        changed = update(Post).where(Post.id == free.c.id).values(**values).returning(Post)
        options = {"synchronize_session": False, "populate_existing": True}
        return self._session.scalars(changed, execution_options=options).all()
