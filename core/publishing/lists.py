"""Lists of a user's posts that can be read in both directions, and the same list as a stream."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from core.publishing.queries import PostView, has_items, with_platform_kinds
from db.posts.parts import PostParts
from db.posts.posts import Post
from db.publishing.post_filter import PostFilter
from db.publishing.queries import ListPart, ListPosition, PostQueries, PostRow
from db.session import Database, Session

STREAM_BATCH_POSTS = 1000


@dataclass(frozen=True)
class PostListPart:
    """Some posts of a list, newest first; the positions beside them, None at an end."""

    posts: Sequence[PostView]
    newer: ListPosition | None
    older: ListPosition | None


def list_post_part(
    database: Database, filters: PostFilter, part: ListPart, *, user_id: int
) -> PostListPart:
    """List the user's posts that a part of a list shows."""
    with database.transaction() as session:
        return read_post_part(session, filters, part, user_id=user_id)


def read_post_part(
    session: Session, filters: PostFilter, part: ListPart, *, user_id: int
) -> PostListPart:
    rows = list(
        PostQueries(session).list_part(
            with_platform_kinds(filters), replace(part, limit=part.limit + 1), user_id=user_id
        )
    )
    has_more = len(rows) > part.limit
    listed = rows[-part.limit :] if part.after is not None else rows[: part.limit]
    views = add_parts(session, listed)
    has_newer = has_more if part.after is not None else part.before is not None
    has_older = has_more if part.after is None else True
    return PostListPart(
        views,
        newer=find_position(listed[0][0], part) if listed and has_newer else None,
        older=find_position(listed[-1][0], part) if listed and has_older else None,
    )


def add_parts(session: Session, rows: Sequence[PostRow]) -> list[PostView]:
    ids = [post.id for post, _ in rows if has_items(post)]
    parts = PostParts(session).list_by_posts(ids) if ids else {}
    return [PostView(post, record, parts=parts.get(post.id, ())) for post, record in rows]


def find_position(post: Post, part: ListPart) -> ListPosition:
    return ListPosition(post.id, post.publish_at or post.created_at if part.is_by_time else None)


def stream_posts(
    database: Database, filters: PostFilter, *, user_id: int, is_by_time: bool, limit: int
) -> Iterator[Post]:
    """Read a list from its beginning, newest first, in short transactions."""
    part = ListPart(limit=STREAM_BATCH_POSTS, is_by_time=is_by_time)
    filters = with_platform_kinds(filters)
    count = 0
    while count < limit:
        with database.transaction() as session:
            rows = PostQueries(session).list_part(filters, part, user_id=user_id)
        for post, _record in rows[: limit - count]:
            yield post
        count += len(rows)
        if len(rows) < part.limit:
            return
        part = replace(part, before=find_position(rows[-1][0], part))


def count_posts_up_to(database: Database, filters: PostFilter, *, user_id: int, limit: int) -> int:
    """Count the user's posts that a filter lets through; `limit` if there are as many or more."""
    with database.transaction() as session:
        return PostQueries(session).count_up_to(
            with_platform_kinds(filters), user_id=user_id, limit=limit
        )
