"""Read-only queries over the posts of one user: filtered pages and counts by state.

No query reads all posts of a user: a page reads the first rows of indexes, a count those of
`post_days`, or rows up to a limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, tuple_, union_all

from db.posts.post_days import PostDays
from db.posts.posts import FINAL_POST_STATES, Post, is_undecided_draft, publish_time
from db.publishing.post_filter import PostFilter
from db.publishing.record_joins import join_records
from db.records.post_records import RECORD_TABLES
from db.session import Session

RECENT_POSTS = 1000
"""Posts among which words are looked for before the index of titles is asked."""

PostRow = tuple[Post, Any | None]
"""A post with its record."""


@dataclass(frozen=True)
class PostStats:
    """Numbers of posts. `drafts` counts those that their creators have not published yet."""

    total: int
    processing: int
    drafts: int
    complete: int
    failed: int


@dataclass(frozen=True)
class ListPosition:
    """A place in a list of posts: beside the post with this id and, in a list by time, this time
    of publication.
    """

    id: int
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ListPart:
    """Which part of a list is read, newest first: what comes after a position (`before` it in
    time), or what comes before (`after` it in time); by id, or by the time of publication.
    """

    limit: int
    is_by_time: bool = False
    before: ListPosition | None = None
    after: ListPosition | None = None


class PostQueries:
    def __init__(self, session: Session) -> None:
        self._session = session

    def page(
        self, post_filter: PostFilter, *, user_id: int, limit: int, before: int | None = None
    ) -> Sequence[PostRow]:
        """Newest first, those with a smaller id than `before`, each with its record."""
        position = None if before is None else ListPosition(before)
        return self.list_part(post_filter, ListPart(limit=limit, before=position), user_id=user_id)

    def list_part(
        self, post_filter: PostFilter, part: ListPart, *, user_id: int
    ) -> Sequence[PostRow]:
        """List posts newest first, each with its record."""
        ids = self._find_ids(post_filter, part, user_id=user_id)
        tables = [table.model for table in RECORD_TABLES.values()]
        query = join_records(select(Post, *tables)).where(Post.id.in_(ids))
        rows = {
            post.id: (post, next((record for record in records if record is not None), None))
            for post, *records in self._session.execute(query)
        }
        found = [rows[post_id] for post_id in ids if post_id in rows]
        return found if part.after is None else found[::-1]

    def _find_ids(self, post_filter: PostFilter, part: ListPart, *, user_id: int) -> list[int]:
        if post_filter.words is None:
            query = build_ids_query(post_filter, part, user_id=user_id)
            return list(self._session.scalars(query))
        recent = build_recent_query(post_filter, part, user_id=user_id)
        ids = list(self._session.scalars(recent))
        if len(ids) >= part.limit:
            return ids
        return list(self._session.scalars(build_search_query(post_filter, part, user_id=user_id)))

    def count_up_to(self, post_filter: PostFilter, *, user_id: int, limit: int) -> int:
        """Count posts; `limit` if there are as many or more."""
        rows = union_all(
            *(
                join_status(select(Post.id), post_filter)
                .where(Post.user_id == user_id, *post_filter.conditions(), branch)
                .limit(limit)
                for branch in post_filter.branches()
            )
        ).subquery()
        return min(
            limit, self._session.execute(select(func.count()).select_from(rows)).scalar_one()
        )

    def stats(
        self, *, user_id: int, provider: str | None = None, account_id: int | None = None
    ) -> PostStats:
        """Counts of this user's posts by progress, on one platform or on all."""
        counts = PostDays(self._session).count_by_state(
            user_id, provider=provider, account_id=account_id
        )
        drafts = self.count_drafts(user_id=user_id, provider=provider, account_id=account_id)
        return PostStats(
            total=sum(counts.values()),
            processing=sum(n for state, n in counts.items() if state not in FINAL_POST_STATES),
            drafts=drafts,
            complete=max(0, counts.get("PUBLISHED", 0) - drafts),
            failed=counts.get("FAILED", 0),
        )

    def count_drafts(
        self,
        *,
        user_id: int,
        provider: str | None = None,
        account_id: int | None = None,
        since: datetime | None = None,
    ) -> int:
        """Count the drafts that their creators have not dealt with yet."""
        conditions = PostFilter(
            provider=provider, account_id=account_id, publish_since=since
        ).conditions()
        query = select(func.count()).where(
            Post.user_id == user_id, is_undecided_draft(), *conditions
        )
        return self._session.execute(query).scalar_one()


def build_ids_query(post_filter: PostFilter, part: ListPart, *, user_id: int) -> Any:
    """Query of the ids of a part, in its order; in the opposite one if it ends at a position."""
    queries = [
        join_status(select(*key_columns(part)), post_filter)
        .where(
            Post.user_id == user_id,
            *post_filter.conditions(),
            *position_conditions(part),
            branch,
        )
        .order_by(*in_order(part, part_keys(part)))
        .limit(part.limit)
        for branch in post_filter.branches()
    ]
    return first_rows(union_all(*queries).subquery(), part)


def build_recent_query(post_filter: PostFilter, part: ListPart, *, user_id: int) -> Any:
    """Query of the ids of those of the next `RECENT_POSTS` posts that fit a filter by words.

    It finds a common word in a few rows; the planner does not know how common a beginning is.
    """
    fits = and_(*post_filter.conditions()).label("fits")
    nearest = (
        select(*key_columns(part), fits)
        .where(Post.user_id == user_id, *position_conditions(part))
        .order_by(*in_order(part, part_keys(part)))
        .limit(RECENT_POSTS)
        .subquery()
    )
    return first_rows(nearest, part).where(nearest.c.fits)


def build_search_query(post_filter: PostFilter, part: ListPart, *, user_id: int) -> Any:
    """Query of the ids of the posts that fit a filter by words, found by the index of titles.

    All that fit are read before they are sorted: with a limit Postgres would rather read posts in
    the order of the list, and all of them if the word is rare.
    """
    rows = (
        select(*key_columns(part))
        .where(Post.user_id == user_id, *post_filter.conditions(), *position_conditions(part))
        .cte("found")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return first_rows(rows, part)


def part_keys(part: ListPart) -> tuple[Any, ...]:
    """What a list is sorted by."""
    return (publish_time(), Post.id) if part.is_by_time else (Post.id,)


def key_columns(part: ListPart) -> list[Any]:
    """The same as columns with names."""
    names = ("at", "id") if part.is_by_time else ("id",)
    return [key.label(name) for key, name in zip(part_keys(part), names, strict=True)]


def in_order(part: ListPart, columns: Sequence[Any]) -> list[Any]:
    return [column.desc() if part.after is None else column.asc() for column in columns]


def first_rows(rows: Any, part: ListPart) -> Any:
    """Query of the ids of the first of these rows, in the order of the part."""
    columns = (rows.c.at, rows.c.id) if part.is_by_time else (rows.c.id,)
    return select(rows.c.id).order_by(*in_order(part, columns)).limit(part.limit)


def join_status(query: Any, post_filter: PostFilter) -> Any:
    """Join the records if the filter asks for the platform's status."""
    return query if post_filter.status is None else join_records(query)


def position_conditions(part: ListPart) -> list[ColumnElement[bool]]:
    keys, conditions = part_keys(part), []
    if part.before is not None:
        conditions.append(tuple_(*keys) < tuple_(*position_values(part.before, part)))
    if part.after is not None:
        conditions.append(tuple_(*keys) > tuple_(*position_values(part.after, part)))
    return conditions


def position_values(position: ListPosition, part: ListPart) -> list[Any]:
    return [position.at, position.id] if part.is_by_time else [position.id]
