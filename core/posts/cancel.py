"""A person takes a post back, as far as it can be: what may be out cannot be called back.

Raising the lease token fences whoever is at work on the post: its result is dropped.
"""

from dataclasses import dataclass

from core import audit
from core.accounts.tokens import Access, access
from core.errors import Conflict, NotFound
from core.ledger.news import finish, hear
from core.ledger.settle import FINAL, State
from core.outcomes import Later
from core.posts.listing import look
from core.posts.status import asked
from core.wiring import World
from db.posts import Post, Posts, SentBy
from db.session import Database, Session
from db.timeline import PostEvents
from platforms.base import Phase, Progress
from platforms.chunks import Plan, chunk, plan
from platforms.errors import PlatformError, Rejected

CALLED_OFF = "publish_cancelled"


@dataclass(frozen=True)
class Ask:
    """The platform is still fetching the file: it alone can stop."""

    access: Access
    provider: str
    publish_id: str


def cancel(database: Database, world: World, post_id: int, *, user_id: int) -> None:
    """Errors: NotFound; Conflict `publish_not_cancellable`, then the post goes its way."""
    known = look(database, post_id, user_id=user_id)
    if known.post.sent_by == SentBy.CALLER and known.post.state == State.SENDING:
        asked(database, world, known, user_id=user_id)  # others send these bytes: are they there?
    with database.transaction() as session:
        ask = decide(session, mine(session, post_id, user_id=user_id))
    if ask is not None:
        called_off(ask, world)
        with database.transaction() as session:
            stopped(session, mine(session, post_id, user_id=user_id))


def mine(session: Session, post_id: int, *, user_id: int) -> Post:
    post = Posts(session).locked(post_id, user_id=user_id)
    if post is None:
        raise NotFound("no such post")
    return post


def decide(session: Session, post: Post) -> Ask | None:
    """The post ended, or what to ask the platform. Errors: Conflict."""
    if post.state == State.QUEUED or is_stoppable(post):
        end(session, post)
        return None
    if post.state == State.PROCESSING and post.sent_by == SentBy.PLATFORM and post.publish_id:
        try:
            used = access(session, post.oauth_account_id)
        except Later as why:
            raise too_late(post) from why
        return Ask(used, post.provider, post.publish_id)
    raise too_late(post)


def is_stoppable(post: Post) -> bool:
    """Bytes are missing and stay missing: an incomplete upload is never published.

    A start on its way is no upload yet; the last chunk on its way may complete one.
    """
    if post.state != State.SENDING or post.sent_by == SentBy.PLATFORM:
        return False
    if post.publish_id is None or post.sent_by == SentBy.CALLER or post.leased_until is None:
        return True
    cut = plan(post.bytes_total or 0)
    on_its_way = chunk(Plan(cut.chunk_size, cut.count), post.bytes_total or 0, post.bytes_sent)
    return on_its_way.last < (post.bytes_total or 0) - 1


def end(session: Session, post: Post) -> None:
    post.lease_token += 1
    post.leased_until = None
    finish(session, post, State.CANCELLED, CALLED_OFF)
    audit.note(session, "post.cancelled", user_id=post.user_id, subject=f"post:{post.id}")


def called_off(ask: Ask, world: World) -> None:
    """Errors: Conflict if the platform refuses or cannot be asked."""
    try:
        world.platform(ask.provider).publisher.cancel(ask.access.open(world), ask.publish_id)
    except Rejected as error:
        raise Conflict(str(error), code="publish_not_cancellable") from error
    except PlatformError as error:
        reason = {"reason": error.code}
        raise Conflict(str(error), code="publish_not_cancellable", details=reason) from error


def stopped(session: Session, post: Post) -> None:
    """TikTok has confirmed; its webhook says the same once more."""
    if post.state in FINAL:
        return
    post.lease_token += 1
    post.leased_until = None
    hear(session, post, Progress(Phase.CANCELLED, "FAILED", CALLED_OFF), mouth="cancel")
    PostEvents(session).add(post, "cancel", note="confirmed by the platform")
    audit.note(session, "post.cancelled", user_id=post.user_id, subject=f"post:{post.id}")


def too_late(post: Post) -> Conflict:
    details = {"state": post.state}
    return Conflict("too late to cancel", code="publish_not_cancellable", details=details)
