"""Asking how a post stands, and cancelling it while it is being downloaded.

Source: TikTok, get-video-status and the cancel page, read 2026-11-22. Key names as TikTok
misspells them.
"""

from typing import Any

from flask import Blueprint, request

from platforms.sandbox.request_log import ENTRY_KEY
from platforms.sandbox.tiktok import post_lifecycle
from platforms.sandbox.tiktok.auth import Data, api_view, read_body
from platforms.sandbox.tiktok.posts import FILE_SOURCE, SandboxPost, SandboxPostStatus
from platforms.sandbox.tiktok.responses import ApiRefused
from platforms.sandbox.tiktok.state import TikTokState
from platforms.sandbox.tiktok.tokens import IssuedToken

routes = Blueprint("status", __name__)

UNKNOWN_POST_CODE = "invalid_publish_id"


@routes.post("/v2/post/publish/status/fetch/")
@api_view("status", "video.upload", "video.publish", rate="status_per_minute")
def show_status(tiktok: TikTokState, grant: IssuedToken) -> Data:
    post = require_own_post(tiktok, grant)
    if tiktok.time < post.created_at + tiktok.settings.lag_seconds:
        raise ApiRefused(
            "invalid_params", UNKNOWN_POST_CODE
        )  # the other spelling, seen right after a start
    data: dict[str, Any] = {
        "status": post.status.value,
        "publicaly_available_post_id": list(post.post_ids),
        "uploaded_bytes" if post.source == FILE_SOURCE else "downloaded_bytes": post.size,
    }
    return data | (
        {"fail_reason": post.fail_reason} if post.status is SandboxPostStatus.FAILED else {}
    )


@routes.post("/v2/post/publish/cancel/")
@api_view("cancel", "video.upload", "video.publish")
def cancel_post(tiktok: TikTokState, grant: IssuedToken) -> None:
    """Answers without `data`. What is cancelled is told as a failure, by delivery."""
    post = require_own_post(tiktok, grant)
    if not post.is_downloading:
        raise ApiRefused("publish_not_cancellable")
    post_lifecycle.fail_post(tiktok, post, "publish_cancelled")


def require_own_post(tiktok: TikTokState, grant: IssuedToken) -> SandboxPost:
    """Errors: Refused."""
    publish_id = read_body().get("publish_id")
    post = tiktok.posts.get(publish_id) if isinstance(publish_id, str) else None
    if post is None:
        raise ApiRefused(UNKNOWN_POST_CODE)
    request.environ[ENTRY_KEY].update(publish_id=post.publish_id)
    if post.open_id != grant.open_id:
        raise ApiRefused("token_not_authorized_for_specified_publish_id")
    return post
