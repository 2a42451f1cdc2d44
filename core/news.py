"""News of a publication written down: the post, what the platform knows of it, its timeline.

Poll and webhook both come through `hear`; nothing else moves a post that the platform has seen.
"""

from core.settle import FINAL, Move, Stand, State, settle
from db.posts import Post
from db.records import Records
from db.timeline import PostEvents
from db.session import Session
from platforms.base import Phase, Progress


def hear(session: Session, post: Post, progress: Progress, *, mouth: str) -> Move:
    """Apply one piece of news; `mouth` names who brought it (poll, webhook, send) in the timeline."""
    before = State(post.state)
    move = settle(stand(post), progress)
    if move.contradicts:
        PostEvents(session).add(post, "contradiction", note=f"{mouth}: {progress.status}")
    if move.news:
        post.state, post.step = move.state, move.phase
        PostEvents(session).add(
            post, mouth, before=before, after=move.state, note=progress.reason or progress.status
        )
    keep(post, progress, move)
    Records(session).update(post, progress, news=move.news)
    if move.state in FINAL and before not in FINAL:
        finish(session, post, move.state, progress.reason)
    return move


def stand(post: Post) -> Stand:
    return Stand(State(post.state), Phase(post.step) if post.step else None, post.bytes_total)


def keep(post: Post, progress: Progress, move: Move) -> None:
    if progress.post_ids:
        post.platform_post_id = progress.post_ids[0]
    if progress.bytes_done is not None and move.state is State.SENDING:
        post.bytes_sent = progress.bytes_done
    if move.state in {State.PROCESSING, State.PUBLISHED} and post.bytes_total is not None:
        post.bytes_sent = post.bytes_total


def finish(
    session: Session, post: Post, state: State, code: str | None = None, message: str | None = None
) -> None:
    """The post has ended: nothing is due any more, its quota slot follows from its state."""
    if post.state != state:
        PostEvents(session).add(post, "state", before=State(post.state), after=state, note=code)
    post.state = state
    post.due_at = None
    post.hold_reason = None
    post.finished_at = PostEvents.now()
    if state is not State.PUBLISHED:
        post.error_code = code or "unknown"
        post.error_message = message
    Records(session).ended(post)


def to(session: Session, post: Post, state: State, *, note: str) -> None:
    """A move of our own making (queued, sending, unconfirmed), with its line in the timeline."""
    if post.state != state:
        PostEvents(session).add(post, "state", before=State(post.state), after=state, note=note)
        post.state = state
