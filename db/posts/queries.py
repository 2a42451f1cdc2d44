"""Read-only queries over the posts of one user: filtered pages and counts by state."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select

from db.posts.posts import FINAL_POST_STATES, Post
from db.posts.tiktok_posts import TIKTOK_STATUSES, TikTokPost
from db.session import Session

INBOX_STATUS = "SEND_TO_USER_INBOX"
COMPLETE_STATUS = "PUBLISH_COMPLETE"

ConditionBuilder = tuple[Any, Callable[[Any], ColumnElement[bool]]]
"""A value to filter by, None for any, and the function that makes the condition of it."""


@dataclass(frozen=True, kw_only=True)
class PostFilter:
    """Conditions on posts; None means any.

    `status` is TikTok's status or, for a post that TikTok does not know yet, its state.
    """

    provider: str | None = None
    state: str | None = None
    status: str | None = None
    account_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        builders: tuple[ConditionBuilder, ...] = (
            (self.provider, lambda provider: Post.provider == provider),
            (self.state, lambda state: Post.state == state),
            (self.status, status_condition),
            (self.account_id, lambda account: Post.oauth_account_id == account),
            (self.since, lambda since: Post.created_at >= since),
            (self.until, lambda until: Post.created_at < until),
            (self.text, lambda text: Post.title.icontains(text, autoescape=True)),
        )
        return [build(value) for value, build in builders if value is not None]


def status_condition(status: str) -> ColumnElement[bool]:
    if status in TIKTOK_STATUSES:
        return TikTokPost.status == status
    return TikTokPost.id.is_(None) & (Post.state == status)


@dataclass(frozen=True)
class PostStats:
    """Numbers of posts. `drafts` counts those that their creators have not published yet."""

    total: int
    processing: int
    drafts: int
    complete: int
    failed: int


class PostQueries:
    def __init__(self, session: Session) -> None:
        self._session = session

    def page(
        self, post_filter: PostFilter, *, user_id: int, limit: int, before: int | None = None
    ) -> Sequence[tuple[Post, TikTokPost | None]]:
        """Newest first, those with a smaller id than `before`, each with its TikTok row."""
        is_older = () if before is None else (Post.id < before,)
        query = (
            select(Post, TikTokPost)
            .outerjoin(TikTokPost, TikTokPost.post_id == Post.id)
            .where(Post.user_id == user_id, *post_filter.conditions(), *is_older)
            .order_by(Post.id.desc())
            .limit(limit)
        )
        return [(post, tiktok_row) for post, tiktok_row in self._session.execute(query)]

    def stats(
        self, *, user_id: int, provider: str | None = None, account_id: int | None = None
    ) -> PostStats:
        """Counts of this user's posts by progress, on one platform or on all."""
        conditions = [Post.user_id == user_id]
        if provider is not None:
            conditions.append(Post.provider == provider)
        if account_id is not None:
            conditions.append(Post.oauth_account_id == account_id)
        is_in_inbox = (TikTokPost.status == INBOX_STATUS) & (Post.state == "PUBLISHED")
        counts = {
            "total": func.count(),
            "processing": func.count().filter(Post.state.not_in(FINAL_POST_STATES)),
            "drafts": func.count().filter(is_in_inbox),
            "complete": func.count().filter(
                func.coalesce(TikTokPost.status == COMPLETE_STATUS, Post.state == "PUBLISHED")
            ),
            "failed": func.count().filter(Post.state == "FAILED"),
        }
        query = (
            select(*(count.label(name) for name, count in counts.items()))
            .select_from(Post)
            .outerjoin(TikTokPost, TikTokPost.post_id == Post.id)
            .where(*conditions)
        )
        return PostStats(**self._session.execute(query).mappings().one())
