"""A post as host applications hear of it. Pure; what is told of at all is `core.outbox.EVENTS`."""

from typing import Any

from core.ledger.memo import INLINE, REFUSED
from core.outbox import EVENTS, News
from db.heard import AnyPost
from platforms.base import Phase


def news_of(post: AnyPost) -> News | None:
    """None if its state is nobody's business, or is told by the answer to its request."""
    kind = type_of(post)
    is_answered = kind == "post.failed" and not {INLINE, REFUSED}.isdisjoint(post.memo)
    if kind not in EVENTS or is_answered:
        return None
    return News(post.user_id, kind, f"post:{post.id}", told(post))


def type_of(post: AnyPost) -> str:
    if post.state == "PUBLISHED" and post.step == Phase.DELIVERED:
        return "post.delivered"
    return f"post.{post.state.lower()}"


def told(post: AnyPost) -> dict[str, Any]:
    wrong = {"code": post.error_code, "message": post.error_message}
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
        "error": wrong if post.error_code else None,
        "publish_at": post.publish_at,
        "created_at": post.created_at,
        "finished_at": post.finished_at,
    }
