"""API keys of other programs. Holds their hash, never the key."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Identified, Timed


class ApiKey(Identified, Timed, Base):
    __tablename__ = "api_keys"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True, comment="what a person may see of the key")
    hash: Mapped[str] = mapped_column(unique=True, comment="SHA-256 of the whole key")
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        Index("idx_api_keys_user", "user_id"),
        {"comment": "Keys of programs that act for a user"},
    )
