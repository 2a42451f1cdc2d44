"""Dead deliveries that their owner gives up: counted before, audited, and taken back if wanted."""

from collections.abc import Sequence
from datetime import datetime

from core import audit
from core.endpoints.endpoints import get_endpoint
from core.endpoints.redelivery import MAX_REDELIVERIES
from db.outbox.delivery_log import DeliveryLog, DiscardedDeliveries
from db.session import Session

MAX_AUDITED_DELIVERIES = 100


def discard_dead(
    session: Session, endpoint_id: int, *, user_id: int, since: datetime
) -> DiscardedDeliveries:
    """Give the dead letters since then up, the oldest `MAX_REDELIVERIES` at most.

    They are kept for their time and can still be redelivered. Errors: NotFound.
    """
    get_endpoint(session, endpoint_id, user_id=user_id, locked=True)
    log = DeliveryLog(session)
    discarded = log.discard_dead(endpoint_id, since=since, limit=MAX_REDELIVERIES)
    audit.record_action(
        session,
        "deliveries.discarded",
        user_id=user_id,
        subject=f"endpoint:{endpoint_id}",
        details={
            "count": len(discarded.ids),
            "ids": list(discarded.ids[:MAX_AUDITED_DELIVERIES]),
            "since": since.isoformat(),
            "discardedAt": discarded.at.isoformat(),
        },
    )
    return discarded


def restore_discarded(
    session: Session, endpoint_id: int, *, user_id: int, at: datetime
) -> Sequence[int]:
    """Make dead letters again of what was given up at this time; return their ids.

    What was redelivered since is left alone. Errors: NotFound.
    """
    get_endpoint(session, endpoint_id, user_id=user_id, locked=True)
    ids = DeliveryLog(session).restore_discarded(endpoint_id, at)
    audit.record_action(
        session,
        "deliveries.restored",
        user_id=user_id,
        subject=f"endpoint:{endpoint_id}",
        details={
            "count": len(ids),
            "ids": list(ids[:MAX_AUDITED_DELIVERIES]),
            "discardedAt": at.isoformat(),
        },
    )
    return ids


def count_discarded(session: Session, endpoint_id: int, *, user_id: int, at: datetime) -> int:
    """Count what was given up at this time and still is. Errors: NotFound."""
    get_endpoint(session, endpoint_id, user_id=user_id)
    return DeliveryLog(session).count_discarded(endpoint_id, at)
