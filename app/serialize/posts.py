"""Posts as the API shows them. Ids of platforms are strings; the only secret is an upload URL."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.http.context import current_container
from app.http.errors import ERROR_KINDS, ErrorKind
from app.http.i18n import current_locale
from app.http.messages import find_message
from core.publishing import CreatorInfo, PostResult, PostView, UploadProgress
from core.publishing.quota import Quota
from db.posts.posts import Post, mode_of_kind
from db.posts.tiktok_posts import TikTokPost
from db.posts.timeline import PostEvent
from platforms.base import Actor, FailureReason


def public_status(post: Post, tiktok_row: TikTokPost | None) -> str:
    """Return the platform's status, or our state while the platform has none."""
    return tiktok_row.status if tiktok_row else post.state


def post_mode(post: Post) -> str:
    """Return INBOX or DIRECT, the first part of the post's kind."""
    return mode_of_kind(post.kind)


def failure_reasons(post: Post) -> Mapping[str, FailureReason]:
    """Return the failure reasons of the post's platform by code; none while it is switched off."""
    platform = current_container().services.adapters.get(post.provider)
    return platform.failure_reasons if platform else {}


def serialize_event(event: PostEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "at": event.at,
        "kind": event.kind,
        "from": event.before,
        "to": event.after,
        "note": event.note,
    }


def serialize_error(post: Post, reasons: Mapping[str, FailureReason]) -> dict[str, Any] | None:
    """Why the post failed, or None; the texts for the creator are in the reader's language."""
    if post.error_code is None:
        return None
    reason = reasons.get(post.error_code)
    texts = find_message(post.error_code, current_locale())
    return {
        "code": post.error_code,
        "message": post.error_message,
        "userMessage": texts.message if texts else reason and reason.sentence,
        "suggestion": texts.suggestion if texts else None,
        "who": reason.actor if reason else None,
        "retryable": is_retryable(post.error_code, reason),
    }


def is_retryable(code: str, reason: FailureReason | None) -> bool:
    """Whether the same post may succeed without an action of the creator or the operator."""
    return (
        reason.actor is Actor.NOBODY if reason else ERROR_KINDS.get(code, ErrorKind(500)).retryable
    )


def serialize_post(
    view: PostView, reasons: Mapping[str, FailureReason], *, include_events: bool = False
) -> dict[str, Any]:
    row = view.post
    fields = {
        "id": row.id,
        "platform": row.provider,
        "state": row.state,
        "status": public_status(row, view.tiktok_row),
        "kind": row.kind,
        "source": row.source,
        "title": row.title,
        "account_id": row.oauth_account_id,
        "publish_at": row.publish_at,
        "due_at": row.due_at,
        "attempts": row.attempts,
        "hold_reason": row.hold_reason,
        "publish_id": row.publish_id,
        "container_id": row.container_id,
        "platform_post_id": row.platform_post_id,
        "permalink": row.permalink,
        "error": serialize_error(row, reasons),
        "progress": {
            "step": row.step,
            "bytes_sent": row.bytes_sent,
            "bytes_total": row.bytes_total,
        },
        "retry_of": row.retry_of,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "finished_at": row.finished_at,
    }
    return (
        {**fields, "events": [serialize_event(event) for event in view.events]}
        if include_events
        else fields
    )


def serialize_upload(result: PostResult) -> dict[str, Any]:
    """A post for its requester; if the client uploads itself, with the upload URL and chunks."""
    row = result.post
    fields = {
        "id": row.id,
        "publish_id": row.publish_id,
        "status": public_status(row, result.tiktok_row),
        "state": row.state,
        "source": row.source,
        "mode": post_mode(row),
        "warnings": ignored_fields(row),
    }
    if result.upload_url is not None and result.chunk_plan is not None:
        return {
            **fields,
            "upload_url": result.upload_url.reveal(),
            "chunk_size": result.chunk_plan.chunk_size,
            "total_chunk_count": result.chunk_plan.count,
            "upload_url_expires_at": row.url_expires_at,
        }
    if row.publish_id is None:
        return {**fields, "due_at": row.due_at, "status_url": f"/api/posts/{row.id}"}
    return fields


def ignored_fields(row: Post) -> list[str]:
    """Name the fields that have no effect on a draft: its creator chooses them in the app."""
    if post_mode(row) != "INBOX":
        return []
    sent_fields = ["title", *row.payload_json.get("settings", {})]
    used_fields = {"title", "description"} if row.kind == "INBOX_PHOTO" else set()
    return [name for name in sent_fields if name not in used_fields]


def serialize_tiktok_post(view: PostView) -> dict[str, Any]:
    row, tiktok_row = view.post, view.tiktok_row
    error_fields = {"error_code": row.error_code, "error_message": row.error_message}
    return {
        "id": row.id,
        "publish_id": row.publish_id,
        "status": public_status(row, tiktok_row),
        "state": row.state,
        "source": row.source,
        "mode": post_mode(row),
        "title": row.title,
        **({name: value for name, value in error_fields.items() if value is not None}),
        "metadata": tiktok_row.details if tiktok_row else {},
        "account_id": row.oauth_account_id,
        "created_at": row.created_at,
        "updated_at": tiktok_row.updated_at if tiktok_row else row.updated_at,
    }


def serialize_quota(quota: Quota) -> dict[str, Any]:
    return quota.as_dict()


def serialize_rate(quota: Quota, now: datetime) -> dict[str, Any]:
    resets_in = quota.resets_at and math.ceil((quota.resets_at - now).total_seconds())
    return {"limit": quota.limit, "remaining": quota.remaining, "resets_in": resets_in or 0}


def serialize_progress(row: Post, progress: UploadProgress) -> dict[str, Any]:
    fields = {"id": row.id, "state": row.state, **vars(progress)}
    optional = {"bytes_per_second", "eta_seconds"}
    return {
        name: value for name, value in fields.items() if value is not None or name not in optional
    }


def serialize_creator(creator: CreatorInfo) -> dict[str, Any]:
    return {
        "nickname": creator.nickname,
        "username": creator.username,
        "avatar": creator.avatar_url,
        "privacy_level_options": list(creator.privacy_levels),
        "comment_disabled": creator.comment_disabled,
        "duet_disabled": creator.duet_disabled,
        "stitch_disabled": creator.stitch_disabled,
        "max_video_post_duration_sec": creator.max_video_seconds,
        "account_is_private": creator.is_private,
        "account_must_be_private": not creator.is_app_audited,
    }
