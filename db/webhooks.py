"""The inbox: notices of the platforms, stored before they are acknowledged, applied once."""

from datetime import datetime

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Json, Timed, one_of
from db.due import Due, Queue

STATUSES = ("pending", "processing", "done", "ignored", "dead")


class Event(Due, Timed, Base):
    __tablename__ = "webhook_events"

    provider: Mapped[str] = mapped_column(String(50))
    event_type: Mapped[str] = mapped_column(String(100), comment="normal form")
    vendor_event: Mapped[str | None] = mapped_column(String(100), comment="the vendor's name")
    external_id: Mapped[str] = mapped_column(String(255), comment="the same at every redelivery")
    payload_json: Mapped[Json] = mapped_column(JSONB)
    status: Mapped[str] = mapped_column(String(50), server_default="pending")
    late: Mapped[bool] = mapped_column(server_default="false", comment="outside the time window")
    correlation_id: Mapped[str | None]
    processed_at: Mapped[datetime | None] = mapped_column(comment="NULL: not applied yet")
    dead_at: Mapped[datetime | None] = mapped_column(comment="out of patience since then")

    due_at: Mapped[datetime | None] = mapped_column("next_attempt_at", server_default=text("now()"))
    attempts: Mapped[int] = mapped_column("retry_count", server_default="0")
    last_error: Mapped[str | None] = mapped_column("error_message")

    __table_args__ = (
        UniqueConstraint("provider", "external_id"),
        Index("idx_webhook_events_provider", "provider", "event_type"),
        Index(
            "idx_webhook_events_due",
            "next_attempt_at",
            postgresql_where=text("processed_at IS NULL AND dead_at IS NULL"),
        ),
        Index("idx_webhook_events_processed", "processed_at"),
        Index(
            "idx_webhook_events_dead",
            "dead_at",
            postgresql_where=text("dead_at IS NOT NULL"),
        ),
        Index("idx_webhook_events_created", "created_at"),
        one_of("status", STATUSES),
        {"comment": "Webhook notices as received; the inbox of the system"},
    )


EVENTS = Queue(Event, lane=(Event.processed_at.is_(None), Event.dead_at.is_(None)))
