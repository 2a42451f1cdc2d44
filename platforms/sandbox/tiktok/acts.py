"""What people do to a post: the creator, a moderator, or whoever wants to see it fail."""

from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.exceptions import BadRequest

from platforms.sandbox.tiktok import course
from platforms.sandbox.tiktok.posts import Post, Status
from platforms.sandbox.tiktok.state import TikTok
from platforms.sandbox.tiktok.videos import COUNTERS

Json = dict[str, Any]


def take_from_inbox(tiktok: TikTok, post: Post, asked: Json) -> None:
    """The creator opens the draft and posts it; again, if they like."""
    if post.status not in {Status.IN_INBOX, Status.COMPLETE}:
        raise BadRequest("it is not in the inbox")
    post.public = bool(asked.get("public", not tiktok.creator(post).private))
    course.publish(tiktok, post)


def fail(tiktok: TikTok, post: Post, asked: Json) -> None:
    course.fail(tiktok, post, str(asked.get("reason", "internal")))


def withdraw(tiktok: TikTok, post: Post, _asked: Json) -> None:
    course.withdraw(tiktok, post)


def finish(tiktok: TikTok, post: Post, _asked: Json) -> None:
    course.finish(tiktok, post)


def expire(tiktok: TikTok, post: Post, _asked: Json) -> None:
    """Its upload address ends now."""
    if post.upload:
        post.upload.until = tiktok.time


def count(_tiktok: TikTok, post: Post, asked: Json) -> None:
    """The public sees these numbers from now on; null takes one away."""
    if not asked or not all(
        name in COUNTERS and (value is None or type(value) is int) for name, value in asked.items()
    ):
        raise BadRequest(f"numbers or null: {', '.join(sorted(COUNTERS))}")
    post.counts |= asked


ACTS: Mapping[str, Callable[[TikTok, Post, Json], None]] = {
    "post": take_from_inbox,
    "fail": fail,
    "withdraw": withdraw,
    "finish": finish,
    "expire": expire,
    "count": count,
}
