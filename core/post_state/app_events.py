"""App events about posts: how a post is serialized for host applications, and when. Pure; the event
types are in `core.outbox.EVENT_TYPES`.
"""

from typing import Any

from core.outbox import EVENT_TYPES, AppEvent
from core.post_state.step_state import INLINE, REQUEST_REFUSED
from db.posts.batches import AnyPost
from platforms.base import Phase


def build_app_event(post: AnyPost) -> AppEvent | None:
    """The event for the post's present state.

    None if there is no event for that state, or if the failure was already the answer to the
    request.
    """
    kind = app_event_type(post)
    is_answered = kind == "post.failed" and not {INLINE, REQUEST_REFUSED}.isdisjoint(
        post.step_state
    )
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
