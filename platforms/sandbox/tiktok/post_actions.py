"""Actions on a post through the control API, by the creator, a moderator or a test."""

from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.exceptions import BadRequest

from platforms.sandbox.tiktok import post_lifecycle
from platforms.sandbox.tiktok.posts import SandboxPost, SandboxPostStatus
from platforms.sandbox.tiktok.state import TikTokState
from platforms.sandbox.tiktok.videos import COUNTER_FIELDS

Json = dict[str, Any]


def post_draft(tiktok: TikTokState, post: SandboxPost, params: Json) -> None:
    """Post a draft as its creator does in the app; it can be posted several times."""
    if post.status not in {SandboxPostStatus.IN_INBOX, SandboxPostStatus.COMPLETE}:
        raise BadRequest(f"only a draft in the inbox can be posted; the status is {post.status}")
    post.public = bool(params.get("public", not tiktok.creator(post).private))
    post_lifecycle.publish_post(tiktok, post)


def fail_post(tiktok: TikTokState, post: SandboxPost, params: Json) -> None:
    post_lifecycle.fail_post(tiktok, post, str(params.get("reason", "internal")))


def withdraw_post(tiktok: TikTokState, post: SandboxPost, _params: Json) -> None:
    post_lifecycle.withdraw_post(tiktok, post)


def finish_processing(tiktok: TikTokState, post: SandboxPost, _params: Json) -> None:
    post_lifecycle.finish_processing(tiktok, post)


def expire_upload(tiktok: TikTokState, post: SandboxPost, _params: Json) -> None:
    """Let the post's upload URL expire now."""
    if post.upload:
        post.upload.expires_at = tiktok.time


def set_counts(_tiktok: TikTokState, post: SandboxPost, params: Json) -> None:
    """Set the post's public counts from now on; null means not reported."""
    if not params or not all(
        name in COUNTER_FIELDS and (value is None or type(value) is int)
        for name, value in params.items()
    ):
        names = ", ".join(sorted(COUNTER_FIELDS))
        raise BadRequest(f"the body has to set some of {names} to a whole number or null")
    post.counter_overrides |= params


ACTIONS: Mapping[str, Callable[[TikTokState, SandboxPost, Json], None]] = {
    "post": post_draft,
    "fail": fail_post,
    "withdraw": withdraw_post,
    "finish": finish_processing,
    "expire": expire_upload,
    "count": set_counts,
}
