"""A delivery becomes rows: judged by its signature, read by its adapter. Stores nothing.

Must not know any platform: signatures and shapes are the adapters' business.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

import structlog

from core import audit
from core.bootstrap import Services
from core.errors import CoreError, Invalid, NotFound
from core.jobs.job_type import RunReport
from core.jobs.runner import run_jobs
from core.observability import metrics
from core.webhooks.handlers import HANDLERS
from core.webhooks.process import build_webhook_job
from core.webhooks.writer import EventWriter, WriterBusy, WriteRejected
from db.base import PROVIDERS
from db.session import Database
from db.webhooks.events import EventFilter, Events
from db.webhooks.insert import InsertResult, NewEvent
from platforms.base import IGNORED_KIND, ParsedEvent, Verdict, WebhookAdapter
from platforms.errors import BadSignature

UNREADABLE_EVENT_TYPE = "unreadable"
"""The `event_type` of what is rightly signed and says nothing we can read."""

SIGNATURE_ERROR_CODES = {
    "missing_header": "missing_signature",
    "stale": "stale_signature",
    "future": "stale_signature",
}
"""What a bad signature is called to its sender; everything else is `invalid_signature`."""

log = structlog.get_logger(__name__)


def require_valid_signature(verdict: Verdict, *, provider: str, reject_late: bool) -> None:
    """Errors: BadSignature."""
    if verdict.ok and not (verdict.is_late and reject_late):
        return
    log.warning("webhook.invalid_signature", provider=provider, reason=verdict.reason)
    metrics.WEBHOOKS_RECEIVED.labels(provider, "unknown", verdict.reason).inc()
    raise BadSignature(
        f"signature: {verdict.reason}", code=SIGNATURE_ERROR_CODES.get(verdict.reason)
    )


@dataclass(frozen=True)
class IncomingDelivery:
    """One judged body, and what all rows made of it have in common."""

    provider: str
    body: bytes
    verdict: Verdict
    correlation_id: str | None
    adapter: WebhookAdapter

    def to_new_events(self) -> list[NewEvent]:
        """One per notice, or the body as it is.

        Errors: BadSignature if it is for somebody else; Invalid where the verdict is strict.
        """
        return [self.build_new_event(parsed) for parsed in self.parse_events()] or [
            self.build_raw_event()
        ]

    def parse_events(self) -> list[ParsedEvent]:
        """None if the body cannot be read: a refusal would only bring it back for days."""
        try:
            return self.adapter.parse(self.body)
        except BadSignature:
            raise
        except Exception as error:  # an adapter that stumbles over a signed body must not lose it
            is_malformed = isinstance(error, ValueError)
            if is_malformed and self.verdict.reject_unreadable:
                raise Invalid(str(error), code="invalid_payload") from error
            log.exception("webhook.unreadable", provider=self.provider, exc_info=not is_malformed)
        return []

    def build_new_event(self, parsed: ParsedEvent) -> NewEvent:
        is_ignored = parsed.kind == IGNORED_KIND
        if is_ignored:
            log.info("webhook.ignored", provider=self.provider, named=parsed.vendor_event)
        return NewEvent(
            provider=self.provider,
            external_id=parsed.key,
            event_type=parsed.vendor_event if is_ignored else parsed.kind,
            vendor_event=parsed.vendor_event,
            payload_json=dict(parsed.payload),
            account=parsed.external_id,
            publish_id=parsed.publish_id,
            late=self.verdict.is_late,
            ignored=is_ignored,
            correlation_id=self.correlation_id,
        )

    def build_raw_event(self) -> NewEvent:
        """As text that any column takes, for a person to look at."""
        text = self.body.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
        return NewEvent(
            provider=self.provider,
            external_id=f"{UNREADABLE_EVENT_TYPE}:{sha256(self.body).hexdigest()}",
            event_type=UNREADABLE_EVENT_TYPE,
            payload_json={"raw": text},
            late=self.verdict.is_late,
            ignored=True,
            correlation_id=self.correlation_id,
        )


# MERGED core.webhooks.receive: What platforms tell us: judged, stored, and only then acknowledged; `apply.py` applies it.
#
# Must not do anything about a notice while its sender waits.

MAX_AUDITED_IDS = 100  # ids of a replay in the audit log


class WebhookNotConfigured(CoreError):
    """Deliveries of this platform cannot be checked yet."""

    code = "webhook_not_configured"
    retryable = True


@dataclass(frozen=True)
class Receipt:
    results: tuple[InsertResult, ...]

    @property
    def is_duplicate(self) -> bool:
        """Whether everything in the delivery was here before."""
        return all(one.duplicate for one in self.results)


def find_webhook_adapter(
    services: Services, provider: str, *, handshake: bool = False
) -> WebhookAdapter:
    """The platform's own. Errors: NotFound for a name no platform has; NotConfigured."""
    if provider not in PROVIDERS:
        raise NotFound("no platform has that name")
    adapter = services.webhook_adapters.get(provider)
    if adapter is None or not (adapter.has_handshake if handshake else adapter.can_verify):
        missing = "verify token" if handshake else "webhook secret"
        raise WebhookNotConfigured(f"{provider} has no {missing}")
    return adapter


