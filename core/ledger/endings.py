"""How a post ends or moves: its own columns, and what follows from that for everybody else."""

from datetime import timedelta

from core.ledger import records
from core.ledger.book import Book
from core.ledger.memo import INLINE, REFUSED
from core.ledger.settle import FINAL, State
from db.heard import AnyPost
from platforms.base import Phase

DRAFT_POLL = timedelta(hours=6)  # a creator may post a delivered draft days later

NOTICES = {
    State.PUBLISHED: "post_published",
    State.FAILED: "post_failed",
    State.UNCONFIRMED: "post_unconfirmed",
}
DELIVERED = "post_in_inbox"


def end(
    book: Book, post: AnyPost, state: State, code: str | None = None, message: str | None = None
) -> None:
    """The post has ended: nothing is due but a look at a draft; its slot follows from its state."""
    move(book, post, state, note=code or state.lower())
    is_draft = state is State.PUBLISHED and post.step == Phase.DELIVERED
    post.due_at = book.at + DRAFT_POLL if is_draft else None
    post.hold_reason = None
    post.finished_at = book.at
    if state is not State.PUBLISHED:
        post.error_code = code or "unknown"
        post.error_message = message
    if (record := book.record(post)) is not None:
        records.ended(record, post, at=book.at)
    tell(book, post)
    book.moved(post)
    book.ended(post)


def move(book: Book, post: AnyPost, state: State, *, note: str) -> None:
    """A move of our own making (queued, sending, unconfirmed), with its line in the timeline."""
    if post.state != state:
        book.line(post, "state", before=post.state, after=state, note=note)
        post.state = state
        if state is State.UNCONFIRMED:
            tell(book, post)
        if state not in FINAL:
            book.moved(post)  # an end is told when all is known of it


def tell(book: Book, post: AnyPost) -> None:
    """Once for each cause. Who waits for the answer to a request is told by that answer."""
    kind = NOTICES.get(State(post.state))
    if kind is None or not {INLINE, REFUSED}.isdisjoint(post.memo):
        return
    is_draft = post.state == State.PUBLISHED and post.step == Phase.DELIVERED
    subject = f"post:{post.id}"
    book.tell(
        post.user_id,
        DELIVERED if is_draft else kind,
        cause=subject,
        subject=subject,
        post_id=post.id,
        title=post.title[:100],
        code=post.error_code,
    )
