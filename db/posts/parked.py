"""Parking and resuming the posts of an account: they wait for a new token, or until a person
connects the account again.

Updates skip locked rows unless noted: the worker that holds one checks the account itself.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.orm import Session

from db.posts.posts import Post

RECONNECT_REASONS = ("needs_reconnect", "disconnected")
"""Hold reasons that end when the account is connected again."""

NEEDS_RELEASE_REASON = "wait_for_release"
"""Hold reason of a post that is too old to be published without a person's consent."""

USER_DISABLED_REASON = "user_disabled"
"""Hold reason of posts whose user an operator has shut out; the user releases them later."""

OPERATOR_REASON = "operator"
"""Hold reason of a post that an operator has put on hold."""

RESTORED_REASON = "restored"
"""Hold reason of posts of a restored backup: they may have been published after it."""

AUTO_RESUME_WINDOW = timedelta(hours=24)
UNSENT_STATES = ("QUEUED", "SENDING")


class ParkedPosts:
    def __init__(self, session: Session) -> None:
        self._session = session

    def wake_waiting_for_token(self, account_ids: Collection[int]) -> None:
        """Make posts due now that snoozed for a token of these accounts.

        They are recognised by `last_error`, which begins with "token ".
        """
        conditions = (
            Post.leased_until.is_(None),
            Post.due_at > func.now(),
            Post.last_error.startswith("token "),
        )
        if account_ids:
            self._update(Post.oauth_account_id.in_(account_ids), *conditions, due_at=func.now())

    def lock_queued(self, account_id: int) -> Sequence[Post]:
        """Lock the account's queued posts; waits for rows that other transactions have locked."""
        query = select(Post).where(Post.oauth_account_id == account_id, Post.state == "QUEUED")
        return self._session.scalars(
            query.order_by(Post.id).with_for_update(),
            execution_options={"populate_existing": True},
        ).all()

    def park(
        self, account_id: int, reason: str, *, destination_id: int | None = None
    ) -> Sequence[Post]:
        """Park the queued posts of the account, or those of one destination of it.

        Returns those that were not parked before.
        """
        conditions = (
            Post.state == "QUEUED",
            Post.leased_until.is_(None),
            Post.hold_reason.is_(None),
        )
        of_account = Post.oauth_account_id == account_id
        if destination_id is not None:
            of_account = and_(of_account, Post.destination_id == destination_id)
        return self._update(of_account, *conditions, due_at=None, hold_reason=reason)

    def resume(self, account_id: int) -> Sequence[Post]:
        """Make the parked posts of a reconnected account due, now or at `publish_at`; returns them.

        A post that was to go out more than a day ago, and of which nothing was sent yet, stays
        parked until its user releases it. A leased post may be about to be parked because of the
        old grant, so its `due_at` is moved to now.
        """
        of_account = Post.oauth_account_id == account_id
        is_parked = Post.hold_reason.in_(RECONNECT_REASONS)
        requested_at = func.coalesce(Post.publish_at, Post.created_at)
        is_old = requested_at < func.now() - AUTO_RESUME_WINDOW
        self._update(
            of_account,
            is_parked,
            is_old,
            Post.state.in_(UNSENT_STATES),
            hold_reason=NEEDS_RELEASE_REASON,
        )
        is_claimed = (Post.leased_until.is_not(None), Post.due_at.is_not(None))
        self._update(of_account, *is_claimed, due_at=func.clock_timestamp())
        due_at = func.greatest(func.now(), Post.publish_at)
        return self._update(of_account, is_parked, due_at=due_at, hold_reason=None)

    def _update(self, *conditions: ColumnElement[bool], **values: Any) -> Sequence[Post]:
        unlocked = (
            select(Post.id).where(*conditions).with_for_update(skip_locked=True).cte("unlocked")
        )
        statement = update(Post).where(Post.id == unlocked.c.id).values(**values).returning(Post)
        options = {"synchronize_session": False, "populate_existing": True}
        return self._session.scalars(statement, execution_options=options).all()