def verify_delivery(
    services: Services,
    provider: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    correlation_id: str | None = None,
) -> IncomingDelivery:
    """What came, rightly signed. Errors: NotFound, NotConfigured, BadSignature."""
    adapter = find_webhook_adapter(services, provider)
    verdict = adapter.verify(headers, body, now=services.now())
    app = services.settings.apps.get(provider)
    require_valid_signature(
        verdict, provider=provider, reject_late=app is not None and app.reject_late
    )
    return IncomingDelivery(provider, body, verdict, correlation_id, adapter)


def receive_delivery(writer: EventWriter, delivery: IncomingDelivery) -> Receipt:
    """Stored and committed when this returns: the delivery may be acknowledged.

    As it reads; if the database does not take it so, as the bytes that came.
    Errors: BadSignature, Invalid where the sender is told of a bad body; Busy if it is not stored
    within two seconds, so that the platform delivers it again.
    """
    rows = delivery.to_new_events()
    try:
        results = writer.write(rows)
    except WriteRejected:
        rows = [delivery.build_raw_event()]
        results = write_or_busy(writer, rows)
    return build_receipt(rows, results)


async def receive_delivery_async(writer: EventWriter, delivery: IncomingDelivery) -> Receipt:
    """As `receive`, for a task of an event loop; and Refused where the rows need another form."""
    rows = delivery.to_new_events()
    return build_receipt(rows, await writer.write_async(rows))


def write_or_busy(writer: EventWriter, rows: list[NewEvent]) -> list[InsertResult]:
    try:
        return writer.write(rows)
    except WriteRejected as rejected:
        raise WriterBusy("the database takes it in no form") from rejected


def build_receipt(rows: list[NewEvent], results: list[InsertResult]) -> Receipt:
    """Kinds we do not handle share one label: the sender must not choose our labels."""
    for row, insert_result in zip(rows, results, strict=True):
        kind = row.event_type if row.event_type in HANDLERS else "other"
        label = "duplicate" if insert_result.duplicate else "late" if row.late else "stored"
        metrics.with_labels(metrics.WEBHOOKS_RECEIVED, row.provider, kind, label).inc()
    return Receipt(tuple(results))


def process_batch(database: Database, services: Services, *, limit: int) -> RunReport:
    """One batch of at most `limit`, here and now: beside the workers, never against them."""
    return run_jobs(replace(build_webhook_job(services), batch_size=limit), database, services)


def replay_events(database: Database, selection: EventFilter) -> list[int]:
    """Set events due again with all their patience; which ones. The caller rings.

    Applying twice does no harm: news that is not newer moves nothing.
    """
    with database.transaction() as session:
        replayed = Events(session).replay(selection)
        audit.record_action(
            session, "webhooks.replayed", details={"ids": replayed[:MAX_AUDITED_IDS]}
        )
    return replayed
