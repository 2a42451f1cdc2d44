"""What a user does with deliveries: list those of an endpoint, redeliver them, send a test."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core import audit
from core.endpoints.endpoints import get_endpoint
from core.errors import Conflict, NotFound
from core.outbox.enqueue import TEST_EVENT_TYPE, AppEvent, insert_deliveries
from db.outbox.deliveries import Deliveries, Delivery, DeliveryAttempt, DeliveryAttempts
from db.outbox.delivery_log import DeliveryCounts, DeliveryFilter, DeliveryLog, DeliveryState
from db.outbox.endpoints import Endpoint
from db.outbox.messages import OutboxMessage
from db.session import Session

SUCCESS_PERIOD = timedelta(hours=24)
MAX_REDELIVERIES = 1000
"""Dead letters that are redelivered by one request; the next request goes on."""

NO_FILTER = DeliveryFilter()


@dataclass(frozen=True)
class DeliveryDetails:
    """A delivery with its message and the log of its attempts."""

    delivery: Delivery
    message: OutboxMessage
    attempts: Sequence[DeliveryAttempt]

    @property
    def state(self) -> str:
        """delivered, dead, given up, waiting for its next attempt, or paused with its endpoint."""
        if self.delivery.discarded_at is not None:
            return DeliveryState.DISCARDED
        if self.delivery.dead_at is not None:
            return DeliveryState.DEAD
        if self.delivery.due_at is not None or self.delivery.leased_until is not None:
            return DeliveryState.WAITING
        is_paused = self.delivery.delivered_at is None
        return DeliveryState.PAUSED if is_paused else DeliveryState.DELIVERED


@dataclass(frozen=True)
class DeliveryPage:
    """`next_before` is the cursor of the next page; None at the end."""

    deliveries: Sequence[DeliveryDetails]
    next_before: int | None


def list_deliveries(
    session: Session,
    endpoint_id: int,
    *,
    user_id: int,
    limit: int,
    before: int | None = None,
    wanted: DeliveryFilter = NO_FILTER,
) -> DeliveryPage:
    """List the endpoint's deliveries, newest first. Errors: NotFound."""
    get_endpoint(session, endpoint_id, user_id=user_id)
    rows = DeliveryLog(session).page(endpoint_id, wanted, limit=limit + 1, before=before)
    has_next_page = len(rows) > limit
    rows = rows[:limit]
    attempts = DeliveryAttempts(session).list_by_delivery([delivery.id for delivery, _ in rows])
    details = [
        DeliveryDetails(delivery, message, attempts[delivery.id]) for delivery, message in rows
    ]
    return DeliveryPage(details, details[-1].delivery.id if has_next_page else None)


def redeliver_message(session: Session, delivery_id: int, *, user_id: int) -> DeliveryDetails:
    """Make a delivery due again with the same message id and all attempts of the retry policy.

    The caller wakes a worker after the commit.
    Errors: NotFound; Conflict while it is being sent or its endpoint is disabled.
    """
    locked = Deliveries(session).lock_for_user(delivery_id, user_id=user_id)
    if locked is None:
        raise NotFound("this user has no such delivery")
    delivery, message, endpoint = locked
    require_enabled(endpoint)
    if delivery.leased_until is not None:
        raise Conflict("the delivery is being sent: wait until the attempt has ended")
    delivery.due_at = Deliveries.now()
    delivery.attempts = 0
    delivery.is_manual = True
    delivery.dead_at = None
    delivery.discarded_at = None
    delivery.last_error = None
    session.flush()
    session.refresh(delivery)
    audit.record_action(
        session,
        "delivery.again",
        user_id=user_id,
        subject=f"delivery:{delivery.id}",
        details={"message": message.name},
    )
    return DeliveryDetails(
        delivery, message, DeliveryAttempts(session).list_by_delivery([delivery.id])[delivery.id]
    )


def count_results(session: Session, endpoint_id: int, *, user_id: int) -> DeliveryCounts:
    """Count what became of the endpoint's newest deliveries of the last day. Errors: NotFound."""
    get_endpoint(session, endpoint_id, user_id=user_id)
    return DeliveryLog(session).count_results(endpoint_id, within=SUCCESS_PERIOD)


def count_dead_deliveries(
    session: Session, endpoint_id: int, *, user_id: int, since: datetime
) -> int:
    """Count what `redeliver_dead` would deliver again; one more than it can if there is more.

    Errors: NotFound.
    """
    get_endpoint(session, endpoint_id, user_id=user_id)
    return DeliveryLog(session).count_dead(endpoint_id, since=since, limit=MAX_REDELIVERIES + 1)


def redeliver_dead(session: Session, endpoint_id: int, *, user_id: int, since: datetime) -> int:
    """Make the dead letters since then due again, `MAX_REDELIVERIES` at most; return how many.

    The caller wakes a worker after the commit.
    Errors: NotFound; Conflict if the endpoint is disabled.
    """
    require_enabled(get_endpoint(session, endpoint_id, user_id=user_id, locked=True))
    ids = DeliveryLog(session).requeue_dead(endpoint_id, since=since, limit=MAX_REDELIVERIES)
    audit.record_action(
        session,
        "deliveries.again",
        user_id=user_id,
        subject=f"endpoint:{endpoint_id}",
        details={"count": len(ids), "since": since.isoformat()},
    )
    return len(ids)


def send_test_message(session: Session, endpoint_id: int, *, user_id: int) -> DeliveryDetails:
    """Enqueue a test message for this endpoint alone. The caller wakes a worker after the commit.

    Errors: NotFound; Conflict if the endpoint is disabled.
    """
    endpoint = get_endpoint(session, endpoint_id, user_id=user_id)
    require_enabled(endpoint)
    subject = f"endpoint:{endpoint.id}"
    event = AppEvent(endpoint.user_id, TEST_EVENT_TYPE, subject, {"endpoint_id": endpoint.id})
    (delivery_id,) = insert_deliveries(session, [(event, [endpoint])], is_manual=True)
    locked = Deliveries(session).lock_for_user(delivery_id, user_id=user_id)
    if locked is None:
        raise NotFound("the delivery was deleted meanwhile")
    delivery, message, _ = locked
    return DeliveryDetails(delivery, message, attempts=[])


def require_enabled(endpoint: Endpoint) -> None:
    """Errors: Conflict if the endpoint is disabled."""
    if endpoint.disabled_at is not None:
        raise Conflict(
            "the endpoint is disabled: enable it first", details={"cause": endpoint.disabled_cause}
        )
