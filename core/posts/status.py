"""How a post stands, asked of the platform if what we know is not fresh enough."""

from datetime import timedelta

from core.accounts.tokens import fresh
from core.engine.work import run
from core.errors import CoreError, Failed, Limited, NotFound
from core.ledger.memo import WAIT, WHY
from core.ledger.settle import FINAL
from core.posts.listing import Seen
from core.posts.publish import WORK
from core.wiring import World
from db.posts import Post, Posts
from db.records import Records
from db.session import Database, Session
from platforms.errors import PlatformError

TIKTOK = "tiktok"


def status(database: Database, world: World, publish_id: str, *, user_id: int) -> Seen:
    """Errors: NotFound; NotConnected, NeedsReconnect, Limited, or why the platform gave no answer,
    with the last known state in `details`.
    """
    with database.transaction() as session:
        known = found(session, publish_id, user_id=user_id)
        if is_fresh(session, world, known):
            return known
    try:
        return asked(database, world, known, user_id=user_id)
    except (CoreError, PlatformError) as error:
        if isinstance(error, CoreError):
            error.details.setdefault("state", known.post.state)
        raise


def found(session: Session, publish_id: str, *, user_id: int) -> Seen:
    post = Posts(session).named(publish_id, provider=TIKTOK, user_id=user_id)
    if post is None:
        raise NotFound("no such publication")
    return Seen(post, Records(session).of(post.id))


def is_fresh(session: Session, world: World, known: Seen) -> bool:
    """Ended for good, or heard of a moment ago."""
    if known.post.state in FINAL:
        return True
    return Records(session).is_younger(known.record, world.settings.limits.status_cache)


def asked(database: Database, world: World, known: Seen, *, user_id: int) -> Seen:
    post_id, account_id = known.post.id, known.post.oauth_account_id or 0
    fresh(database, world, account_id)
    with database.transaction() as session:
        hasten(session, post_id)
    run(WORK, database, world, only=post_id)
    with database.transaction() as session:
        now = found(session, str(known.post.publish_id), user_id=user_id)
    if now.post.last_error is not None and now.post.state not in FINAL:
        raise unanswered(now.post)
    return now


def hasten(session: Session, post_id: int) -> None:
    post = session.get_one(Post, post_id, with_for_update=True)
    if post.leased_until is None and post.state not in FINAL:
        post.due_at = Posts.now()


def unanswered(post: Post) -> CoreError:
    """Why the platform gave no answer, by what the post remembers of its last try."""
    code = str(post.memo.get(WHY, "status_query_failed"))
    kind = Limited if code == Limited.code else Failed
    wait = timedelta(seconds=float(post.memo.get(WAIT, 0)))
    return kind("the platform gave no answer", code=code, retry_after=wait or None)
