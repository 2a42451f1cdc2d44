"""Rows of a restored database that must not be used as they are."""

from collections.abc import Sequence

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from db.accounts.accounts import Account, AccountStatus
from db.accounts.oauth_states import OAuthState
from db.identity.login_sessions import LoginSession, is_active
from db.identity.notifications import Notification
from db.identity.users import User
from db.posts.parked import RECONNECT_REASONS, RESTORED_REASON
from db.posts.posts import Post
from db.posts.timeline import PostEvent, PostEvents
from db.webhooks.events import Event

HELD_PER_STATEMENT = 5_000  # posts; a statement has 15 seconds
UNFINISHED_STATES = ("SENDING", "PROCESSING", "UNCONFIRMED")
NO_SESSION_SYNC = {"synchronize_session": False}


class RestoredRows:
    def __init__(self, session: Session) -> None:
        self._session = session

    def end_sessions(self) -> int:
        """End all sessions of browsers, and the logins at platforms that were begun."""
        self._session.execute(delete(OAuthState), execution_options=NO_SESSION_SYNC)
        statement = update(LoginSession).where(*is_active()).values(revoked_at=func.now())
        ended = self._session.execute(
            statement.returning(LoginSession.id), execution_options=NO_SESSION_SYNC
        )
        return len(ended.all())

    def pass_notifications(self) -> None:
        """Send no e-mail about notifications that may have been sent after the backup."""
        newest = select(func.coalesce(func.max(Notification.id), 0))
        statement = update(User).where(User.mailed_notifications != [])
        statement = statement.values(mailed_up_to=newest.scalar_subquery())
        self._session.execute(statement, execution_options=NO_SESSION_SYNC)

    def list_accounts(self) -> Sequence[Account]:
        """List all logins, also those that are disconnected."""
        return self._session.scalars(select(Account).order_by(Account.id)).all()

    def lock_active_accounts(self) -> Sequence[Account]:
        query = select(Account).where(
            Account.status == AccountStatus.ACTIVE, Account.disconnected_at.is_(None)
        )
        return self._session.scalars(
            query.order_by(Account.id).with_for_update(),
            execution_options={"populate_existing": True},
        ).all()

    def list_people_of_events(self) -> Sequence[tuple[str, str]]:
        """List platforms with the ids that webhook events are about."""
        query = select(Event.provider, Event.account).where(Event.account.is_not(None)).distinct()
        return [(provider, str(account)) for provider, account in self._session.execute(query)]

    def hold_queued_posts(self, *, note: str) -> int:
        """Hold the queued posts, also those that a new connection would resume. Return how many.

        Those that wait for a person already keep their reason.
        """
        held = 0
        while ids := self._hold_some_posts():
            rows = [PostEvents.new_row(post_id, "held", note=note) for post_id in ids]
            self._session.execute(insert(PostEvent), rows)
            held += len(ids)
        return held

    def _hold_some_posts(self) -> Sequence[int]:
        is_free = or_(Post.hold_reason.is_(None), Post.hold_reason.in_(RECONNECT_REASONS))
        some = (
            select(Post.id)
            .where(Post.state == "QUEUED", is_free)
            .limit(HELD_PER_STATEMENT)
            .with_for_update()
            .cte("some")
        )
        statement = (
            update(Post)
            .where(Post.id == some.c.id)
            .values(
                due_at=None,
                hold_reason=RESTORED_REASON,
                leased_until=None,
                lease_token=Post.lease_token + 1,
            )
        )
        return self._session.scalars(
            statement.returning(Post.id), execution_options=NO_SESSION_SYNC
        ).all()

    def lock_unfinished_posts(self) -> Sequence[Post]:
        """Lock the posts of which the platform may have something."""
        query = select(Post).where(Post.state.in_(UNFINISHED_STATES)).order_by(Post.id)
        return self._session.scalars(
            query.with_for_update(), execution_options={"populate_existing": True}
        ).all()
