"""A post's turn: a slot of its account and, before an audit, a place among the few who may post.

Taken when it is wished, or when it falls due; what finds none waits for a day and no longer.
"""

from datetime import timedelta

from core.errors import CoreError, Failed, Limited, QuotaExceeded
from core.ledger.memo import SLOTS, UNAUDITED
from core.outcomes import Later
from core.posts.quota import BUSY, reserve
from core.posts.unaudited import admit
from db.posts import Post
from db.session import Session
from db.slots import WINDOW, Slots

LOOK_AGAIN = timedelta(minutes=5)


def take(session: Session, post: Post, *, wait: bool = True) -> None:
    """The account must be locked. Errors: QuotaExceeded; Limited; without `wait` also Later."""
    if UNAUDITED in post.memo and post.kind.startswith("DIRECT"):
        admit(session, post, wait=wait)
    reserve(session, post, limit=int(post.memo[SLOTS]))


def turn(session: Session, post: Post) -> None:
    """For a post that was to wait: its slot, now that it is due.

    Errors: Later until there is one; Failed with the limit's code after a day of waiting.
    """
    if post.has_slot or post.oauth_account_id is None:
        return
    if not Slots(session).lock(post.oauth_account_id, wait=False):
        raise Later(BUSY, "somebody else is counting slots")
    try:
        take(session, post, wait=False)
    except (QuotaExceeded, Limited) as full:
        raise later(session, post, full) from None


def later(session: Session, post: Post, full: CoreError) -> Later | Failed:
    waited = Slots(session).now() - (post.publish_at or post.created_at)
    if waited >= WINDOW:
        return Failed("no slot became free within a day", code=full.code)
    return Later(min(full.retry_after or BUSY, LOOK_AGAIN), f"waits for a slot: {full.code}")
