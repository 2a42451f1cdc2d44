"""Outbound delivery: POST a message to an endpoint, one request per attempt.

Any 2xx counts as delivered, whatever the body; everything else is retried by the policy. An
endpoint that keeps failing gets a cooldown between its attempts, so that it does not delay the
deliveries of others, and is disabled in the end.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from core.backoff import NO_MIN_DELAY, RetryPolicy, minutes, seconds
from core.bootstrap import Services
from core.crypto import EncryptionContext, endpoint_secret_context
from core.jobs.job_type import JobType
from core.observability import metrics
from core.outbox.disable_policy import record_endpoint_failure
from core.outbox.signing import signature_headers
from core.outcomes import Failure, Park, Reschedule, Snooze
from db.outbox.deliveries import (
    DELIVERY_QUEUE,
    MAX_EXCERPT_LENGTH,
    Deliveries,
    Delivery,
    DeliveryAttempts,
)
from db.outbox.endpoints import Endpoint, Endpoints, EndpointSecrets
from db.session import Session
from platforms.errors import PlatformError
from platforms.http import NO_RETRY

DELIVERY_RETRY_POLICY = RetryPolicy(seconds(5) + minutes(5, 30, 120, 300, 600, 600), exact=True)
"""The example of Standard Webhooks. Receivers rely on it, so jitter never shortens a delay."""

DELIVERED = Reschedule(None, made_progress=False)
"""The end of a delivery. `made_progress=False` keeps the count of its attempts in the row."""

SUCCESS_STATUSES = range(200, 300)
REDIRECT_STATUSES = range(300, 400)
HTTP_GONE = 410
RETRY_AFTER_STATUSES = frozenset({429, 503})
"""Statuses whose Retry-After header is followed."""

COOLDOWN_AFTER_FAILURES = 5
"""Failures in a row after which an endpoint gets a cooldown between attempts."""

MIN_COOLDOWN = timedelta(seconds=5)
MAX_COOLDOWN = timedelta(minutes=5)
MAX_DOUBLINGS = 10  # of MIN_COOLDOWN: more than MAX_COOLDOWN, and no larger number is computed


@dataclass(frozen=True)
class DeliveryJob:
    """One attempt: the row of the attempt log, the message, and the secrets that sign it."""

    attempt_id: int
    url: str
    message_id: str
    body: str
    encrypted_secrets: tuple[str, ...]
    context: EncryptionContext


@dataclass(frozen=True)
class DeliveryResult:
    """The result of one attempt: a status if a response came, else an error code."""

    attempt_id: int
    duration: timedelta
    status: int | None = None
    error: str | None = None
    response_excerpt: str | None = None
    retry_after: timedelta = NO_MIN_DELAY

    @property
    def failure(self) -> Failure | None:
        """The failure to record; None if the message was delivered."""
        if self.status is None:
            return Failure(self.error or "failed", "the endpoint sent no response")
        if self.status in SUCCESS_STATUSES:
            return None
        message = (
            "redirects are not followed"
            if self.status in REDIRECT_STATUSES
            else "the status is not a 2xx"
        )
        return Failure(
            f"http_{self.status}",
            message,
            retryable=self.status != HTTP_GONE,
            min_delay=self.retry_after if self.status in RETRY_AFTER_STATUSES else NO_MIN_DELAY,
        )

    @property
    def outcome(self) -> str:
        """Label for the metrics: an error code or `2xx`, `4xx`, ..., so its values are few."""
        return self.error or f"{(self.status or 0) // 100}xx"


class DeliveryJobType(JobType[Delivery, DeliveryJob, DeliveryResult]):
    """Delivers one message to one endpoint."""

    kind = "outbox"
    queue = DELIVERY_QUEUE
    retry_policy = DELIVERY_RETRY_POLICY
    lease = timedelta(seconds=90)
    batch_size = 16
    pool_size = 16
    log_attempts = False  # `DeliveryAttempts` logs them instead, for their owner to read

    def describe_row(self, delivery: Delivery) -> Mapping[str, Any]:
        return {"delivery": delivery.id, "endpoint_id": delivery.endpoint_id}

    def prepare(self, session: Session, delivery: Delivery) -> DeliveryJob:
        """Log the attempt. Errors: Park while the endpoint is disabled; Snooze in a cooldown."""
        message, endpoint = Deliveries(session).get_message_and_endpoint(delivery)
        if endpoint.disabled_at is not None:
            raise Park("the endpoint is disabled")
        if not (delivery.is_manual or can_attempt(session, endpoint)):
            raise Snooze(cooldown_period(endpoint.failures), "the endpoint is in its cooldown")
        delivery.is_manual = False
        return DeliveryJob(
            attempt_id=DeliveryAttempts(session).start(delivery),
            url=endpoint.url,
            message_id=message.name,
            body=message.body,
            encrypted_secrets=tuple(
                secret.secret_encrypted
                for secret in EndpointSecrets(session).list_active(endpoint.id)
            ),
            context=endpoint_secret_context(endpoint.id, endpoint.user_id),
        )

    def execute(self, job: DeliveryJob, services: Services) -> DeliveryResult:
        """Sign and send the message. Errors: DecryptionFailed.

        Whatever the receiver does is a result, not an error.
        """
        secrets = [
            services.key_ring.decrypt(encrypted, job.context) for encrypted in job.encrypted_secrets
        ]
        if not (job.url.startswith("https://") or services.settings.endpoint_private_hosts):
            return DeliveryResult(job.attempt_id, NO_MIN_DELAY, error="not_https")
        body = job.body.encode()
        signature = signature_headers(
            job.message_id, body, at=services.now(), signing_secrets=secrets
        )
        started = time.monotonic()
        request_headers = {
            "Content-Type": "application/json",
            "Accept": "*/*",
            "Connection": "close",
            **signature,
        }
        try:
            response = services.public_http.call(
                "POST",
                job.url,
                endpoint="deliver",
                retry=NO_RETRY,
                headers=request_headers,
                data=body,
            )
        except PlatformError as error:
            return DeliveryResult(job.attempt_id, elapsed_since(started), error=error.code)
        text = response.body.decode("utf-8", "replace").replace("\x00", "\ufffd")
        return DeliveryResult(
            attempt_id=job.attempt_id,
            duration=elapsed_since(started),
            status=response.status,
            response_excerpt=text[:MAX_EXCERPT_LENGTH],
            retry_after=response.retry_after,
        )

    def record(
        self, session: Session, delivery: Delivery, result: DeliveryResult
    ) -> Reschedule | Failure:
        """Finish the attempt's log row, and count the endpoint's failure or success."""
        failure = result.failure
        DeliveryAttempts(session).finish(
            result.attempt_id,
            milliseconds=round(result.duration / timedelta(milliseconds=1)),
            status=result.status,
            error=failure and failure.code,
            answer=result.response_excerpt,
        )
        metrics.DELIVERIES.labels(result.outcome).inc()
        if failure is not None:
            record_endpoint_failure(
                session, delivery.endpoint_id, is_gone=result.status == HTTP_GONE
            )
            return failure
        delivery.delivered_at = Deliveries.now()
        Endpoints(session).record_success(delivery.endpoint_id)
        return DELIVERED

    def on_retry(self, session: Session, delivery: Delivery, reason: Failure | Snooze) -> None:
        """Write to the attempt log too what failed on our side, before a response came."""
        if isinstance(reason, Failure):
            DeliveryAttempts(session).record_error(delivery, reason.code)

    def on_exhausted(self, session: Session, delivery: Delivery, failure: Failure) -> None:
        """Make the delivery a dead letter, until a person redelivers it."""
        self.on_retry(session, delivery, failure)
        delivery.dead_at = Deliveries.now()


DELIVERY_JOB_TYPE = DeliveryJobType()


def can_attempt(session: Session, endpoint: Endpoint) -> bool:
    """Whether the endpoint may be called now; during trouble one attempt per cooldown may."""
    if endpoint.failures < COOLDOWN_AFTER_FAILURES:
        return True
    return Endpoints(session).claim_probe(endpoint.id, cooldown=cooldown_period(endpoint.failures))


def cooldown_period(failures: int) -> timedelta:
    """Return the cooldown after so many failures in a row: it doubles up to `MAX_COOLDOWN`."""
    doublings = min(failures - COOLDOWN_AFTER_FAILURES, MAX_DOUBLINGS)
    factor: int = 2**doublings
    return min(MIN_COOLDOWN * factor, MAX_COOLDOWN)


def elapsed_since(started: float) -> timedelta:
    return timedelta(seconds=time.monotonic() - started)
