"""What host applications can be told, as a table, and the form in which it is said. Pure."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.validation import format_utc
from db.outbox.deliveries import Deliveries
from db.outbox.endpoints import Endpoint, Endpoints
from db.outbox.messages import Outbox, OutboxSubject
from db.session import Session, database_now

EVENT_TYPES: Mapping[str, str] = {
    "post.processing": "The platform has everything and works on it.",
    "post.unconfirmed": "An answer of the platform got lost: we ask, and send nothing again.",
    "post.delivered": "It is in its creator's inbox at the platform, who has to finish it.",
    "post.published": "It is out.",
    "post.failed": "It was not posted; `error` says why.",
    "post.cancelled": "It was taken back before it came out.",
    "account.connected": "It was connected, or connected again.",
    "account.needs_reconnect": "Its permission has ended: only its owner can renew it.",
    "account.revoked": "The platform says that its owner took the permission back.",
    "account.disconnected": "Its user let it go.",
    "account.unreadable": "Its stored tokens do not open: the operator has to act.",
}
"""Moves that come and go while we try again (queued, sending) are none of them."""

TEST_EVENT_TYPE = "endpoint.test"  # only ever asked for, and heard by the one endpoint it is for


@dataclass(frozen=True)
class AppEvent:
    """One thing to be told to whoever of this user listens. `data` is JSON without secrets."""

    user_id: int
    type: str
    subject: str  # as in post:7
    data: Mapping[str, Any]


def serialize_event(event: AppEvent, *, sequence: int, at: datetime) -> str:
    """What is signed and sent, byte for byte, at every try."""
    document = {
        "type": event.type,
        "timestamp": format_utc(at),
        "data": {**event.data, "sequence": sequence},
    }
    return json.dumps(document, default=encode_datetime, ensure_ascii=False, separators=(",", ":"))


def encode_datetime(value: Any) -> str:
    """Errors: TypeError for what is neither JSON nor a time."""
    if isinstance(value, datetime):
        return format_utc(value)
    raise TypeError(type(value).__name__)


# MERGED core.outbox.tell: What has happened is written down for those who listen: with the change, or not at all.
#
# Part of the caller's transaction; nobody is spoken to here, and no bell is rung.

EventWithEndpoints = tuple[AppEvent, Sequence[Endpoint]]


def enqueue_events(session: Session, events: Sequence[AppEvent]) -> None:
    """One question if nobody listens, and then four statements, however much there is to tell."""
    if not events:
        return
    endpoints = Endpoints(session).lock_enabled({each.user_id for each in events})
    matched = [
        (each, [endpoint for endpoint in endpoints if is_subscribed(endpoint, each)])
        for each in events
    ]
    insert_deliveries(session, [(each, subscribed) for each, subscribed in matched if subscribed])


def is_subscribed(endpoint: Endpoint, event: AppEvent) -> bool:
    return endpoint.user_id == event.user_id and (
        not endpoint.events or event.type in endpoint.events
    )


def insert_deliveries(
    session: Session, matched: Sequence[EventWithEndpoints], *, is_manual: bool = False
) -> list[int]:
    """The ids of the deliveries; `asked`: a person waits for them."""
    if not matched:
        return []
    at = database_now(session)
    sequences = Outbox(session).next_sequence_numbers(
        [OutboxSubject(each.user_id, each.subject) for each, _ in matched]
    )
    messages = Outbox(session).add(
        [
            message_row(each, sequence, at)
            for (each, _), sequence in zip(matched, sequences, strict=True)
        ]
    )
    pairs = [
        (message, endpoint.id)
        for message, (_, endpoints) in zip(messages, matched, strict=True)
        for endpoint in endpoints
    ]
    return Deliveries(session).add(pairs, asked=is_manual)


def message_row(event: AppEvent, sequence: int, at: datetime) -> dict[str, Any]:
    return {
        "user_id": event.user_id,
        "name": f"msg_{secrets.token_hex(16)}",
        "type": event.type,
        "subject": event.subject,
        "sequence": sequence,
        "body": serialize_event(event, sequence=sequence, at=at),
    }
