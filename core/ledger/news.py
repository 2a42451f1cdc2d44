"""News of a publication written down: the post, what the platform knows of it, its timeline.

Poll and webhook both come through `hear`; nothing else moves a post that the platform has seen.
"""

from datetime import timedelta

from core.ledger.endings import count, tell
from core.ledger.memo import STALE
from core.ledger.settle import FINAL, TARGET, Move, Stand, State, settle
from db.posts import Post
from db.records import Records
from db.session import Session
from db.timeline import PostEvents
from db.uploads import UploadSessions
from platforms.base import Phase, Progress

DRAFT_POLL = timedelta(hours=6)  # a creator may post a delivered draft days later
DRAFT_LIFE = timedelta(days=7)
POLL = "poll"


def hear(session: Session, post: Post, progress: Progress, *, mouth: str) -> Move:
    """Apply one piece of news; `mouth` names who brought it (poll, webhook) in the timeline."""
    before = State(post.state)
    move = settle(stand(post), progress)
    Records(session).hear(
        post,
        progress.status,
        bytes_done=progress.bytes_done,
        public=progress.public,
        post_ids=progress.post_ids,
    )
    if move.contradicts:
        contradicted(session, post, progress, mouth=mouth)
        return move
    keep(post, progress, move)
    if move.news:
        post.state, post.step = move.state, move.phase
        note = progress.reason or progress.status
        PostEvents(session).add(post, mouth, before=before, after=move.state, note=note)
    if move.state in FINAL and before not in FINAL:
        finish(session, post, move.state, progress.reason)
    elif move.news and move.state in FINAL:
        tell(session, post)  # its creator has posted the draft
    return move


def stand(post: Post) -> Stand:
    """A stale post is one that still works at the platform; only people are told otherwise."""
    state = State.PROCESSING if STALE in post.memo else State(post.state)
    return Stand(state, Phase(post.step) if post.step else None, post.bytes_total)


def contradicted(session: Session, post: Post, progress: Progress, *, mouth: str) -> None:
    """Published or not: of two ends the one holds that the platform names when it is asked."""
    PostEvents(session).add(post, "contradiction", note=f"{mouth}: {progress.status}")
    if mouth != POLL:
        post.due_at = PostEvents.now()
        return
    before, post.state, post.step = post.state, TARGET[progress.phase], progress.phase
    PostEvents(session).add(post, mouth, before=before, after=post.state, note="asked again")
    post.error_code = None if post.state == State.PUBLISHED else progress.reason or "unknown"
    post.error_message = None
    post.finished_at = PostEvents.now()
    Records(session).correct(post, progress.status)
    tell(session, post)


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
    """The post has ended: nothing is due but a look at a draft; its slot follows from its state."""
    to(session, post, state, note=code or state.lower())
    is_draft = state is State.PUBLISHED and post.step == Phase.DELIVERED
    post.due_at = PostEvents.now() + DRAFT_POLL if is_draft else None
    post.hold_reason = None
    post.finished_at = PostEvents.now()
    if state is not State.PUBLISHED:
        post.error_code = code or "unknown"
        post.error_message = message
    UploadSessions(session).drop(post.id)
    Records(session).ended(post)
    tell(session, post)
    count(session, post)


def to(session: Session, post: Post, state: State, *, note: str) -> None:
    """A move of our own making (queued, sending, unconfirmed), with its line in the timeline."""
    if post.state != state:
        PostEvents(session).add(post, "state", before=post.state, after=state, note=note)
        post.state = state
        if state is State.UNCONFIRMED:
            tell(session, post)
