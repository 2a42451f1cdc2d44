"""What follows when the platform has not named an end: wait, go on sending, or start once more.

A new start needs the platform's own word that nothing of the old one exists; a silence is no proof.
"""

from datetime import datetime, timedelta

from core.ledger.book import Book
from core.ledger.endings import end, move
from core.ledger.memo import ASKED, DEAD, POLLS, STALE
from core.ledger.settle import DAY, FINAL, GIVE_UP_AFTER, State, next_poll
from core.outcomes import NOW, Again
from db.posts import Post, SentBy
from db.records import Records
from db.uploads import UploadSessions

READ_AFTER_WRITE = timedelta(seconds=60)  # an id this young may not be visible yet
LAG = timedelta(seconds=3)


def age(post: Post, at: datetime) -> timedelta:
    """Since the platform was told; a post may have been wished for weeks before."""
    return at - (post.started_at or post.created_at)


def pause(book: Book, post: Post, *, dice: float) -> Again:
    """Ask again, ever more rarely; after a day the post is stale, after three its end unknown."""
    waited = age(post, book.at)
    if waited >= GIVE_UP_AFTER:
        end(book, post, State.FAILED, "outcome_unknown")
        return Again(None)
    if waited >= DAY and post.state != State.UNCONFIRMED:
        move(book, post, State.UNCONFIRMED, note="stale")
        post.memo = {**post.memo, STALE: True}
    polls = int(post.memo.get(POLLS, 0))
    post.memo = {**post.memo, POLLS: polls + 1}
    return Again(next_poll(polls, waited, dice=dice))


def resume(book: Book, post: Post, *, nothing_there: bool, dice: float) -> Again:
    """The platform waits for bytes. Ours go on where it says; a caller's are waited for."""
    over = is_over(post, book.at)
    if post.sent_by == SentBy.CALLER:
        return too_late(book, post) if over else pause(book, post, dice=dice)
    if over or DEAD in post.memo:
        return restart(book, post) if nothing_there else too_late(book, post)
    UploadSessions(book.session).reached(post.id, post.bytes_sent)
    post.memo = {**post.memo, ASKED: True}
    return Again(NOW, progressed=False)


def unknown(book: Book, post: Post, *, dice: float) -> Again:
    """The platform knows no such publication: dead, unless it is too young to be seen."""
    if post.state in FINAL:
        return Again(None)
    if age(post, book.at) < READ_AFTER_WRITE:
        return Again(LAG, progressed=False)
    if post.sent_by == SentBy.SIGNALPOST and post.state in {State.SENDING, State.UNCONFIRMED}:
        return restart(book, post)
    if post.sent_by == SentBy.CALLER and post.state == State.SENDING and is_over(post, book.at):
        return too_late(book, post)
    return pause(book, post, dice=dice)


def is_over(post: Post, at: datetime) -> bool:
    return post.url_expires_at is not None and at >= post.url_expires_at


def too_late(book: Book, post: Post) -> Again:
    """The upload address has ended with bytes missing: an incomplete upload is never published."""
    end(book, post, State.FAILED, "upload_url_expired")
    return Again(None)


def restart(book: Book, post: Post) -> Again:
    """The same post, told to the platform anew; it keeps its slot."""
    book.line(post, "restart", note=f"{post.publish_id} is dead")
    Records(book.session).superseded(post)
    UploadSessions(book.session).drop([post.id])
    post.publish_id, post.step, post.memo, post.bytes_sent = None, None, {}, 0
    post.url_expires_at, post.started_at = None, None
    move(book, post, State.QUEUED, note="the platform has nothing of it")
    return Again(NOW)
