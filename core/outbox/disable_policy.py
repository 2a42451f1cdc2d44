"""When an endpoint is not tried any more, and how its owner learns of it. Speaks to nobody."""

from datetime import timedelta
from urllib.parse import urlsplit

from core import audit
from db.identity.notifications import Notifications
from db.outbox.endpoints import Endpoint, Endpoints
from db.session import Session, database_now

MAX_FAILING_PERIOD = timedelta(days=5)
MIN_FAILED_ATTEMPTS = 10  # tries, so that two messages at least have failed: one alone makes eight
ENDPOINT_DISABLED = "endpoint_disabled"
CAUSE_GONE, CAUSE_FAILING = "gone", "failing"


def record_endpoint_failure(session: Session, endpoint_id: int, *, is_gone: bool) -> None:
    """One more try in vain: `is_gone` is the receiver's own word that it wants no more."""
    endpoint = Endpoints(session).record_failure(endpoint_id)
    if is_gone:
        disable_endpoint(session, endpoint, CAUSE_GONE)
    elif should_disable(session, endpoint):
        disable_endpoint(session, endpoint, CAUSE_FAILING)


def should_disable(session: Session, endpoint: Endpoint) -> bool:
    if endpoint.failing_since is None or endpoint.failures < MIN_FAILED_ATTEMPTS:
        return False
    return database_now(session) - endpoint.failing_since > MAX_FAILING_PERIOD


def disable_endpoint(session: Session, endpoint: Endpoint, cause: str) -> None:
    """Told once, however many tries of the same batch come to this."""
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
