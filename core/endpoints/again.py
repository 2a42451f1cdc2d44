"""What was delivered and how, one more try on somebody's word, and a message to try things out."""

from collections.abc import Sequence
from dataclasses import dataclass

from core import audit
from core.endpoints.desk import look
from core.errors import Conflict, NotFound
from core.outbox.events import TEST, News
from core.outbox.tell import written
from db.deliveries import Deliveries, Delivery, Tries, Try
from db.endpoints import Endpoint
from db.outbox import Message
from db.session import Session


@dataclass(frozen=True)
class Told:
    """A delivery with what it brings, and how each try went."""

    delivery: Delivery
    message: Message
    tries: Sequence[Try]

    @property
    def state(self) -> str:
        """delivered, dead, waiting for its next try, or paused with its endpoint."""
        if self.delivery.dead_at is not None:
            return "dead"
        if self.delivery.due_at is not None or self.delivery.leased_until is not None:
            return "waiting"
        return "paused" if self.delivery.delivered_at is None else "delivered"


@dataclass(frozen=True)
class Page:
    told: Sequence[Told]
    next_before: int | None


def page(
    session: Session, endpoint_id: int, *, user_id: int, limit: int, before: int | None = None
) -> Page:
    """The newest first. Errors: NotFound."""
    look(session, endpoint_id, user_id=user_id)
    found = Deliveries(session).page(endpoint_id, limit=limit + 1, before=before)
    here = found[:limit]
    tries = Tries(session).of([delivery.id for delivery, _ in here])
    told = [Told(delivery, message, tries[delivery.id]) for delivery, message in here]
    return Page(told, here[-1][0].id if len(found) > limit else None)


def redeliver(session: Session, delivery_id: int, *, user_id: int) -> Told:
    """The same message once more, under the same id, along the whole curve; ring afterwards.

    Errors: NotFound; Conflict while it is on its way, or its endpoint disabled.
    """
    found = Deliveries(session).owned(delivery_id, user_id=user_id)
    if found is None:
        raise NotFound("no such delivery")
    delivery, message, endpoint = found
    is_enabled(endpoint)
    if delivery.leased_until is not None:
        raise Conflict("it is on its way right now")
    delivery.due_at, delivery.attempts = Deliveries.now(), 0
    delivery.asked, delivery.dead_at, delivery.last_error = True, None, None
    session.flush()
    session.refresh(delivery)
    subject, told = f"delivery:{delivery.id}", {"message": message.name}
    audit.note(session, "delivery.again", user_id=user_id, subject=subject, details=told)
    return Told(delivery, message, Tries(session).of([delivery.id])[delivery.id])


def test(session: Session, endpoint_id: int, *, user_id: int) -> Told:
    """A message for this endpoint alone; ring afterwards. Errors: NotFound, Conflict."""
    endpoint = look(session, endpoint_id, user_id=user_id)
    is_enabled(endpoint)
    subject = f"endpoint:{endpoint.id}"
    news = News(endpoint.user_id, TEST, subject, {"endpoint_id": endpoint.id})
    (delivery_id,) = written(session, [(news, [endpoint])], asked=True)
    found = Deliveries(session).owned(delivery_id, user_id=user_id)
    if found is None:
        raise NotFound("no such delivery")
    return Told(found[0], found[1], [])


def is_enabled(endpoint: Endpoint) -> None:
    if endpoint.disabled_at is not None:
        raise Conflict("the endpoint is disabled", details={"cause": endpoint.disabled_cause})
