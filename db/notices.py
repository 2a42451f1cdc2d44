"""What a user has to be told. One row per cause, not one per retry."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Created, Identified, Json


class Notification(Identified, Created, Base):
    __tablename__ = "notifications"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str]
    cause: Mapped[str] = mapped_column(comment="what makes it one notice and not two")
    payload: Mapped[Json] = mapped_column(JSONB, server_default="{}")
    read_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("user_id", "kind", "cause"),
        Index("idx_notifications_created", "created_at"),
        {"comment": "Notices for users"},
    )
