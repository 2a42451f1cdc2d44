"""Receives webhook deliveries: verifies the signature, parses the events and has them stored.

Nothing is applied while the sender waits; `process.py` does that in a worker.
"""

from asyncio import AbstractEventLoop
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec
import structlog

from core.bootstrap import Services
from core.crypto import KeyRing
from core.errors import CoreError, Invalid, NotFound
from core.observability import metrics
from core.observability.metric_group import MetricGroup, write_at_once
from core.webhooks.handlers import OTHER_KIND, find_effect
from core.webhooks.writer import EventWriter, WriterBusy, WriteRejected
from db.webhooks.insert import InsertResult, NewEvent
from platforms.base import IGNORED_KIND, ParsedEvent, Verdict, WebhookAdapter
from platforms.errors import BadSignature
from platforms.platform import Effect
from platforms.registry import PLATFORMS

UNREADABLE_EVENT_TYPE = "unreadable"
"""`event_type` of a delivery that is signed correctly but cannot be parsed."""

ERASED_KEY_PREFIX = "erased:"
"""Before the dedupe key of an event whose account has been erased."""

SIGNATURE_ERROR_CODES = {
    "missing_header": "missing_signature",
    "stale": "stale_signature",
    "future": "stale_signature",
}
"""The error code for the sender, by reason; for all other reasons it is `invalid_signature`."""

log = structlog.get_logger(__name__)


class WebhookNotConfigured(CoreError):
    """Deliveries of this platform cannot be verified yet."""

    code = "webhook_not_configured"
    retryable = True


@dataclass(frozen=True)
class Receipt:
    """What became of the events of one delivery."""

    results: tuple[InsertResult, ...]

    @property
    def is_duplicate(self) -> bool:
        """Whether all events of the delivery had been stored before."""
        return all(result.duplicate for result in self.results)


def find_webhook_adapter(
    services: Services, provider: str, *, handshake: bool = False
) -> WebhookAdapter:
    """Return the platform's webhook adapter.

    Errors: NotFound for an unknown platform; WebhookNotConfigured without the secret (or, for a
    handshake, the verify token) that the adapter needs.
    """
    if provider not in PLATFORMS:
        raise NotFound(f"unknown platform: use one of {', '.join(PLATFORMS)}")
    adapter = services.webhook_adapters.get(provider)
    if adapter is None or not (adapter.has_handshake if handshake else adapter.can_verify):
        missing = "verify token" if handshake else "webhook secret"
        raise WebhookNotConfigured(f"{provider} has no {missing}: set it in the environment")
    return adapter


def verify_delivery(
    services: Services,
    provider: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    correlation_id: str | None = None,
) -> "IncomingDelivery":
    """Return the delivery if its signature is valid.

    Errors: NotFound, WebhookNotConfigured, BadSignature.
    """
    adapter = find_webhook_adapter(services, provider)
    verdict = adapter.verify(headers, body, now=services.now())
    reject_late = verdict.is_late and should_reject_late(services, provider)
    require_valid_signature(verdict, provider=provider, reject_late=reject_late)
    return IncomingDelivery(provider, body, verdict, correlation_id, adapter, services.key_ring)


def should_reject_late(services: Services, provider: str) -> bool:
    """Whether the settings refuse late deliveries. Called for late ones only, to save its cost."""
    app = services.settings.apps.get(provider)
    return app is not None and app.reject_late


def require_valid_signature(verdict: Verdict, *, provider: str, reject_late: bool) -> None:
    """Errors: BadSignature, also for a late delivery if `reject_late` is set."""
    if verdict.ok and not (verdict.is_late and reject_late):
        return
    log.warning("webhook.signature_rejected", provider=provider, reason=verdict.reason)
    metrics.WEBHOOKS_RECEIVED.labels(provider, "unknown", verdict.reason).inc()
    refusal = BadSignature(
        f"signature: {verdict.reason}", code=SIGNATURE_ERROR_CODES.get(verdict.reason)
    )
    refusal.reason = verdict.reason
    raise refusal


def receive_delivery(writer: EventWriter, delivery: "IncomingDelivery") -> Receipt:
    """Store the events of a delivery; they are committed when this returns.

    If the database refuses the parsed events, the raw body is stored instead.
    Errors: BadSignature if the delivery is meant for another app; Invalid if the body cannot be
    parsed and the verdict demands an error response; WriterBusy if it is not stored within two
    seconds, so that the platform delivers it again.
    """
    new_events = delivery.to_new_events()
    try:
        results = writer.write(new_events)
    except WriteRejected:
        new_events = [delivery.build_raw_event()]
        results = write_raw_event(writer, new_events)
    return build_receipt(new_events, results, MetricGroup(write_at_once))


