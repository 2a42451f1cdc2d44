"""Outbound deliveries: one message for one endpoint, as a due row, and the log of its attempts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, insert, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import APPENDED_ROWS_STORAGE, UPDATED_ROWS_STORAGE, Base, CreatedAtColumn, IdColumn
from db.leases import JobColumns, JobQueue
from db.outbox.endpoints import Endpoint
from db.outbox.messages import OutboxMessage

MAX_EXCERPT_LENGTH = 1000
"""Characters that are kept of a response body."""


class Delivery(JobColumns, CreatedAtColumn, Base):
    __tablename__ = "deliveries"

    message_id: Mapped[int] = mapped_column(ForeignKey("outbox.id", ondelete="CASCADE"))
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("endpoints.id", ondelete="CASCADE"))
    is_manual: Mapped[bool] = mapped_column(
        "asked",
        server_default="false",
        comment="requested by a person: sent even during the endpoint's cooldown",
    )
    delivered_at: Mapped[datetime | None] = mapped_column(
        comment="when the endpoint answered with 2xx"
    )
    dead_at: Mapped[datetime | None] = mapped_column(comment="when it became a dead letter")
    discarded_at: Mapped[datetime | None] = mapped_column(
        comment="when its owner gave the dead letter up"
    )

    due_at: Mapped[datetime | None] = mapped_column(server_default=func.now())

    __table_args__ = (
        UniqueConstraint("message_id", "endpoint_id"),
        Index("idx_deliveries_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("idx_deliveries_endpoint", "endpoint_id", "id"),
        Index("idx_deliveries_dead", "dead_at", postgresql_where=text("dead_at IS NOT NULL")),
        {
            "comment": "Deliveries: one message for one endpoint",
            "postgresql_with": UPDATED_ROWS_STORAGE,
        },
    )


class DeliveryAttempt(IdColumn, Base):
    __tablename__ = "delivery_tries"

    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id", ondelete="CASCADE"))
    number: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    milliseconds: Mapped[int | None] = mapped_column(
        comment="duration of the attempt; NULL: no end was recorded"
    )
    status: Mapped[int | None] = mapped_column(comment="HTTP status; NULL: no response")
    error: Mapped[str | None]
    answer: Mapped[str | None] = mapped_column(comment="start of the response body")

    __table_args__ = (
        Index("idx_delivery_tries_delivery", "delivery_id", "id"),
        {"comment": "Log of delivery attempts", "postgresql_with": APPENDED_ROWS_STORAGE},
    )


DELIVERY_QUEUE = JobQueue(Delivery, name="outbox")


class Deliveries:
    def __init__(self, session: Session) -> None:
        self._session = session

    @staticmethod
    def now() -> Any:
        """The database's clock, to be assigned to a column."""
        return func.now()

    def add(self, pairs: Sequence[tuple[int, int]], *, is_manual: bool = False) -> list[int]:
        """Insert deliveries that are due at once; return their ids in the order given.

        Shapes: a pair is (message id, endpoint id). `is_manual`: a person waits for them.
        """
        rows = [
            {"message_id": message_id, "endpoint_id": endpoint_id, "is_manual": is_manual}
            for message_id, endpoint_id in pairs
        ]
        statement = insert(Delivery).returning(Delivery.id, sort_by_parameter_order=True)
        return list(self._session.scalars(statement, rows))

    def get_message_and_endpoint(self, delivery: Delivery) -> tuple[OutboxMessage, Endpoint]:
        """Load the message to deliver, and its endpoint as it is stored now."""
        endpoint = self._session.get_one(Endpoint, delivery.endpoint_id, populate_existing=True)
        return self._session.get_one(OutboxMessage, delivery.message_id), endpoint

    def lock_for_user(
        self, delivery_id: int, *, user_id: int
    ) -> tuple[Delivery, OutboxMessage, Endpoint] | None:
        """Lock a delivery to an endpoint of this user, so that no worker claims it meanwhile."""
        query = (
            select(Delivery, OutboxMessage, Endpoint)
            .join(OutboxMessage, OutboxMessage.id == Delivery.message_id)
            .join(Endpoint, Endpoint.id == Delivery.endpoint_id)
            .where(Delivery.id == delivery_id, Endpoint.user_id == user_id)
            .with_for_update(of=Delivery)
        )
        row = self._session.execute(query).one_or_none()
        return None if row is None else (row[0], row[1], row[2])

    def resume(self, endpoint_id: int) -> int:
        """Make deliveries due that were parked while the endpoint was disabled. Return how many."""
        conditions = (
            Delivery.endpoint_id == endpoint_id,
            Delivery.due_at.is_(None),
            Delivery.leased_until.is_(None),
            Delivery.delivered_at.is_(None),
            Delivery.dead_at.is_(None),
        )
        statement = (
            update(Delivery).where(*conditions).values(due_at=func.now()).returning(Delivery.id)
        )
        options = {"synchronize_session": False}
        return len(self._session.execute(statement, execution_options=options).all())


class DeliveryAttempts:
    """The log of attempts. Rows are inserted at the claim, so a killed worker leaves one too."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def start(self, delivery: Delivery) -> int:
        """Insert the row of the attempt that begins; return its id."""
        values = {"delivery_id": delivery.id, "number": delivery.attempts}
        return self._session.scalars(
            insert(DeliveryAttempt).values(values).returning(DeliveryAttempt.id)
        ).one()

    def finish(self, attempt_id: int, **values: Any) -> None:
        """Write the result of an attempt. Shapes: `values` are columns by name."""
        self._update(DeliveryAttempt.id == attempt_id, **values)

    def record_error(self, delivery: Delivery, error: str) -> None:
        """Record that the attempt under way failed on our side, before any response."""
        conditions = (
            DeliveryAttempt.delivery_id == delivery.id,
            DeliveryAttempt.number == delivery.attempts,
        )
        self._update(
            *conditions,
            DeliveryAttempt.milliseconds.is_(None),
            DeliveryAttempt.error.is_(None),
            error=error,
        )

    def list_by_delivery(self, delivery_ids: Sequence[int]) -> dict[int, list[DeliveryAttempt]]:
        """List the attempts of each delivery, oldest first. Shapes: delivery id → attempts."""
        query = (
            select(DeliveryAttempt)
            .where(DeliveryAttempt.delivery_id.in_(delivery_ids))
            .order_by(DeliveryAttempt.id)
        )
        attempts: dict[int, list[DeliveryAttempt]] = {
            delivery_id: [] for delivery_id in delivery_ids
        }
        for attempt in self._session.scalars(query):
            attempts[attempt.delivery_id].append(attempt)
        return attempts

    def _update(self, *conditions: Any, **values: Any) -> None:
        statement = update(DeliveryAttempt).where(*conditions).values(**values)
        self._session.execute(statement, execution_options={"synchronize_session": False})
