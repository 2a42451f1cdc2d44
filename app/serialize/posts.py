"""Posts as our API shows them: platforms' ids as text, no secret but one. Decides nothing."""

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Response, after_this_request, jsonify

from app.http.errors import ERROR_KINDS, ErrorKind
from app.http.i18n import current_locale
from app.http.messages import find_message
from app.http.validation import ok
from core.errors import CoreError
from core.publishing import CreatorInfo, PostResult, PostView, UploadProgress
from core.publishing.quota import Quota
from db.posts.posts import Post
from db.posts.tiktok_posts import TikTokPost
from db.posts.timeline import PostEvent
from platforms.base import Actor, FailureReason


def public_status(post: Post, record: TikTokPost | None) -> str:
    """The platform's own word, or our state while it has none."""
    return record.status if record else post.state


def post_mode(post: Post) -> str:
    return post.kind.partition("_")[0]


def serialize_event(event: PostEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "at": event.at,
        "kind": event.kind,
        "from": event.before,
        "to": event.after,
        "note": event.note,
    }


def serialize_error(post: Post, reasons: Mapping[str, Any]) -> dict[str, Any] | None:
    """Why it ended badly; the sentences are for the creator, in the reader's language."""
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
    """Whether the same post may go through as it is, without anybody doing anything before."""
    return (
        reason.actor is Actor.NOBODY if reason else ERROR_KINDS.get(code, ErrorKind(500)).retryable
    )


def serialize_post(
    view: PostView, reasons: Mapping[str, Any], *, include_events: bool = False
) -> dict[str, Any]:
    row = view.post
    fields = {
        "id": row.id,
        "platform": row.provider,
        "state": row.state,
        "status": public_status(row, view.record),
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
    """What the requester of a post is told."""
    row = result.post
    fields = {
        "id": row.id,
        "publish_id": row.publish_id,
        "status": public_status(row, result.record),
        "state": row.state,
        "source": row.source,
        "mode": post_mode(row),
        "warnings": ignored_fields(row),
    }
    if result.upload_url is not None and result.chunks is not None:
        chunk_size, chunk_count = result.chunks
        return {
            **fields,
            "upload_url": result.upload_url.reveal(),
            "chunk_size": chunk_size,
            "total_chunk_count": chunk_count,
            "upload_url_expires_at": row.url_expires_at,
        }
    if row.publish_id is None:
        return {**fields, "due_at": row.due_at, "status_url": f"/api/posts/{row.id}"}
    return fields


def ignored_fields(row: Post) -> list[str]:
    """Fields that have no effect on a draft: its creator decides in the app."""
    if post_mode(row) != "INBOX":
        return []
    sent_fields = ["title", *row.payload_json.get("settings", {})]
    used_fields = {"title", "description"} if row.kind == "INBOX_PHOTO" else set()
    return [name for name in sent_fields if name not in used_fields]


def serialize_tiktok_post(view: PostView) -> dict[str, Any]:
    row, record = view.post, view.record
    error_fields = {"error_code": row.error_code, "error_message": row.error_message}
    return {
        "id": row.id,
        "publish_id": row.publish_id,
        "status": public_status(row, record),
        "state": row.state,
        "source": row.source,
        "mode": post_mode(row),
        "title": row.title,
        **({name: value for name, value in error_fields.items() if value is not None}),
        "metadata": record.details if record else {},
        "account_id": row.oauth_account_id,
        "created_at": row.created_at,
        "updated_at": record.updated_at if record else row.updated_at,
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


# MERGED app.replies: The answer to whoever asked for a post, once or again. Decides nothing.

REPLAYED_HEADER = "Idempotency-Replayed"


def respond_with_post(request_post: Callable[[], PostResult]) -> tuple[Response, int]:
    """200 once the platform has it, 202 while only we do; errors go their way."""
    try:
        result = request_post()
    except CoreError as error:
        mark_replayed(is_replayed=bool(error.details.get("replayed")))
        raise
    mark_replayed(is_replayed=result.is_replay)
    response = jsonify(ok(data=serialize_upload(result), quota=serialize_quota(result.quota)))
    response.headers["Location"] = f"/api/posts/{result.post.id}"
    response.headers["Cache-Control"] = "no-store"  # an upload address is its own key
    return response, 200 if result.post.publish_id else 202


def mark_replayed(*, is_replayed: bool) -> None:
    if is_replayed:
        after_this_request(set_replayed_header)


def set_replayed_header(response: Response) -> Response:
    response.headers[REPLAYED_HEADER] = "true"
    return response
