"""Posts of all users, for operators: pages by filters, and posts that do not move."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import and_, case, func, or_, select

from db.posts.posts import Post, is_unfinished, publish_time
from db.publishing.post_filter import PostFilter, is_held
from db.session import Session
from db.statement_limits import search_limits

OVERDUE_AFTER = timedelta(minutes=5)
"""Workers take a due post within seconds."""

UNCONFIRMED_AFTER = timedelta(hours=1)
"""As the alert `unconfirmed_posts`: most outcomes are found within minutes."""

MANY_ATTEMPTS = 3


class StuckPost(NamedTuple):
    """A post that does not move; `cause` is held, unconfirmed, overdue or failing."""

    post: Post
    cause: str


class OperatorPosts:
    """Each call ends within SEARCH_TIMEOUT. Errors: SearchTooSlow."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def page(
        self, post_filter: PostFilter, *, user_id: int | None, limit: int, before: int | None
    ) -> Sequence[Post]:
        """List posts, newest first, with smaller ids than `before`."""
        conditions = post_filter.conditions()
        if user_id is not None:
            conditions.append(Post.user_id == user_id)
        if before is not None:
            conditions.append(Post.id < before)
        query = select(Post).where(*conditions).order_by(Post.id.desc()).limit(limit)
        with search_limits(self._session):
            return self._session.scalars(query).all()

    def list_stuck(self, *, limit: int) -> list[StuckPost]:
        """List unfinished posts that need somebody, those that have waited longest first."""
        now = func.now()
        is_leased = and_(Post.leased_until.is_not(None), Post.leased_until > now)
        is_late = and_(is_held(), publish_time() < now)
        started_at = func.coalesce(Post.started_at, Post.created_at)
        is_unconfirmed = and_(Post.state == "UNCONFIRMED", started_at < now - UNCONFIRMED_AFTER)
        is_overdue = and_(Post.due_at < now - OVERDUE_AFTER, ~is_leased)
        is_failing = and_(Post.attempts >= MANY_ATTEMPTS, Post.last_error.is_not(None))
        cause = case(
            (is_late, "held"),
            (is_unconfirmed, "unconfirmed"),
            (is_overdue, "overdue"),
            else_="failing",
        )
        query = (
            select(Post, cause)
            .where(is_unfinished(), or_(is_late, is_unconfirmed, is_overdue, is_failing))
            .order_by(publish_time(), Post.id)
            .limit(limit)
        )
        with search_limits(self._session):
            return [StuckPost(post, found) for post, found in self._session.execute(query)]
