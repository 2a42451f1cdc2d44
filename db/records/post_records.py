"""Which table has what a platform reported about a post, beside the columns of the post."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy.orm import Session

from db.posts.posts import Post
from db.posts.tiktok_posts import PUBLIC_IDS_KEY, TikTokPosts


class PostRecord(Protocol):
    """A row about the publication of one post; `status` is the vendor's."""

    status: Any
    details: Any
    updated_at: Any


class PostRecordTable(Protocol):
    def get_by_post(self, post_id: int) -> Any | None: ...
    def create(self, post: Post) -> None:
        """Insert the row of a post that has a publish_id. Does nothing if it exists."""
        ...

    def detach_failed(self, post: Post) -> None:
        """Mark the publication as failed and unlink it: the post starts a new one."""
        ...

    def was_updated_within(self, record: Any, window: timedelta) -> bool:
        """Whether the platform reported on it within that time, by the database's clock."""
        ...


POST_RECORD_TABLES: Mapping[str, Callable[[Session], PostRecordTable]] = {"tiktok": TikTokPosts}
"""Platform → its table. Of the others everything known is in the post and its parts."""


def has_record_table(provider: str) -> bool:
    return provider in POST_RECORD_TABLES


def find_post_record(session: Session, provider: str, post_id: int) -> PostRecord | None:
    table = POST_RECORD_TABLES.get(provider)
    return None if table is None else table(session).get_by_post(post_id)


def open_publication(session: Session, post: Post) -> None:
    """The platform knows the post now, by its publish_id."""
    table = POST_RECORD_TABLES.get(post.provider)
    if table is not None:
        table(session).create(post)


def close_publication(session: Session, post: Post) -> None:
    """The platform has nothing of the post any more."""
    table = POST_RECORD_TABLES.get(post.provider)
    if table is not None:
        table(session).detach_failed(post)


def was_record_updated_within(
    session: Session, provider: str, record: PostRecord | None, window: timedelta
) -> bool:
    table = POST_RECORD_TABLES.get(provider)
    if table is None or record is None:
        return False
    return table(session).was_updated_within(record, window)


def record_updated_at(record: PostRecord | None, fallback: datetime) -> datetime:
    moment: datetime = fallback if record is None else record.updated_at
    return moment


PUBLIC_IDS_KEYS: Mapping[str, str] = {"tiktok": PUBLIC_IDS_KEY}
"""Platform → the key in `details` of the ids under which the public sees the post."""


def recorded_public_ids(provider: str, record: PostRecord | None) -> tuple[str, ...]:
    """The ids of a post that its platform has reported; there may be several."""
    key = PUBLIC_IDS_KEYS.get(provider)
    return () if key is None or record is None else tuple(record.details.get(key, ()))
