"""What people do to a post: the creator, a moderator, or whoever wants to see it fail."""

from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.exceptions import BadRequest

from platforms.sandbox.tiktok import post_lifecycle
from platforms.sandbox.tiktok.posts import SandboxPost, SandboxPostStatus
from platforms.sandbox.tiktok.state import TikTokState
from platforms.sandbox.tiktok.videos import COUNTER_FIELDS

Json = dict[str, Any]


def post_draft(tiktok: TikTokState, post: SandboxPost, params: Json) -> None:
    """The creator opens the draft and posts it; again, if they like."""
    if post.status not in {SandboxPostStatus.IN_INBOX, SandboxPostStatus.COMPLETE}:
        raise BadRequest("it is not in the inbox")
    post.public = bool(params.get("public", not tiktok.creator(post).private))
    post_lifecycle.publish_post(tiktok, post)


def fail_post(tiktok: TikTokState, post: SandboxPost, params: Json) -> None:
    post_lifecycle.fail_post(tiktok, post, str(params.get("reason", "internal")))


def withdraw_post(tiktok: TikTokState, post: SandboxPost, _params: Json) -> None:
    post_lifecycle.withdraw_post(tiktok, post)


def finish_processing(tiktok: TikTokState, post: SandboxPost, _params: Json) -> None:
    post_lifecycle.finish_processing(tiktok, post)


def expire_upload(tiktok: TikTokState, post: SandboxPost, _params: Json) -> None:
    """Its upload address ends now."""
    if post.upload:
        post.upload.expires_at = tiktok.time


def set_counts(_tiktok: TikTokState, post: SandboxPost, params: Json) -> None:
    """The public sees these numbers from now on; null takes one away."""
    if not params or not all(
        name in COUNTER_FIELDS and (value is None or type(value) is int)
        for name, value in params.items()
    ):
        raise BadRequest(f"numbers or null: {', '.join(sorted(COUNTER_FIELDS))}")
    post.counter_overrides |= params


ACTIONS: Mapping[str, Callable[[TikTokState, SandboxPost, Json], None]] = {
    "post": post_draft,
    "fail": fail_post,
    "withdraw": withdraw_post,
    "finish": finish_processing,
    "expire": expire_upload,
    "count": set_counts,
}
