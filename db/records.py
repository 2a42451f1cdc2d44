"""What TikTok knows of a post, from the moment it has a publish_id."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Index, String, func, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, Identified, Json, Timed, one_of
from db.posts import Post

PENDING = ("PROCESSING_UPLOAD", "PROCESSING_DOWNLOAD", "SEND_TO_USER_INBOX")
STATUSES = (*PENDING, "PUBLISH_COMPLETE", "FAILED")
RANK = {
    "PROCESSING_UPLOAD": 1,
    "PROCESSING_DOWNLOAD": 1,
    "SEND_TO_USER_INBOX": 2,
    "PUBLISH_COMPLETE": 3,
    "FAILED": 3,
}
LAST = 3
OPENS = {"FILE_UPLOAD": "PROCESSING_UPLOAD", "PULL_FROM_URL": "PROCESSING_DOWNLOAD"}
BYTES = {"FILE_UPLOAD": "uploaded_bytes", "PULL_FROM_URL": "downloaded_bytes"}


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


class Records:
    """Statuses have a rank, and no news moves a record back, whoever brings it and when."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, post_id: int) -> TikTokPost | None:
        return self._session.scalar(select(TikTokPost).where(TikTokPost.ledger_id == post_id))

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

    def hear(self, post: Post, status: str, **news: Any) -> None:
        """What the platform says: columns, and `post_ids` that are added to the known ones.

        A status that no page names is kept beside the last known one and changes nothing else.
        """
        record = self.of(post.id)
        if record is None:
            return
        record.last_polled_at = self._now()
        if status not in RANK:
            record.details = {**record.details, "platform_status": status}
            return
        ids = news.pop("post_ids", ())
        if RANK[status] >= RANK[record.status]:
            self._advance(record, status, news)
        known = record.details.get("publicaly_available_post_id", [])
        fresh = [each for each in ids if each not in known]
        if fresh:
            record.details = {**record.details, "publicaly_available_post_id": [*known, *fresh]}

    def _advance(self, record: TikTokPost, status: str, news: Mapping[str, Any]) -> None:
        if RANK[status] == RANK[record.status] == LAST and status != record.status:
            return  # two ends: which of them holds, only a question to the platform decides
        if RANK[status] == LAST and record.status != status:
            record.completed_at = self._now()
        record.status = status if RANK[status] > RANK[record.status] else record.status
        if (count := news.get("bytes_done")) is not None:
            setattr(record, BYTES[record.source], count)
        if news.get("public") is not None:
            record.publicly_available = news["public"]

    def ended(self, post: Post) -> None:
        """Our own end of a post, where the platform did not name one."""
        record = self.of(post.id)
        if record is None or post.state == "PUBLISHED":
            return
        record.error_code, record.error_message = post.error_code, post.error_message
        if RANK[record.status] < LAST:
            record.status, record.completed_at = "FAILED", self._now()

    def correct(self, post: Post, status: str) -> None:
        """The platform, asked again, names another end than the one we held."""
        record = self.of(post.id)
        if record is not None and status in RANK:
            record.status, record.completed_at = status, self._now()
            record.error_code, record.error_message = post.error_code, post.error_message

    def superseded(self, post: Post) -> None:
        """This publication is dead at the platform and the post begins another one."""
        record = self.of(post.id)
        if record is not None:
            record.ledger_id, record.status = None, "FAILED"
            record.error_code, record.completed_at = "upload_url_expired", self._now()
            self._session.flush()

    @staticmethod
    def _now() -> Any:
        return func.now()
