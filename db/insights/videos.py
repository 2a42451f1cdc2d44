"""Public TikTok videos of accounts with their latest metrics, whether we posted them or not.

NULL means that the platform has not given the metric yet. Older values: `snapshots.py`.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
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

VIDEO_METRICS = ("views", "likes", "comments", "shares")
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


class Video(IdColumn, TimestampColumns, Base):
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


VIDEO_TABLE: Any = Video.__table__


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


class Videos:
    def __init__(self, session: Session) -> None:
        self._session = session

    def upsert(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
        """Insert or update videos; return id, video_id, posted_at and is_new of each.

        Shapes: a row has the keys of `COLUMN_TYPES`; no video comes twice.
        """
        return execute_with_rows(self._session, UPSERT_STATEMENT, rows).all() if rows else []

    def list_due(self, account_id: int, *, until: datetime, limit: int) -> Sequence[str]:
        """Return TikTok's ids of videos whose metrics are due by `until`, earliest first."""
        conditions = (Video.oauth_account_id == account_id, Video.due_at <= until)
        query = select(Video.video_id).where(*conditions).order_by(Video.due_at, Video.id)
        return self._session.scalars(query.limit(limit)).all()

    def next_due_at(self, account_id: int) -> datetime | None:
        conditions = (Video.oauth_account_id == account_id, Video.due_at.is_not(None))
        return self._session.scalar(select(func.min(Video.due_at)).where(*conditions))

    def newest_posted_at(self, account_id: int) -> datetime | None:
        of_account = Video.oauth_account_id == account_id
        return self._session.scalar(select(func.max(Video.posted_at)).where(of_account))

    def schedule_next(self, delays: Mapping[int, timedelta]) -> None:
        """Set when the metrics of each video are due next. Shapes: row id → delay from now."""
        ids_by_delay: dict[timedelta, list[int]] = {}
        for video_row_id, delay in delays.items():
            ids_by_delay.setdefault(delay, []).append(video_row_id)
        for delay, ids in ids_by_delay.items():
            statement = update(Video).where(is_any_of(ids, Video.id))
            self._session.execute(
                statement.values(due_at=func.now() + delay), execution_options=NO_SESSION_SYNC
            )

    def mark_missing(self, account_id: int, video_ids: Collection[str]) -> Sequence[Video]:
        """Mark videos that the platform no longer returns; return them. Keeps the first time."""
        statement = (
            update(Video)
            .where(Video.oauth_account_id == account_id, Video.video_id.in_(video_ids))
            .values(missing_since=func.coalesce(Video.missing_since, func.now()), due_at=None)
            .returning(Video)
        )
        options = {**NO_SESSION_SYNC, "populate_existing": True}
        return self._session.scalars(statement, execution_options=options).all()

    def postpone(self, account_id: int, delay: timedelta) -> None:
        """Make no video of this account due before the delay is over."""
        conditions = (Video.oauth_account_id == account_id, Video.due_at < func.now() + delay)
        statement = update(Video).where(*conditions).values(due_at=func.now() + delay)
        self._session.execute(statement, execution_options=NO_SESSION_SYNC)
