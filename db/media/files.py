"""The table `media`: files that users uploaded to publish. Their bytes are in the media store."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
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
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, IdColumn, Json, TimestampColumns
from db.identity.users import User
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
        comment="SHA-256 of the file; set when the upload is complete, or some minutes later"
    )
    path: Mapped[str] = mapped_column(comment="path in the media store")
    probe: Mapped[Json | None]
    inspected_at: Mapped[datetime | None] = mapped_column(
        comment="when its bytes were inspected; what they say is in probe"
    )
    completed_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("received BETWEEN 0 AND size", name="received"),
        Index("idx_media_user", "user_id"),
        Index(
            "idx_media_unfinished", "user_id", "id", postgresql_where=text("completed_at IS NULL")
        ),
        Index("idx_media_expires", "expires_at"),
        Index(
            "idx_media_without_digest",
            "id",
            postgresql_where=text("completed_at IS NOT NULL AND sha256 IS NULL"),
        ),
        {"comment": "Uploaded media files; deleted some days after their last use"},
    )


@dataclass(frozen=True)
class StorageUse:
    """What a user stores: announced bytes of all files, and the number of unfinished uploads."""

    bytes: int
    unfinished: int


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

    def list_recent(self, user_id: int, *, limit: int) -> Sequence[Media]:
        """List the complete files that are kept still, the newest first."""
        is_kept = [Media.completed_at.is_not(None), Media.expires_at > func.now()]
        query = select(Media).where(Media.user_id == user_id, *is_kept)
        return self._session.scalars(query.order_by(Media.id.desc()).limit(limit)).all()

    def lock_for_user(self, media_id: int, *, user_id: int) -> Media | None:
        """Like `get_for_user`, and lock the row until this transaction ends."""
        query = select(Media).where(Media.id == media_id, Media.user_id == user_id)
        options = {"populate_existing": True}
        return self._session.scalar(query.with_for_update(), execution_options=options)

    def is_needed(self, media_id: int) -> bool:
        """Whether an unfinished post uses the file."""
        query = select(Media.id).where(Media.id == media_id, is_in_unfinished_post())
        return self._session.scalar(query) is not None

    def lock_and_measure_use(self, user_id: int) -> StorageUse:
        """Return what the user stores; other requests of the user wait until this one ends."""
        locked = select(User.id).where(User.id == user_id).with_for_update(key_share=True)
        self._session.execute(locked)
        total_bytes = func.coalesce(func.sum(Media.size), 0)
        unfinished = func.count().filter(Media.completed_at.is_(None))
        query = select(total_bytes, unfinished).where(Media.user_id == user_id)
        stored, count = self._session.execute(query).one()
        return StorageUse(int(stored), count)

    def extend_expiry(self, media: Media, *, lifetime: timedelta) -> None:
        """Restart the retention period of a file that was used."""
        expires_at: Any = func.now() + lifetime
        media.expires_at = expires_at
        media.last_used_at = self._now()

    def extend_upload(self, media: Media, *, lifetime: timedelta, longest: timedelta) -> None:
        """Keep an unfinished upload that received a piece, but never beyond `longest` in all."""
        expires_at: Any = func.least(func.now() + lifetime, Media.created_at + longest)
        media.expires_at = expires_at
        media.last_used_at = self._now()

    def mark_complete(self, media: Media, *, sha256: str | None, lifetime: timedelta) -> None:
        """Write down that all bytes are there; a second time changes nothing."""
        if media.completed_at is None:
            media.sha256 = sha256
            media.completed_at = self._now()
            self.extend_expiry(media, lifetime=lifetime)

    def store_inspection(self, media: Media, probe: Json | None, *, content_type: str) -> None:
        media.probe = probe
        media.content_type = content_type
        media.inspected_at = self._now()

    def list_uninspected(self, media_ids: Collection[int], *, user_id: int) -> Sequence[int]:
        """Return the ids of those files of the user that have not been inspected."""
        is_uninspected = Media.inspected_at.is_(None) & Media.probe.is_(None)
        query = select(Media.id).where(
            Media.id.in_(media_ids), Media.user_id == user_id, is_uninspected
        )
        return self._session.scalars(query).all()

    def find_without_digest(self) -> Media | None:
        """Return a complete file whose digest is missing."""
        query = select(Media).where(Media.completed_at.is_not(None), Media.sha256.is_(None))
        return self._session.scalar(query.order_by(Media.id).limit(1))

    def store_digest(self, media_id: int, *, sha256: str) -> None:
        self._session.execute(update(Media).where(Media.id == media_id).values(sha256=sha256))

    def list_by_ids(self, media_ids: Collection[int]) -> dict[int, Media]:
        rows = self._session.scalars(select(Media).where(Media.id.in_(media_ids)))
        return {media.id: media for media in rows}

    def find_known_paths(self, paths: Collection[str]) -> set[str]:
        """Return those of the paths that a row names."""
        if not paths:
            return set()
        return set(self._session.scalars(select(Media.path).where(Media.path.in_(paths))))

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
