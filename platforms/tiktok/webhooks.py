"""The webhook adapter for TikTok: verifies a delivery's signature and parses its event."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from json.encoder import encode_basestring_ascii
from typing import Any

import msgspec

from platforms.base import IGNORED_KIND, ParsedEvent, PlatformApp, Verdict
from platforms.errors import BadSignature
from platforms.json_body import MAX_NAME_LENGTH, decode_json, shorten_or_hash
from platforms.signing import get_header
from platforms.tiktok import legacy_events
from platforms.tiktok.events import EVENT_TYPES, OTHER_SPELLINGS, removal_reason
from platforms.tiktok.signature import SIGNATURE_HEADER, verify_signature
from platforms.vendor_values import read_id, read_list, read_object, read_time

IDENTITY_FIELDS = ("client_key", "event", "user_openid", "create_time", "content")
UNREADABLE_NAME = "unreadable"  # of the event that stores an item without a readable event
# made once: making an encoder takes ten times as long as parsing a delivery
SORTED_ENCODER = json.JSONEncoder(sort_keys=True)


@dataclass(frozen=True)
class TikTokWebhooks:
    """Verifies and parses deliveries for one app."""

    app: PlatformApp

    @property
    def can_verify(self) -> bool:
        return any(self.app.webhook_secrets)

    @property
    def has_handshake(self) -> bool:
        return self.can_verify

    @property
    def callbacks(self) -> None:
        """TikTok has none: the removal of a grant is an event."""
        return

    def verify(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Verdict:
        """Verify the signature; never raises. `is_late`: signed correctly, but not in time."""
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
        """Return the challenge of the legacy format; TikTok itself sends no handshakes.

        Errors: ValueError if the legacy handshake is malformed.
        """
        return legacy_events.read_challenge(query) if self.app.legacy_webhooks else None

    def parse(self, body: bytes) -> list[ParsedEvent]:
        """Return the event of a delivery; several if it is a list of them.

        An item of a list that cannot be read is kept beside those that can: what is acknowledged
        is not delivered again.
        Errors: BadSignature if it was signed with our secret for another app; ValueError if the
        body is not JSON or has no event.
        """
        items = read_list(decode_json(body))
        events: list[ParsedEvent] = []
        faults: list[Exception] = []
        for item in items:
            try:
                events.append(self._parse_item(item, body))
            except ValueError as error:
                faults.append(error)
                events.append(build_unreadable_event(item))
        if len(faults) == len(items):
            raise ValueError(str(faults[0]) if faults else "the body has no event")
        return events

    def _parse_item(self, item: Any, body: bytes) -> ParsedEvent:
        payload = read_object(item)
        if payload is None:
            raise ValueError("the body is not a JSON object")
        return self._parse_payload(payload, body)

    def _parse_payload(self, payload: Mapping[str, Any], body: bytes) -> ParsedEvent:
        client_key = payload.get("client_key")
        if client_key not in (None, "") and read_id(client_key) != self.app.client_key:
            raise BadSignature("`client_key` in the delivery is not that of this app")
        event = self.parse_stored(payload)
        if event.key.endswith(":"):  # legacy format without an id
            return msgspec.structs.replace(event, key=event.key + sha256(body).hexdigest())
        return event

    def parse_stored(self, payload: Mapping[str, Any]) -> ParsedEvent:
        """Return the event of a stored payload. Errors: ValueError if it has none."""
        if self.app.legacy_webhooks and "event" not in payload:
            return legacy_events.parse_legacy_event(payload)
        name = payload.get("event")
        if not isinstance(name, str) or not name:
            raise ValueError("the delivery has no `event`")
        return parse_event(name, payload)


def build_unreadable_event(item: Any) -> ParsedEvent:
    """Return the event that keeps an item of a delivery which has no event that can be read."""
    digest = sha256(SORTED_ENCODER.encode(item).encode()).hexdigest()
    return ParsedEvent(
        key=f"{UNREADABLE_NAME}:{digest}",
        kind=IGNORED_KIND,
        vendor_event=UNREADABLE_NAME,
        payload={"raw": item},
    )


def encode_identity(values: list[Any]) -> str:
    """Return the values as JSON, as `SORTED_ENCODER` writes them: a redelivery has the same."""
    texts = []
    for value in values:
        if type(value) is str:
            texts.append(encode_basestring_ascii(value))
        elif type(value) is int:
            texts.append(str(value))
        else:
            return SORTED_ENCODER.encode(values)
    return f"[{', '.join(texts)}]"  # in half of the encoder's time


def parse_event(name: str, payload: Mapping[str, Any]) -> ParsedEvent:
    """Return the event of a payload. TikTok sends no event id: the key is a digest of its fields.

    An event about a publication without a publish id is ignored.
    """
    identity = encode_identity([payload.get(field) for field in IDENTITY_FIELDS])
    content = read_object(payload.get("content")) or {}  # a text that contains JSON
    publish_id = read_id(content.get("publish_id"))
    occurred_at = read_time(payload.get("create_time"))
    kind, progress, reason = IGNORED_KIND, None, None
    event_type = EVENT_TYPES.get(OTHER_SPELLINGS.get(name, name))
    if event_type is None and (folded := name.strip().lower()) != name:
        event_type = EVENT_TYPES.get(OTHER_SPELLINGS.get(folded, folded))
    if event_type is not None and event_type.parse_progress is None:
        kind, reason = event_type.kind, removal_reason(content)
    elif event_type is not None and event_type.parse_progress and publish_id is not None:
        kind = event_type.kind
        progress = event_type.parse_progress(content, occurred_at)
    vendor_event = shorten_or_hash(name, MAX_NAME_LENGTH)
    return ParsedEvent(
        key=f"{vendor_event}:{sha256(identity.encode()).hexdigest()}",
        kind=kind,
        vendor_event=vendor_event,
        payload=payload,
        platform_user_id=read_id(payload.get("user_openid")),
        publish_id=publish_id,
        occurred_at=occurred_at,
        progress=progress,
        removal_reason=reason,
    )
