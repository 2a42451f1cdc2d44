"""What an account's posts wait for, and what a reconnection has set in motion. Read-only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from db.posts.posts import Post
from db.posts.waiting import WaitingCounts, WaitingPosts
from db.session import Session

MAX_LISTED_POSTS = 50
RECONNECT_PERIOD = timedelta(minutes=15)
"""How long after a reconnection its page lists the posts that go out because of it."""


@dataclass(frozen=True)
class ResumedPosts:
    """Posts that go out after a reconnection, and those that a person has to release."""

    resumed: Sequence[Post]
    held: Sequence[Post]


def count_waiting_posts(session: Session, *, user_id: int) -> Mapping[int, WaitingCounts]:
    """Return the counts of each login of the user that has queued posts, by its row."""
    return WaitingPosts(session, user_id).count_by_account()


def list_resumed_posts(session: Session, account_id: int, *, user_id: int) -> ResumedPosts:
    waiting = WaitingPosts(session, user_id)
    return ResumedPosts(
        waiting.list_resumed(account_id, within=RECONNECT_PERIOD, limit=MAX_LISTED_POSTS),
        waiting.list_to_release(account_id, limit=MAX_LISTED_POSTS),
    )
