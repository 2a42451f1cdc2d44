"""Files that people gave us to publish. The bytes are in the media store, their path is here."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Identified, Json, Timed


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
