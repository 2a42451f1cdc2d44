"""The endpoints for the status of a post, and for cancelling it while it is downloaded.

Source: TikTok, get-video-status and the cancel page, read 2026-11-22. The misspelt field names are
TikTok's.
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
        # the form that was observed right after a start
        raise ApiRefused("invalid_params", UNKNOWN_POST_CODE)
    data: dict[str, Any] = {
        "status": post.status.value,
        "publicaly_available_post_id": list(post.post_ids),
        "uploaded_bytes" if post.source == FILE_SOURCE else "downloaded_bytes": post.size,
    }
    if post.status is SandboxPostStatus.FAILED:
        data["fail_reason"] = post.fail_reason
    return data


@routes.post("/v2/post/publish/cancel/")
@api_view("cancel", "video.upload", "video.publish")
def cancel_post(tiktok: TikTokState, grant: IssuedToken) -> None:
    """Cancel the post; the answer has no `data`. A webhook reports the post as failed."""
    post = require_own_post(tiktok, grant)
    if not post.is_downloading:
        raise ApiRefused("publish_not_cancellable")
    post_lifecycle.fail_post(tiktok, post, "publish_cancelled")


def require_own_post(tiktok: TikTokState, grant: IssuedToken) -> SandboxPost:
    """Return the post of the call. Errors: ApiRefused if it is unknown or another creator's."""
    publish_id = read_body().get("publish_id")
    post = tiktok.posts.get(publish_id) if isinstance(publish_id, str) else None
    if post is None:
        raise ApiRefused(UNKNOWN_POST_CODE)
    request.environ[ENTRY_KEY].update(publish_id=post.publish_id)
    if post.open_id != grant.open_id:
        raise ApiRefused("token_not_authorized_for_specified_publish_id")
    return post
