"""The table `media`: files that users uploaded to publish. Their bytes are in the media store."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, IdColumn, Json, TimestampColumns
from db.posts.parts import PostPart
from db.posts.posts import FINAL_POST_STATES, Post


class Media(IdColumn, TimestampColumns, Base):
    __tablename__ = "media"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    filename: Mapped[str]
    content_type: Mapped[str]
    size: Mapped[int] = mapped_column(comment="announced size in bytes")
    offset: Mapped[int] = mapped_column(
        "received", server_default="0", comment="bytes stored so far"
    )
    sha256: Mapped[str | None] = mapped_column(
        comment="SHA-256 of the file; set when the upload is complete"
    )
    path: Mapped[str] = mapped_column(comment="path in the media store")
    probe: Mapped[Json | None]
    completed_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("received BETWEEN 0 AND size", name="received"),
        Index("idx_media_user", "user_id"),
        Index("idx_media_expires", "expires_at"),
        {"comment": "Uploaded media files; deleted some days after their last use"},
    )


class MediaFiles:
    """Methods that serve a request take the `user_id` and find only that user's files."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, *, lifetime: timedelta, **values: Any) -> Media:
        media = Media(**values, expires_at=func.now() + lifetime)
        self._session.add(media)
        self._session.flush()
        self._session.refresh(media, ["expires_at"])  # set by the database's clock
        return media

    def get(self, media_id: int | None) -> Media | None:
        return None if media_id is None else self._session.get(Media, media_id)

    def get_for_user(self, media_id: int, *, user_id: int) -> Media | None:
        query = select(Media).where(Media.id == media_id, Media.user_id == user_id)
        return self._session.scalar(query, execution_options={"populate_existing": True})

    def lock_for_user(self, media_id: int, *, user_id: int) -> Media | None:
        """Like `get_for_user`, and lock the row until this transaction ends."""
        query = select(Media).where(Media.id == media_id, Media.user_id == user_id)
        options = {"populate_existing": True}
        return self._session.scalar(query.with_for_update(), execution_options=options)

    def is_needed(self, media_id: int) -> bool:
        """Whether an unfinished post uses the file."""
        query = select(Media.id).where(Media.id == media_id, is_in_unfinished_post())
        return self._session.scalar(query) is not None

    def extend_expiry(self, media: Media, *, lifetime: timedelta) -> None:
        """Restart the retention period of a file that was used or extended."""
        expires_at: Any = func.now() + lifetime
        media.expires_at = expires_at
        media.last_used_at = self._now()

    def mark_complete(self, media: Media, *, sha256: str, probe: Json | None) -> None:
        media.sha256 = sha256
        media.probe = probe
        media.completed_at = self._now()

    def list_by_ids(self, media_ids: Collection[int]) -> dict[int, Media]:
        rows = self._session.scalars(select(Media).where(Media.id.in_(media_ids)))
        return {media.id: media for media in rows}

    def lock_expired(self, *, limit: int) -> Sequence[Media]:
        """Lock expired files that no unfinished post uses, to delete them; skip locked rows."""
        is_expired = Media.expires_at < func.now()
        query = select(Media).where(is_expired, ~is_in_unfinished_post()).limit(limit)
        return self._session.scalars(query.with_for_update(skip_locked=True)).all()

    def delete(self, media: Media) -> None:
        self._session.delete(media)

    @staticmethod
    def _now() -> Any:
        return func.now()


def is_in_unfinished_post() -> ColumnElement[bool]:
    """Condition: a post that has not ended uses the file, as its only file or as an item."""
    is_unfinished = Post.state.not_in(FINAL_POST_STATES)
    is_item = exists().where(
        PostPart.media_id == Media.id, PostPart.post_id == Post.id, is_unfinished
    )
    return or_(exists().where(Post.media_id == Media.id, is_unfinished), is_item)
