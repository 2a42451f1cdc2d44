"""Endpoints of host applications: create, list, change, rotate the secret, delete.

A secret is returned once, when it is created. Nothing is sent to the endpoint here.
"""

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
from db.identity.users import Users
from db.outbox.deliveries import Deliveries
from db.outbox.endpoints import Endpoint, Endpoints, EndpointSecret, EndpointSecrets
from db.session import Session
from platforms.secret import Secret
from platforms.url_rules import (
    is_listed_host,
    validate_http_url,
    validate_public_https_url,
)

MAX_ENDPOINTS_PER_USER = 20

SECRET_OVERLAP_PERIOD = timedelta(hours=24)
"""How long a replaced secret goes on signing beside its successor."""

MAX_SIGNING_SECRETS = 5
"""Secrets that sign at the same time: each one makes the signature header longer."""

DISABLED_BY_OWNER = "by its owner"


@dataclass(frozen=True)
class CreatedEndpoint:
    """An endpoint with its new secret, which is shown only now."""

    endpoint: Endpoint
    secret: Secret


def list_endpoints(session: Session, user_id: int) -> Sequence[Endpoint]:
    return Endpoints(session).list_for_user(user_id)


def get_endpoint(
    session: Session, endpoint_id: int, *, user_id: int, locked: bool = False
) -> Endpoint:
    """Return the user's endpoint. Errors: NotFound, also for the endpoint of another user."""
    endpoint = Endpoints(session).get_for_user(endpoint_id, user_id=user_id, lock=locked)
    if endpoint is None:
        raise NotFound("this user has no such endpoint")
    return endpoint


def list_secrets(session: Session, endpoint_id: int, *, user_id: int) -> Sequence[EndpointSecret]:
    """List the secrets that sign for an endpoint, newest first. Errors: NotFound."""
    get_endpoint(session, endpoint_id, user_id=user_id)
    return EndpointSecrets(session).list_active(endpoint_id)


def create_endpoint(
    session: Session,
    services: Services,
    user_id: int,
    *,
    url: str,
    events: Collection[str] = (),
    description: str = "",
) -> CreatedEndpoint:
    """Create an endpoint and its secret. Without `events` it gets all, also future ones.

    Errors: Invalid; Conflict if the user has `MAX_ENDPOINTS_PER_USER` already.
    """
    valid_url = validate_by_settings(url, services)
    Users(session).lock(user_id)  # so that parallel requests count each other's endpoints
    if len(Endpoints(session).list_for_user(user_id)) >= MAX_ENDPOINTS_PER_USER:
        raise Conflict(
            f"a user can have at most {MAX_ENDPOINTS_PER_USER} endpoints: delete one first",
            details={"most": MAX_ENDPOINTS_PER_USER},
        )
    endpoint = Endpoints(session).add(
        user_id, url=valid_url, events=validate_event_types(events), description=description
    )
    created = CreatedEndpoint(endpoint, issue_secret(session, services, endpoint))
    record_audit(session, endpoint, "endpoint.made", host=urlsplit(valid_url).hostname)
    return created


def issue_secret(session: Session, services: Services, endpoint: Endpoint) -> Secret:
    """Store a new secret, encrypted, and return it; the one before expires after the overlap."""
    secret = generate_secret()
    encrypted = services.key_ring.encrypt(
        secret, endpoint_secret_context(endpoint.id, endpoint.user_id)
    )
    EndpointSecrets(session).replace(endpoint.id, encrypted, overlap=SECRET_OVERLAP_PERIOD)
    return secret


