"""Sampling schedules: one row per account whose metrics are sampled, due when a sample is due.

Which metrics there are and how often they are sampled is decided in `core/insights`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    Text,
    UniqueConstraint,
    and_,
    exists,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.accounts.accounts import Account
from db.base import UPDATED_ROWS_STORAGE, Base, TimestampColumns
from db.leases import JobColumns, JobQueue
from db.posts.posts import Post

NO_SESSION_SYNC = {"synchronize_session": False}
"""These sessions do not read the updated rows again."""

RECENT_PERIOD = timedelta(days=7)
"""How long a post may take to appear in the platform's list."""


class SamplingSchedule(JobColumns, TimestampColumns, Base):
    __tablename__ = "watches"

    oauth_account_id: Mapped[int] = mapped_column(
        ForeignKey("oauth_accounts.id", ondelete="CASCADE")
    )
    destination_id: Mapped[int | None] = mapped_column(
        comment="row of the account in the platform's table; NULL: the login itself"
    )
    totals_due_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="when the metrics of the account as a whole are due"
    )
    list_due_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="when the listing of new videos is due"
    )
    list_cursor: Mapped[str | None] = mapped_column(
        Text, comment="the platform's cursor of the next page; NULL: start with the newest posts"
    )
    ending_due_at: Mapped[datetime | None] = mapped_column(
        comment="when the list of posts that end by themselves is due; NULL: there is none"
    )
    audience_due_at: Mapped[datetime | None] = mapped_column(
        comment="when it is read who follows and reacts; NULL: not read yet"
    )
    paused_until: Mapped[datetime | None] = mapped_column(
        comment="no reading before this: most of the platform's call limit is used up"
    )
    is_whole: Mapped[bool] = mapped_column(
        server_default="false", comment="whether the list of videos was read to its end once"
    )
    listed_at: Mapped[datetime | None] = mapped_column(
        comment="when the newest videos were last listed"
    )
    problem: Mapped[str | None] = mapped_column(
        comment="why sampling fails or is parked, mostly the platform's error code"
    )

    __table_args__ = (
        UniqueConstraint("oauth_account_id", "destination_id"),
        Index(
            "uq_watches_login",
            "oauth_account_id",
            unique=True,
            postgresql_where=text("destination_id IS NULL"),
        ),
        Index(
            "idx_watches_destination",
            "destination_id",
            postgresql_where=text("destination_id IS NOT NULL"),
        ),
        Index("idx_watches_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        {
            "comment": "Sampling schedules: accounts whose metrics are sampled, and what is due",
            "postgresql_with": UPDATED_ROWS_STORAGE,
        },
    )


_platform_of_schedule = (
    select(Account.provider)
    .where(Account.id == SamplingSchedule.oauth_account_id)
    .scalar_subquery()
)
SAMPLING_QUEUE = JobQueue(SamplingSchedule, name="insights", provider=_platform_of_schedule)


@cache
def sampling_queue_of(provider: str) -> JobQueue[SamplingSchedule]:
    """Return the queue of one platform's accounts."""
    of_platform = exists().where(
        Account.id == SamplingSchedule.oauth_account_id, Account.provider == provider
    )
    return JobQueue(
        SamplingSchedule, (of_platform,), name="insights", provider=_platform_of_schedule
    )


OF_SAME_ACCOUNT = and_(
    Post.oauth_account_id == SamplingSchedule.oauth_account_id,
    Post.destination_id.is_not_distinct_from(SamplingSchedule.destination_id),
)
RECENTLY_PUBLISHED = (
    Post.state == "PUBLISHED",
    Post.created_at > func.now() - RECENT_PERIOD,
)


