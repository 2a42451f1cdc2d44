"""App events for host applications: their types, and writing them to the outbox.

Events are written in the transaction of the change that they report. Nothing is sent here, and no
worker is woken: the caller does that after the commit.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.validation import format_utc
from db.outbox.deliveries import Deliveries
from db.outbox.endpoints import Endpoint, Endpoints, LockedEndpoint
from db.outbox.messages import Outbox, OutboxSubject
from db.session import Session, database_now

EVENT_TYPES: Mapping[str, str] = {
    "post.processing": "The platform has received the post and is processing it.",
    "post.unconfirmed": "A response was lost; nothing is sent again until the outcome is known.",
    "post.delivered": "The draft has reached its creator, who has to publish it.",
    "post.published": "The post is published.",
    "post.failed": "The post was not published; `error` contains the reason.",
    "post.cancelled": "The post was cancelled before it was published.",
    "account.connected": "The account was connected or reconnected.",
    "account.needs_reconnect": "The grant has ended; only the account's owner can reconnect it.",
    "account.revoked": "The platform reports that the owner revoked the grant.",
    "account.destination_lost": "One account behind a login cannot be used; the others go on.",
    "account.disconnected": "The user disconnected the account.",
    "account.unreadable": "The stored tokens cannot be decrypted; an operator has to act.",
    "comment.received": "Somebody has commented on a post of the account.",
    "mention.received": "Somebody has mentioned the account; what they wrote is fetched later.",
}
"""App event type → description. Endpoints can subscribe to these.

States that come and go during retries (queued, sending) are not app events.
"""

TEST_EVENT_TYPE = "endpoint.test"
"""Sent only on request, to one endpoint. It cannot be subscribed to, so it is not listed above."""


@dataclass(frozen=True)
class AppEvent:
    """An event for the endpoints of one user. `data` is JSON without secrets."""

    user_id: int
    type: str
    subject: str  # for example post:7
    data: Mapping[str, Any]


EventWithEndpoints = tuple[AppEvent, Sequence[Endpoint | LockedEndpoint]]


def enqueue_events(session: Session, events: Sequence[AppEvent]) -> None:
    """Write the events, and their deliveries to all subscribed endpoints, to the outbox.

    Takes one query if no endpoint is subscribed, else four statements, however many events.
    """
    if not events:
        return
    endpoints = Endpoints(session).lock_enabled({event.user_id for event in events})
    if not endpoints:
        return
    subscriptions = [
        (event, [endpoint for endpoint in endpoints if is_subscribed(endpoint, event)])
        for event in events
    ]
    insert_deliveries(
        session, [(event, subscribed) for event, subscribed in subscriptions if subscribed]
    )


def is_subscribed(endpoint: LockedEndpoint, event: AppEvent) -> bool:
    return endpoint.user_id == event.user_id and (
        not endpoint.events or event.type in endpoint.events
    )


def insert_deliveries(
    session: Session, matched: Sequence[EventWithEndpoints], *, is_manual: bool = False
) -> list[int]:
    """Insert a message per event and a delivery per endpoint; return the deliveries' ids.

    `is_manual`: a person waits for them, so an endpoint's cooldown does not apply.
    """
    if not matched:
        return []
    at = database_now(session)
    sequences = Outbox(session).next_sequence_numbers(
        [OutboxSubject(event.user_id, event.subject) for event, _ in matched]
    )
    message_ids = Outbox(session).add(
        [
            message_row(event, sequence, at)
            for (event, _), sequence in zip(matched, sequences, strict=True)
        ]
    )
    pairs = [
        (message_id, endpoint.id)
        for message_id, (_, endpoints) in zip(message_ids, matched, strict=True)
        for endpoint in endpoints
    ]
    return Deliveries(session).add(pairs, is_manual=is_manual)


def message_row(event: AppEvent, sequence: int, at: datetime) -> dict[str, Any]:
    return {
        "user_id": event.user_id,
        "name": f"msg_{secrets.token_hex(16)}",
        "type": event.type,
        "subject": event.subject,
        "sequence": sequence,
        "body": serialize_event(event, sequence=sequence, at=at),
    }


def serialize_event(event: AppEvent, *, sequence: int, at: datetime) -> str:
    """Return the request body, which is signed and sent byte for byte at every attempt."""
    document = {
        "type": event.type,
        "timestamp": format_utc(at),
        "data": {**event.data, "sequence": sequence},
    }
    return json.dumps(document, default=encode_datetime, ensure_ascii=False, separators=(",", ":"))


def encode_datetime(value: Any) -> str:
    """Encode times for `json.dumps`. Errors: TypeError for any other value that is not JSON."""
    if isinstance(value, datetime):
        return format_utc(value)
    raise TypeError(f"{type(value).__name__} cannot be part of an app event")
