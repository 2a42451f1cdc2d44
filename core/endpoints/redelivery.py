"""What was delivered and how, one more try on somebody's word, and a message to try things out."""

from collections.abc import Sequence
from dataclasses import dataclass

from core import audit
from core.endpoints.endpoints import get_endpoint
from core.errors import Conflict, NotFound
from core.outbox.enqueue import TEST_EVENT_TYPE, AppEvent, insert_deliveries
from db.outbox.deliveries import Deliveries, Delivery, DeliveryAttempt, DeliveryAttempts
from db.outbox.endpoints import Endpoint
from db.outbox.messages import OutboxMessage
from db.session import Session


@dataclass(frozen=True)
class DeliveryDetails:
    """A delivery with what it brings, and how each try went."""

    delivery: Delivery
    message: OutboxMessage
    tries: Sequence[DeliveryAttempt]

    @property
    def state(self) -> str:
        """delivered, dead, waiting for its next try, or paused with its endpoint."""
        if self.delivery.dead_at is not None:
            return "dead"
        if self.delivery.due_at is not None or self.delivery.leased_until is not None:
            return "waiting"
        return "paused" if self.delivery.delivered_at is None else "delivered"


@dataclass(frozen=True)
class DeliveryPage:
    deliveries: Sequence[DeliveryDetails]
    next_before: int | None


def list_deliveries(
    session: Session, endpoint_id: int, *, user_id: int, limit: int, before: int | None = None
) -> DeliveryPage:
    """The newest first. Errors: NotFound."""
    get_endpoint(session, endpoint_id, user_id=user_id)
    found = Deliveries(session).page(endpoint_id, limit=limit + 1, before=before)
    rows = found[:limit]
    tries = DeliveryAttempts(session).list_by_delivery([delivery.id for delivery, _ in rows])
    details = [DeliveryDetails(delivery, message, tries[delivery.id]) for delivery, message in rows]
    return DeliveryPage(details, rows[-1][0].id if len(found) > limit else None)


def redeliver_message(session: Session, delivery_id: int, *, user_id: int) -> DeliveryDetails:
    """The same message once more, under the same id, along the whole curve; ring afterwards.

    Errors: NotFound; Conflict while it is on its way, or its endpoint disabled.
    """
    found = Deliveries(session).lock_for_user(delivery_id, user_id=user_id)
    if found is None:
        raise NotFound("no such delivery")
    delivery, message, endpoint = found
    require_enabled(endpoint)
    if delivery.leased_until is not None:
        raise Conflict("it is on its way right now")
    delivery.due_at, delivery.attempts = Deliveries.now(), 0
    delivery.asked, delivery.dead_at, delivery.last_error = True, None, None
    session.flush()
    session.refresh(delivery)
    subject, audit_details = f"delivery:{delivery.id}", {"message": message.name}
    audit.record_action(
        session, "delivery.again", user_id=user_id, subject=subject, details=audit_details
    )
    return DeliveryDetails(
        delivery, message, DeliveryAttempts(session).list_by_delivery([delivery.id])[delivery.id]
    )


def send_test_message(session: Session, endpoint_id: int, *, user_id: int) -> DeliveryDetails:
    """A message for this endpoint alone; ring afterwards. Errors: NotFound, Conflict."""
    endpoint = get_endpoint(session, endpoint_id, user_id=user_id)
    require_enabled(endpoint)
    subject = f"endpoint:{endpoint.id}"
    event = AppEvent(endpoint.user_id, TEST_EVENT_TYPE, subject, {"endpoint_id": endpoint.id})
    (delivery_id,) = insert_deliveries(session, [(event, [endpoint])], is_manual=True)
    found = Deliveries(session).lock_for_user(delivery_id, user_id=user_id)
    if found is None:
        raise NotFound("no such delivery")
    return DeliveryDetails(found[0], found[1], [])


def require_enabled(endpoint: Endpoint) -> None:
    if endpoint.disabled_at is not None:
        raise Conflict("the endpoint is disabled", details={"cause": endpoint.disabled_cause})
