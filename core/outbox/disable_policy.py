"""When a failing endpoint is disabled, and the notification of its owner."""

from datetime import timedelta
from urllib.parse import urlsplit

from core import audit
from db.identity.notifications import Notifications
from db.outbox.endpoints import Endpoint, Endpoints
from db.session import Session, database_now

MAX_FAILING_PERIOD = timedelta(days=5)

MIN_FAILED_ATTEMPTS = 10
"""One message makes eight attempts, so at least two messages have failed."""

ENDPOINT_DISABLED = "endpoint_disabled"
"""Kind of the notification."""

CAUSE_GONE = "gone"
CAUSE_FAILING = "failing"


def record_endpoint_failure(session: Session, endpoint_id: int, *, is_gone: bool) -> None:
    """Count a failed attempt, and disable the endpoint if it failed too often for too long.

    `is_gone`: the receiver answered 410, which asks us to stop at once.
    """
    endpoint = Endpoints(session).record_failure(endpoint_id)
    if is_gone:
        disable_endpoint(session, endpoint, CAUSE_GONE)
    elif should_disable(session, endpoint):
        disable_endpoint(session, endpoint, CAUSE_FAILING)


def should_disable(session: Session, endpoint: Endpoint) -> bool:
    """Whether the endpoint has failed often enough and for long enough."""
    if endpoint.failing_since is None or endpoint.failures < MIN_FAILED_ATTEMPTS:
        return False
    return database_now(session) - endpoint.failing_since > MAX_FAILING_PERIOD


def disable_endpoint(session: Session, endpoint: Endpoint, cause: str) -> None:
    """Disable the endpoint and notify its owner once, even if a whole batch failed."""
    if not Endpoints(session).disable(endpoint.id, cause):
        return
    subject = f"endpoint:{endpoint.id}"
    Notifications(session).add(
        endpoint.user_id,
        ENDPOINT_DISABLED,
        cause=f"{subject}:{endpoint.failing_since}",
        subject=subject,
        endpoint_id=endpoint.id,
        name=urlsplit(endpoint.url).hostname,
        why=cause,
    )
    audit.record_action(
        session,
        "endpoint.disabled",
        user_id=endpoint.user_id,
        subject=subject,
        details={"why": cause},
    )
