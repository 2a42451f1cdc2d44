"""Read-only queries over the posts of one user: filtered pages and counts by state.

No query reads all posts of a user: a page reads the first rows of indexes, a count those of
`post_days`, or rows up to a limit.

Lists are in the order of ids, so that one index for each filter serves them. Times of creation are
turned into ids first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Subquery,
    bindparam,
    func,
    select,
    tuple_,
    union_all,
)

from db.posts.post_days import PostDays
from db.posts.posts import (
    FINAL_POST_STATES,
    POST_STATES,
    Post,
    is_undecided_draft,
    publish_time,
)
from db.publishing.post_filter import PostFilter, words_condition
from db.publishing.record_joins import is_without_record, join_records
from db.records.post_records import RECORD_TABLES
from db.session import Session

RECENT_POSTS = 1000
"""Posts among which words are looked for before the index of titles is asked."""

LONGEST_INSERTION = timedelta(minutes=10)
"""Longer than a transaction that inserts posts: a post that was created so much later than another
has a larger id. Our transactions end after 5 minutes without a statement.
"""

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


FIRST_POSITION = ListPosition(0, datetime(1970, 1, 1, tzinfo=UTC))
"""Before all posts, in the order of time."""


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
        owned = (Post.id.in_(ids), Post.user_id == user_id)
        query = join_records(select(Post, *tables)).where(*owned)
        rows = {
            post.id: (post, next((record for record in records if record is not None), None))
            for post, *records in self._session.execute(query)
        }
        found = [rows[post_id] for post_id in ids if post_id in rows]
        return found if part.after is None else found[::-1]

    def _find_ids(self, post_filter: PostFilter, part: ListPart, *, user_id: int) -> list[int]:
        post_filter = self._with_id_bounds(post_filter, user_id=user_id)
        if post_filter.words is None:
            if is_beginning(post_filter, part):
                query = build_first_ids_query(post_filter, part)
            else:
                query = build_ids_query(post_filter, part, user_id=user_id)
            return list(self._session.scalars(query, {"user_id": user_id}))
        recent = self._session.execute(build_recent_query(post_filter, part, user_id=user_id)).all()
        ids = [post_id for post_id, fits in recent if fits]
        if len(ids) >= part.limit or len(recent) < RECENT_POSTS:
            return ids[: part.limit]
        return list(self._session.scalars(build_search_query(post_filter, part, user_id=user_id)))

    def _with_id_bounds(self, post_filter: PostFilter, *, user_id: int) -> PostFilter:
        """Add to the times of creation the ids between which their posts are."""
        of_user = select(Post.id).where(Post.user_id == user_id)
        since_id = until_id = None
        if post_filter.since is not None:
            earlier = of_user.where(Post.created_at < post_filter.since - LONGEST_INSERTION)
            since_id = self._session.scalar(earlier.order_by(Post.created_at.desc()).limit(1))
        if post_filter.until is not None:
            later = of_user.where(Post.created_at > post_filter.until + LONGEST_INSERTION)
            until_id = self._session.scalar(later.order_by(Post.created_at).limit(1))
        return replace(post_filter, since_id=since_id, until_id=until_id)

    def count_up_to(self, post_filter: PostFilter, *, user_id: int, limit: int) -> int:
        """Count posts; `limit` if there are as many or more."""
        rows = union_all(
            *(
                select(Post.id).where(Post.user_id == user_id, *conditions).limit(limit)
                for conditions in post_filter.branch_conditions()
            )
        ).subquery()
        return min(
            limit, self._session.execute(select(func.count()).select_from(rows)).scalar_one()
        )

    def count_displays(
        self, names: Sequence[str], *, user_id: int, limit: int
    ) -> Mapping[str, int]:
        """Count the posts that are displayed in each of these states, up to `limit` of each."""
        query = build_displays_query(tuple(names))
        counts = self._session.execute(query, {"user_id": user_id, "limit": limit}).one()
        return dict(zip(names, counts, strict=True))

    def has_posts(self, *, user_id: int) -> bool:
        query = select(Post.id).where(Post.user_id == user_id).limit(1)
        return self._session.scalar(query) is not None

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


@cache
def build_displays_query(names: tuple[str, ...]) -> Any:
    """Query of a row with a number for each display state."""
    of_user = select(Post.id).where(Post.user_id == bindparam("user_id"))
    most = bindparam("limit", type_=Integer)
    rows = [
        union_all(
            *(
                of_user.where(branch).limit(most)
                for branch in PostFilter(displays=(name,)).branches()
            )
        ).subquery()
        for name in names
    ]
    return select(*(select(func.count()).select_from(each).scalar_subquery() for each in rows))


def is_beginning(post_filter: PostFilter, part: ListPart) -> bool:
    """Whether many readers ask for the same: the first posts of all, or of some states or kinds."""
    is_common = post_filter == PostFilter(
        provider=post_filter.provider, kinds=post_filter.kinds, displays=post_filter.displays
    )
    return is_common and part.before is None and part.after in (None, FIRST_POSITION)


@lru_cache(maxsize=32)
def build_first_ids_query(post_filter: PostFilter, part: ListPart) -> Any:
    """Query of the ids of a beginning, built once: that costs more than to run it."""
    return build_ids_query(post_filter, part, user_id=bindparam("user_id", type_=BigInteger))


def build_ids_query(post_filter: PostFilter, part: ListPart, *, user_id: Any) -> Any:
    """Query of the ids of a part, in its order; in the opposite one if it ends at a position."""
    if post_filter.status is not None:
        return build_status_query(post_filter, part, user_id=user_id)
    return first_rows(collect_rows(post_filter, part, user_id=user_id), part)


def collect_rows(
    post_filter: PostFilter, part: ListPart, *columns: Any, user_id: Any
) -> Subquery[Any]:
    """Query of the first rows of each branch of a filter, with these columns beside the keys."""
    return union_all(
        *(
            select(*key_columns(part), *columns)
            .where(
                *owner_conditions(post_filter, part, user_id=user_id),
                *position_conditions(part),
                *conditions,
            )
            .order_by(*in_order(part, part_keys(part)))
            .limit(part.limit)
            for conditions in post_filter.branch_conditions()
        )
    ).subquery()


def owner_conditions(
    post_filter: PostFilter, part: ListPart, *, user_id: Any
) -> list[ColumnElement[bool]]:
    """Conditions that the posts are the user's; none for all posts of an account by id, which has
    one user: whose, is checked as the posts are read.

    Postgres multiplies the shares of both, expects hardly any post, and would go through all posts
    instead of those of the account. A list by time needs the user: its index begins with that.
    """
    names_account = post_filter.account_id is not None or post_filter.destination_id is not None
    if names_account and not (part.is_by_time or post_filter.state or post_filter.displays):
        return []
    return [Post.user_id == user_id]


def build_status_query(post_filter: PostFilter, part: ListPart, *, user_id: Any) -> Any:
    """Query of the ids of the posts that have this status at their platform, or this state and no
    record. Such a list is never sorted by time.

    Both are read in the order of ids, from an index of the record and from one of the posts that
    no platform knows.
    """
    conditions = (Post.user_id == user_id, *replace(post_filter, status=None).conditions())
    queries = [
        select(table.model.post_id.label("id"))
        .join(Post, Post.id == table.model.post_id)
        .where(
            table.model.user_id == user_id,
            table.model.status == post_filter.status,
            *conditions,
            *position_conditions(part, table.model.post_id),
        )
        .order_by(*in_order(part, [table.model.post_id]))
        .limit(part.limit)
        for table in RECORD_TABLES.values()
    ]
    if post_filter.status in POST_STATES:
        unknown = join_records(select(Post.id)).where(
            Post.state == post_filter.status,
            Post.publish_id.is_(None),
            is_without_record(),
            *conditions,
            *position_conditions(part),
        )
        queries.append(unknown.order_by(*in_order(part, [Post.id])).limit(part.limit))
    return first_rows(union_all(*queries).subquery(), part)


def build_recent_query(post_filter: PostFilter, part: ListPart, *, user_id: int) -> Any:
    """Query of the next `RECENT_POSTS` posts that fit a filter apart from its words: their ids, and
    whether the words fit.

    It finds a common word in a few rows; the planner does not know how common a beginning is.
    """
    part = replace(part, limit=RECENT_POSTS)
    rows = collect_rows(replace(post_filter, words=None), part, Post.title, user_id=user_id)
    others = [column for column in rows.c if column.key != "id"]
    nearest = first_rows(rows, part, *others).subquery()
    words = words_condition(post_filter.words or "", nearest.c.title)
    return select(nearest.c.id, words).order_by(*in_order(part, row_keys(nearest, part)))


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


def first_rows(rows: Any, part: ListPart, *columns: Any) -> Any:
    """Query of the ids of the first of these rows, in the order of the part, and these columns."""
    order = in_order(part, row_keys(rows, part))
    return select(rows.c.id, *columns).order_by(*order).limit(part.limit)


def row_keys(rows: Any, part: ListPart) -> tuple[Any, ...]:
    """The columns of a subquery by which a list is sorted."""
    return (rows.c.at, rows.c.id) if part.is_by_time else (rows.c.id,)


def position_conditions(part: ListPart, *columns: Any) -> list[ColumnElement[bool]]:
    """Conditions on the keys of the list, or on other columns with the same values."""
    keys, conditions = columns or part_keys(part), []
    if part.before is not None:
        conditions.append(tuple_(*keys) < tuple_(*position_values(part.before, part)))
    if part.after is not None:
        conditions.append(tuple_(*keys) > tuple_(*position_values(part.after, part)))
    return conditions


def position_values(position: ListPosition, part: ListPart) -> list[Any]:
    return [position.at, position.id] if part.is_by_time else [position.id]
