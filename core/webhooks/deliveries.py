"""A delivery becomes rows: judged by its signature, read by its adapter. Stores nothing.

Must not know any platform: signatures and shapes are the adapters' business.
"""

from dataclasses import dataclass
from hashlib import sha256

import structlog

from core.errors import Invalid
from core.watch import metrics
from db.arrivals import Arrival
from platforms.base import IGNORED, Notice, Verdict, Webhooks
from platforms.errors import BadSignature

UNREADABLE = "unreadable"
"""The `event_type` of what is rightly signed and says nothing we can read."""

CODES = {
    "missing_header": "missing_signature",
    "stale": "stale_signature",
    "future": "stale_signature",
}
"""What a bad signature is called to its sender; everything else is `invalid_signature`."""

log = structlog.get_logger(__name__)


def judge(verdict: Verdict, *, provider: str, refuses_late: bool) -> None:
    """Errors: BadSignature."""
    if verdict.ok and not (verdict.late and refuses_late):
        return
    log.warning("webhook.unsigned", provider=provider, reason=verdict.reason)
    metrics.WEBHOOK_RECEIVED.labels(provider, "unknown", verdict.reason).inc()
    raise BadSignature(f"signature: {verdict.reason}", code=CODES.get(verdict.reason))


@dataclass(frozen=True)
class Delivery:
    """One judged body, and what all rows made of it have in common."""

    provider: str
    body: bytes
    verdict: Verdict
    correlation_id: str | None
    adapter: Webhooks

    def rows(self) -> list[Arrival]:
        """One per notice, or the body as it is.

        Errors: BadSignature if it is for somebody else; Invalid where the verdict is strict.
        """
        return [self.row(notice) for notice in self.notices()] or [self.raw()]

    def notices(self) -> list[Notice]:
        """None if the body cannot be read: a refusal would only bring it back for days."""
        try:
            return self.adapter.parse(self.body)
        except BadSignature:
            raise
        except Exception as fault:  # an adapter that stumbles over a signed body must not lose it
            known = isinstance(fault, ValueError)
            if known and self.verdict.strict:
                raise Invalid(str(fault), code="invalid_payload") from fault
            log.exception("webhook.unreadable", provider=self.provider, exc_info=not known)
        return []

    def row(self, notice: Notice) -> Arrival:
        ignored = notice.kind == IGNORED
        if ignored:
            log.info("webhook.ignored", provider=self.provider, named=notice.vendor_event)
        return Arrival(
            provider=self.provider,
            external_id=notice.key,
            event_type=notice.vendor_event if ignored else notice.kind,
            vendor_event=notice.vendor_event,
            payload_json=dict(notice.payload),
            account=notice.account,
            publish_id=notice.publish_id,
            late=self.verdict.late,
            ignored=ignored,
            correlation_id=self.correlation_id,
        )

    def raw(self) -> Arrival:
        """As text that any column takes, for a person to look at."""
        text = self.body.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
        return Arrival(
            provider=self.provider,
            external_id=f"{UNREADABLE}:{sha256(self.body).hexdigest()}",
            event_type=UNREADABLE,
            payload_json={"raw": text},
            late=self.verdict.late,
            ignored=True,
            correlation_id=self.correlation_id,
        )
