"""Stored notices are applied: a batch in one transaction, each of them once, in whatever order.

Must not judge signatures nor speak to anybody; what follows from one is in `handlers.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from core.backoff import RetryPolicy
from core.bootstrap import Services
from core.config.limits import LimitSettings
from core.errors import CoreError
from core.jobs.job_type import JobType
from core.outcomes import Failure, Reschedule, Snooze
from core.webhooks.handlers import (
    MATCH_PERIOD,
    UNKNOWN_PUBLICATION,
    EventBatch,
    HandlerResult,
    LoadedEvent,
    handle_event,
)
from db.leases import LockedRow
from db.session import Session
from db.webhooks.events import EVENT_QUEUE, Event, Events
from platforms.base import ParsedEvent

APPLIED_RESULT = Reschedule(
    None, made_progress=False
)  # `retry_count` goes on telling how many tries it took
SWITCHED_OFF_DELAY = timedelta(minutes=5)
MAX_DOUBLINGS = 20  # a second doubled as often is twelve days: no cap is longer

RowWithEvent = tuple[Event | LockedRow, LoadedEvent]


class UnreadableEvent(CoreError):
    """A stored notice that its platform's adapter does not read."""

    code = "unreadable"


@dataclass(frozen=True)
class WebhookEventJob:
    provider: str
    payload: Mapping[str, Any]


def prepare_event(_session: Session, event: Event) -> WebhookEventJob:
    return WebhookEventJob(event.provider, event.payload_json)


def load_event(job: WebhookEventJob, services: Services) -> LoadedEvent:
    return LoadedEvent(job.provider, parse_stored_payload(job, services), services.now())


def parse_stored_payload(job: WebhookEventJob, services: Services) -> ParsedEvent:
    """Errors: Later while the platform is switched off; Unreadable."""
    if job.provider not in services.webhook_adapters:
        raise Snooze(SWITCHED_OFF_DELAY, f"{job.provider} is switched off")
    try:
        return services.webhook_adapters[job.provider].parse_stored(job.payload)
    except ValueError as error:
        raise UnreadableEvent(str(error)) from error


def apply_events(session: Session, batch: Sequence[RowWithEvent]) -> list[Reschedule | Failure]:
    """What became of each, in the order given.

    Accounts are locked before posts, and both in one order, so that two batches never wait for
    each other; posts that are recognised come last, and nobody waits for them. Of one publication
    the older notice comes first.
    """
    event_batch = EventBatch(session)
    other_events = [pair for pair in batch if pair[1].publication_key is None]
    results = handle_events(event_batch, sorted(other_events, key=lambda pair: pair[1].account_key))
    post_events = [pair for pair in batch if pair[1].publication_key is not None]
    event_batch.lock_posts(
        {loaded.publication_key for _, loaded in post_events if loaded.publication_key is not None}
    )
    event_batch.match_late_posts(loaded for _, loaded in post_events)
    results |= handle_events(event_batch, post_events)
    event_batch.flush()
    for status in ("done", "ignored"):
        event_ids = [event.id for event, _ in batch if results[event.id] == status]
        Events(session).mark_processed(event_ids, status)
    return [to_outcome(results[event.id]) for event, _ in batch]


def handle_events(
    event_batch: EventBatch, batch: Sequence[RowWithEvent]
) -> dict[int, HandlerResult]:
    return {event.id: handle_event(event_batch, event, loaded) for event, loaded in batch}


def to_outcome(handler_result: HandlerResult) -> Reschedule | Failure:
    return handler_result if isinstance(handler_result, Failure) else APPLIED_RESULT


def record_event(session: Session, event: Event, loaded: LoadedEvent) -> Reschedule | Failure:
    """One alone: where its batch could not be applied in one piece."""
    return apply_events(session, [(event, loaded)])[0]


def on_event_exhausted(session: Session, event: Event, failure: Failure) -> None:
    """Dead, and shown to a person. An unknown publication is waited for until its day is over."""
    may_still_match = failure.code == UNKNOWN_PUBLICATION and failure.retryable
    if not may_still_match:
        Events(session).move_to_dead_letters(event)
        return
    event.attempts -= 1
    event.due_at = event.created_at + MATCH_PERIOD


def retry_policy(limits: LimitSettings) -> RetryPolicy:
    """Quick tries, each twice as far from the last as the one before, then slow ones."""
    cap, quick_retries = limits.webhook_backoff_cap, range(limits.webhook_quick_retries)
    quick_delays = tuple(
        min(timedelta(seconds=1) * 2 ** min(n, MAX_DOUBLINGS), cap) for n in quick_retries
    )
    return RetryPolicy(quick_delays + limits.webhook_slow_delays)


WEBHOOK_JOB = JobType(
    kind="webhooks",
    wake_kind="webhooks",
    queue=EVENT_QUEUE,
    prepare=prepare_event,
    execute=load_event,
    record=record_event,
    on_exhausted=on_event_exhausted,
    policy=retry_policy(LimitSettings()),
    lease=timedelta(seconds=30),
    batch_size=500,
    record_many=apply_events,
    lightweight=True,
    log_attempts=False,
)


def build_webhook_job(services: Services) -> JobType[Event, WebhookEventJob, LoadedEvent]:
    """Applying, with the patience that settings give it."""
    return replace(WEBHOOK_JOB, policy=retry_policy(services.settings.limits))
