"""Asking how a post stands, and cancelling it while it is being downloaded.

Source: TikTok, get-video-status and the cancel page, read 2026-11-22. Key names as TikTok
misspells them.
"""

from typing import Any

from flask import Blueprint, request

from platforms.sandbox.log import ENTRY
from platforms.sandbox.tiktok import course
from platforms.sandbox.tiktok.answers import Refused
from platforms.sandbox.tiktok.gate import Data, body, call
from platforms.sandbox.tiktok.posts import FILE, Post, Status
from platforms.sandbox.tiktok.state import TikTok
from platforms.sandbox.tiktok.tokens import Grant

routes = Blueprint("status", __name__)

UNKNOWN = "invalid_publish_id"


@routes.post("/v2/post/publish/status/fetch/")
@call("status", "video.upload", "video.publish", rate="status_per_minute")
def status(tiktok: TikTok, grant: Grant) -> Data:
    post = theirs(tiktok, grant)
    if tiktok.time < post.created_at + tiktok.settings.lag_seconds:
        raise Refused("invalid_params", UNKNOWN)  # the other spelling, seen right after a start
    data: dict[str, Any] = {
        "status": post.status.value,
        "publicaly_available_post_id": list(post.post_ids),
        "uploaded_bytes" if post.source == FILE else "downloaded_bytes": post.size,
    }
    return data | ({"fail_reason": post.fail_reason} if post.status is Status.FAILED else {})


@routes.post("/v2/post/publish/cancel/")
@call("cancel", "video.upload", "video.publish")
def cancel(tiktok: TikTok, grant: Grant) -> None:
    """Answers without `data`. What is cancelled is told as a failure, by delivery."""
    post = theirs(tiktok, grant)
    if not post.is_downloading:
        raise Refused("publish_not_cancellable")
    course.fail(tiktok, post, "publish_cancelled")


def theirs(tiktok: TikTok, grant: Grant) -> Post:
    """Errors: Refused."""
    publish_id = body().get("publish_id")
    post = tiktok.posts.get(publish_id) if isinstance(publish_id, str) else None
    if post is None:
        raise Refused(UNKNOWN)
    request.environ[ENTRY].note(publish_id=post.publish_id)
    if post.open_id != grant.open_id:
        raise Refused("token_not_authorized_for_specified_publish_id")
    return post
