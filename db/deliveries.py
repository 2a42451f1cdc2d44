"""Messages on their way to endpoints: due rows, and a log of every try. Speaks to nobody."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, insert, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, Created, Identified
from db.due import Due, Queue
from db.endpoints import Endpoint
from db.outbox import Message
from db.storage import CHANGED, GROWING

EXCERPT = 1000  # characters kept of an answer or a fault


class Delivery(Due, Created, Base):
    __tablename__ = "deliveries"

    message_id: Mapped[int] = mapped_column(ForeignKey("outbox.id", ondelete="CASCADE"))
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("endpoints.id", ondelete="CASCADE"))
    asked: Mapped[bool] = mapped_column(
        server_default="false", comment="a person waits: an endpoint's rest is not kept"
    )
    delivered_at: Mapped[datetime | None] = mapped_column(comment="answered with 2xx")
    dead_at: Mapped[datetime | None] = mapped_column(comment="out of patience since then")

    due_at: Mapped[datetime | None] = mapped_column(server_default=func.now())

    __table_args__ = (
        UniqueConstraint("message_id", "endpoint_id"),
        Index("idx_deliveries_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("idx_deliveries_endpoint", "endpoint_id", "id"),
        Index("idx_deliveries_dead", "dead_at", postgresql_where=text("dead_at IS NOT NULL")),
        {"comment": "One message for one endpoint", "postgresql_with": CHANGED},
    )


class Try(Identified, Base):
    __tablename__ = "delivery_tries"

    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id", ondelete="CASCADE"))
    number: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    milliseconds: Mapped[int | None] = mapped_column(comment="NULL: no end was recorded")
    status: Mapped[int | None] = mapped_column(comment="NULL: no answer came")
    error: Mapped[str | None]
    answer: Mapped[str | None] = mapped_column(comment="its first bytes")

    __table_args__ = (
        Index("idx_delivery_tries_delivery", "delivery_id", "id"),
        {"comment": "Every try to deliver a message", "postgresql_with": GROWING},
    )


DELIVERIES = Queue(Delivery)


class Deliveries:
    def __init__(self, session: Session) -> None:
        self._session = session

    @staticmethod
    def now() -> Any:
        """The database's clock, to be assigned to a column."""
        return func.now()

    def add(self, pairs: Sequence[tuple[int, int]], *, asked: bool = False) -> list[int]:
        """Due at once; a pair is a message and an endpoint."""
        rows = [
            {"message_id": message, "endpoint_id": endpoint, "asked": asked}
            for message, endpoint in pairs
        ]
        added = insert(Delivery).returning(Delivery.id, sort_by_parameter_order=True)
        return list(self._session.scalars(added, rows))

    def context(self, delivery: Delivery) -> tuple[Message, Endpoint]:
        """What is to be delivered, and where."""
        endpoint = self._session.get_one(Endpoint, delivery.endpoint_id, populate_existing=True)
        return self._session.get_one(Message, delivery.message_id), endpoint

    def page(
        self, endpoint_id: int, *, limit: int, before: int | None = None
    ) -> Sequence[tuple[Delivery, Message]]:
        """The newest first; `before` is the id of the last one already seen."""
        found = (
            select(Delivery, Message)
            .join(Message, Message.id == Delivery.message_id)
            .where(Delivery.endpoint_id == endpoint_id)
        )
        if before is not None:
            found = found.where(Delivery.id < before)
        rows = self._session.execute(found.order_by(Delivery.id.desc()).limit(limit)).all()
        return [(delivery, message) for delivery, message in rows]

    def owned(self, delivery_id: int, *, user_id: int) -> tuple[Delivery, Message, Endpoint] | None:
        """Locked: nobody claims it meanwhile."""
        found = (
            select(Delivery, Message, Endpoint)
            .join(Message, Message.id == Delivery.message_id)
            .join(Endpoint, Endpoint.id == Delivery.endpoint_id)
            .where(Delivery.id == delivery_id, Endpoint.user_id == user_id)
            .with_for_update(of=Delivery)
        )
        row = self._session.execute(found).one_or_none()
        return None if row is None else (row[0], row[1], row[2])

    def waiting(self, endpoint_id: int) -> int:
        """Neither delivered nor given up."""
        left = (Delivery.delivered_at.is_(None), Delivery.dead_at.is_(None))
        wanted = select(func.count()).where(Delivery.endpoint_id == endpoint_id, *left)
        return self._session.scalar(wanted) or 0

    def resume(self, endpoint_id: int) -> int:
        """What was parked while the endpoint was disabled is due; how many there are."""
        parked = (
            Delivery.endpoint_id == endpoint_id,
            Delivery.due_at.is_(None),
            Delivery.leased_until.is_(None),
            Delivery.delivered_at.is_(None),
            Delivery.dead_at.is_(None),
        )
        due = update(Delivery).where(*parked).values(due_at=func.now()).returning(Delivery.id)
        options = {"synchronize_session": False}
        return len(self._session.execute(due, execution_options=options).all())


class Tries:
    """Opened at the claim, so that a try which killed its worker is seen as well."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(self, delivery: Delivery) -> int:
        """Its id."""
        values = {"delivery_id": delivery.id, "number": delivery.attempts}
        return self._session.scalars(insert(Try).values(values).returning(Try.id)).one()

    def close(self, try_id: int, **ended: Any) -> None:
        self._set(Try.id == try_id, **ended)

    def fail(self, delivery: Delivery, error: str) -> None:
        """The one under way went wrong on our side: there is nothing to say of an answer."""
        mine = (Try.delivery_id == delivery.id, Try.number == delivery.attempts)
        self._set(*mine, Try.milliseconds.is_(None), Try.error.is_(None), error=error)

    def of(self, delivery_ids: Sequence[int]) -> dict[int, list[Try]]:
        """The first one first, by delivery."""
        found = select(Try).where(Try.delivery_id.in_(delivery_ids)).order_by(Try.id)
        tries: dict[int, list[Try]] = {each: [] for each in delivery_ids}
        for each in self._session.scalars(found):
            tries[each.delivery_id].append(each)
        return tries

    def _set(self, *wanted: Any, **values: Any) -> None:
        changed = update(Try).where(*wanted).values(**values)
        self._session.execute(changed, execution_options={"synchronize_session": False})
