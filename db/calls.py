"""Calls to platforms that count against a limit, where Redis alone must not be trusted."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Identified


class Call(Identified, Base):
    __tablename__ = "calls"

    oauth_account_id: Mapped[int] = mapped_column(
        ForeignKey("oauth_accounts.id", ondelete="CASCADE")
    )
    endpoint: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (
        Index("idx_calls_account", "oauth_account_id", "endpoint", "at"),
        Index("idx_calls_at", "at"),
        {"comment": "Counted calls to platforms"},
    )
