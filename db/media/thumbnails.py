"""The table `thumbnails`: small pictures of media files, apart from the rows that lists read."""

from sqlalchemy import ForeignKey, LargeBinary, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, CreatedAtColumn
from db.media.files import Media


class Thumbnail(CreatedAtColumn, Base):
    __tablename__ = "thumbnails"

    media_id: Mapped[int] = mapped_column(
        ForeignKey("media.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    image: Mapped[bytes | None] = mapped_column(
        LargeBinary,
        comment="JPEG of at most 320 by 320 pixels; NULL: the file has no readable picture",
    )

    __table_args__ = (
        {"comment": "Small pictures of media files, made once and deleted with the file"},
    )


class Thumbnails:
    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, media_id: int) -> Thumbnail | None:
        return self._session.get(Thumbnail, media_id)

    def add(self, media_id: int, image: bytes | None) -> None:
        """Store the picture of a file; the first one stays. A file that is gone gets none."""
        is_there = select(Media.id).where(Media.id == media_id).with_for_update(key_share=True)
        if self._session.scalar(is_there) is not None:
            values = {"media_id": media_id, "image": image}
            self._session.execute(insert(Thumbnail).values(values).on_conflict_do_nothing())

    def find_file_without(self) -> Media | None:
        """Return the newest complete file that has no picture yet."""
        has_thumbnail = exists().where(Thumbnail.media_id == Media.id)
        query = select(Media).where(Media.completed_at.is_not(None), ~has_thumbnail)
        return self._session.scalar(query.order_by(Media.id.desc()).limit(1))