async def receive_delivery_async(
    writer: EventWriter, delivery: "IncomingDelivery", loop: AbstractEventLoop, group: MetricGroup
) -> Receipt:
    """Store the events of a delivery without blocking the event loop, and count them in the group.

    Errors: those of `receive_delivery`; WriteRejected if the database refuses the parsed events.
    """
    new_events = delivery.to_new_events()
    return build_receipt(new_events, await writer.write_async(new_events, loop), group)


def write_raw_event(writer: EventWriter, new_events: list[NewEvent]) -> list[InsertResult]:
    try:
        return writer.write(new_events)
    except WriteRejected as rejected:
        raise WriterBusy("the database refuses the events and the raw body") from rejected


def build_receipt(
    new_events: list[NewEvent], results: list[InsertResult], group: MetricGroup
) -> Receipt:
    """Count the events and return the receipt.

    Event types that no platform lists share one label, so that senders cannot create metric series.
    """
    for new_event, result in zip(new_events, results, strict=True):
        is_known = find_effect(new_event.provider, new_event.event_type) is not None
        kind = new_event.event_type if is_known else OTHER_KIND
        label = "duplicate" if result.duplicate else "late" if new_event.late else "stored"
        group.count(metrics.WEBHOOKS_RECEIVED, new_event.provider, kind, label)
    return Receipt(tuple(results))


class IncomingDelivery(msgspec.Struct, frozen=True):
    """A verified request body, and what all events in it have in common."""

    provider: str
    body: bytes
    verdict: Verdict
    correlation_id: str | None
    adapter: WebhookAdapter
    key_ring: KeyRing

    def to_new_events(self) -> list[NewEvent]:
        """Return one row per event; one row with the raw body if it cannot be parsed.

        Errors: BadSignature if the delivery is meant for another app; Invalid if the body cannot
        be parsed and the verdict demands an error response.
        """
        parsed_events = self.parse_events()
        if not parsed_events:
            return [self.build_raw_event()]
        return [self.build_new_event(parsed) for parsed in parsed_events]

    def parse_events(self) -> list[ParsedEvent]:
        """Return the parsed events; none if the body cannot be parsed.

        An error response would only make the platform repeat the same body for days.
        """
        try:
            return self.adapter.parse(self.body)
        except BadSignature:
            raise
        except Exception as error:  # a fault of the adapter must not lose a signed delivery
            is_malformed = isinstance(error, ValueError)
            if is_malformed and self.verdict.reject_unreadable:
                raise Invalid(str(error), code="invalid_payload") from error
            log.exception("webhook.parse_failed", provider=self.provider, exc_info=not is_malformed)
        return []

    def build_new_event(self, parsed: ParsedEvent) -> NewEvent:
        is_unknown = parsed.kind == IGNORED_KIND
        if is_unknown:
            log.info("webhook.ignored", provider=self.provider, vendor_event=parsed.vendor_event)
        has_no_effect = is_unknown or find_effect(self.provider, parsed.kind) is Effect.STORED
        return NewEvent(
            provider=self.provider,
            dedupe_key=parsed.key,
            event_type=parsed.vendor_event if is_unknown else parsed.kind,
            vendor_event=parsed.vendor_event,
            payload_json=dict(parsed.payload),
            parsed=None if has_no_effect else parsed.to_stored(),
            account=parsed.platform_user_id,
            publish_id=parsed.publish_id,
            late=self.verdict.is_late,
            verdict=self.verdict.stored_verdict,
            secret_no=self.verdict.secret_no,
            signed_seconds=self.verdict.signed_seconds,
            ignored=has_no_effect,
            correlation_id=self.correlation_id,
            **self.subject_columns(parsed),
        )

    def subject_columns(self, parsed: ParsedEvent) -> dict[str, Any]:
        """By what an event of an erased account is recognized, and the key it is stored with."""
        if parsed.platform_user_id is None:
            return {}
        erased_key, *_ = self.key_ring.hash_id(self.provider, parsed.key)
        return {
            "subject_hashes": self.key_ring.hash_id(self.provider, parsed.platform_user_id),
            "erased_key": ERASED_KEY_PREFIX + erased_key,
        }

    def build_raw_event(self) -> NewEvent:
        """Return a row with the body as text, for an operator to look at."""
        text = self.body.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
        return NewEvent(
            provider=self.provider,
            dedupe_key=f"{UNREADABLE_EVENT_TYPE}:{sha256(self.body).hexdigest()}",
            event_type=UNREADABLE_EVENT_TYPE,
            payload_json={"raw": text},
            late=self.verdict.is_late,
            verdict=self.verdict.stored_verdict,
            secret_no=self.verdict.secret_no,
            signed_seconds=self.verdict.signed_seconds,
            ignored=True,
            correlation_id=self.correlation_id,
        )