def rotate_secret(
    session: Session, services: Services, endpoint_id: int, *, user_id: int
) -> CreatedEndpoint:
    """Create a new secret; the one before it goes on signing for `SECRET_OVERLAP_PERIOD`.

    Errors: NotFound; Conflict if `MAX_SIGNING_SECRETS` secrets sign already.
    """
    endpoint = get_endpoint(session, endpoint_id, user_id=user_id, locked=True)
    if len(EndpointSecrets(session).list_active(endpoint.id)) >= MAX_SIGNING_SECRETS:
        raise Conflict(
            f"{MAX_SIGNING_SECRETS} secrets sign already: wait until the oldest has expired"
        )
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
    """Change an endpoint; None leaves a value as it is.

    Deliveries that were parked while it was disabled resume when it is enabled.
    Errors: NotFound, Invalid.
    """
    endpoint = get_endpoint(session, endpoint_id, user_id=user_id, locked=True)
    if url is not None:
        endpoint.url = validate_by_settings(url, services)
    if events is not None:
        endpoint.events = validate_event_types(events)
    if description is not None:
        endpoint.description = description
    session.flush()
    if enabled is not None:
        set_enabled(session, endpoint, enabled=enabled)
    given = {"url": url, "events": events, "description": description, "enabled": enabled}
    record_audit(
        session,
        endpoint,
        "endpoint.changed",
        changed=[name for name, value in given.items() if value is not None],
        host=urlsplit(endpoint.url).hostname,
        events=endpoint.events,
        enabled=endpoint.disabled_at is None,
    )
    return endpoint


def set_enabled(session: Session, endpoint: Endpoint, *, enabled: bool) -> None:
    if enabled:
        Endpoints(session).enable(endpoint.id)
        Deliveries(session).resume(endpoint.id)
    else:
        Endpoints(session).disable(endpoint.id, DISABLED_BY_OWNER)
    session.refresh(endpoint)


def delete_endpoint(session: Session, endpoint_id: int, *, user_id: int) -> None:
    """Delete an endpoint with its deliveries and their attempts. Errors: NotFound."""
    endpoint = get_endpoint(session, endpoint_id, user_id=user_id, locked=True)
    Endpoints(session).delete(endpoint)
    record_audit(session, endpoint, "endpoint.removed")


def record_audit(session: Session, endpoint: Endpoint, action: str, **details: object) -> None:
    """Write to the audit log. Callers pass only a URL's host: the rest may contain a secret."""
    subject = f"endpoint:{endpoint.id}"
    audit.record_action(session, action, user_id=endpoint.user_id, subject=subject, details=details)


def validate_by_settings(url: str, services: Services) -> str:
    """Return the endpoint's URL, judged by the settings. Errors: as `validate_url`."""
    settings = services.settings
    return validate_url(
        url, allow_private=settings.endpoint_private_hosts, hosts=settings.outgoing_hosts
    )


def validate_url(url: str, *, allow_private: bool, hosts: Collection[str] = ()) -> str:
    """Return the endpoint's URL. With `allow_private`, also http and private hosts (development).

    `hosts`: the only ones that are allowed; empty: any. Errors: Invalid, whose text does not
    contain the URL.
    """
    validate = validate_http_url if allow_private else validate_public_https_url
    try:
        require_allowed_host(validate(url), hosts)
    except ValueError as error:
        fields = {"url": str(error)}
        raise Invalid("the endpoint's URL is not valid", details={"fields": fields}) from None
    return url


def require_allowed_host(url: str, hosts: Collection[str]) -> None:
    """Errors: ValueError if there is a list of hosts, and that of the URL is not among them."""
    if hosts and not is_listed_host(urlsplit(url).hostname or "", hosts):
        raise ValueError("must name a host that the operator allows")


def validate_event_types(events: Collection[str]) -> list[str]:
    """Return the event types in the order of `EVENT_TYPES`, each once. Errors: Invalid."""
    unknown = sorted(set(events) - set(EVENT_TYPES))
    if unknown:
        fields = {"events": "must be some of " + ", ".join(EVENT_TYPES)}
        raise Invalid(f"{len(unknown)} of the event types are unknown", details={"fields": fields})
    return [event_type for event_type in EVENT_TYPES if event_type in events]
