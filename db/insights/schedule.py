"""Sampling schedules: one row per account whose metrics are sampled, due when a sample is due.

Which metrics there are and how often they are sampled is decided in `core/insights`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    and_,
    any_,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.accounts.accounts import Account, AccountStatus
from db.base import UPDATED_ROWS_STORAGE, Base, TimestampColumns
from db.leases import JobColumns, JobQueue
from db.posts.tiktok_posts import TikTokPost

NO_SESSION_SYNC = {"synchronize_session": False}
"""These sessions do not read the updated rows again."""


class SamplingSchedule(JobColumns, TimestampColumns, Base):
    __tablename__ = "watches"

    oauth_account_id: Mapped[int] = mapped_column(
        ForeignKey("oauth_accounts.id", ondelete="CASCADE"), unique=True
    )
    totals_due_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="when the metrics of the account as a whole are due"
    )
    list_due_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="when the listing of new videos is due"
    )
    list_cursor: Mapped[int | None] = mapped_column(
        comment="the platform's cursor of the next page; NULL: start with the newest videos"
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
        Index("idx_watches_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        {
            "comment": "Sampling schedules: accounts whose metrics are sampled, and what is due",
            "postgresql_with": UPDATED_ROWS_STORAGE,
        },
    )


SAMPLING_QUEUE = JobQueue(SamplingSchedule)


def is_sampling_allowed(scopes: Mapping[str, str]) -> ColumnElement[bool]:
    """Condition: the account is active and was granted the scope of its provider.

    Shapes: `scopes` is provider → scope.
    """
    granted_scopes: Any = func.string_to_array(func.replace(Account.scope, " ", ""), ",")
    allowed = [
        and_(Account.provider == provider, any_(granted_scopes) == scope)
        for provider, scope in scopes.items()
    ]
    return and_(Account.status == AccountStatus.ACTIVE, or_(false(), *allowed))


RECENTLY_PUBLISHED = (
    TikTokPost.status == "PUBLISH_COMPLETE",
    TikTokPost.created_at > func.now() - timedelta(days=7),
)


class SamplingSchedules:
    def __init__(self, session: Session) -> None:
        self._session = session

    def get_by_account(self, account_id: int) -> SamplingSchedule | None:
        return self._session.scalar(
            select(SamplingSchedule).where(SamplingSchedule.oauth_account_id == account_id)
        )

    def enrol_accounts(self, scopes: Mapping[str, str]) -> int:
        """Schedule every account that may be sampled and is not, or no longer is. Return how many.

        Shapes: `scopes` is provider → the scope that sampling requires.
        """
        is_enrolled = exists().where(SamplingSchedule.oauth_account_id == Account.id)
        new_accounts = select(Account.id, func.now()).where(
            is_sampling_allowed(scopes), ~is_enrolled
        )
        insertion = (
            insert(SamplingSchedule)
            .from_select(["oauth_account_id", "due_at"], new_accounts)
            .returning(SamplingSchedule.id)
        )
        is_parked = (SamplingSchedule.due_at.is_(None), SamplingSchedule.leased_until.is_(None))
        query = select(SamplingSchedule.id).join(
            Account, Account.id == SamplingSchedule.oauth_account_id
        )
        parked_ids = query.where(*is_parked, is_sampling_allowed(scopes)).with_for_update(
            of=SamplingSchedule, skip_locked=True
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
        """Make the listing of new videos due now where sampling is active; skip locked rows."""
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

    def request_listing_for(self, account_id: int) -> None:
        self.request_listing(SamplingSchedule.oauth_account_id == account_id)

    def request_listing_after_publish(self) -> None:
        """Make the listing due for accounts that published something after their last listing."""
        published_later = TikTokPost.completed_at > func.coalesce(
            SamplingSchedule.listed_at, SamplingSchedule.created_at
        )
        of_account = TikTokPost.oauth_account_id == SamplingSchedule.oauth_account_id
        self.request_listing(exists().where(of_account, published_later, *RECENTLY_PUBLISHED))

    def last_published_at(self, account_id: int) -> datetime | None:
        """Return when we last published for this account within a week; None if we did not."""
        of_account = TikTokPost.oauth_account_id == account_id
        query = select(func.max(TikTokPost.completed_at)).where(of_account, *RECENTLY_PUBLISHED)
        return self._session.scalar(query)
