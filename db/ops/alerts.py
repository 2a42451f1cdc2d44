"""The table `alerts`: conditions that operators have to know, open until resolved."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    Boolean,
    ColumnElement,
    ForeignKey,
    Index,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, IdColumn, Json, one_of


class Alert(IdColumn, Base):
    __tablename__ = "alerts"

    name: Mapped[str]
    severity: Mapped[str]
    details: Mapped[Json] = mapped_column(JSONB, server_default="{}")
    opened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    notified_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    noticed: Mapped[Json] = mapped_column(
        JSONB, server_default="{}", comment="what the last notice about the alert said"
    )

    __table_args__ = (
        Index("uq_alerts_open", "name", unique=True, postgresql_where=text("resolved_at IS NULL")),
        Index("idx_alerts_resolved_by", "resolved_by"),
        one_of("severity", ("warning", "error", "critical")),
        {"comment": "Alerts for operators; at most one open alert per name"},
    )


class Alerts:
    def __init__(self, session: Session) -> None:
        self._session = session

    def open(self, name: str, severity: str, details: Json) -> tuple[Alert, bool]:
        """Open an alert, or update the open one's severity and details. Return if it is new."""
        insertion = insert(Alert).values(name=name, severity=severity, details=details)
        upsert = insertion.on_conflict_do_update(
            index_elements=[Alert.name],
            index_where=Alert.resolved_at.is_(None),
            set_={"severity": severity, "details": details},
        )
        is_new = literal_column("xmax = 0", Boolean)  # in Postgres: inserted, not updated
        alert_id, was_inserted = self._session.execute(upsert.returning(Alert.id, is_new)).one()
        return self._read(alert_id), bool(was_inserted)

    def reopen(self, alert_id: int) -> None:
        """Open an alert again that was resolved a moment ago."""
        statement = update(Alert).where(Alert.id == alert_id)
        self._session.execute(statement.values(resolved_at=None, resolved_by=None))

    def auto_resolve(self, name: str) -> Alert | None:
        """Resolve an alert whose condition no longer holds. Return it, if one was open."""
        return self._resolve(Alert.name == name)

    def count_openings(self, name: str, *, within: timedelta) -> int:
        """Return how often alerts of this name have opened."""
        query = select(func.count(Alert.id)).where(
            Alert.name == name, Alert.opened_at > func.now() - within
        )
        return self._session.scalar(query) or 0

    def has_overlapping(self, name: str, *, since: timedelta) -> bool:
        """Whether an alert of this name was open at any moment of the last `since`."""
        is_recent = or_(Alert.resolved_at.is_(None), Alert.resolved_at > func.now() - since)
        query = select(Alert.id).where(Alert.name == name, is_recent).limit(1)
        return self._session.scalar(query) is not None

    def lock_name(self, name: str) -> None:
        """Let only one process at a time decide about this alert, until the transaction ends."""
        key = func.hashtextextended(f"alert:{name}", 0)
        self._session.execute(select(func.pg_advisory_xact_lock(key)))

    def resolve(self, alert_id: int, *, user_id: int) -> Alert | None:
        """Resolve an alert because a user says so; it opens again if its condition still holds."""
        return self._resolve(Alert.id == alert_id, resolved_by=user_id)

    def get(self, alert_id: int) -> Alert | None:
        return self._session.get(Alert, alert_id)

    def list_open(self) -> Sequence[Alert]:
        query = select(Alert).where(Alert.resolved_at.is_(None))
        return self._session.scalars(query.order_by(Alert.opened_at.desc())).all()

    def list_latest(self, *, limit: int) -> Sequence[Alert]:
        """Return open and resolved alerts, the newest first."""
        return self._session.scalars(select(Alert).order_by(Alert.id.desc()).limit(limit)).all()

    def _resolve(
        self, condition: ColumnElement[bool], *, resolved_by: int | None = None
    ) -> Alert | None:
        statement = update(Alert).where(condition, Alert.resolved_at.is_(None))
        resolution = statement.values(resolved_at=func.now(), resolved_by=resolved_by)
        alert_id = self._session.scalar(resolution.returning(Alert.id))
        return None if alert_id is None else self._read(alert_id)

    def _read(self, alert_id: int) -> Alert:
        query = select(Alert).where(Alert.id == alert_id)
        return self._session.scalars(query, execution_options={"populate_existing": True}).one()
