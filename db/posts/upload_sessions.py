"""Table `upload_sessions`: encrypted URL, chunk plan and offset of each running upload."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, IdColumn, TimestampColumns
from db.bulk import is_any_of
from db.posts.posts import UPLOAD_QUEUE, Post


class UploadSession(IdColumn, TimestampColumns, Base):
    __tablename__ = "upload_sessions"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), unique=True)
    upload_url_encrypted: Mapped[str | None] = mapped_column(
        comment="AES-256-GCM; NULL: the URL is no longer usable"
    )
    url_expires_at: Mapped[datetime]
    size: Mapped[int] = mapped_column(comment="size of the file in bytes")
    sha256: Mapped[str | None] = mapped_column(
        comment="SHA-256 of the file when the upload started"
    )
    chunk_size: Mapped[int]
    total_chunk_count: Mapped[int]
    next_offset: Mapped[int] = mapped_column(
        server_default="0", comment="bytes known to be received; the platform may have more"
    )

    __table_args__ = ({"comment": "One row per file upload to TikTok"},)


class UploadSessions:
    """At most one per post: a new start makes the upload URL of an earlier one useless."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def create(self, post_id: int, **values: Any) -> None:
        self.delete_for_posts([post_id])
        self._session.add(UploadSession(post_id=post_id, **values))

    def get_by_post(self, post_id: int) -> UploadSession | None:
        return self._session.scalar(
            select(UploadSession).where(UploadSession.post_id == post_id),
            execution_options={"populate_existing": True},
        )

    def count_other_uploads(self, post: Post) -> int:
        """Count the account's other leased uploads. Exact only while the account is locked."""
        conditions = (Post.oauth_account_id == post.oauth_account_id, Post.id != post.id)
        query = select(func.count()).select_from(Post)
        is_leased = Post.leased_until > func.clock_timestamp()
        return int(
            self._session.scalar(query.where(*conditions, is_leased, *UPLOAD_QUEUE.conditions)) or 0
        )

    def set_offset(self, post_id: int, offset: int) -> None:
        """Store how many bytes the platform has reported; this may be less than was stored."""
        statement = update(UploadSession).where(UploadSession.post_id == post_id)
        self._session.execute(statement.values(next_offset=offset))

    def delete_for_posts(self, post_ids: Sequence[int]) -> None:
        if post_ids:
            self._session.execute(
                delete(UploadSession).where(is_any_of(post_ids, UploadSession.post_id)),
                execution_options={"synchronize_session": False},
            )
