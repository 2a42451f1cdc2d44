"""The table `calls`, which nothing writes any more: rate limits are counted in Redis.

Housekeeping deletes what older versions wrote.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from db.base import APPENDED_ROWS_STORAGE, Base, IdColumn


class Call(IdColumn, Base):
    __tablename__ = "calls"

    oauth_account_id: Mapped[int] = mapped_column(
        ForeignKey("oauth_accounts.id", ondelete="CASCADE")
    )
    endpoint: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (
        Index("idx_calls_account", "oauth_account_id", "endpoint", "at"),
        Index("idx_calls_at", "at"),
        {
            "comment": "Calls to platforms as older versions counted them; not written any more",
            "postgresql_with": APPENDED_ROWS_STORAGE,
        },
    )
