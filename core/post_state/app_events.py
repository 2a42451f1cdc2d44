"""A post as host applications hear of it. Pure; what is told of at all is `core.outbox.EVENTS`."""

from typing import Any

from core.outbox import EVENT_TYPES, AppEvent
from core.post_state.step_state import INLINE, REQUEST_REFUSED
from db.posts.batches import AnyPost
from platforms.base import Phase


def build_app_event(post: AnyPost) -> AppEvent | None:
    """None if its state is nobody's business, or is told by the answer to its request."""
    kind = app_event_type(post)
    is_answered = kind == "post.failed" and not {INLINE, REQUEST_REFUSED}.isdisjoint(post.memo)
    if kind not in EVENT_TYPES or is_answered:
        return None
    return AppEvent(post.user_id, kind, f"post:{post.id}", serialize_post(post))


def app_event_type(post: AnyPost) -> str:
    if post.state == "PUBLISHED" and post.step == Phase.DELIVERED:
        return "post.delivered"
    return f"post.{post.state.lower()}"


def serialize_post(post: AnyPost) -> dict[str, Any]:
    error = {"code": post.error_code, "message": post.error_message}
    return {
        "post_id": post.id,
        "account_id": post.oauth_account_id,
        "platform": post.provider,
        "kind": post.kind,
        "source": post.source,
        "title": post.title,
        "state": str(post.state),
        "publish_id": post.publish_id,
        "platform_post_id": post.platform_post_id,
        "error": error if post.error_code else None,
        "publish_at": post.publish_at,
        "created_at": post.created_at,
        "finished_at": post.finished_at,
    }
