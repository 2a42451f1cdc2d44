"""Endpoints as their owner keeps them: made, changed, given a new secret, let go.

A secret is told once, when it is made. Speaks to nobody.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from core import audit
from core.crypto import endpoint_context
from core.endpoints.address import known, usable
from core.errors import Conflict, NotFound
from core.outbox.signature import new_secret
from core.wiring import World
from db.deliveries import Deliveries
from db.endpoints import Endpoint, Endpoints, EndpointSecrets
from db.session import Session
from platforms.secret import Secret

MOST = 20  # endpoints of one user
OVERLAP = timedelta(hours=24)  # for which a replaced secret signs beside its successor
SIGNING = 5  # secrets at once: each makes a header longer
BY_OWNER = "by its owner"


@dataclass(frozen=True)
class Made:
    endpoint: Endpoint
    secret: Secret


def listing(session: Session, user_id: int) -> Sequence[Endpoint]:
    return Endpoints(session).of(user_id)


def look(session: Session, endpoint_id: int, *, user_id: int, locked: bool = False) -> Endpoint:
    """Errors: NotFound, also for somebody else's."""
    found = Endpoints(session).owned(endpoint_id, user_id=user_id, locked=locked)
    if found is None:
        raise NotFound("no such endpoint")
    return found


def make(
    session: Session,
    world: World,
    user_id: int,
    *,
    url: str,
    events: Collection[str] = (),
    description: str = "",
) -> Made:
    """No event named: all of them, also those that come with later versions.

    Errors: Invalid, Conflict.
    """
    address = usable(url, private=world.settings.endpoint_private_hosts)
    if len(Endpoints(session).of(user_id)) >= MOST:
        raise Conflict(f"nobody has more than {MOST} endpoints", details={"most": MOST})
    endpoint = Endpoints(session).add(
        user_id, url=address, events=known(events), description=description
    )
    made = Made(endpoint, fresh(session, world, endpoint))
    note(session, endpoint, "endpoint.made", host=urlsplit(address).hostname)
    return made


def fresh(session: Session, world: World, endpoint: Endpoint) -> Secret:
    secret = new_secret()
    sealed = world.keys.seal(secret, endpoint_context(endpoint.id, endpoint.user_id))
    EndpointSecrets(session).replace(endpoint.id, sealed, overlap=OVERLAP)
    return secret


def rotate(session: Session, world: World, endpoint_id: int, *, user_id: int) -> Made:
    """A new secret; the one before it goes on signing for `OVERLAP`. Errors: NotFound, Conflict."""
    endpoint = look(session, endpoint_id, user_id=user_id, locked=True)
    if len(EndpointSecrets(session).alive(endpoint.id)) >= SIGNING:
        raise Conflict("too many secrets sign already: wait until the oldest has ended")
    made = Made(endpoint, fresh(session, world, endpoint))
    note(session, endpoint, "endpoint.rotated")
    return made


def change(
    session: Session,
    world: World,
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
    endpoint = look(session, endpoint_id, user_id=user_id, locked=True)
    if url is not None:
        endpoint.url = usable(url, private=world.settings.endpoint_private_hosts)
    if events is not None:
        endpoint.events = known(events)
    if description is not None:
        endpoint.description = description
    session.flush()
    if enabled is not None:
        switch(session, endpoint, enabled=enabled)
    note(session, endpoint, "endpoint.changed", enabled=endpoint.disabled_at is None)
    return endpoint


def switch(session: Session, endpoint: Endpoint, *, enabled: bool) -> None:
    if enabled:
        Endpoints(session).enable(endpoint.id)
        Deliveries(session).resume(endpoint.id)
    else:
        Endpoints(session).disable(endpoint.id, BY_OWNER)
    session.refresh(endpoint)


def remove(session: Session, endpoint_id: int, *, user_id: int) -> None:
    """With its log and everything that was to be delivered there. Errors: NotFound."""
    endpoint = look(session, endpoint_id, user_id=user_id, locked=True)
    Endpoints(session).remove(endpoint)
    note(session, endpoint, "endpoint.removed")


def note(session: Session, endpoint: Endpoint, action: str, **details: object) -> None:
    """Of an address only the host: the rest of it may be a secret."""
    subject = f"endpoint:{endpoint.id}"
    audit.note(session, action, user_id=endpoint.user_id, subject=subject, details=details)
