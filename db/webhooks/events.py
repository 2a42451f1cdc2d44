"""Table `webhook_events`: events of the platforms, stored before they are acknowledged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Index,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    and_,
    case,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import CLAIMED_ROWS_STORAGE, Base, Json, TimestampColumns, one_of
from db.bulk import ROWS_PARAMETER, counted_rows_table
from db.compiled_statements import CompiledStatement, StatementCall
from db.leases import JobColumns, JobQueue

DISCARDED = "discarded: "  # before the error of an event that an operator discarded
EVENT_STATUSES = ("pending", "processing", "done", "ignored", "dead")
EVENT_VERDICTS = ("valid", "valid_late", "compat")


class Event(JobColumns, TimestampColumns, Base):
    """One webhook event. It is a job as well: due until it is applied once."""

    __tablename__ = "webhook_events"

    provider: Mapped[str] = mapped_column(String(50))
    event_type: Mapped[str] = mapped_column(
        String(100), comment="our event type; the vendor's name if the event is ignored"
    )
    vendor_event: Mapped[str | None] = mapped_column(
        String(100), comment="the vendor's name of the event type"
    )
    external_id: Mapped[str] = mapped_column(  # the dedupe key; only the column is named so
        String(255), comment="deduplication key: the same for every redelivery"
    )
    account: Mapped[str | None] = mapped_column(
        String(255), comment="the platform's id of the user concerned"
    )
    publish_id: Mapped[str | None] = mapped_column(
        String(255), comment="id of the publication concerned"
    )
    payload_json: Mapped[Json] = mapped_column(JSONB)
    parsed: Mapped[Json | None] = mapped_column(
        JSONB(none_as_null=True),
        comment="parsed progress, time and reason; NULL: parse payload_json",
    )
    status: Mapped[str] = mapped_column(String(50), server_default="pending")
    late: Mapped[bool] = mapped_column(
        server_default="false", comment="signed correctly, but outside the time window"
    )
    verdict: Mapped[str | None] = mapped_column(
        String(20), comment="how the signature was judged; NULL: by an older version"
    )
    secret_no: Mapped[int | None] = mapped_column(
        SmallInteger, comment="which of the configured secrets signed it, counted from 1"
    )
    signed_at: Mapped[datetime | None] = mapped_column(
        comment="the signed time; NULL: the platform signs none"
    )
    replayed_at: Mapped[datetime | None] = mapped_column(
        comment="when a person last had it applied again"
    )
    replayed_by: Mapped[int | None] = mapped_column(
        comment="the user who did; kept when the user is deleted"
    )
    correlation_id: Mapped[str | None]
    processed_at: Mapped[datetime | None] = mapped_column(comment="NULL: not applied yet")
    dead_at: Mapped[datetime | None] = mapped_column(comment="when it became a dead letter")

    due_at: Mapped[datetime | None] = mapped_column("next_attempt_at", server_default=text("now()"))
    attempts: Mapped[int] = mapped_column("retry_count", server_default="0")
    last_error: Mapped[str | None] = mapped_column("error_message")

    @property
    def display_status(self) -> str:
        """The status that the API shows: `processing` while a worker has leased the event."""
        is_pending = self.status == "pending"
        return "processing" if is_pending and self.leased_until is not None else self.status

    __table_args__ = (
        UniqueConstraint("provider", "external_id"),
        Index("idx_webhook_events_provider", "provider", "event_type"),
        Index(
            "idx_webhook_events_due",
            "next_attempt_at",
            postgresql_where=text("processed_at IS NULL AND dead_at IS NULL"),
        ),
        Index(
            "idx_webhook_events_unapplied",
            "provider",
            "account",
            postgresql_where=text("processed_at IS NULL AND publish_id IS NOT NULL"),
        ),
        # Partial, so that a claim can only use `due`: while the statistics say that nothing is
        # due, all three look alike to the planner, and the wrong one sorts the whole backlog.
        Index(
            "idx_webhook_events_processed",
            "processed_at",
            postgresql_where=text("processed_at IS NOT NULL"),
        ),
        Index(
            "idx_webhook_events_dead",
            "dead_at",
            postgresql_where=text("dead_at IS NOT NULL"),
        ),
        Index("idx_webhook_events_created", "created_at"),
        Index(
            "idx_webhook_events_replayed",
            "replayed_at",
            postgresql_where=text("replayed_at IS NOT NULL"),
        ),
        one_of("status", EVENT_STATUSES),
        one_of("verdict", EVENT_VERDICTS),
        {
            "comment": "Webhook events of the platforms, stored as received",
            "postgresql_with": CLAIMED_ROWS_STORAGE,
        },
    )


CLAIMED_COLUMNS = (
    *(
        getattr(Event, name).label(name)
        for name in (
            "id",
            "created_at",
            "provider",
            "event_type",
            "vendor_event",
            "external_id",
            "account",
            "publish_id",
            "parsed",
            "due_at",
            "lease_token",
            "attempts",
            "last_error",
        )
    ),
    case((Event.parsed.is_(None), Event.payload_json)).label("payload_json"),
)
"""What a worker needs of an event; of the payload only what was not parsed when it was received."""

EVENT_QUEUE = JobQueue(
    Event,
    conditions=(Event.processed_at.is_(None), Event.dead_at.is_(None)),
    copied_columns=CLAIMED_COLUMNS,
    name="webhooks",
    provider=Event.provider,
)


@dataclass(frozen=True, kw_only=True)
class EventFilter:
    """Selects events. A criterion that is None does not count."""

    ids: Sequence[int] | None = None
    status: str | None = None
    provider: str | None = None
    kind: str | None = None
    code: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    late: bool | None = None
    publish_id: str | None = None
    account: str | None = None
    error_text: str | None = None
    correlation_id: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions that an event has to meet, one per criterion."""
        equal = {
            Event.provider: self.provider,
            Event.event_type: self.kind,
            Event.late: self.late,
            Event.publish_id: self.publish_id,
            Event.account: self.account,
            Event.correlation_id: self.correlation_id,
            func.split_part(Event.last_error, ":", 1): self.code,
        }
        conditions = [column == value for column, value in equal.items() if value is not None]
        if self.ids is not None:
            conditions.append(Event.id.in_(self.ids))
        if self.status is not None:
            conditions.append(status_condition(self.status))
        if self.since is not None:
            conditions.append(Event.created_at >= self.since)
        if self.until is not None:
            conditions.append(Event.created_at < self.until)
        if self.error_text is not None:
            conditions.append(Event.last_error.icontains(self.error_text, autoescape=True))
        return conditions


