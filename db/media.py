"""Files that people gave us to publish. The bytes are in the media store, their path is here."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, exists, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, Identified, Json, Timed
from db.posts import Post

ENDED = ("PUBLISHED", "FAILED", "CANCELLED")


class Media(Identified, Timed, Base):
    __tablename__ = "media"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    filename: Mapped[str]
    content_type: Mapped[str]
    size: Mapped[int] = mapped_column(comment="bytes announced")
    offset: Mapped[int] = mapped_column("received", server_default="0", comment="bytes stored")
    sha256: Mapped[str | None] = mapped_column(comment="set when complete")
    path: Mapped[str] = mapped_column(comment="in the media store")
    probe: Mapped[Json | None]
    completed_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("received BETWEEN 0 AND size", name="received"),
        Index("idx_media_user", "user_id"),
        Index("idx_media_expires", "expires_at"),
        {"comment": "Files given to us; deleted some days after their last use"},
    )


class Medias:
    """Every look-up on behalf of a caller names the owner."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, *, keep: timedelta, **values: Any) -> Media:
        media = Media(**values, expires_at=func.now() + keep)
        self._session.add(media)
        self._session.flush()
        self._session.refresh(media, ["expires_at"])  # the database's clock, not ours
        return media

    def get(self, media_id: int | None) -> Media | None:
        return None if media_id is None else self._session.get(Media, media_id)

    def owned(self, media_id: int, *, user_id: int) -> Media | None:
        found = select(Media).where(Media.id == media_id, Media.user_id == user_id)
        return self._session.scalar(found, execution_options={"populate_existing": True})

    def locked(self, media_id: int, *, user_id: int) -> Media | None:
        """The same, and nobody else's until this transaction ends."""
        found = select(Media).where(Media.id == media_id, Media.user_id == user_id)
        options = {"populate_existing": True}
        return self._session.scalar(found.with_for_update(), execution_options=options)

    def is_needed(self, media_id: int) -> bool:
        """Whether a post that has not ended wants to send it."""
        wants = select(Post.id).where(Post.media_id == media_id, Post.state.not_in(ENDED))
        return bool(self._session.scalar(select(exists(wants))))

    def touch(self, media: Media, *, keep: timedelta) -> None:
        """Used or added to: its days begin anew."""
        later: Any = func.now() + keep
        media.expires_at, media.last_used_at = later, self._now()

    def complete(self, media: Media, *, sha256: str, probe: Json | None) -> None:
        media.sha256, media.probe, media.completed_at = sha256, probe, self._now()

    def expired(self, *, limit: int) -> Sequence[Media]:
        """Those whose days are over and that no unfinished post needs, locked for their end."""
        wants = exists().where(Post.media_id == Media.id, Post.state.not_in(ENDED))
        found = select(Media).where(Media.expires_at < func.now(), ~wants).limit(limit)
        return self._session.scalars(found.with_for_update(skip_locked=True)).all()

    def delete(self, media: Media) -> None:
        self._session.delete(media)

    @staticmethod
    def _now() -> Any:
        return func.now()
