"""Read-only queries over the posts of one user: filtered pages and counts by state."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select

from db.posts.posts import FINAL_POST_STATES, Post
from db.publishing.record_joins import join_records
from db.records.post_records import RECORD_TABLES
from db.session import Session

ConditionBuilder = tuple[Any, Callable[[Any], ColumnElement[bool]]]
"""A value to filter by, None for any, and the function that makes the condition of it."""


@dataclass(frozen=True, kw_only=True)
class PostFilter:
    """Conditions on posts; None means any.

    `status` is the platform's status or, for a post without a record of it, the state.
    """

    provider: str | None = None
    state: str | None = None
    status: str | None = None
    account_id: int | None = None
    group_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        builders: tuple[ConditionBuilder, ...] = (
            (self.provider, lambda provider: Post.provider == provider),
            (self.state, lambda state: Post.state == state),
            (self.status, status_condition),
            (self.account_id, lambda account: Post.oauth_account_id == account),
            (self.group_id, lambda group: Post.group_id == group),
            (self.since, lambda since: Post.created_at >= since),
            (self.until, lambda until: Post.created_at < until),
            (self.text, lambda text: Post.title.icontains(text, autoescape=True)),
        )
        return [build(value) for value, build in builders if value is not None]


def status_condition(status: str) -> ColumnElement[bool]:
    statuses = (table.model.status for table in RECORD_TABLES.values())
    return func.coalesce(*statuses, Post.state) == status


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
    ) -> Sequence[tuple[Post, Any | None]]:
        """Newest first, those with a smaller id than `before`, each with its record."""
        is_older = () if before is None else (Post.id < before,)
        query = (
            join_records(select(Post, *(table.model for table in RECORD_TABLES.values())))
            .where(Post.user_id == user_id, *post_filter.conditions(), *is_older)
            .order_by(Post.id.desc())
            .limit(limit)
        )
        return [
            (post, next((record for record in records if record is not None), None))
            for post, *records in self._session.execute(query)
        ]

    def stats(
        self, *, user_id: int, provider: str | None = None, account_id: int | None = None
    ) -> PostStats:
        """Counts of this user's posts by progress, on one platform or on all."""
        conditions = [Post.user_id == user_id]
        if provider is not None:
            conditions.append(Post.provider == provider)
        if account_id is not None:
            conditions.append(Post.oauth_account_id == account_id)
        tables, is_published = RECORD_TABLES.values(), Post.state == "PUBLISHED"
        is_draft = or_(*(table.model.status == table.draft_status for table in tables))
        is_complete = (table.model.status == table.complete_status for table in tables)
        counts = {
            "total": func.count(),
            "processing": func.count().filter(Post.state.not_in(FINAL_POST_STATES)),
            "drafts": func.count().filter(is_draft & is_published),
            "complete": func.count().filter(func.coalesce(*is_complete, is_published)),
            "failed": func.count().filter(Post.state == "FAILED"),
        }
        columns = (count.label(name) for name, count in counts.items())
        query = join_records(select(*columns).select_from(Post)).where(*conditions)
        return PostStats(**self._session.execute(query).mappings().one())
