"""The ledger of tries: when, how long, how it ended, and the vendor's own id of the call."""

from datetime import datetime

from sqlalchemy import Index, func
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Identified


class Attempt(Identified, Base):
    __tablename__ = "attempts"

    kind: Mapped[str]
    row_id: Mapped[int]
    number: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    ended_at: Mapped[datetime | None] = mapped_column(comment="NULL: no answer was recorded")
    outcome: Mapped[str | None]
    code: Mapped[str | None]
    message: Mapped[str | None]
    log_id: Mapped[str | None] = mapped_column(comment="the platform's id of the call")

    __table_args__ = (
        Index("idx_attempts_row", "kind", "row_id", "id"),
        Index("idx_attempts_started", "started_at"),
        {"comment": "Every try of every due row"},
    )
