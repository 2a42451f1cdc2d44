"""The job type that applies stored webhook events: a batch in one transaction, each event once.

What an event changes is decided in `handlers.py`.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from operator import attrgetter

from core.backoff import RetryPolicy
from core.bootstrap import Services
from core.config.limits import LimitSettings
from core.errors import CoreError
from core.jobs.job_type import LightweightJobType
from core.outcomes import Failure, Reschedule, Snooze
from core.webhooks.handlers import (
    MATCH_PERIOD,
    UNKNOWN_PUBLICATION,
    EventBatch,
    HandlerResult,
    Ignored,
    LoadedEvent,
    find_effect,
    handle_event,
)
from db.leases import LeasedRow
from db.session import Session
from db.webhooks.events import EVENT_QUEUE, Event, Events, FinishedEvent
from platforms.base import ParsedEvent

BATCH_SIZE = 500
LEASE = timedelta(seconds=30)
SWITCHED_OFF_DELAY = timedelta(minutes=5)
MAX_DOUBLINGS = 20  # one second doubled 20 times is twelve days, longer than any configured cap
APPLIED = Reschedule(None, made_progress=False)  # never due again; `retry_count` keeps the attempts

EventWithLoaded = tuple[Event | LeasedRow, LoadedEvent]


class UnreadableEvent(CoreError):
    """The platform's adapter cannot parse the stored payload."""

    code = "unreadable"


class LeaseLost(CoreError):
    """An event is no longer ours: nothing of its batch is written."""

    code = "lease_lost"


class WebhookJobType(LightweightJobType[Event, Event, LoadedEvent]):
    """Stored webhook events that are due to be applied."""

    kind = "webhooks"
    queue = EVENT_QUEUE
    lease = LEASE
    log_attempts = False

    def __init__(self, limits: LimitSettings, *, batch_size: int = BATCH_SIZE) -> None:
        self.retry_policy = retry_policy(limits)
        self.batch_size = batch_size

    def prepare(self, _session: Session, event: Event) -> Event:
        return event  # a read-only copy of the row, which needs no session

    def execute(self, event: Event, services: Services) -> LoadedEvent:
        parsed = load_parsed_event(event, services)
        effect = find_effect(event.provider, parsed.kind)
        return LoadedEvent(
            event.id, event.provider, parsed, event.created_at, services.now(), effect
        )

    def record(self, session: Session, event: Event, loaded: LoadedEvent) -> Reschedule | Failure:
        """Apply one event by itself, after its batch could not be applied together."""
        return apply_events(session, [(event, loaded)])[0]

    def record_many(
        self, session: Session, batch: Sequence[EventWithLoaded]
    ) -> list[Reschedule | Failure]:
        return apply_events(session, batch)

    def on_exhausted(self, session: Session, event: Event, failure: Failure) -> None:
        """Mark the event as dead, for an operator to look at.

        If the retries of an event for an unknown publication ran out before its `MATCH_PERIOD`, it
        gets one last attempt at the end of it.
        """
        if failure.code == UNKNOWN_PUBLICATION and failure.retryable:
            event.attempts -= 1
            event.due_at = event.created_at + MATCH_PERIOD
        else:
            Events(session).mark_dead(event)


def retry_policy(limits: LimitSettings) -> RetryPolicy:
    """Return the delays of the settings: first doubling from one second, then the slow ones."""
    quick_delays = tuple(
        min(timedelta(seconds=1) * 2 ** min(doublings, MAX_DOUBLINGS), limits.webhook_backoff_cap)
        for doublings in range(limits.webhook_quick_retries)
    )
    return RetryPolicy(quick_delays + limits.webhook_slow_delays)


WEBHOOK_JOB_TYPE = WebhookJobType(LimitSettings())


def build_webhook_job_type(services: Services, *, batch_size: int = BATCH_SIZE) -> WebhookJobType:
    """Return the job type with the retry policy of the settings."""
    return WebhookJobType(services.settings.limits, batch_size=batch_size)


def load_parsed_event(event: Event, services: Services) -> ParsedEvent:
    """Return the event as it was parsed when it was received (decision 0025).

    The adapter parses the payload if that is not stored: the event is of an older version, or an
    operator has it replayed.
    Errors: Snooze while the platform is switched off; UnreadableEvent.
    """
    adapter = services.webhook_adapters.get(event.provider)
    if adapter is None:
        raise Snooze(SWITCHED_OFF_DELAY, f"{event.provider} is switched off")
    try:
        if event.parsed is None:
            return adapter.parse_stored(event.payload_json)
        return ParsedEvent.from_stored(
            event.parsed,
            key=event.external_id,
            kind=event.event_type,
            vendor_event=event.vendor_event or event.event_type,
            payload=event.payload_json or {},
            platform_user_id=event.account,
            publish_id=event.publish_id,
        )
    except (KeyError, ValueError) as error:
        raise UnreadableEvent(str(error)) from error


def apply_events(session: Session, batch: Sequence[EventWithLoaded]) -> list[Reschedule | Failure]:
    """Apply a batch; return the outcomes in the order given.

    Two batches cannot deadlock: accounts are locked before posts, and each of both in one order.
    Posts matched late are locked last, with locked rows skipped. Events of one publication are
    applied in the order given, oldest first.
    """
    event_batch = EventBatch(session)
    loaded_events = [loaded for _, loaded in batch]
    other_events = [loaded for loaded in loaded_events if loaded.publication_key is None]
    item_events = [loaded for loaded in other_events if loaded.is_about_items]
    account_events = [loaded for loaded in other_events if not loaded.is_about_items]
    account_events.sort(key=attrgetter("account_key"))
    results = handle_events(event_batch, account_events)
    post_events = [loaded for loaded in loaded_events if loaded.publication_key is not None]
    event_batch.lock_posts(
        {loaded.publication_key for loaded in post_events if loaded.publication_key is not None}
    )
    event_batch.match_late_posts(post_events)
    results |= handle_events(event_batch, post_events)
    event_batch.load_items(item_events)
    results |= handle_events(event_batch, item_events)
    finished = list_finished_events(batch, results)
    released = event_batch.flush(Events.finish_calls(finished))
    if finished and released != len(finished):
        raise LeaseLost("an event was claimed again or deleted while it was applied")
    event_batch.count_results()
    return [to_outcome(results[event.id]) for event, _ in batch]


def list_finished_events(
    batch: Sequence[EventWithLoaded], results: Mapping[int, HandlerResult]
) -> list[FinishedEvent]:
    """The events that are applied or ignored; the others are tried again, or are dead."""
    finished = []
    for event, _ in batch:
        result = results[event.id]
        if isinstance(result, Ignored):
            finished.append(FinishedEvent(event.id, event.lease_token, "ignored", result.reason))
        elif not isinstance(result, Failure):
            finished.append(FinishedEvent(event.id, event.lease_token, "done", None))
    return finished


def handle_events(
    event_batch: EventBatch, loaded_events: Sequence[LoadedEvent]
) -> dict[int, HandlerResult]:
    return {loaded.id: handle_event(event_batch, loaded) for loaded in loaded_events}


def to_outcome(result: HandlerResult) -> Reschedule | Failure:
    return result if isinstance(result, Failure) else APPLIED
