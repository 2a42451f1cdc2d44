"""App events about posts: which event the state of a post causes, and its JSON. Pure; the event
types are in `core.outbox.EVENT_TYPES`.
"""

from typing import Any

from core.outbox import EVENT_TYPES, AppEvent
from core.post_state.step_state import is_reported_by_response
from db.publishing.batches import AnyPost
from platforms.base import Phase


def build_app_event(post: AnyPost) -> AppEvent | None:
    """The event for the post's present state.

    None if there is no event for that state, or if the response to the request reports the failure.
    """
    event_type = app_event_type(post)
    is_reported = event_type == "post.failed" and is_reported_by_response(post.step_state)
    if event_type not in EVENT_TYPES or is_reported:
        return None
    return AppEvent(post.user_id, event_type, f"post:{post.id}", serialize_post(post))


def app_event_type(post: AnyPost) -> str:
    if post.state == "PUBLISHED" and post.step == Phase.DELIVERED:
        return "post.delivered"
    return f"post.{post.state.lower()}"


def serialize_post(post: AnyPost) -> dict[str, Any]:
    """The post as host applications see it; `destination_id` where it has one, as in our API."""
    error = {"code": post.error_code, "message": post.error_message}
    has_destination = post.destination_id is not None
    return {
        "post_id": post.id,
        "account_id": post.oauth_account_id,
        **({"destination_id": post.destination_id} if has_destination else {}),
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
