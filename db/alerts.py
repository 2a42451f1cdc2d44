"""What operators have to be told, and when it was over."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Identified, Json, one_of


class Alert(Identified, Base):
    __tablename__ = "alerts"

    name: Mapped[str]
    severity: Mapped[str]
    details: Mapped[Json] = mapped_column(JSONB, server_default="{}")
    opened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    notified_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))

    __table_args__ = (
        Index("uq_alerts_open", "name", unique=True, postgresql_where=text("resolved_at IS NULL")),
        Index("idx_alerts_resolved_by", "resolved_by"),
        one_of("severity", ("warning", "error", "critical")),
        {"comment": "Alerts of operators; at most one open per name"},
    )
