"""Posts as the API shows them. Ids of platforms are strings; the only secret is an upload URL."""

from collections.abc import Mapping
from typing import Any

from app.http.context import current_container
from app.http.errors import ERROR_KINDS, ErrorKind
from app.http.i18n import current_locale
from app.http.messages import find_message
from core.post_state.step_state import FAILED_PART
from core.publishing import PostResult, PostView, UploadProgress
from core.publishing.quota import Quota
from core.publishing.resolve import read_stored_fields
from core.publishing.step_progress import list_step_progress
from db.posts.exchanges import PostExchange
from db.posts.parts import PostPart
from db.posts.posts import Post
from db.posts.timeline import PostEvent
from db.records.record_table import PostRecord
from platforms.base import Actor, FailureReason
from platforms.registry import PLATFORMS

PICTURE_SUFFIX, PICTURES_SUFFIX, VIDEOS_SUFFIX = "_of_picture", "_of_pictures", "_of_videos"
"""Ends of the codes of reasons that have a text of their own for what a post consists of."""


def public_status(post: Post, record: PostRecord | None) -> str:
    """Return the platform's status, or our state while the platform has none."""
    return record.status if record else post.state


def failure_reasons(post: Post) -> Mapping[str, FailureReason]:
    """Return the failure reasons of the post's platform by code; none while it is switched off."""
    platform = current_container().services.adapters.get(post.provider)
    return platform.failure_reasons if platform else {}


def find_text_code(post: Post) -> str:
    """Return the code of the text that says why the post failed.

    Of posts of pictures some reasons have their own, and of posts of videos some of pictures: the
    limits of the others would mislead.
    """
    code, known_codes = str(post.error_code), PLATFORMS[post.provider].failure_reasons
    own_codes = (f"{code}{suffix}" for suffix in find_media_suffixes(post))
    return next((own_code for own_code in own_codes if own_code in known_codes), code)


def find_media_suffixes(post: Post) -> tuple[str, ...]:
    """Return the suffixes of the texts that fit the media of the post, the best one first."""
    platform = PLATFORMS[post.provider]
    kind = platform.kinds.get(post.kind)
    if kind is None or not kind.slots:
        return ()
    are_videos = {platform.media_rules[name].is_video for name in kind.slots[0].rules}
    if are_videos == {True}:
        return (VIDEOS_SUFFIX,)
    if are_videos != {False}:
        return ()  # the kind takes both
    list_urls = platform.list_stored_urls
    is_only = list_urls is not None and len(list_urls(post.payload_json)) == 1
    return (PICTURE_SUFFIX, PICTURES_SUFFIX) if is_only else (PICTURES_SUFFIX,)


def serialize_event(event: PostEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "at": event.at,
        "kind": event.kind,
        "from": event.before,
        "to": event.after,
        "note": event.note,
    }


def serialize_exchange(exchange: PostExchange) -> dict[str, Any]:
    """A call to the platform; of `request` and `answer` only what may be stored has its value."""
    return {
        "id": exchange.id,
        "attempt": exchange.attempt,
        "endpoint": exchange.endpoint,
        "method": exchange.method,
        "host": exchange.host,
        "path": exchange.path,
        "status": exchange.status,
        "error": exchange.error,
        "milliseconds": exchange.milliseconds,
        "times": exchange.times,
        "first_at": exchange.created_at,
        "last_at": exchange.last_at,
        "log_id": exchange.log_id,
        "request": exchange.request,
        "answer": exchange.answer,
    }


def serialize_error(post: Post, reasons: Mapping[str, FailureReason]) -> dict[str, Any] | None:
    """Why the post failed, or None; the texts for the creator are in the reader's language."""
    if post.error_code is None:
        return None
    text_code = find_text_code(post)
    reason = reasons.get(text_code)
    texts = find_message(text_code, current_locale())
    position = post.step_state.get(FAILED_PART)
    return {
        **({"item": position} if position else {}),  # of a collection, counted from 1
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
    return fields | optional_fields(view, include_events=include_events)


def optional_fields(view: PostView, *, include_events: bool) -> dict[str, Any]:
    """The fields that only some posts have: destination, media items, steps."""
    fields: dict[str, Any] = {}
    if view.post.destination_id is not None:
        fields["destination_id"] = view.post.destination_id
    if view.post.group_id is not None:
        fields["group_id"] = str(view.post.group_id)
    if view.parts:
        fields["items"] = [serialize_item(part) for part in view.parts if is_item(part)]
    if include_events:
        fields["events"] = [serialize_event(event) for event in view.events]
        if view.parts:
            fields["steps"] = [vars(step) for step in list_step_progress(view.post, view.events)]
    return fields


def is_item(part: PostPart) -> bool:
    """Whether the part has a file, and is not the whole that the items belong to."""
    return part.media_id is not None or part.url is not None


def serialize_item(part: PostPart) -> dict[str, Any]:
    """A media item and what the platform has made of it."""
    return {
        "position": part.position,
        "role": part.role,
        "media_id": part.media_id,
        "url": part.url,
        "alt_text": part.alt_text,
        "status": part.status,
        "bytes_sent": part.next_offset,
    }


def serialize_result(result: PostResult) -> dict[str, Any]:
    """A post for its requester, with the quotas that it takes, and the upload URL for a client that
    uploads itself.
    """
    view = PostView(result.post, result.record, parts=result.parts)
    fields = serialize_post(view, failure_reasons(result.post))
    return {**fields, "quota": serialize_quotas(result.quotas), **upload_fields(result)}


def upload_fields(result: PostResult) -> dict[str, Any]:
    if result.upload_url is None or result.chunk_plan is None:
        return {}
    return {
        "upload": {
            "url": result.upload_url.reveal(),
            "chunk_size": result.chunk_plan.chunk_size,
            "chunk_count": result.chunk_plan.count,
            "expires_at": result.post.url_expires_at,
        }
    }


def serialize_quotas(quotas: Mapping[str, Quota]) -> dict[str, Any]:
    return {name: quota.as_dict() for name, quota in quotas.items()}


def describe_for_route(view: PostView) -> dict[str, Any]:
    """Everything about a post that the platform's own routes may show."""
    row, record = view.post, view.record
    record_fields = record and {"details": record.details, "updated_at": record.updated_at}
    return {
        **serialize_post(view, failure_reasons(row), include_events=True),
        "text": row.title,
        "user_id": row.user_id,
        "error_code": row.error_code,
        "error_message": row.error_message,
        "options": read_stored_fields(row)["options"],
        "record": record_fields,
        "destination_external_id": view.destination_external_id,
        "failed_position": row.step_state.get(FAILED_PART),
    }


def serialize_progress(row: Post, progress: UploadProgress) -> dict[str, Any]:
    fields = {"id": row.id, "state": row.state, **vars(progress)}
    optional = {"bytes_per_second", "eta_seconds"}
    return {
        name: value for name, value in fields.items() if value is not None or name not in optional
    }
