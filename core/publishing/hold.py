"""Puts one post on hold, so that it is not published until somebody releases it."""

from core import audit
from core.errors import Conflict
from core.post_state.settle import PostState
from core.publishing.queries import load_own_post
from db.posts.parked import OPERATOR_REASON
from db.posts.posts import Post
from db.posts.timeline import PostEvents
from db.session import Database


def hold_post(database: Database, post_id: int, *, user_id: int) -> Post:
    """Park a queued post for an operator; `release_post` ends it, also for the post's owner.

    Errors: NotFound; Conflict if something of it was sent, if it is on hold already, or while a
    worker holds it, whose call to the platform cannot be stopped.
    """
    with database.transaction() as session:
        post = load_own_post(session, post_id, user_id=user_id, lock=True)
        details = {"state": post.state}
        if post.state != PostState.QUEUED:
            raise Conflict(f"a post that is {post.state} cannot be put on hold", details=details)
        if post.hold_reason is not None:
            raise Conflict(f"the post is on hold already: {post.hold_reason}", details=details)
        if post.leased_until is not None:
            raise Conflict("a worker is working on it: try again in a minute", details=details)
        post.hold_reason = OPERATOR_REASON
        post.due_at = None
        PostEvents(session).add(post, "held", note=OPERATOR_REASON)
        subject = f"post:{post.id}"
        audit.record_action(session, "post.held", user_id=post.user_id, subject=subject)
        session.flush()
        session.refresh(post)
    return post
