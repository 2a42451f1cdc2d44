"""Who did what, when and from where. Only ever added to; holds no secret."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Identified, Json


class AuditEntry(Identified, Base):
    __tablename__ = "audit_log"

    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    actor: Mapped[str] = mapped_column(comment="session, key, jwt, worker or cli")
    action: Mapped[str] = mapped_column(comment="e.g. account.connected")
    subject: Mapped[str | None] = mapped_column(comment="e.g. account:7")
    details: Mapped[Json] = mapped_column(JSONB, server_default="{}")
    ip: Mapped[str | None]
    correlation_id: Mapped[str | None]

    __table_args__ = (
        Index("idx_audit_log_user", "user_id", "at"),
        Index("idx_audit_log_at", "at"),
        {"comment": "Who did what, when and from where"},
    )
