"""Which addresses and which events an endpoint may name. Pure; resolves no name."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from core import audit
from core.bootstrap import Services
from core.crypto import endpoint_secret_context
from core.errors import Conflict, Invalid, NotFound
from core.outbox import EVENT_TYPES
from core.outbox.signing import generate_secret
from core.url_rules import MAX_URL_LENGTH, validate_public_https_url
from db.outbox.deliveries import Deliveries
from db.outbox.endpoints import Endpoint, Endpoints, EndpointSecrets
from db.session import Session
from platforms.secret import Secret


def validate_url(url: str, *, allow_private: bool) -> str:
    """`private`: whoever develops may also be told over http, and on a host of their own.

    Errors: Invalid that quotes nothing.
    """
    try:
        return validate_private_url(url) if allow_private else validate_public_https_url(url)
    except ValueError as error:
        fields = {"url": str(error)}
        raise Invalid("the address is not usable", details={"fields": fields}) from None


def validate_private_url(url: str) -> str:
    """Errors: ValueError."""
    if len(url) > MAX_URL_LENGTH:
        raise ValueError(f"must not be longer than {MAX_URL_LENGTH} characters")
    if any(not "!" <= character <= "~" for character in url) or "\\" in url:
        raise ValueError("must not contain blanks, backslashes or characters beyond ASCII")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must begin with https:// or http:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not name a user")
    if parts.port == 0:  # reading it refuses what is no number
        raise ValueError("must name a port that exists")
    return url


def validate_event_types(events: Collection[str]) -> list[str]:
    """In the order of our table, each once. Errors: Invalid."""
    unknown = sorted(set(events) - set(EVENT_TYPES))
    if unknown:
        fields = {"events": "may only name " + ", ".join(EVENT_TYPES)}
        raise Invalid("unknown events", details={"fields": fields})
    return [event for event in EVENT_TYPES if event in events]


# MERGED core.endpoints.desk: Endpoints as their owner keeps them: made, changed, given a new secret, let go.
#
# A secret is told once, when it is made. Speaks to nobody.

MAX_ENDPOINTS_PER_USER = 20  # endpoints of one user
SECRET_OVERLAP_PERIOD = timedelta(
    hours=24
)  # for which a replaced secret signs beside its successor
MAX_SIGNING_SECRETS = 5  # secrets at once: each makes a header longer
DISABLED_BY_OWNER = "by its owner"


@dataclass(frozen=True)
class CreatedEndpoint:
    endpoint: Endpoint
    secret: Secret


def list_endpoints(session: Session, user_id: int) -> Sequence[Endpoint]:
    return Endpoints(session).list_for_user(user_id)


def get_endpoint(
    session: Session, endpoint_id: int, *, user_id: int, locked: bool = False
) -> Endpoint:
    """Errors: NotFound, also for somebody else's."""
    endpoint = Endpoints(session).get_for_user(endpoint_id, user_id=user_id, lock=locked)
    if endpoint is None:
        raise NotFound("no such endpoint")
    return endpoint


def create_endpoint(
    session: Session,
    services: Services,
    user_id: int,
    *,
    url: str,
    events: Collection[str] = (),
    description: str = "",
) -> CreatedEndpoint:
    """No event named: all of them, also those that come with later versions.

    Errors: Invalid, Conflict.
    """
    address = validate_url(url, allow_private=services.settings.endpoint_private_hosts)
    if len(Endpoints(session).list_for_user(user_id)) >= MAX_ENDPOINTS_PER_USER:
        raise Conflict(
            f"nobody has more than {MAX_ENDPOINTS_PER_USER} endpoints",
            details={"most": MAX_ENDPOINTS_PER_USER},
        )
    endpoint = Endpoints(session).add(
        user_id, url=address, events=validate_event_types(events), description=description
    )
    created = CreatedEndpoint(endpoint, issue_secret(session, services, endpoint))
    record_audit(session, endpoint, "endpoint.made", host=urlsplit(address).hostname)
    return created


def issue_secret(session: Session, services: Services, endpoint: Endpoint) -> Secret:
    secret = generate_secret()
    encrypted = services.key_ring.encrypt(
        secret, endpoint_secret_context(endpoint.id, endpoint.user_id)
    )
    EndpointSecrets(session).replace(endpoint.id, encrypted, overlap=SECRET_OVERLAP_PERIOD)
    return secret


def rotate_secret(
    session: Session, services: Services, endpoint_id: int, *, user_id: int
) -> CreatedEndpoint:
    """A new secret; the one before it goes on signing for `OVERLAP`. Errors: NotFound, Conflict."""
    endpoint = get_endpoint(session, endpoint_id, user_id=user_id, locked=True)
    if len(EndpointSecrets(session).list_active(endpoint.id)) >= MAX_SIGNING_SECRETS:
        raise Conflict("too many secrets sign already: wait until the oldest has ended")
    created = CreatedEndpoint(endpoint, issue_secret(session, services, endpoint))
    record_audit(session, endpoint, "endpoint.rotated")
    return created


def update_endpoint(
    session: Session,
    services: Services,
    endpoint_id: int,
    *,
    user_id: int,
    url: str | None = None,
    events: Collection[str] | None = None,
    description: str | None = None,
    enabled: bool | None = None,
) -> Endpoint:
    """What is None stays. What waited while it was disabled goes on when it is enabled.

    Errors: NotFound, Invalid.
    """
    endpoint = get_endpoint(session, endpoint_id, user_id=user_id, locked=True)
    if url is not None:
        endpoint.url = validate_url(url, allow_private=services.settings.endpoint_private_hosts)
    if events is not None:
        endpoint.events = validate_event_types(events)
    if description is not None:
        endpoint.description = description
    session.flush()
    if enabled is not None:
        set_enabled(session, endpoint, enabled=enabled)
    record_audit(session, endpoint, "endpoint.changed", enabled=endpoint.disabled_at is None)
    return endpoint


def set_enabled(session: Session, endpoint: Endpoint, *, enabled: bool) -> None:
    if enabled:
        Endpoints(session).enable(endpoint.id)
        Deliveries(session).resume(endpoint.id)
    else:
        Endpoints(session).disable(endpoint.id, DISABLED_BY_OWNER)
    session.refresh(endpoint)


def delete_endpoint(session: Session, endpoint_id: int, *, user_id: int) -> None:
    """With its log and everything that was to be delivered there. Errors: NotFound."""
    endpoint = get_endpoint(session, endpoint_id, user_id=user_id, locked=True)
    Endpoints(session).delete(endpoint)
    record_audit(session, endpoint, "endpoint.removed")


def record_audit(session: Session, endpoint: Endpoint, action: str, **details: object) -> None:
    """Of an address only the host: the rest of it may be a secret."""
    subject = f"endpoint:{endpoint.id}"
    audit.record_action(session, action, user_id=endpoint.user_id, subject=subject, details=details)
