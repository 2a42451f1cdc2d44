"""Posts that wait for an account: their number, those that go out, those that a person releases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from db.posts.parked import NEEDS_RELEASE_REASON
from db.posts.posts import Post
from db.posts.timeline import PostEvent

RESUMED_EVENT = "resumed"
UNFINISHED_STATES = ("QUEUED", "SENDING", "PROCESSING", "UNCONFIRMED")


@dataclass(frozen=True)
class WaitingCounts:
    """Queued posts of an account, how many of them are on hold, and when the first was due."""

    queued: int = 0
    held: int = 0
    first_at: datetime | None = None


class WaitingPosts:
    """Queries on behalf of a user."""

    def __init__(self, session: Session, user_id: int) -> None:
        self._session = session
        self._user_id = user_id

    def count_by_account(self) -> Mapping[int, WaitingCounts]:
        """Count the queued posts of each login of the user that has some."""
        planned_at = func.coalesce(Post.publish_at, Post.created_at)
        query = (
            select(
                Post.oauth_account_id,
                func.count().label("queued"),
                func.count(Post.hold_reason).label("held"),
                func.min(planned_at).label("first_at"),
            )
            .where(Post.user_id == self._user_id, Post.state == "QUEUED")
            .group_by(Post.oauth_account_id)
        )
        return {
            row.oauth_account_id: WaitingCounts(row.queued, row.held, row.first_at)
            for row in self._session.execute(query)
        }

    def list_resumed(self, account_id: int, *, within: timedelta, limit: int) -> Sequence[Post]:
        """List unfinished posts that go out because the account was connected again."""
        has_resumed = exists().where(
            PostEvent.post_id == Post.id,
            PostEvent.kind == RESUMED_EVENT,
            PostEvent.at > func.now() - within,
        )
        conditions = (Post.state.in_(UNFINISHED_STATES), Post.hold_reason.is_(None), has_resumed)
        return self._list(account_id, *conditions, limit=limit)

    def list_to_release(self, account_id: int, *, limit: int) -> Sequence[Post]:
        """List posts whose time passed more than a day ago: a person has to release them."""
        return self._list(account_id, Post.hold_reason == NEEDS_RELEASE_REASON, limit=limit)

    def _list(self, account_id: int, *conditions: object, limit: int) -> Sequence[Post]:
        of_account = (Post.user_id == self._user_id, Post.oauth_account_id == account_id)
        query = select(Post).where(*of_account, *conditions)  # type: ignore[arg-type]  # conditions of SQL
        planned_at = func.coalesce(Post.publish_at, Post.created_at)
        return self._session.scalars(query.order_by(planned_at, Post.id).limit(limit)).all()
