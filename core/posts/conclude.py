"""What the first step of a post came to, as the answer to its request."""

from core.engine.kinds import Hand
from core.errors import CoreError
from core.ledger.memo import REFUSED, WHY
from core.ledger.news import finish
from core.ledger.settle import State
from core.posts.answers import CAPS, LIMITS, Answer, answer, refusal
from core.posts.publish import Task
from core.wiring import World
from db.posts import Post, Posts, SentBy
from db.session import Database, Session

Ended = Answer | CoreError


def told(ended: Ended) -> Answer:
    """Errors are raised here, after the transaction that wrote them down."""
    if isinstance(ended, CoreError):
        raise ended
    return ended


def concluded(database: Database, world: World, hand: Hand[Task]) -> Answer:
    """What the first step came to. Errors: as `request`."""
    with database.transaction() as session:
        post = session.get_one(Post, hand.id, with_for_update=True)
        ended = conclude(session, post)
        found = answer(session, world, post) if ended is None else ended
    return told(found)


def conclude(session: Session, post: Post) -> CoreError | None:
    """None if the request is accepted. A limit leaves nothing behind: its key stays free."""
    why = str(post.error_code or post.memo.get(WHY, ""))
    if post.state == State.QUEUED and (post.sent_by == SentBy.CALLER or why in LIMITS - CAPS):
        post.memo = {**post.memo, REFUSED: True}
        code = why if why in LIMITS else f"{post.provider}_unavailable"
        finish(session, post, State.FAILED, code)
    if post.state != State.FAILED or post.publish_id is not None:
        return None
    error = refusal(post)
    if post.error_code in LIMITS:
        error.details.pop("id")
        Posts(session).erase(post)
    else:
        post.memo = {**post.memo, REFUSED: True}
    return error
