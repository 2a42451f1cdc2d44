"""Posts on hold of all users, for operators who release or cancel many: counts and batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select

from db.posts.posts import Post, is_unfinished
from db.publishing.post_filter import PostFilter, is_held
from db.session import Session


@dataclass(frozen=True, kw_only=True)
class HeldFilter:
    """Which posts on hold; None and an empty tuple mean any. `since` and `until` are times at
    which they were to go out.
    """

    reasons: tuple[str, ...] = ()
    user_id: int | None = None
    account_id: int | None = None
    provider: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        general = PostFilter(
            provider=self.provider,
            account_id=self.account_id,
            publish_since=self.since,
            publish_until=self.until,
        )
        conditions = [is_held(), is_unfinished(), *general.conditions()]
        if self.reasons:
            conditions.append(Post.hold_reason.in_(self.reasons))
        if self.user_id is not None:
            conditions.append(Post.user_id == self.user_id)
        return conditions


class HeldSummary(NamedTuple):
    """How many posts fit, of how many accounts. Shapes: `by_reason`: hold reason → number."""

    matches: int
    accounts: int
    by_reason: dict[str, int]


class HeldPosts:
    def __init__(self, session: Session) -> None:
        self._session = session

    def summarize(self, held_filter: HeldFilter) -> HeldSummary:
        conditions = held_filter.conditions()
        grouped = select(Post.hold_reason, func.count()).where(*conditions)
        rows = self._session.execute(grouped.group_by(Post.hold_reason).order_by(Post.hold_reason))
        by_reason = {str(reason): number for reason, number in rows}
        accounts = select(func.count(Post.oauth_account_id.distinct())).where(*conditions)
        return HeldSummary(sum(by_reason.values()), self._session.scalar(accounts) or 0, by_reason)

    def lock_next(self, held_filter: HeldFilter, *, after_id: int, limit: int) -> Sequence[Post]:
        """Lock the next posts with larger ids; waits for rows that other transactions hold."""
        query = select(Post).where(*held_filter.conditions(), Post.id > after_id)
        return self._session.scalars(
            query.order_by(Post.id).limit(limit).with_for_update(),
            execution_options={"populate_existing": True},
        ).all()
