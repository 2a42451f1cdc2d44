"""Table `tiktok_posts`: what TikTok has reported about a post, once it has a publish_id."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ForeignKey, Index, String, func, or_, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import APPENDED_ROWS_STORAGE, Base, IdColumn, Json, TimestampColumns, one_of
from db.bulk import IDS_PARAMETER, is_given_id
from db.posts.posts import Post
from db.records.record_table import RecordTable
from db.records.tiktok_projection import (
    CHANGED_COLUMNS,
    PUBLIC_IDS_KEY,
    LockedTikTokPost,
    TikTokProjection,
)

INBOX_STATUS, COMPLETE_STATUS, FAILED_STATUS = "SEND_TO_USER_INBOX", "PUBLISH_COMPLETE", "FAILED"
PENDING_STATUSES = ("PROCESSING_UPLOAD", "PROCESSING_DOWNLOAD", INBOX_STATUS)
TIKTOK_STATUSES = (*PENDING_STATUSES, COMPLETE_STATUS, FAILED_STATUS)
INBOX_MODE, PUBLIC_LEVEL = "INBOX", "PUBLIC_TO_EVERYONE"

INITIAL_STATUS_BY_SOURCE = {
    "FILE_UPLOAD": "PROCESSING_UPLOAD",
    "PULL_FROM_URL": "PROCESSING_DOWNLOAD",
}


class TikTokPost(IdColumn, TimestampColumns, Base):
    __tablename__ = "tiktok_posts"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    oauth_account_id: Mapped[int | None] = mapped_column(
        ForeignKey("oauth_accounts.id", ondelete="SET NULL")
    )
    post_id: Mapped[int | None] = mapped_column(
        "ledger_id", ForeignKey("posts.id", ondelete="SET NULL"), unique=True
    )
    publish_id: Mapped[str] = mapped_column(String(255), unique=True)
    status: Mapped[str] = mapped_column(String(50))
    source: Mapped[str] = mapped_column(String(50))
    mode: Mapped[str] = mapped_column(String(50))
    title: Mapped[str | None]
    error_code: Mapped[str | None] = mapped_column(String(100))
    error_message: Mapped[str | None]
    details: Mapped[Json] = mapped_column("metadata", JSONB, server_default="{}")
    uploaded_bytes: Mapped[int | None]
    downloaded_bytes: Mapped[int | None]
    publicly_available: Mapped[bool | None] = mapped_column(comment="NULL: not reported yet")
    last_polled_at: Mapped[datetime | None]  # of the latest report, by poll or by webhook
    completed_at: Mapped[datetime | None]

    __table_args__ = (
        Index("idx_tiktok_posts_user", "user_id", text("created_at DESC")),
        Index(
            "idx_tiktok_posts_status",
            "status",
            "created_at",
            postgresql_where=text(
                "status IN ('PROCESSING_UPLOAD', 'PROCESSING_DOWNLOAD', 'SEND_TO_USER_INBOX')"
            ),
        ),
        Index("idx_tiktok_posts_list", "user_id", "status", "ledger_id"),
        Index(
            "idx_tiktok_posts_public_ids",
            text("(metadata -> 'publicaly_available_post_id')"),
            postgresql_using="gin",
        ),
        Index("idx_tiktok_posts_oauth", "oauth_account_id", text("created_at DESC")),
        Index(
            "idx_tiktok_posts_nameless",
            "completed_at",
            postgresql_where=text(
                "status = 'PUBLISH_COMPLETE' AND NOT metadata ? 'publicaly_available_post_id'"
            ),
        ),
        one_of("status", TIKTOK_STATUSES),
        one_of("source", ("FILE_UPLOAD", "PULL_FROM_URL")),
        one_of("mode", ("INBOX", "DIRECT")),
        {
            "comment": "Publications at TikTok and their status as TikTok reports it",
            "postgresql_with": APPENDED_ROWS_STORAGE,
        },
    )


class TikTokPosts:
    """The `RecordStore` of TikTok."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_by_post(self, post_id: int) -> TikTokPost | None:
        return self._session.scalar(select(TikTokPost).where(TikTokPost.post_id == post_id))

    def get_by_posts(self, post_ids: Collection[int]) -> dict[int, TikTokPost | None]:
        """The rows by post id; None for a post that has no publication yet."""
        rows = self._session.scalars(list_statement(), {IDS_PARAMETER: list(post_ids)})
        by_post = {tiktok_row.post_id: tiktok_row for tiktok_row in rows}
        return {post_id: by_post.get(post_id) for post_id in post_ids}

    def was_updated_within(self, tiktok_row: TikTokPost | None, window: timedelta) -> bool:
        """Whether the platform reported on it within that time, by the database's clock."""
        if tiktok_row is None:
            return False
        last_update = func.coalesce(TikTokPost.last_polled_at, TikTokPost.created_at)
        query = select(last_update > func.now() - window).where(TikTokPost.id == tiktok_row.id)
        return bool(self._session.scalar(query))

    def create(self, post: Post) -> None:
        """Insert the row of a post that has a publish_id. Does nothing if it exists."""
        settings = {**post.payload_json, **post.payload_json.get("settings", {})}
        settings.pop("settings", None)
        statement = insert(TikTokPost).values(
            user_id=post.user_id,
            oauth_account_id=post.oauth_account_id,
            post_id=post.id,
            publish_id=post.publish_id,
            status=INITIAL_STATUS_BY_SOURCE[post.source],
            source=post.source,
            mode=mode_of_kind(post.kind),
            title=post.title,
            details={name: value for name, value in settings.items() if value is not None},
        )
        self._session.execute(statement.on_conflict_do_nothing())

    def detach_failed(self, post: Post) -> None:
        """Mark the publication as failed and unlink it: the post starts a new one."""
        tiktok_row = self.get_by_post(post.id)
        if tiktok_row is not None:
            tiktok_row.post_id, tiktok_row.status = None, FAILED_STATUS
            tiktok_row.error_code, tiktok_row.completed_at = "upload_url_expired", func.now()
            self._session.flush()


@cache
def list_statement() -> Any:
    """SELECT of the rows of the given posts. Built once."""
    return select(TikTokPost).where(is_given_id(TikTokPost.post_id))


def mode_of_kind(kind: str) -> str:
    """`INBOX` or `DIRECT`: the part of a kind before the underscore."""
    return kind.partition("_")[0]


TIKTOK_RECORDS = RecordTable(
    model=TikTokPost,
    store=TikTokPosts,
    projection=TikTokProjection(),
    locked=LockedTikTokPost,
    changed_columns=CHANGED_COLUMNS,
    pending_statuses=PENDING_STATUSES,
    draft_status=INBOX_STATUS,
    complete_status=COMPLETE_STATUS,
    failed_status=FAILED_STATUS,
    public_ids_key=PUBLIC_IDS_KEY,
    # direct posts that are not for everyone never get a public id
    has_public_id=or_(
        TikTokPost.mode == INBOX_MODE, TikTokPost.details["privacy_level"].astext == PUBLIC_LEVEL
    ),
)
