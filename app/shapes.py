"""Posts as our API shows them: platforms' ids as text, no secret but one. Decides nothing."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.errors import KINDS, Kind
from app.language import locale
from app.words import known
from core.posts import Answer, Creator, Progress, Seen
from core.posts.quota import Quota
from db.posts import Post
from db.records import TikTokPost
from db.timeline import PostEvent
from platforms.base import Reason, Who


def status(post: Post, record: TikTokPost | None) -> str:
    """The platform's own word, or our state while it has none."""
    return record.status if record else post.state


def mode(post: Post) -> str:
    return post.kind.partition("_")[0]


def event(line: PostEvent) -> dict[str, Any]:
    return {
        "id": line.id,
        "at": line.at,
        "kind": line.kind,
        "from": line.before,
        "to": line.after,
        "note": line.note,
    }


def error(post: Post, reasons: Mapping[str, Any]) -> dict[str, Any] | None:
    """Why it ended badly; the sentences are for the creator, in the reader's language."""
    if post.error_code is None:
        return None
    reason = reasons.get(post.error_code)
    said = known(post.error_code, locale())
    return {
        "code": post.error_code,
        "message": post.error_message,
        "userMessage": said.says if said else reason and reason.sentence,
        "suggestion": said.next if said else None,
        "who": reason.who if reason else None,
        "retryable": is_worth_a_try(post.error_code, reason),
    }


def is_worth_a_try(code: str, reason: Reason | None) -> bool:
    """Whether the same post may go through as it is, without anybody doing anything before."""
    return reason.who is Who.NOBODY if reason else KINDS.get(code, Kind(500)).retryable


def post(seen: Seen, reasons: Mapping[str, Any], *, events: bool = False) -> dict[str, Any]:
    row = seen.post
    shown = {
        "id": row.id,
        "platform": row.provider,
        "state": row.state,
        "status": status(row, seen.record),
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
        "error": error(row, reasons),
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
    return {**shown, "events": [event(line) for line in seen.events]} if events else shown


def upload(answer: Answer) -> dict[str, Any]:
    """What the requester of a post is told."""
    row = answer.post
    told = {
        "id": row.id,
        "publish_id": row.publish_id,
        "status": status(row, answer.record),
        "state": row.state,
        "source": row.source,
        "mode": mode(row),
        "warnings": warnings(row),
    }
    if answer.upload_url is not None and answer.chunks is not None:
        size, count = answer.chunks
        return {
            **told,
            "upload_url": answer.upload_url.reveal(),
            "chunk_size": size,
            "total_chunk_count": count,
            "upload_url_expires_at": row.url_expires_at,
        }
    if row.publish_id is None:
        return {**told, "due_at": row.due_at, "status_url": f"/api/posts/{row.id}"}
    return told


def warnings(row: Post) -> list[str]:
    """Fields that have no effect on a draft: its creator decides in the app."""
    if mode(row) != "INBOX":
        return []
    said = ["title", *row.payload_json.get("settings", {})]
    heeded = {"title", "description"} if row.kind == "INBOX_PHOTO" else set()
    return [name for name in said if name not in heeded]


def tiktok(seen: Seen) -> dict[str, Any]:
    row, record = seen.post, seen.record
    wrong = {"error_code": row.error_code, "error_message": row.error_message}
    return {
        "id": row.id,
        "publish_id": row.publish_id,
        "status": status(row, record),
        "state": row.state,
        "source": row.source,
        "mode": mode(row),
        "title": row.title,
        **({name: value for name, value in wrong.items() if value is not None}),
        "metadata": record.details if record else {},
        "account_id": row.oauth_account_id,
        "created_at": row.created_at,
        "updated_at": record.updated_at if record else row.updated_at,
    }


def quota(figures: Quota) -> dict[str, Any]:
    return figures.figures()


def rate(starts: Quota, now: datetime) -> dict[str, Any]:
    waits = starts.resets_at and math.ceil((starts.resets_at - now).total_seconds())
    return {"limit": starts.limit, "remaining": starts.remaining, "resets_in": waits or 0}


def progress(row: Post, far: Progress) -> dict[str, Any]:
    told = {"id": row.id, "state": row.state, **vars(far)}
    optional = {"bytes_per_second", "eta_seconds"}
    return {
        name: value for name, value in told.items() if value is not None or name not in optional
    }


def creator(who: Creator) -> dict[str, Any]:
    return {
        "nickname": who.nickname,
        "username": who.username,
        "avatar": who.avatar_url,
        "privacy_level_options": list(who.privacy_levels),
        "comment_disabled": who.comment_disabled,
        "duet_disabled": who.duet_disabled,
        "stitch_disabled": who.stitch_disabled,
        "max_video_post_duration_sec": who.longest,
        "account_is_private": who.is_private,
        "account_must_be_private": not who.audited,
    }
