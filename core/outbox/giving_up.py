"""When an endpoint is not tried any more, and how its owner learns of it. Speaks to nobody."""

from datetime import timedelta
from urllib.parse import urlsplit

from core import audit
from db.endpoints import Endpoint, Endpoints
from db.notices import Notifications
from db.session import Session, now

PATIENCE = timedelta(days=5)
ENOUGH = 10  # tries, so that two messages at least have failed: one alone makes eight
DISABLED = "endpoint_disabled"
GONE, FAILING = "gone", "failing"


def judge(session: Session, endpoint_id: int, *, is_gone: bool) -> None:
    """One more try in vain: `is_gone` is the receiver's own word that it wants no more."""
    endpoint = Endpoints(session).failed(endpoint_id)
    if is_gone:
        disable(session, endpoint, GONE)
    elif is_hopeless(session, endpoint):
        disable(session, endpoint, FAILING)


def is_hopeless(session: Session, endpoint: Endpoint) -> bool:
    if endpoint.failing_since is None or endpoint.failures < ENOUGH:
        return False
    return now(session) - endpoint.failing_since > PATIENCE


def disable(session: Session, endpoint: Endpoint, why: str) -> None:
    """Told once, however many tries of the same batch come to this."""
    if not Endpoints(session).disable(endpoint.id, why):
        return
    subject = f"endpoint:{endpoint.id}"
    Notifications(session).tell(
        endpoint.user_id,
        DISABLED,
        cause=f"{subject}:{endpoint.failing_since}",
        subject=subject,
        endpoint_id=endpoint.id,
        name=urlsplit(endpoint.url).hostname,
        why=why,
    )
    audit.note(
        session,
        "endpoint.disabled",
        user_id=endpoint.user_id,
        subject=subject,
        details={"why": why},
    )
