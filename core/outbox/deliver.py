"""Messages are brought to endpoints: due rows like all others, one POST to a try.

2xx is heard, whatever the answer says; everything else is tried again along the curve. An endpoint
that keeps failing gets a rest, so that it holds up nobody else, and in the end is disabled.
"""

import time
from dataclasses import dataclass
from datetime import timedelta

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
"""Standard Webhooks' example; receivers plan with it, so no step is cut short."""

DELIVERED_RESULT = Reschedule(
    None, made_progress=False
)  # `attempts` goes on telling how many tries it took
SUCCESS_STATUSES, REDIRECT_STATUSES, HTTP_GONE = range(200, 300), range(300, 400), 410
RETRY_AFTER_STATUSES = frozenset({429, 503})
COOLDOWN_AFTER_FAILURES = (
    5  # tries in vain in a row, after which an endpoint rests between two tries
)
MIN_COOLDOWN, MAX_COOLDOWN = timedelta(seconds=5), timedelta(minutes=5)


@dataclass(frozen=True)
class DeliveryJob:
    try_id: int  # of the log of tries
    url: str
    message_id: str
    body: str
    encrypted_secrets: tuple[str, ...]
    context: EncryptionContext


@dataclass(frozen=True)
class DeliveryResult:
    """How a try went, as far as anything came back."""

    try_id: int
    duration: timedelta
    status: int | None = None
    error: str | None = None
    response_excerpt: str | None = None
    retry_after: timedelta = NO_MIN_DELAY

    @property
    def failure(self) -> Failure | None:
        if self.status is None:
            return Failure(self.error or "failed", "no answer came")
        if self.status in SUCCESS_STATUSES:
            return None
        message = "redirects are not followed" if self.status in REDIRECT_STATUSES else "not a 2xx"
        return Failure(
            f"http_{self.status}",
            message,
            retryable=self.status != HTTP_GONE,
            min_delay=self.retry_after if self.status in RETRY_AFTER_STATUSES else NO_MIN_DELAY,
        )

    @property
    def outcome(self) -> str:
        """One of few words, for whoever counts: a stranger must not make up new ones."""
        return self.error or f"{(self.status or 0) // 100}xx"


def prepare_delivery(session: Session, delivery: Delivery) -> DeliveryJob:
    """Errors: Held while the endpoint is disabled; Later while it rests."""
    message, endpoint = Deliveries(session).get_message_and_endpoint(delivery)
    if endpoint.disabled_at is not None:
        raise Park("the endpoint is disabled")
    if not (delivery.asked or can_attempt(session, endpoint)):
        raise Snooze(cooldown_period(endpoint.failures), "the endpoint rests")
    delivery.asked = False
    return DeliveryJob(
        try_id=DeliveryAttempts(session).start(delivery),
        url=endpoint.url,
        message_id=message.name,
        body=message.body,
        encrypted_secrets=tuple(
            one.secret_encrypted for one in EndpointSecrets(session).list_active(endpoint.id)
        ),
        context=endpoint_secret_context(endpoint.id, endpoint.user_id),
    )


def can_attempt(session: Session, endpoint: Endpoint) -> bool:
    """One in each rest finds out whether an endpoint in trouble is well again."""
    if endpoint.failures < COOLDOWN_AFTER_FAILURES:
        return True
    return Endpoints(session).claim_probe(endpoint.id, pause=cooldown_period(endpoint.failures))


def cooldown_period(failures: int) -> timedelta:
    return min(MIN_COOLDOWN * (1 << min(failures - COOLDOWN_AFTER_FAILURES, 10)), MAX_COOLDOWN)


def execute_delivery(job: DeliveryJob, services: Services) -> DeliveryResult:
    """Errors: CannotOpen. Whatever the other side does is no error but a try."""
    secrets = [
        services.key_ring.decrypt(encrypted, job.context) for encrypted in job.encrypted_secrets
    ]
    if not (job.url.startswith("https://") or services.settings.endpoint_private_hosts):
        return DeliveryResult(job.try_id, NO_MIN_DELAY, error="not_https")
    body = job.body.encode()
    signature = signature_headers(job.message_id, body, at=services.now(), signing_secrets=secrets)
    started = time.monotonic()
    request_headers = {
        "Content-Type": "application/json",
        "Accept": "*/*",
        "Connection": "close",
        **signature,
    }
    try:
        reply = services.public_http.call(
            "POST", job.url, endpoint="deliver", retry=NO_RETRY, headers=request_headers, data=body
        )
    except PlatformError as error:
        return DeliveryResult(job.try_id, elapsed_since(started), error=error.code)
    excerpt = reply.body.decode("utf-8", "replace").replace("\x00", "\ufffd")[:MAX_EXCERPT_LENGTH]
    return DeliveryResult(
        job.try_id, elapsed_since(started), reply.status, None, excerpt, reply.retry_after
    )


def elapsed_since(started: float) -> timedelta:
    return timedelta(seconds=time.monotonic() - started)


def record_delivery(
    session: Session, delivery: Delivery, result: DeliveryResult
) -> Reschedule | Failure:
    failure = result.failure
    DeliveryAttempts(session).finish(
        result.try_id,
        milliseconds=round(result.duration / timedelta(milliseconds=1)),
        status=result.status,
        error=failure and failure.code,
        answer=result.response_excerpt,
    )
    metrics.DELIVERIES.labels(result.outcome).inc()
    if failure is not None:
        record_endpoint_failure(session, delivery.endpoint_id, is_gone=result.status == HTTP_GONE)
        return failure
    delivery.delivered_at = Deliveries.now()
    Endpoints(session).record_success(delivery.endpoint_id)
    return DELIVERED_RESULT


def on_delivery_retry(session: Session, delivery: Delivery, reason: Failure | Snooze) -> None:
    """What went wrong on our side stands in the log too."""
    if isinstance(reason, Failure):
        DeliveryAttempts(session).record_error(delivery, reason.code)


def on_delivery_exhausted(session: Session, delivery: Delivery, failure: Failure) -> None:
    """A dead letter, until somebody asks for it again."""
    on_delivery_retry(session, delivery, failure)
    delivery.dead_at = Deliveries.now()


DELIVERY_JOB: JobType[Delivery, DeliveryJob, DeliveryResult] = JobType(
    kind="outbox",
    wake_kind="outbox",
    queue=DELIVERY_QUEUE,
    prepare=prepare_delivery,
    execute=execute_delivery,
    record=record_delivery,
    on_exhausted=on_delivery_exhausted,
    on_retry=on_delivery_retry,
    policy=DELIVERY_RETRY_POLICY,
    lease=timedelta(seconds=90),
    batch_size=16,
    pool_size=16,
    log_attempts=False,  # it has a log of its own, which its owner may read
)
