"""The handlers: what follows from an event, by its effect. A new effect is a line in `HANDLERS`.

Which effect a kind of event has is said by its platform (`Platform.event_effects`). Handlers change
rows and call nothing outside. Posts are locked before the handlers run. A handler of an account
event locks its account itself; `process.py` sorts these events by account, so that two batches lock
in the same order. What is to be fetched from the platform becomes due for the sampling of accounts.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal

import msgspec
import structlog

from core.accounts import grant_lifecycle
from core.observability import metrics
from core.outcomes import Failure
from core.post_state.changes import ChangeSet, batch_change_set
from core.post_state.settle import FINAL_STATES
from core.post_state.transitions import apply_update, record_webhook
from core.webhooks.item_changes import ItemChanges, ItemEvent, open_item_changes
from db.accounts.accounts import Accounts, AccountStatus
from db.compiled_statements import StatementCall
from db.posts.reconciliation import Reconciliation
from db.providers import PlatformKey
from db.publishing.batches import EMPTY_BATCH, LockedPost, PostBatch, PostBatches
from db.publishing.late_matches import LateMatches, PublicationIds
from db.records.record_table import WebhookReport
from db.session import Session
from platforms.base import ParsedEvent
from platforms.platform import Effect
from platforms.registry import PLATFORMS

MATCH_PERIOD = timedelta(hours=24)  # how long an event may wait for the post it is about
TIMESTAMP_PRECISION = timedelta(seconds=1)  # platforms cut their times to whole seconds
REVOKED_BY_US = "removed_by_us"  # the event that follows our own call of revoke
UNKNOWN_PUBLICATION = "unknown_publication"
OTHER_ACCOUNT = "other_account"

OTHER_KIND = "other"  # label of all kinds of events that no platform lists

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Ignored:
    """The event changes nothing. `reason`: why, if that may surprise an operator.

    `outcome`: how the metric counts it.
    """

    reason: str | None = None
    outcome: str = "ignored"


HandlerResult = Literal["done"] | Ignored | Failure
IGNORED = Ignored()
OF_OTHER_ACCOUNT = Ignored(
    f"{OTHER_ACCOUNT}: the event names another account than the post was made with", OTHER_ACCOUNT
)


class LoadedEvent(msgspec.Struct, frozen=True, dict=True, eq=False):
    """A parsed event in a worker, its effect, and when it was received and loaded."""

    id: int
    provider: str
    parsed: ParsedEvent
    created_at: datetime
    loaded_at: datetime
    effect: Effect | None = None

    @property
    def is_about_items(self) -> bool:
        return self.effect in ITEM_HANDLERS

    @cached_property
    def publication_key(self) -> PlatformKey | None:
        """The publication that the event reports progress of, if it does."""
        if self.parsed.progress is None or not self.parsed.publish_id:
            return None
        return (self.provider, self.parsed.publish_id)

    @cached_property
    def account_key(self) -> PlatformKey:
        return (self.provider, self.parsed.platform_user_id or "")

    @property
    def public_videos(self) -> list[PublicationIds]:
        """The ids of the public videos of the publication, each with its account and publish_id."""
        post_ids = self.parsed.progress.post_ids if self.parsed.progress is not None else ()
        publish_id = self.parsed.publish_id or ""
        return [PublicationIds(*self.account_key, publish_id, post_id) for post_id in post_ids]


@dataclass
class EventBatch:
    """What the events of one batch share: the locked posts, and the changes written at the end."""

    session: Session
    unmatched_accounts: set[PlatformKey] = field(default_factory=set)
    locked: PostBatch = EMPTY_BATCH
    items: dict[str, ItemChanges] = field(default_factory=dict)  # by platform
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    ages: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))

    def load_items(self, loaded_events: Iterable[LoadedEvent]) -> None:
        """Read what the events about posts of accounts need."""
        events: dict[str, list[ItemEvent]] = {}
        for loaded in loaded_events:
            events.setdefault(loaded.provider, []).append(to_item_event(loaded))
        for provider, item_events in events.items():
            self.items[provider] = open_item_changes(self.session, provider)
            self.items[provider].load(item_events)

    def lock_posts(self, publications: Collection[PlatformKey]) -> None:
        self.locked = PostBatches(self.session).lock(publications)

    def match_late_posts(self, loaded_events: Iterable[LoadedEvent]) -> None:
        """Link events to posts that were found in the public video list, without a publish_id.

        The event names both the video and the publication, so that the post gets its publish_id.
        """
        unmatched = [
            loaded for loaded in loaded_events if self.find_post(loaded.publication_key) is None
        ]
        public_videos = [video for loaded in unmatched for video in loaded.public_videos]
        if not public_videos:
            return
        matched = LateMatches(self.session).match_late_publications(public_videos)
        self.locked |= PostBatches(self.session).lock(matched)
        for publication in matched:
            _, publish_id = publication
            self.changes.add_timeline_entry(
                self.locked.posts[publication], "found", note=publish_id
            )

    @cached_property
    def changes(self) -> ChangeSet:
        """What the updates of the posts add to other tables."""
        return batch_change_set(self.session, self.locked)

    def find_post(self, publication: PlatformKey | None) -> LockedPost | None:
        return self.locked.posts.get(publication) if publication else None

    def is_of_other_account(self, post: LockedPost, loaded: LoadedEvent) -> bool:
        """Whether the event names another account than the post was made with.

        A destination has an id of its own, which the login does not know: such a post is not
        compared. Neither is an event that names no account.
        """
        named, owner_ids = loaded.parsed.platform_user_id, self.locked.owner_ids[post.id]
        is_comparable = named and owner_ids and post.destination_id is None
        return bool(is_comparable) and named not in owner_ids

    def count_results(self) -> None:
        """Count the results of the events in the metrics, once for a batch."""
        for labels, number in self.counts.items():
            metrics.with_labels(metrics.WEBHOOKS_PROCESSED, *labels).inc(number)
        for event_kind, ages in self.ages.items():
            histogram = metrics.with_labels(metrics.WEBHOOK_PROCESSING_SECONDS, *event_kind)
            metrics.observe_many(histogram, ages)

    def flush(self, last_calls: Sequence[StatementCall]) -> int:
        """Write the changes of all posts, and make unconfirmed posts of the accounts due.

        `last_calls` are executed after that, in the same message; returns how many rows the last
        of them has changed.
        """
        Reconciliation(self.session).make_unconfirmed_due(self.unmatched_accounts)
        for changes in self.items.values():
            changes.flush()
        updates = PostBatches.update_calls(self.locked)
        return self.changes.write(before=updates, after=last_calls).row_count


def handle_event(event_batch: EventBatch, loaded: LoadedEvent) -> HandlerResult:
    """Apply one event with the handler of its effect; the result is counted by `count_results`."""
    effect = loaded.effect
    kind = OTHER_KIND if effect is None else loaded.parsed.kind
    handler = ignore_event if effect is None else HANDLERS[effect]
    result = handler(event_batch, loaded)
    outcome = result if isinstance(result, str) else outcome_label(result)
    event_batch.counts[loaded.provider, kind, outcome] += 1
    age = (loaded.loaded_at - loaded.created_at).total_seconds()
    event_batch.ages[loaded.provider, kind].append(max(age, 0.0))
    return result


def outcome_label(result: Failure | Ignored) -> str:
    return result.code if isinstance(result, Failure) else result.outcome


def find_effect(provider: str, kind: str) -> Effect | None:
    """Return the effect of a kind of event; None if its platform does not list it."""
    platform = PLATFORMS.get(provider)
    return None if platform is None else platform.event_effects.get(kind)


def handle_publication(event_batch: EventBatch, loaded: LoadedEvent) -> HandlerResult:
    """Apply the progress of a publication, through the same transition as a poll.

    A post that has not reached a final state is due at once, to be polled.
    """
    progress, post = loaded.parsed.progress, event_batch.find_post(loaded.publication_key)
    if progress is None:
        return IGNORED
    if post is None:
        return handle_unmatched(event_batch, loaded)
    if event_batch.is_of_other_account(post, loaded):
        log.warning("webhook.other_account", post=post.id, event_id=loaded.id)
        return OF_OTHER_ACCOUNT
    transition = apply_update(event_batch.changes, post, progress, source="webhook")
    report = WebhookReport(
        progress.vendor_status, progress.occurred_at, loaded.created_at, transition.is_change
    )
    record_webhook(event_batch.changes, post, report)
    if post.state not in FINAL_STATES:
        post.due_at = event_batch.changes.at
    return "done"


def handle_unmatched(event_batch: EventBatch, loaded: LoadedEvent) -> Failure:
    """Retry an event whose publication no post has, until `MATCH_PERIOD` is over.

    The post's publish_id may not be stored yet, or the answer to its start was lost; otherwise
    the video was not published by us.
    """
    if event_batch.changes.at - loaded.created_at >= MATCH_PERIOD:
        return Failure(UNKNOWN_PUBLICATION, "no post has this publish_id", retryable=False)
    event_batch.unmatched_accounts.add(loaded.account_key)
    return Failure(UNKNOWN_PUBLICATION, "no post has this publish_id yet")


def handle_authorization_removed(event_batch: EventBatch, loaded: LoadedEvent) -> HandlerResult:
    """Mark the account as revoked, unless the account is disconnected or the grant is newer."""
    account = Accounts(event_batch.session).lock_connected(*loaded.account_key)
    if account is None or account.status == AccountStatus.REVOKED:
        return IGNORED
    granted_at = account.last_refreshed_at or account.created_at
    if is_removal_older(loaded.parsed, granted_at):
        return IGNORED
    reason = loaded.parsed.removal_reason
    grant_lifecycle.mark_revoked(
        event_batch.session, account, cause=reason or grant_lifecycle.REMOVED
    )
    log.info("account.revoked", account=account.id, event_id=loaded.id, reason=reason)
    return "done"


def is_removal_older(parsed: ParsedEvent, granted_at: datetime) -> bool:
    """Whether the removal happened before the grant that the account has now.

    A removal in the same second counts as later, because times are cut to seconds; the event that
    follows our own revoke does not, because it may arrive after a quick reconnect.
    """
    if parsed.occurred_at is None:
        return False
    is_ours = parsed.removal_reason == REVOKED_BY_US
    tolerance = timedelta(0) if is_ours else TIMESTAMP_PRECISION
    return parsed.occurred_at + tolerance <= granted_at


def ignore_event(_event_batch: EventBatch, _loaded: LoadedEvent) -> HandlerResult:
    return IGNORED


def handle_item_event(event_batch: EventBatch, loaded: LoadedEvent) -> HandlerResult:
    """Collect what the event changes of the posts of an account; `flush` writes it."""
    collect = ITEM_HANDLERS[loaded.effect or Effect.STORED]
    reason = collect(event_batch.items[loaded.provider], to_item_event(loaded))
    return "done" if reason is None else Ignored(reason)


def to_item_event(loaded: LoadedEvent) -> ItemEvent:
    return ItemEvent(loaded.parsed, loaded.effect, loaded.parsed.occurred_at or loaded.created_at)


ITEM_HANDLERS: Mapping[Effect, Callable[[ItemChanges, ItemEvent], str | None]] = {
    Effect.COMMENT: ItemChanges.add_comment,
    Effect.MENTION: ItemChanges.add_mention,
    Effect.METRICS: ItemChanges.add_counts,
    Effect.MEDIA_CHANGED: ItemChanges.add_listing,
}
"""Effect → what collects the change; it returns why there is none."""

HANDLERS: Mapping[Effect, Callable[[EventBatch, LoadedEvent], HandlerResult]] = {
    Effect.PUBLICATION: handle_publication,
    Effect.GRANT_REMOVED: handle_authorization_removed,
    Effect.STORED: ignore_event,
    **dict.fromkeys(ITEM_HANDLERS, handle_item_event),
}
