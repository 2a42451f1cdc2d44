"""Table `post_days`: how many posts a user has in each state, by quarter of an hour.

A trigger of `posts` adds a row for each change, in the transaction of the change. Rows are only
added, so that two transactions never wait for each other; the count is the sum of `n`. Housekeeping
replaces the rows of a user by their sums.

The time is that at which a post is or was to be published. A quarter of an hour begins at the same
time in every time zone, so that days of any zone can be summed up from them. Of what is older than
`FINE_SLOTS_AGE` only sums are read: it is kept by `COARSE_SLOT_LENGTH`, so that the sum of all is
made of as few rows after ten years as after one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    DateTime,
    ForeignKey,
    Index,
    String,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from db.base import APPENDED_ROWS_STORAGE, Base, IdColumn, one_of
from db.posts.posts import POST_STATES

SLOT_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)
SLOT_LENGTH = timedelta(minutes=15)
FINE_SLOTS_AGE = timedelta(days=62)
"""Later slots are quarters of an hour: long enough for a chart of 30 days and the 30 before."""

COARSE_SLOT_LENGTH = timedelta(days=365)


class PostDay(IdColumn, Base):
    __tablename__ = "post_days"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    account_id: Mapped[int | None] = mapped_column(comment="the login; NULL: it was deleted")
    provider: Mapped[str] = mapped_column(String(50))
    starts_at: Mapped[datetime] = mapped_column(
        comment="beginning of 15 minutes, or of 365 days long ago, with the publish time"
    )
    state: Mapped[str] = mapped_column(String(50))
    n: Mapped[int] = mapped_column(comment="added to the count; negative when posts left the state")
    is_merged: Mapped[bool] = mapped_column(
        server_default="false", comment="whether it sums up earlier rows"
    )

    __table_args__ = (
        Index("idx_post_days_user", "user_id", "starts_at"),
        Index("idx_post_days_unmerged", "user_id", postgresql_where=text("NOT is_merged")),
        one_of("state", POST_STATES),
        {
            "comment": "Changes of the number of posts by publish time and state;"
            " their sum is the count",
            "postgresql_with": APPENDED_ROWS_STORAGE,
        },
    )


@dataclass(frozen=True)
class DayCount:
    """The posts of one day, in one state."""

    index: int
    """Place of the day among those that were named."""
    state: str
    count: int


class PostDays:
    """Counts of the posts of one user, without reading the posts."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def count_by_state(
        self,
        user_id: int,
        *,
        provider: str | None = None,
        account_id: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Mapping[str, int]:
        """Count posts by state; a state without posts is left out.

        `since` and `until` are exact if they begin a quarter of an hour within `FINE_SLOTS_AGE`.
        """
        conditions = [PostDay.user_id == user_id]
        for column, value in ((PostDay.provider, provider), (PostDay.account_id, account_id)):
            if value is not None:
                conditions.append(column == value)
        if since is not None:
            conditions.append(PostDay.starts_at >= since)
        if until is not None:
            conditions.append(PostDay.starts_at < until)
        total = func.sum(PostDay.n)
        query = (
            select(PostDay.state, total)
            .where(*conditions)
            .group_by(PostDay.state)
            .having(total > 0)
        )
        rows = self._session.execute(query.having(total > 0))
        return {state: int(count) for state, count in rows}

    def count_by_day(
        self, user_id: int, *, states: Collection[str], begins: Sequence[datetime]
    ) -> list[DayCount]:
        """Count the posts of each day, the last one with all that follows; without empty days.

        `begins`: when each day begins, in the order of time; within `FINE_SLOTS_AGE`.
        """
        days = bindparam("begins", list(begins), ARRAY(DateTime(timezone=True)))
        place = func.width_bucket(PostDay.starts_at, days).label("place")
        total = func.sum(PostDay.n)
        query = (
            select(place, PostDay.state, total)
            .where(
                PostDay.user_id == user_id,
                PostDay.starts_at >= begins[0],
                PostDay.state.in_(states),
            )
            .group_by(text("place"), PostDay.state)
            .having(total > 0)
            .order_by(text("place"), PostDay.state)
        )
        return [DayCount(at - 1, state, int(n)) for at, state, n in self._session.execute(query)]

    def list_unmerged_users(self, *, limit: int) -> list[int]:
        """List users with rows that are not sums yet."""
        query = select(PostDay.user_id).where(text("NOT is_merged")).distinct().limit(limit)
        return list(self._session.scalars(query))

    def merge_user(self, user_id: int) -> None:
        """Replace the rows of a user by their sums, in slots with new rows or with rows now old.

        Rows that are added meanwhile stay.
        """
        other: Any = aliased(PostDay)
        is_too_fine = find_slot(other) != other.starts_at
        changed_slots = select(find_slot(other)).where(
            other.user_id == user_id, or_(~other.is_merged, is_too_fine)
        )
        removed = (
            delete(PostDay)
            .where(PostDay.user_id == user_id, find_slot(PostDay).in_(changed_slots))
            .returning(
                PostDay.account_id, PostDay.provider, PostDay.starts_at, PostDay.state, PostDay.n
            )
            .cte("removed")
        )
        slot = find_slot(removed.c).label("slot")
        total = func.sum(removed.c.n)
        key = (removed.c.account_id, removed.c.provider, slot, removed.c.state)
        sums = (
            select(text(":user_id").bindparams(user_id=user_id), *key, total, true())
            .group_by(removed.c.account_id, removed.c.provider, text("slot"), removed.c.state)
            .having(total != 0)
        )
        names = ["user_id", "account_id", "provider", "starts_at", "state", "n", "is_merged"]
        self._session.execute(insert(PostDay).from_select(names, sums, include_defaults=False))


def find_slot(row: Any) -> Any:
    """When the slot begins to which a row belongs by now."""
    return func.date_bin(slot_length(row), row.starts_at, SLOT_ORIGIN)


def slot_length(row: Any) -> Any:
    is_old = row.starts_at < func.now() - FINE_SLOTS_AGE
    return case((is_old, COARSE_SLOT_LENGTH), else_=SLOT_LENGTH)
