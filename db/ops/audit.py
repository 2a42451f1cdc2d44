"""The table `audit_log`: who did what, when and from where. Rows are only added; no secrets."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, IdColumn, Json


class AuditEntry(IdColumn, Base):
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
        {"comment": "Audit log: who did what, when and from where"},
    )


class AuditLog:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self,
        action: str,
        *,
        actor: str,
        user_id: int | None = None,
        subject: str | None = None,
        details: Mapping[str, Any] | None = None,
        ip: str | None = None,
        correlation_id: str | None = None,
    ) -> None:
        """Add an entry. `details` is JSON without secrets; `subject` names a row: `account:7`."""
        entry = AuditEntry(
            action=action,
            actor=actor,
            user_id=user_id,
            subject=subject,
            details=dict(details or {}),
            ip=ip,
            correlation_id=correlation_id,
        )
        self._session.add(entry)
