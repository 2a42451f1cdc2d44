"""The posts of one user by the time at which they are shown in the calendar: when they are to be
published, or when they were requested.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import defer

from db.posts.posts import Post
from db.session import Session


@dataclass(frozen=True, kw_only=True)
class CalendarFilter:
    """Which posts are shown; None means any. A destination is one account behind a login."""

    provider: str | None = None
    account_id: int | None = None
    destination_id: int | None = None
    states: tuple[str, ...] = ()
    is_held: bool | None = None


class CalendarPosts:
    def __init__(self, session: Session) -> None:
        self._session = session

    def list_between(
        self,
        since: datetime,
        until: datetime,
        post_filter: CalendarFilter,
        *,
        user_id: int,
        limit: int,
        after: tuple[datetime, int] | None = None,
    ) -> Sequence[Post]:
        """The posts of these times in order, without their content; `after` is time and id."""
        time = func.coalesce(Post.publish_at, Post.created_at)
        conditions = [Post.user_id == user_id, time >= since, time < until]
        if after is not None:
            conditions.append(tuple_(time, Post.id) > tuple_(*after))
        if post_filter.provider is not None:
            conditions.append(Post.provider == post_filter.provider)
        if post_filter.account_id is not None:
            conditions.append(Post.oauth_account_id == post_filter.account_id)
        if post_filter.destination_id is not None:
            conditions.append(Post.destination_id == post_filter.destination_id)
        if post_filter.states:
            conditions.append(Post.state.in_(post_filter.states))
        if post_filter.is_held is not None:
            is_held = Post.hold_reason.is_not(None)
            conditions.append(is_held if post_filter.is_held else ~is_held)
        query = select(Post).where(*conditions).order_by(time, Post.id).limit(limit)
        unread = defer(Post.payload_json), defer(Post.step_state), defer(Post.error_message)
        return self._session.scalars(query.options(*unread)).all()

    def list_moving_with(self, post: Post) -> Sequence[Post]:
        """The other queued posts of its group that are due at the same time."""
        query = select(Post).where(
            Post.user_id == post.user_id,
            Post.group_id == post.group_id,
            Post.id != post.id,
            Post.state == "QUEUED",
            Post.publish_at.is_not_distinct_from(post.publish_at),
        )
        return self._session.scalars(query.order_by(Post.id)).all()
