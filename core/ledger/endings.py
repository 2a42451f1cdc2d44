"""What the end of a post means to others: its owner is told, and it is counted."""

from core.ledger.memo import INLINE, REFUSED
from core.ledger.settle import State
from core.watch.metrics import PUBLISH_SECONDS, UPLOAD
from db.notices import Notifications
from db.posts import Post
from db.session import Session
from platforms.base import Phase

NOTICES = {
    State.PUBLISHED: "post_published",
    State.FAILED: "post_failed",
    State.UNCONFIRMED: "post_unconfirmed",
}
DELIVERED = "post_in_inbox"


def tell(session: Session, post: Post) -> None:
    """Once for each cause. Who waits for the answer to a request is told by that answer."""
    kind = NOTICES.get(State(post.state))
    if kind is None or not {INLINE, REFUSED}.isdisjoint(post.memo):
        return
    is_draft = post.state == State.PUBLISHED and post.step == Phase.DELIVERED
    subject = f"post:{post.id}"
    Notifications(session).tell(
        post.user_id,
        DELIVERED if is_draft else kind,
        cause=subject,
        subject=subject,
        post_id=post.id,
        title=post.title[:100],
        code=post.error_code,
    )


def count(session: Session, post: Post) -> None:
    """Ended, how, and how long after it was to begin."""
    session.flush()
    session.refresh(post, ["finished_at"])
    how = (post.provider, post.kind, post.source, post.state.lower(), post.error_code or "none")
    UPLOAD.labels(*how).inc()
    if post.finished_at is not None:
        took = post.finished_at - (post.publish_at or post.created_at)
        observed = PUBLISH_SECONDS.labels(post.provider, post.kind, post.state.lower())
        observed.observe(max(took.total_seconds(), 0.0))
