"""News of a publication written down: the post, what the platform knows of it, its timeline.

Poll and webhook both come through `note`; nothing else moves a post that the platform has seen.
"""

from core.ledger import endings, records
from core.ledger.book import Book, opened
from core.ledger.memo import STALE
from core.ledger.settle import FINAL, TARGET, Move, Stand, State, settle
from db.heard import AnyPost
from db.posts import Post
from db.session import Session
from platforms.base import Phase, Progress

POLL = "poll"


def hear(session: Session, post: Post, progress: Progress, *, mouth: str) -> Move:
    """One piece of news of one post; `mouth` names who brought it (poll, webhook)."""
    with opened(session) as book:
        return note(book, post, progress, mouth=mouth)


def finish(
    session: Session, post: Post, state: State, code: str | None = None, message: str | None = None
) -> None:
    """End one post."""
    with opened(session) as book:
        endings.end(book, post, state, code, message)


def to(session: Session, post: Post, state: State, *, note: str) -> None:
    """Move one post."""
    with opened(session) as book:
        endings.move(book, post, state, note=note)


def note(book: Book, post: AnyPost, progress: Progress, *, mouth: str) -> Move:
    """What a piece of news changes; what it writes elsewhere is gathered in the book."""
    before = State(post.state)
    move = settle(stand(post), progress)
    if (record := book.record(post)) is not None:
        records.hear(record, progress, at=book.at)
    if move.contradicts:
        contradicted(book, post, progress, mouth=mouth)
        return move
    keep(post, progress, move)
    if move.news:
        post.state, post.step = move.state, move.phase
        why = progress.reason or progress.status
        book.line(post, mouth, before=before, after=move.state, note=why)
    if move.state in FINAL and before not in FINAL:
        endings.end(book, post, move.state, progress.reason)
    elif move.news and move.state in FINAL:
        endings.tell(book, post)  # its creator has posted the draft
        book.moved(post)
    elif move.state is not before:
        book.moved(post)
    return move


def stand(post: AnyPost) -> Stand:
    """A stale post is one that still works at the platform; only people are told otherwise."""
    state = State.PROCESSING if STALE in post.memo else State(post.state)
    return Stand(state, Phase(post.step) if post.step else None, post.bytes_total)


def contradicted(book: Book, post: AnyPost, progress: Progress, *, mouth: str) -> None:
    """Published or not: of two ends the one holds that the platform names when it is asked."""
    book.line(post, "contradiction", note=f"{mouth}: {progress.status}")
    if mouth != POLL:
        post.due_at = book.at
        return
    before, post.state, post.step = post.state, TARGET[progress.phase], progress.phase
    book.line(post, mouth, before=before, after=post.state, note="asked again")
    post.error_code = None if post.state == State.PUBLISHED else progress.reason or "unknown"
    post.error_message = None
    post.finished_at = book.at
    if (record := book.record(post)) is not None:
        records.correct(record, post, progress.status, at=book.at)
    endings.tell(book, post)
    book.moved(post)


def keep(post: AnyPost, progress: Progress, move: Move) -> None:
    if progress.post_ids:
        post.platform_post_id = progress.post_ids[0]
    if progress.bytes_done is not None and move.state is State.SENDING:
        post.bytes_sent = progress.bytes_done
    if move.state in {State.PROCESSING, State.PUBLISHED} and post.bytes_total is not None:
        post.bytes_sent = post.bytes_total
