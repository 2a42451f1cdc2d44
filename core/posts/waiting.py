"""What follows when the platform has not named an end: wait, go on sending, or start once more.

A new start needs the platform's own word that nothing of the old one exists; a silence is no proof.
"""

from datetime import datetime, timedelta

from core.ledger.memo import ASKED, DEAD, POLLS, STALE
from core.ledger.news import finish, to
from core.ledger.settle import DAY, FINAL, GIVE_UP_AFTER, State, next_poll
from core.outcomes import Again
from db.posts import Post, SentBy
from db.records import Records
from db.session import Session
from db.timeline import PostEvents
from db.uploads import UploadSessions

NOW = timedelta(0)
READ_AFTER_WRITE = timedelta(seconds=60)  # an id this young may not be visible yet
LAG = timedelta(seconds=3)


def age(post: Post, at: datetime) -> timedelta:
    """Since the platform was told; a post may have been wished for weeks before."""
    return at - (post.started_at or post.created_at)


def pause(session: Session, post: Post, at: datetime, *, dice: float) -> Again:
    """Ask again, ever more rarely; after a day the post is stale, after three its end unknown."""
    waited = age(post, at)
    if waited >= GIVE_UP_AFTER:
        finish(session, post, State.FAILED, "outcome_unknown")
        return Again(None)
    if waited >= DAY and post.state != State.UNCONFIRMED:
        to(session, post, State.UNCONFIRMED, note="stale")
        post.memo = {**post.memo, STALE: True}
    polls = int(post.memo.get(POLLS, 0))
    post.memo = {**post.memo, POLLS: polls + 1}
    return Again(next_poll(polls, waited, dice=dice))


def resume(
    session: Session, post: Post, at: datetime, *, nothing_there: bool, dice: float
) -> Again:
    """The platform waits for bytes. Ours go on where it says; a caller's are waited for."""
    over = is_over(post, at)
    if post.sent_by == SentBy.CALLER:
        return too_late(session, post) if over else pause(session, post, at, dice=dice)
    if over or DEAD in post.memo:
        return restart(session, post) if nothing_there else too_late(session, post)
    UploadSessions(session).reached(post.id, post.bytes_sent)
    post.memo = {**post.memo, ASKED: True}
    return Again(NOW, progressed=False)


def unknown(session: Session, post: Post, at: datetime, *, dice: float) -> Again:
    """The platform knows no such publication: dead, unless it is too young to be seen."""
    if post.state in FINAL:
        return Again(None)
    if age(post, at) < READ_AFTER_WRITE:
        return Again(LAG, progressed=False)
    if post.sent_by == SentBy.SIGNALPOST and post.state in {State.SENDING, State.UNCONFIRMED}:
        return restart(session, post)
    if post.sent_by == SentBy.CALLER and post.state == State.SENDING and is_over(post, at):
        return too_late(session, post)
    return pause(session, post, at, dice=dice)


def is_over(post: Post, at: datetime) -> bool:
    return post.url_expires_at is not None and at >= post.url_expires_at


def too_late(session: Session, post: Post) -> Again:
    """The upload address has ended with bytes missing: an incomplete upload is never published."""
    finish(session, post, State.FAILED, "upload_url_expired")
    return Again(None)


def restart(session: Session, post: Post) -> Again:
    """The same post, told to the platform anew; it keeps its slot."""
    PostEvents(session).add(post, "restart", note=f"{post.publish_id} is dead")
    Records(session).superseded(post)
    UploadSessions(session).drop([post.id])
    post.publish_id, post.step, post.memo, post.bytes_sent = None, None, {}, 0
    post.url_expires_at, post.started_at = None, None
    to(session, post, State.QUEUED, note="the platform has nothing of it")
    return Again(NOW)
