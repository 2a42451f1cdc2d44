"""The tables in which platforms keep public posts; one line for each platform that has one."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Protocol

from db.posts.posts import Post
from db.records.instagram_media import map_media_to_posts, save_published_media
from db.session import Session


class SavePublicPost(Protocol):
    """Stores a post that has become public; a second call adds what was not known before."""

    def __call__(
        self,
        session: Session,
        post: Post,
        *,
        posted_at: datetime | None,
        details: Mapping[str, Any],
    ) -> None: ...


PUBLIC_POST_WRITERS: Mapping[str, SavePublicPost] = {"instagram": save_published_media}

PUBLIC_POST_OWNERS: Mapping[str, Callable[[Session, Collection[str]], dict[str, int]]] = {
    "instagram": map_media_to_posts
}
"""Platform → which of our posts its public posts are, by their public ids."""

DESTINATION_COLUMNS: Mapping[str, str] = {"instagram": "instagram_account_id"}
"""Platform → the column of `posts` that refers to its table of destinations."""


def destination_columns(provider: str, destination_id: int | None) -> dict[str, int]:
    """The columns that name the destination of a new post besides `destination_id`."""
    column = DESTINATION_COLUMNS.get(provider)
    return {} if column is None or destination_id is None else {column: destination_id}


def map_public_posts(
    session: Session, provider: str, public_ids: Collection[str]
) -> dict[str, int]:
    """Return which of our posts have these public ids, as far as the platform has a table."""
    find_owners = PUBLIC_POST_OWNERS.get(provider)
    return {} if find_owners is None else find_owners(session, public_ids)


def save_public_post(
    session: Session, post: Post, *, posted_at: datetime | None, details: Mapping[str, Any]
) -> None:
    """Store the post in its platform's table. Does nothing while its public id is not known."""
    writer = PUBLIC_POST_WRITERS.get(post.provider)
    if writer is not None and post.platform_post_id is not None:
        writer(session, post, posted_at=posted_at, details=details)
