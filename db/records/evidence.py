"""What we have stored that can tell what became of a post whose call was not answered."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from db.posts.posts import Post
from db.posts.reconciliation import Reconciliation
from db.records.tiktok_video_reader import list_unmatched_videos

MAX_PUBLISHING_TIME = timedelta(hours=24)
"""How long after its start a post is looked for among the public ones."""


class PublicPostRow(NamedTuple):
    """A public post of an account, as we have stored it."""

    id: str
    posted_at: datetime | None
    text: str | None
    url: str | None
    duration: timedelta | None


def list_named_handles(session: Session, post: Post, *, since: datetime) -> Sequence[str]:
    """Publications that webhooks named since then for the post's account and that no post has."""
    return Reconciliation(session).list_unmatched_publications(post, since=since)


def list_public_videos(
    session: Session, post: Post, *, since: datetime
) -> tuple[PublicPostRow, ...]:
    videos = list_unmatched_videos(
        session, post.oauth_account_id, since=since, until=since + MAX_PUBLISHING_TIME
    )
    return tuple(
        PublicPostRow(
            id=video.video_id,
            posted_at=video.posted_at,
            text=video.title,
            url=video.url,
            duration=None
            if video.duration_seconds is None
            else timedelta(seconds=video.duration_seconds),
        )
        for video in videos
        if video.missing_since is None
    )


PUBLIC_ITEM_LISTS: Mapping[str, Callable[..., tuple[PublicPostRow, ...]]] = {
    "tiktok": list_public_videos
}
"""Platform → the list of its public posts that we keep; the others are asked for theirs."""


def list_public_items(
    session: Session, post: Post, *, since: datetime
) -> tuple[PublicPostRow, ...]:
    """Public posts of the account that appeared since then and belong to none of our posts."""
    list_items = PUBLIC_ITEM_LISTS.get(post.provider)
    return () if list_items is None else list_items(session, post, since=since)
