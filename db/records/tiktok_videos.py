"""Public TikTok videos of accounts with their latest metrics, whether we posted them or not.

NULL means that the platform has not given the metric yet. Older values: `db/insights/snapshots.py`.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import APPENDED_ROWS_STORAGE, Base, IdColumn, TimestampColumns
from db.bulk import execute_with_rows, is_any_of, rows_table
from db.insights.items import (
    ListedRange,
    MissingItem,
    NewItem,
    SampledAccount,
    StoredItem,
)
from db.insights.videos import VIDEO_METRICS

KEEP_WHEN_NULL_COLUMNS = ("title", "url", "duration_seconds", *VIDEO_METRICS)
"""Columns that keep their value when the platform leaves it out."""

COLUMN_TYPES: Mapping[str, Any] = {
    "oauth_account_id": BigInteger(),
    "user_id": BigInteger(),
    "video_id": String(255),
    "title": Text(),
    "url": Text(),
    "duration_seconds": BigInteger(),
    "posted_at": DateTime(timezone=True),
    **{name: BigInteger() for name in VIDEO_METRICS},
}
NO_SESSION_SYNC = {"synchronize_session": False}


class TikTokVideo(IdColumn, TimestampColumns, Base):
    __tablename__ = "tiktok_videos"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    oauth_account_id: Mapped[int] = mapped_column(
        ForeignKey("oauth_accounts.id", ondelete="CASCADE")
    )
    video_id: Mapped[str] = mapped_column(String(255), comment="TikTok's id of the video, as text")
    title: Mapped[str | None]
    url: Mapped[str | None]
    duration_seconds: Mapped[int | None]
    posted_at: Mapped[datetime] = mapped_column(
        server_default=func.now(),
        comment="time given by TikTok; if it gave none, when the video was first seen",
    )
    views: Mapped[int | None]
    likes: Mapped[int | None]
    comments: Mapped[int | None]
    shares: Mapped[int | None]
    counted_at: Mapped[datetime | None] = mapped_column(
        comment="when TikTok last returned the video"
    )
    missing_since: Mapped[datetime | None] = mapped_column(
        comment="since when TikTok does not return it: deleted, or no longer public"
    )
    due_at: Mapped[datetime | None] = mapped_column(
        comment="when its metrics are due; the job is its account's row in watches"
    )

    __table_args__ = (
        UniqueConstraint("oauth_account_id", "video_id"),
        Index(
            "idx_tiktok_videos_due",
            "oauth_account_id",
            "due_at",
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index("idx_tiktok_videos_user", "user_id", text("posted_at DESC"), text("id DESC")),
        {
            "comment": "Public videos of accounts and their latest metrics",
            "postgresql_with": APPENDED_ROWS_STORAGE,
        },
    )


VIDEO_TABLE: Any = TikTokVideo.__table__


def build_upsert_statement() -> Any:
    """Insert videos, or update those that exist; both take one JSON array of rows."""
    rows = rows_table(COLUMN_TYPES)
    posted_at = func.coalesce(rows.c.posted_at, func.now())
    values = [posted_at if name == "posted_at" else rows.c[name] for name in COLUMN_TYPES]
    statement = insert(VIDEO_TABLE).from_select(
        [*COLUMN_TYPES, "counted_at"], select(*values, func.now()).select_from(rows)
    )
    new: Any = statement.excluded
    kept_columns = {
        name: func.coalesce(new[name], VIDEO_TABLE.c[name]) for name in KEEP_WHEN_NULL_COLUMNS
    }
    upsert = statement.on_conflict_do_update(
        index_elements=["oauth_account_id", "video_id"],
        set_={**kept_columns, "counted_at": func.now(), "missing_since": None},
    )
    is_new = text("(xmax = 0) AS is_new")
    return upsert.returning(
        VIDEO_TABLE.c.id, VIDEO_TABLE.c.video_id, VIDEO_TABLE.c.posted_at, is_new
    )


UPSERT_STATEMENT = build_upsert_statement()


class TikTokVideos:
    """The `ItemStore` of TikTok."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def upsert(self, account: SampledAccount, items: Sequence[NewItem]) -> Sequence[StoredItem]:
        if not items:
            return []
        rows = [video_row(account, item) for item in items]
        stored = execute_with_rows(self._session, UPSERT_STATEMENT, rows)
        return [
            StoredItem(row.id, row.video_id, row.posted_at, is_new=row.is_new) for row in stored
        ]

    def add_metrics(
        self, account: SampledAccount, item_id: str, counts: Mapping[str, int]
    ) -> StoredItem | None:
        values = {name: counts[name] for name in VIDEO_METRICS if name in counts}
        statement = (
            update(TikTokVideo)
            .where(TikTokVideo.oauth_account_id == account.row_id, TikTokVideo.video_id == item_id)
            .values(counted_at=func.now(), **values)
            .returning(TikTokVideo.id, TikTokVideo.posted_at)
        )
        row = self._session.execute(statement, execution_options=NO_SESSION_SYNC).one_or_none()
        return None if row is None else StoredItem(row.id, item_id, row.posted_at)

    def list_due(
        self, account: SampledAccount, *, until: datetime, limit: int, newest: int | None
    ) -> Sequence[StoredItem]:
        conditions = (*self._of_newest(account, newest), TikTokVideo.due_at <= until)
        query = select(TikTokVideo.id, TikTokVideo.video_id, TikTokVideo.posted_at).where(
            *conditions
        )
        rows = self._session.execute(
            query.order_by(TikTokVideo.due_at, TikTokVideo.id).limit(limit)
        )
        return [StoredItem(row.id, row.video_id, row.posted_at) for row in rows]

    def next_due_at(self, account: SampledAccount, *, newest: int | None) -> datetime | None:
        conditions = (*self._of_newest(account, newest), TikTokVideo.due_at.is_not(None))
        return self._session.scalar(select(func.min(TikTokVideo.due_at)).where(*conditions))

    def newest_posted_at(self, account: SampledAccount) -> datetime | None:
        of_account = TikTokVideo.oauth_account_id == account.row_id
        return self._session.scalar(select(func.max(TikTokVideo.posted_at)).where(of_account))

    def schedule_next(self, delays: Mapping[int, timedelta | None]) -> None:
        ids_by_delay: dict[timedelta | None, list[int]] = {}
        for video_row_id, delay in delays.items():
            ids_by_delay.setdefault(delay, []).append(video_row_id)
        for delay, ids in ids_by_delay.items():
            statement = update(TikTokVideo).where(is_any_of(ids, TikTokVideo.id))
            due_at = None if delay is None else func.now() + delay
            self._session.execute(
                statement.values(due_at=due_at), execution_options=NO_SESSION_SYNC
            )

    def schedule_first(self, row_ids: Collection[int]) -> None:
        statement = update(TikTokVideo).where(
            is_any_of(row_ids, TikTokVideo.id), TikTokVideo.due_at.is_(None)
        )
        self._session.execute(
            statement.values(due_at=func.now()), execution_options=NO_SESSION_SYNC
        )

    def mark_missing(
        self, account: SampledAccount, item_ids: Collection[str]
    ) -> Sequence[MissingItem]:
        return self._mark(
            TikTokVideo.oauth_account_id == account.row_id, TikTokVideo.video_id.in_(list(item_ids))
        )

    def mark_absent(self, account: SampledAccount, listed: ListedRange) -> int:
        conditions = [
            TikTokVideo.oauth_account_id == account.row_id,
            TikTokVideo.video_id.not_in(listed.item_ids),
            TikTokVideo.missing_since.is_(None),
        ]
        if listed.oldest is not None:
            conditions.append(TikTokVideo.posted_at >= listed.oldest)
        if listed.newest is not None:
            conditions.append(TikTokVideo.posted_at <= listed.newest)
        return len(self._mark(*conditions))

    def postpone(self, account: SampledAccount, delay: timedelta) -> None:
        of_account = TikTokVideo.oauth_account_id == account.row_id
        statement = update(TikTokVideo).where(of_account, TikTokVideo.due_at < func.now() + delay)
        self._session.execute(
            statement.values(due_at=func.now() + delay), execution_options=NO_SESSION_SYNC
        )

    def _mark(self, *conditions: ColumnElement[bool]) -> list[MissingItem]:
        statement = (
            update(TikTokVideo)
            .where(*conditions)
            .values(missing_since=func.coalesce(TikTokVideo.missing_since, func.now()), due_at=None)
            .returning(TikTokVideo.id, TikTokVideo.missing_since)
        )
        rows = self._session.execute(statement, execution_options=NO_SESSION_SYNC)
        return [MissingItem(row.id, row.missing_since) for row in rows]

    def _of_newest(
        self, account: SampledAccount, newest: int | None
    ) -> tuple[ColumnElement[bool], ...]:
        of_account = TikTokVideo.oauth_account_id == account.row_id
        if newest is None:
            return (of_account,)
        ids = (
            select(TikTokVideo.id)
            .where(of_account)
            .order_by(TikTokVideo.posted_at.desc())
            .limit(newest)
        )
        return (TikTokVideo.id.in_(ids.scalar_subquery()),)


def video_row(account: SampledAccount, item: NewItem) -> dict[str, Any]:
    return {
        "oauth_account_id": account.row_id,
        "user_id": account.user_id,
        "video_id": item.item_id,
        "title": item.text,
        "url": item.url,
        "duration_seconds": item.duration_seconds,
        "posted_at": item.posted_at,
        **{name: item.counts.get(name) for name in VIDEO_METRICS},
    }
