"""What TikTok knows of a post, from the moment it has a publish_id."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Identified, Json, Timed, one_of

PENDING = ("PROCESSING_UPLOAD", "PROCESSING_DOWNLOAD", "SEND_TO_USER_INBOX")
STATUSES = (*PENDING, "PUBLISH_COMPLETE", "FAILED")


class TikTokPost(Identified, Timed, Base):
    __tablename__ = "tiktok_posts"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    oauth_account_id: Mapped[int | None] = mapped_column(
        ForeignKey("oauth_accounts.id", ondelete="SET NULL")
    )
    ledger_id: Mapped[int | None] = mapped_column(
        ForeignKey("posts.id", ondelete="SET NULL"), unique=True
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
    publicly_available: Mapped[bool | None] = mapped_column(comment="NULL: not said yet")
    last_polled_at: Mapped[datetime | None]
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
        Index("idx_tiktok_posts_oauth", "oauth_account_id", text("created_at DESC")),
        one_of("status", STATUSES),
        one_of("source", ("FILE_UPLOAD", "PULL_FROM_URL")),
        one_of("mode", ("INBOX", "DIRECT")),
        {"comment": "Publications as TikTok knows them"},
    )