PENDING_CONDITIONS = (
    Event.processed_at.is_(None),
    Event.dead_at.is_(None),
    Event.status == "pending",
)

STATUS_CONDITIONS: Mapping[str, tuple[ColumnElement[bool], ...]] = {
    "pending": (*PENDING_CONDITIONS, Event.leased_until.is_(None)),
    "processing": (*PENDING_CONDITIONS, Event.leased_until.is_not(None)),
    "dead": (Event.dead_at.is_not(None), Event.status == "dead"),
}
"""With the conditions of the partial indexes, although `status` alone would select the same events:
without them, the planner scans millions of processed events.
"""


def status_condition(status: str) -> ColumnElement[bool]:
    """Return the condition for a `display_status`: a claim does not write the status column."""
    return and_(*STATUS_CONDITIONS.get(status, (Event.status == status,)))


class FinishedEvent(NamedTuple):
    """An event that was applied or ignored. `reason`: why it is ignored."""

    id: int
    lease_token: int
    status: str
    reason: str | None


def build_finish_statement() -> Any:
    rows = counted_rows_table(
        {"id": BigInteger(), "lease_token": BigInteger(), "status": Text(), "reason": Text()}
    )
    has_token = (Event.id == rows.c.id, Event.lease_token == rows.c.lease_token)
    return (
        update(Event)
        .where(*has_token, Event.leased_until.is_not(None))
        .values(
            status=rows.c.status,
            parsed=None,
            processed_at=func.clock_timestamp(),
            due_at=None,
            leased_until=None,
            last_error=rows.c.reason,
        )
    )


FINISH_STATEMENT = CompiledStatement(build_finish_statement(), name="finish_webhook_events")


class Events:
    """Queries and changes of stored webhook events."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, event_id: int) -> Event | None:
        return self._session.get(Event, event_id)

    def page(
        self, event_filter: EventFilter, *, limit: int, before: int | None = None
    ) -> list[Event]:
        """Return matching events, newest first, with smaller ids than `before`."""
        is_older = () if before is None else (Event.id < before,)
        query = select(Event).where(*event_filter.conditions(), *is_older)
        return list(self._session.scalars(query.order_by(Event.id.desc()).limit(limit)))

    @staticmethod
    def finish_calls(events: Sequence[FinishedEvent]) -> list[StatementCall]:
        """What marks events as applied or ignored and releases their leases: one statement, none if
        there are no events. It changes those only that still carry their lease token: the fence.

        `parsed` is dropped: it has served its purpose, and takes a fifth of the row.
        """
        rows = [event._asdict() for event in events]
        return [StatementCall(FINISH_STATEMENT, {ROWS_PARAMETER: rows})] if rows else []

    def mark_dead(self, event: Event) -> None:
        """Keep an event whose attempts are used up, until an operator has it replayed."""
        event.status = "dead"
        event.dead_at = func.clock_timestamp()

    def list_unapplied_publications(
        self, provider: str, account: str, *, since: datetime
    ) -> list[str]:
        """Return the publish ids in events of that account since then that are not applied yet."""
        query = select(Event.publish_id).where(
            Event.provider == provider,
            Event.account == account,
            Event.processed_at.is_(None),
            Event.publish_id.is_not(None),
            Event.created_at >= since,
        )
        return [str(publish_id) for publish_id in self._session.scalars(query.distinct())]
