"""What follows from a notice, by its kind: `HANDLERS` is the table. A new kind is a line there.

Handlers change rows and nothing else, and never lock a row that `core/webhooks/apply.py` has not.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal

import structlog

from core.accounts import grant_lifecycle
from core.observability import metrics
from core.outcomes import Failure
from core.post_state import transitions
from core.post_state.changes import ChangeSet
from core.post_state.settle import FINAL_STATES
from core.post_state.transitions import apply_update
from db.accounts.accounts import Accounts, AccountStatus
from db.leases import LockedRow
from db.posts.batches import EMPTY_BATCH, LockedPost, PlatformKey, PostBatch, PostBatches
from db.posts.reconciliation import LateMatches, PublicationIds, UnmatchedPosts
from db.session import Session
from db.webhooks.events import Event
from platforms.base import ParsedEvent

MATCH_PERIOD = timedelta(hours=24)
TIMESTAMP_PRECISION = timedelta(seconds=1)  # platforms cut their times to whole seconds
REVOKED_BY_US = (
    "removed_by_us"  # the answer to our own revoke, which may come after a quick reconnect
)

UNKNOWN_PUBLICATION = "unknown_publication"

HandlerResult = Literal["done", "ignored"] | Failure

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class LoadedEvent:
    """A notice read back, and when we looked at it."""

    provider: str
    parsed: ParsedEvent
    loaded_at: datetime

    @property
    def publication_key(self) -> PlatformKey | None:
        publish_id = self.parsed.progress is not None and self.parsed.publish_id
        return (self.provider, publish_id) if publish_id else None

    @property
    def account_key(self) -> PlatformKey:
        return (self.provider, self.parsed.external_id or "")

    @property
    def public_videos(self) -> list[PublicationIds]:
        """Under which ids the public sees the publication."""
        ids = self.parsed.progress.post_ids if self.parsed.progress is not None else ()
        return [
            PublicationIds(*self.account_key, self.parsed.publish_id or "", each) for each in ids
        ]


@dataclass
class EventBatch:
    """What the notices of one batch share: the posts they speak of, and what to do at the end."""

    session: Session
    unmatched_accounts: set[PlatformKey] = field(default_factory=set)
    locked: PostBatch = EMPTY_BATCH

    def lock_posts(self, publications: Collection[PlatformKey]) -> None:
        self.locked = PostBatches(self.session).lock(publications)

    def match_late_posts(self, loaded_events: Iterable[LoadedEvent]) -> None:
        """Posts found in the list of videos, whose publication is told only now."""
        unmatched = [one for one in loaded_events if self.find_post(one.publication_key) is None]
        public_videos = [each for one in unmatched for each in one.public_videos]
        if not public_videos:
            return
        matched = LateMatches(self.session).match(public_videos)
        self.locked |= PostBatches(self.session).lock(matched)
        for publication in matched:
            self.changes.add_event(self.locked.posts[publication], "found", note=publication[1])

    @cached_property
    def changes(self) -> ChangeSet:
        """What news of the posts held writes beside them."""
        return ChangeSet(self.session, records=self.locked.records, at=self.locked.locked_at)

    def find_post(self, publication: PlatformKey | None) -> LockedPost | None:
        return self.locked.posts.get(publication) if publication else None

    def flush(self) -> None:
        """Write down what was gathered."""
        PostBatches(self.session).save(self.locked)
        self.changes.write()
        UnmatchedPosts(self.session).wake_unconfirmed(self.unmatched_accounts)


def handle_event(
    event_batch: EventBatch, event: Event | LockedRow, loaded: LoadedEvent
) -> HandlerResult:
    kind = loaded.parsed.kind if loaded.parsed.kind in HANDLERS else "other"
    result = HANDLERS.get(kind, ignore_event)(event_batch, event, loaded)
    outcome = result.code if isinstance(result, Failure) else result
    metrics.with_labels(metrics.WEBHOOKS_PROCESSED, loaded.provider, kind, outcome).inc()
    age = (loaded.loaded_at - event.created_at).total_seconds()
    metrics.with_labels(metrics.WEBHOOK_PROCESSING_SECONDS, loaded.provider, kind).observe(
        max(age, 0.0)
    )
    return result


def handle_publication(
    event_batch: EventBatch, event: Event | LockedRow, loaded: LoadedEvent
) -> HandlerResult:
    """One ear for both mouths; a post that has not ended is asked about at once."""
    progress, post = loaded.parsed.progress, event_batch.find_post(loaded.publication_key)
    if progress is None:
        return "ignored"
    if post is None:
        return handle_unmatched(event_batch, event, loaded)
    apply_update(event_batch.changes, post, progress, source="webhook")
    if (record := event_batch.changes.get_record(post)) is not None:
        transitions.add_details(record, {"webhook_received_at": event_batch.changes.at.isoformat()})
    if post.state not in FINAL_STATES:
        post.due_at = event_batch.changes.at
    return "done"


def handle_unmatched(
    event_batch: EventBatch, event: Event | LockedRow, loaded: LoadedEvent
) -> Failure:
    """Ours and not written down yet, or a start whose answer was lost, or nobody's of ours."""
    if event_batch.changes.at - event.created_at >= MATCH_PERIOD:
        return Failure(UNKNOWN_PUBLICATION, "nobody here knows this publication", retryable=False)
    event_batch.unmatched_accounts.add(loaded.account_key)
    return Failure(UNKNOWN_PUBLICATION, "nobody here knows this publication yet")


def handle_authorization_removed(
    event_batch: EventBatch, event: Event | LockedRow, loaded: LoadedEvent
) -> HandlerResult:
    """The creator took the grant back. No news if we gave it back or were given a newer one."""
    account = Accounts(event_batch.session).lock_connected(*loaded.account_key)
    if account is None or account.status == AccountStatus.REVOKED:
        return "ignored"
    granted_at = account.last_refreshed_at or account.created_at
    tolerance = (
        timedelta(0) if loaded.parsed.removal_reason == REVOKED_BY_US else TIMESTAMP_PRECISION
    )
    if (
        loaded.parsed.occurred_at is not None
        and loaded.parsed.occurred_at + tolerance <= granted_at
    ):
        return "ignored"
    grant_lifecycle.mark_revoked(
        event_batch.session, account, cause=loaded.parsed.removal_reason or "removed"
    )
    log.info(
        "account.revoked", account=account.id, row=event.id, reason=loaded.parsed.removal_reason
    )
    return "done"


def ignore_event(
    _event_batch: EventBatch, _event: Event | LockedRow, _loaded: LoadedEvent
) -> HandlerResult:
    return "ignored"


HANDLERS: dict[str, Callable[[EventBatch, Event | LockedRow, LoadedEvent], HandlerResult]] = {
    "video.publish.complete": handle_publication,
    "video.publish.failed": handle_publication,
    "video.inbox.received": handle_publication,
    "post.publish.publicly_available": handle_publication,
    "post.publish.no_longer_publicaly_available": handle_publication,  # the vendor's spelling
    "authorization.removed": handle_authorization_removed,
}
