"""How far the bytes of a post are, and how long the rest may take. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from core.ledger.settle import State
from db.posts import Post
from platforms.chunks import plan


@dataclass(frozen=True)
class Progress:
    """`chunk` is how many are there; speed and time are None unless bytes are on their way."""

    bytes_sent: int
    bytes_total: int | None
    chunk: int
    total_chunks: int | None
    bytes_per_second: int | None = None
    eta_seconds: int | None = None


def progress(post: Post, *, now: datetime) -> Progress:
    total, sent = post.bytes_total, post.bytes_sent
    if total is None:
        return Progress(sent, None, 0, None)
    cut = plan(total)
    chunk = cut.count if sent == total else min(sent // cut.chunk_size, cut.count - 1)
    speed = pace(post, now)
    left = -((sent - total) // speed) if speed else None
    return Progress(sent, total, chunk, cut.count, speed, left)


def pace(post: Post, now: datetime) -> int | None:
    """Bytes per second since the start; None unless some are there and some are missing."""
    if post.state != State.SENDING or post.started_at is None or not post.bytes_sent:
        return None
    seconds = (now - post.started_at).total_seconds()
    return max(1, int(post.bytes_sent / seconds)) if seconds > 0 else None