class SamplingSchedules:
    def __init__(self, session: Session) -> None:
        self._session = session

    def get_by_account(
        self, account_id: int, destination_id: int | None = None
    ) -> SamplingSchedule | None:
        return self._session.scalar(
            select(SamplingSchedule).where(
                SamplingSchedule.oauth_account_id == account_id,
                SamplingSchedule.destination_id.is_not_distinct_from(destination_id),
            )
        )

    def enrol_accounts(self, targets: Sequence[Select[Any]]) -> int:
        """Schedule every account that may be sampled and is not, or no longer is. Return how many.

        Shapes: each of `targets` selects `account_id` and `destination_id` of accounts that may be
        sampled now.
        """
        return sum(self._enrol_targets(target.subquery("targets").c) for target in targets)

    def _enrol_targets(self, targets: Any) -> int:
        is_same_account = and_(
            SamplingSchedule.oauth_account_id == targets.account_id,
            SamplingSchedule.destination_id.is_not_distinct_from(targets.destination_id),
        )
        new_accounts = select(targets.account_id, targets.destination_id, func.now()).where(
            ~exists().where(is_same_account)
        )
        insertion = (
            insert(SamplingSchedule)
            .from_select(["oauth_account_id", "destination_id", "due_at"], new_accounts)
            .returning(SamplingSchedule.id)
        )
        is_parked = (SamplingSchedule.due_at.is_(None), SamplingSchedule.leased_until.is_(None))
        parked_ids = (
            select(SamplingSchedule.id)
            .where(*is_parked, exists().where(is_same_account).correlate(SamplingSchedule))
            .with_for_update(of=SamplingSchedule, skip_locked=True)
        )
        reactivation = (
            update(SamplingSchedule)
            .where(SamplingSchedule.id.in_(parked_ids.scalar_subquery()))
            .values(due_at=func.now(), problem=None, attempts=0)
            .returning(SamplingSchedule.id)
        )
        return sum(
            len(self._session.execute(statement).all()) for statement in (insertion, reactivation)
        )

    def request_listing(self, *conditions: ColumnElement[bool]) -> None:
        """Make the listing of new posts due now where sampling is active; skip locked rows."""
        query = select(SamplingSchedule.id).where(SamplingSchedule.due_at.is_not(None), *conditions)
        unlocked = query.with_for_update(skip_locked=True).cte("free")
        values = {
            "list_due_at": func.now(),
            "due_at": func.least(SamplingSchedule.due_at, func.now()),
        }
        statement = update(SamplingSchedule).where(
            SamplingSchedule.id == unlocked.c.id, SamplingSchedule.list_due_at > func.now()
        )
        self._session.execute(statement.values(values), execution_options=NO_SESSION_SYNC)

    def request_listing_for(self, account_id: int, destination_id: int | None = None) -> None:
        self.request_listing(
            SamplingSchedule.oauth_account_id == account_id,
            SamplingSchedule.destination_id.is_not_distinct_from(destination_id),
        )

    def make_due(self, account_ids: Sequence[int], destination_ids: Sequence[int]) -> None:
        """Look again now at what is due for these accounts; locked rows are skipped.

        Shapes: logins that are accounts themselves, and rows of destinations.
        """
        of_login = and_(
            SamplingSchedule.destination_id.is_(None),
            SamplingSchedule.oauth_account_id.in_(account_ids),
        )
        condition = of_login | SamplingSchedule.destination_id.in_(destination_ids)
        query = select(SamplingSchedule.id).where(SamplingSchedule.due_at > func.now(), condition)
        unlocked = query.order_by(SamplingSchedule.id).with_for_update(skip_locked=True).cte("free")
        statement = update(SamplingSchedule).where(SamplingSchedule.id == unlocked.c.id)
        self._session.execute(
            statement.values(due_at=func.now()), execution_options=NO_SESSION_SYNC
        )

    def request_listing_after_publish(self) -> None:
        """Make the listing due for accounts that published something after their last listing."""
        published_later = Post.finished_at > func.coalesce(
            SamplingSchedule.listed_at, SamplingSchedule.created_at
        )
        self.request_listing(exists().where(OF_SAME_ACCOUNT, published_later, *RECENTLY_PUBLISHED))

    def last_published_at(
        self, account_id: int, destination_id: int | None = None
    ) -> datetime | None:
        """Return when we last published for this account within a week; None if we did not."""
        query = select(func.max(Post.finished_at)).where(
            Post.oauth_account_id == account_id,
            Post.destination_id.is_not_distinct_from(destination_id),
            *RECENTLY_PUBLISHED,
        )
        return self._session.scalar(query)
