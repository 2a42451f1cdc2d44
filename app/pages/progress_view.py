"""The way of a post as a few steps: which are behind it, where it is, where it ended."""

from collections.abc import Sequence
from typing import NamedTuple

from app.http.i18n import gettext_noop, translate
from app.pages.badges import is_in_inbox
from core.post_state.settle import PostState
from db.posts.posts import Post
from db.posts.timeline import PostEvent

RECEIVED_LABEL, SENT_LABEL, PROCESSED_LABEL = (
    gettext_noop("Received"),
    gettext_noop("Sent"),
    gettext_noop("Processed"),
)
INBOX_LABEL, PUBLISHED_LABEL = gettext_noop("In your inbox"), gettext_noop("Published")
STATE_RANK = {PostState.QUEUED: 0, PostState.SENDING: 1, PostState.PROCESSING: 2}


class ProgressStep(NamedTuple):
    """`stand` is done, now, ahead, or bad where the way ended."""

    label: str
    status: str


def progress_steps(post: Post, events: Sequence[PostEvent]) -> list[ProgressStep]:
    is_draft = post.kind.startswith("INBOX")
    labels = [
        RECEIVED_LABEL,
        SENT_LABEL,
        PROCESSED_LABEL,
        *([INBOX_LABEL] if is_draft else []),
        PUBLISHED_LABEL,
    ]
    current, is_over = current_step(post, events, len(labels))
    if post.state in {PostState.FAILED, PostState.CANCELLED}:
        return [
            ProgressStep(translate(label), step_status(n, current, "bad"))
            for n, label in enumerate(labels)
        ]
    return [
        ProgressStep(translate(label), "done" if is_over else step_status(n, current, "now"))
        for n, label in enumerate(labels)
    ]


def current_step(post: Post, events: Sequence[PostEvent], count: int) -> tuple[int, bool]:
    """At which step it is, and whether that was the last."""
    if is_in_inbox(post):
        return count - 2, False
    if post.state == PostState.PUBLISHED:
        return count - 1, True
    reached = {entry.after for entry in events} | {post.state}
    return max(rank for state, rank in STATE_RANK.items() if state in reached or rank == 0), False


def step_status(number: int, current: int, current_status: str) -> str:
    if number == current:
        return current_status
    return "done" if number < current else "ahead"
