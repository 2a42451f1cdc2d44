"""Uploads under way: where the bytes go and how many are there. The address is a sealed secret."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Identified, Timed


class UploadSession(Identified, Timed, Base):
    __tablename__ = "upload_sessions"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), unique=True)
    upload_url_encrypted: Mapped[str | None] = mapped_column(comment="AES-256-GCM; NULL: used up")
    url_expires_at: Mapped[datetime]
    size: Mapped[int] = mapped_column(comment="bytes of the whole file")
    sha256: Mapped[str | None] = mapped_column(comment="of the file as it was at the start")
    chunk_size: Mapped[int]
    total_chunk_count: Mapped[int]
    next_offset: Mapped[int] = mapped_column(server_default="0", comment="a lower bound")

    __table_args__ = ({"comment": "One per file upload to TikTok"},)
