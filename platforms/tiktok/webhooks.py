"""TikTok's deliveries: judged over the raw bytes, then read into notices. Pure, no clock, no I/O.

Must not decide what follows from a notice, nor what is answered to the sender.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from platforms.base import IGNORED_KIND, ParsedEvent, PlatformApp, Verdict
from platforms.errors import BadSignature
from platforms.json_body import (
    MAX_NAME_LENGTH,
    decode_json,
    make_storable,
    shorten_or_hash,
    to_text,
)
from platforms.signing import get_header
from platforms.tiktok import legacy_events
from platforms.tiktok.events import EVENT_TYPES, parse_time, removal_reason
from platforms.tiktok.signature import SIGNATURE_HEADER, verify_signature

IDENTITY_FIELDS = ("client_key", "event", "user_openid", "create_time", "content")
SORTED_ENCODER = json.JSONEncoder(
    sort_keys=True
)  # made once: a letter is read in a tenth of that time


@dataclass(frozen=True)
class TikTokWebhooks:
    app: PlatformApp

    @property
    def can_verify(self) -> bool:
        return any(self.app.webhook_secrets)

    @property
    def has_handshake(self) -> bool:
        return self.can_verify

    def verify(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Verdict:
        """Never raises. `late` deliveries are rightly signed, but outside the tolerance."""
        signature = get_header(headers, SIGNATURE_HEADER)
        if self.app.legacy_webhooks and not signature:
            return legacy_events.verify_legacy_signature(
                headers, body, secrets=self.app.webhook_secrets
            )
        return verify_signature(
            signature,
            body,
            secrets=self.app.webhook_secrets,
            now=now,
            tolerance=self.app.webhook_tolerance,
        )

    def handshake(self, query: Mapping[str, str]) -> str | None:
        """TikTok has none. Errors: ValueError if the one of the first documents is malformed."""
        return legacy_events.read_challenge(query) if self.app.legacy_webhooks else None

    def parse(self, body: bytes) -> list[ParsedEvent]:
        """The one notice of a delivery.

        Errors: BadSignature if it is signed with our secret but names another app; ValueError if
        the body is not JSON or names no event.
        """
        payload = decode_json(body)
        if not isinstance(payload, dict):
            raise ValueError("the body is not a JSON object")
        if payload.get("client_key") not in (None, "", self.app.client_key):
            raise BadSignature("the delivery names another client_key")
        event = self.parse_stored(payload)
        if event.key.endswith(":"):  # compatibility mode, and no id to know it by
            return [replace(event, key=event.key + sha256(body).hexdigest())]
        return [event]

    def parse_stored(self, payload: Mapping[str, Any]) -> ParsedEvent:
        """Errors: ValueError if the payload names no event."""
        if self.app.legacy_webhooks and "event" not in payload:
            return legacy_events.parse_legacy_event(payload)
        name = payload.get("event")
        if not isinstance(name, str) or not name:
            raise ValueError("the delivery names no event")
        return parse_event(name, payload)


def parse_event(name: str, payload: Mapping[str, Any]) -> ParsedEvent:
    """TikTok gives no event id: what identifies a delivery is everything it says."""
    identity = SORTED_ENCODER.encode([payload.get(key) for key in IDENTITY_FIELDS])
    content = parse_content(payload.get("content"))
    occurred_at = parse_time(payload.get("create_time"))
    event_type = EVENT_TYPES.get(name)
    publish_id = to_text(content.get("publish_id"))
    progress = (
        event_type.parse_progress(content)
        if event_type and event_type.parse_progress and publish_id
        else None
    )
    is_relevant = event_type is not None and (
        event_type.parse_progress is None or progress is not None
    )
    return ParsedEvent(
        key=f"{shorten_or_hash(name, MAX_NAME_LENGTH)}:{sha256(identity.encode()).hexdigest()}",
        kind=event_type.kind if event_type and is_relevant else IGNORED_KIND,
        vendor_event=shorten_or_hash(name, MAX_NAME_LENGTH),
        payload=payload,
        external_id=to_text(payload.get("user_openid")),
        publish_id=publish_id,
        occurred_at=occurred_at,
        progress=progress and replace(progress, occurred_at=occurred_at),
        removal_reason=removal_reason(content)
        if event_type and event_type.parse_progress is None
        else None,
    )


def parse_content(content: Any) -> Mapping[str, Any]:
    """`content` is a string that holds JSON; whatever else it is says nothing."""
    if isinstance(content, str):
        try:
            content = make_storable(json.loads(content))
        except (ValueError, RecursionError):
            return {}
    return content if isinstance(content, dict) else {}
