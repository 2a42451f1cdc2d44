"""The first step of a post while its requester waits. One claim like any other, only taken here.

The claim is part of the transaction that writes the post, so that no worker comes between.
"""

from core.accounts.tokens import Access, fresh
from core.engine.kinds import Hand, Report
from core.engine.perform import perform
from core.engine.record import write
from core.engine.work import leased
from core.errors import Away, CoreError
from core.ledger.memo import INLINE
from core.ledger.news import finish
from core.ledger.settle import State
from core.posts.publish import WORK, Task
from core.posts.start import NoToken
from core.wiring import World
from db.posts import Post, Posts
from db.session import Database, Session


def taken(session: Session, post: Post) -> Hand[Task] | None:
    """The post claimed for us; None if a worker was faster."""
    post.memo = {**post.memo, INLINE: True}
    session.flush()
    return next(iter(leased(WORK, session, limit=1, only=post.id)), None)


def step(database: Database, world: World, hand: Hand[Task]) -> None:
    """Perform and record; with a renewed token once more, if the platform refused the old one.

    Errors: NeedsReconnect, and the post has failed with it.
    """
    refused = once(database, world, hand)
    if refused is None:
        return
    try:
        fresh(database, world, refused.account_id, refused=refused)
    except Away:
        return  # the post is queued, or fails for want of an answer: whoever concludes will see
    except CoreError as error:
        fail(database, hand.id, error)
        raise
    with database.transaction() as session:
        post = session.get_one(Post, hand.id)
        post.due_at = Posts.now()
        next_hand = taken(session, post)
    if next_hand is not None:
        once(database, world, next_hand)


def once(database: Database, world: World, hand: Hand[Task]) -> Access | None:
    """The token that the platform refused, if it did."""
    outcome = perform(WORK, hand, world)
    write(WORK, database, world, [(hand, outcome)], Report())
    said = outcome.value if isinstance(outcome, Task) else None
    return said.access if isinstance(said, NoToken) else None


def fail(database: Database, post_id: int, error: CoreError) -> None:
    with database.transaction() as session:
        post = session.get_one(Post, post_id, with_for_update=True)
        if post.state == State.QUEUED:
            finish(session, post, State.FAILED, error.code, str(error))
