"""What TikTok knows of a post, from the moment it has a publish_id."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, String, func, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, Identified, Json, Timed, one_of
from db.posts import Post
from db.storage import GROWING

PENDING = ("PROCESSING_UPLOAD", "PROCESSING_DOWNLOAD", "SEND_TO_USER_INBOX")
STATUSES = (*PENDING, "PUBLISH_COMPLETE", "FAILED")
OPENS = {"FILE_UPLOAD": "PROCESSING_UPLOAD", "PULL_FROM_URL": "PROCESSING_DOWNLOAD"}


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
        Index(
            "idx_tiktok_posts_nameless",
            "completed_at",
            postgresql_where=text(
                "status = 'PUBLISH_COMPLETE' AND NOT metadata ? 'publicaly_available_post_id'"
            ),
        ),
        one_of("status", STATUSES),
        one_of("source", ("FILE_UPLOAD", "PULL_FROM_URL")),
        one_of("mode", ("INBOX", "DIRECT")),
        {"comment": "Publications as TikTok knows them", "postgresql_with": GROWING},
    )


class Records:
    """Opened, looked up and left behind; how news moves one is `core/ledger/records.py`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, post_id: int) -> TikTokPost | None:
        return self._session.scalar(select(TikTokPost).where(TikTokPost.ledger_id == post_id))

    def several(self, post_ids: Collection[int]) -> dict[int, TikTokPost | None]:
        """Of each of these posts; None if the platform was told nothing of it."""
        found = self._session.scalars(select(TikTokPost).where(TikTokPost.ledger_id.in_(post_ids)))
        known = {record.ledger_id: record for record in found}
        return {post_id: known.get(post_id) for post_id in post_ids}

    def is_younger(self, record: TikTokPost | None, than: timedelta) -> bool:
        """Whether the platform was heard of it within that time, by the database's clock."""
        if record is None:
            return False
        heard = func.coalesce(TikTokPost.last_polled_at, TikTokPost.created_at)
        young = select(heard > func.now() - than).where(TikTokPost.id == record.id)
        return bool(self._session.scalar(young))

    def open(self, post: Post) -> None:
        """Written as soon as there is a publish_id; once more it changes nothing."""
        wished = {**post.payload_json, **post.payload_json.get("settings", {})}
        wished.pop("settings", None)
        wanted = insert(TikTokPost).values(
            user_id=post.user_id,
            oauth_account_id=post.oauth_account_id,
            ledger_id=post.id,
            publish_id=post.publish_id,
            status=OPENS[post.source],
            source=post.source,
            mode=post.kind.partition("_")[0],
            title=post.title,
            details={name: value for name, value in wished.items() if value is not None},
        )
        self._session.execute(wanted.on_conflict_do_nothing())

    def superseded(self, post: Post) -> None:
        """This publication is dead at the platform and the post begins another one."""
        record = self.of(post.id)
        if record is not None:
            record.ledger_id, record.status = None, "FAILED"
            record.error_code, record.completed_at = "upload_url_expired", func.now()
            self._session.flush()
