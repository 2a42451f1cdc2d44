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
from core.posts.consult import Agreed, NoToken
from core.posts.publish import WORK, Task
from core.wiring import World
from db.posts import Post, Posts
from db.session import Database, Session


def taken(session: Session, post: Post) -> Hand[Task] | None:
    """The post claimed for us; None if a worker was faster."""
    post.memo = {**post.memo, INLINE: True}
    session.flush()
    return next(iter(leased(WORK, session, limit=1, only=post.id)), None)


def step(database: Database, world: World, hand: Hand[Task]) -> None:
    """Until the platform has been told: what is agreed on is started, and a token that it refused
    is renewed once.

    Errors: NeedsReconnect, and the post has failed with it.
    """
    following: Hand[Task] | None = hand
    renewed = False
    while following is not None:
        said = once(database, world, following)
        if isinstance(said, NoToken) and not renewed:
            renewed = True
            if not renew(database, world, hand, said.access):
                return
        elif not isinstance(said, Agreed):
            return
        following = again(database, hand.id)


def once(database: Database, world: World, hand: Hand[Task]) -> object:
    """What came of one step, if it came to anything."""
    outcome = perform(WORK, hand, world)
    write(WORK, database, world, [(hand, outcome)], Report())
    return outcome.value if isinstance(outcome, Task) else None


def renew(database: Database, world: World, hand: Hand[Task], refused: Access) -> bool:
    """Whether it can be tried again. Errors: NeedsReconnect, and the post has failed with it."""
    try:
        fresh(database, world, refused.account_id, refused=refused)
    except Away:
        return False  # it is queued, or fails for want of an answer: whoever concludes will see
    except CoreError as error:
        fail(database, hand.id, error)
        raise
    return True


def again(database: Database, post_id: int) -> Hand[Task] | None:
    """Its next step; None if a worker has it, or it has ended meanwhile."""
    with database.transaction() as session:
        post = session.get_one(Post, post_id, with_for_update=True)
        if post.state != State.QUEUED or post.leased_until is not None:
            return None
        post.due_at = Posts.now()
        return taken(session, post)


def fail(database: Database, post_id: int, error: CoreError) -> None:
    with database.transaction() as session:
        post = session.get_one(Post, post_id, with_for_update=True)
        if post.state == State.QUEUED:
            finish(session, post, State.FAILED, error.code, str(error))
