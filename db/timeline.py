"""A post's timeline: one line per thing that happened to it. Only ever added to."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Identified


class PostEvent(Identified, Base):
    __tablename__ = "post_events"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    kind: Mapped[str]
    before: Mapped[str | None] = mapped_column("from_state")
    after: Mapped[str | None] = mapped_column("to_state")
    note: Mapped[str | None]

    __table_args__ = (
        Index("idx_post_events_post", "post_id", "id"),
        {"comment": "What happened to a post, in order"},
    )
