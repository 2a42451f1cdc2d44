"""The way of a post as a few steps: which are behind it, where it is, where it ended."""

from collections.abc import Sequence
from typing import NamedTuple

from app.language import later, say
from app.pages.looks import in_inbox
from core.ledger.settle import State
from db.posts import Post
from db.timeline import PostEvent

RECEIVED, SENDING, PROCESSING = later("Received"), later("Sent"), later("Processed")
INBOX, PUBLISHED = later("In your inbox"), later("Published")
RANK = {State.QUEUED: 0, State.SENDING: 1, State.PROCESSING: 2}


class Step(NamedTuple):
    """`stand` is done, now, ahead, or bad where the way ended."""

    word: str
    stand: str


def steps(post: Post, events: Sequence[PostEvent]) -> list[Step]:
    is_draft = post.kind.startswith("INBOX")
    words = [RECEIVED, SENDING, PROCESSING, *([INBOX] if is_draft else []), PUBLISHED]
    here, is_over = place(post, events, len(words))
    if post.state in {State.FAILED, State.CANCELLED}:
        return [Step(say(word), stand(n, here, "bad")) for n, word in enumerate(words)]
    return [
        Step(say(word), "done" if is_over else stand(n, here, "now"))
        for n, word in enumerate(words)
    ]


def place(post: Post, events: Sequence[PostEvent], count: int) -> tuple[int, bool]:
    """At which step it is, and whether that was the last."""
    if in_inbox(post):
        return count - 2, False
    if post.state == State.PUBLISHED:
        return count - 1, True
    seen = {line.after for line in events} | {post.state}
    return max(rank for state, rank in RANK.items() if state in seen or rank == 0), False


def stand(number: int, here: int, at: str) -> str:
    if number == here:
        return at
    return "done" if number < here else "ahead"
