"""The table `audit_log`: who did what, when and from where. Rows are only added; no secrets.

No role may change or delete them, see migration 0019: what has to be possible are three functions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Index, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, IdColumn, Json

CONNECTED, CONNECT_REFUSED = "account.connected", "account.connect_refused"
"""How connecting an account ended. A connection by a person has its `provider` in the details, a
refused one as the subject. An account that is usable again without a person has neither."""


class AuditEntry(IdColumn, Base):
    __tablename__ = "audit_log"

    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    user_id: Mapped[int | None]  # no foreign key: a deleted user's entries keep the number
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


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """Selects entries. A criterion that is None does not count."""

    user_id: int | None = None
    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    correlation_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        equal = {
            AuditEntry.user_id: self.user_id,
            AuditEntry.actor: self.actor,
            AuditEntry.action: self.action,
            AuditEntry.subject: self.subject,
            AuditEntry.correlation_id: self.correlation_id,
        }
        conditions = [column == value for column, value in equal.items() if value is not None]
        if self.since is not None:
            conditions.append(AuditEntry.at >= self.since)
        if self.until is not None:
            conditions.append(AuditEntry.at < self.until)
        return conditions


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

    def page(
        self, audit_filter: AuditFilter, *, limit: int, before: int | None = None
    ) -> list[AuditEntry]:
        """Return matching entries, the newest first, with smaller ids than `before`."""
        is_older = () if before is None else (AuditEntry.id < before,)
        query = select(AuditEntry).where(*audit_filter.conditions(), *is_older)
        return list(self._session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit)))

    def prune(
        self, *, older_than: timedelta, since: datetime | None, limit: int
    ) -> tuple[int, datetime | None]:
        """Delete the oldest entries; return how many, and the time of the newest of them.

        Errors: DBAPIError if `older_than` is less than a year.
        """
        call = func.prune_audit_log(older_than, since, limit).table_valued("deleted", "newest")
        row = self._session.execute(select(call.c.deleted, call.c.newest)).one()
        return row.deleted, row.newest

    def empty_details(self, user_id: int | None, subjects: Any) -> None:
        """Empty the details of entries about an account that is erased; who and when stay.

        Shapes: `subjects` is a query of subjects.
        """
        subject_list = func.array(subjects.scalar_subquery())
        self._session.execute(select(func.empty_audit_details(user_id, subject_list)))

    def forget_addresses(self, user_id: int) -> None:
        """Empty the addresses of entries by or about a user who is erased; who and when stay."""
        self._session.execute(select(func.forget_audit_addresses(user_id)))
