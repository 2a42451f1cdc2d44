"""How long calls to platforms for posts took, from the exchanges that are kept with the posts."""

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.posts.exchanges import PostExchange
from db.posts.posts import Post

MAX_SAMPLED_CALLS = 5000  # the newest; so many say enough


class CallTime(NamedTuple):
    """Calls of one endpoint. Units: milliseconds. `unanswered`: calls that got no answer."""

    endpoint: str
    calls: int
    median: float
    p95: float
    unanswered: int


class CallTimes:
    def __init__(self, session: Session) -> None:
        self._session = session

    def summarize(self, provider: str, *, within: timedelta) -> list[CallTime]:
        """Return the times of the newest calls of this period, the most frequent endpoint first."""
        newest = (
            select(
                PostExchange.post_id,
                PostExchange.endpoint,
                PostExchange.milliseconds,
                PostExchange.status,
            )
            .where(PostExchange.created_at > func.now() - within)
            .order_by(PostExchange.created_at.desc())
            .limit(MAX_SAMPLED_CALLS)
            .subquery()
        )
        column = newest.c.milliseconds
        query = (
            select(
                newest.c.endpoint,
                func.count(),
                func.percentile_cont(0.5).within_group(column),
                func.percentile_cont(0.95).within_group(column),
                func.count().filter(newest.c.status.is_(None)),
            )
            .join(Post, Post.id == newest.c.post_id)
            .where(Post.provider == provider)
            .group_by(newest.c.endpoint)
            .order_by(func.count().desc(), newest.c.endpoint)
        )
        return [CallTime(*row) for row in self._session.execute(query)]
