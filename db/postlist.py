"""Posts of one user as lists and counts. Reads only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select

from db.posts import Post
from db.records import STATUSES, TikTokPost
from db.session import Session

ENDED = ("PUBLISHED", "FAILED", "CANCELLED")
INBOX, COMPLETE = "SEND_TO_USER_INBOX", "PUBLISH_COMPLETE"

Test = tuple[Any, Callable[[Any], ColumnElement[bool]]]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which posts; what is None does not matter. `status` is the platform's, or a state."""

    provider: str | None = None
    state: str | None = None
    status: str | None = None
    account_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        tests: tuple[Test, ...] = (
            (self.provider, lambda provider: Post.provider == provider),
            (self.state, lambda state: Post.state == state),
            (self.status, with_status),
            (self.account_id, lambda account: Post.oauth_account_id == account),
            (self.since, lambda since: Post.created_at >= since),
            (self.until, lambda until: Post.created_at < until),
            (self.text, lambda text: Post.title.icontains(text, autoescape=True)),
        )
        return [test(value) for value, test in tests if value is not None]


def with_status(status: str) -> ColumnElement[bool]:
    if status in STATUSES:
        return TikTokPost.status == status
    return TikTokPost.id.is_(None) & (Post.state == status)


@dataclass(frozen=True)
class Stats:
    total: int
    processing: int
    inbox: int
    complete: int
    failed: int


class PostList:
    def __init__(self, session: Session) -> None:
        self._session = session

    def page(
        self, wanted: Wanted, *, user_id: int, limit: int, before: int | None = None
    ) -> Sequence[tuple[Post, TikTokPost | None]]:
        """Newest first, those with a smaller id than `before`, with what the platform knows."""
        older = () if before is None else (Post.id < before,)
        found = (
            select(Post, TikTokPost)
            .outerjoin(TikTokPost, TikTokPost.ledger_id == Post.id)
            .where(Post.user_id == user_id, *wanted.conditions(), *older)
            .order_by(Post.id.desc())
            .limit(limit)
        )
        return [(post, record) for post, record in self._session.execute(found)]

    def stats(self, *, user_id: int, account_id: int | None = None) -> Stats:
        """TikTok posts of this user, by how they stand."""
        mine = [Post.user_id == user_id, Post.provider == "tiktok"]
        if account_id is not None:
            mine.append(Post.oauth_account_id == account_id)
        counts = (
            func.count(),
            func.count().filter(Post.state.not_in(ENDED)),
            func.count().filter(TikTokPost.status == INBOX, Post.state == "PUBLISHED"),
            func.count().filter(TikTokPost.status == COMPLETE),
            func.count().filter(Post.state == "FAILED"),
        )
        found = select(*counts).select_from(Post)
        joined = found.outerjoin(TikTokPost, TikTokPost.ledger_id == Post.id)
        return Stats(*self._session.execute(joined.where(*mine)).one())
