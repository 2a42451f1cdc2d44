"""`ChangeSet`: collects the rows that a change of a post adds to other tables (timeline,
notifications, app events), and writes them with one statement per table before the commit.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any

from core.observability import metrics
from core.outbox import AppEvent, enqueue_events
from core.post_state.app_events import build_app_event
from db.identity.notifications import Notifications
from db.posts.exchanges import PostExchanges
from db.posts.parts import PostParts
from db.posts.timeline import PostEvents
from db.publishing.batches import AnyPost, AnyRecord, PostBatch
from db.records.post_records import find_post_record
from db.session import Session, database_now


class ChangeSet:
    """Additions to other tables, of one transaction.

    `records` are those that were read before, by post id; others are read on demand.
    `at` is the database's time for everything written.
    """

    def __init__(
        self,
        session: Session,
        *,
        records: Mapping[int, AnyRecord | None] | None = None,
        at: datetime | None = None,
    ) -> None:
        self.session = session
        self._records: dict[int, AnyRecord | None] = dict(records or {})
        self._at = at
        self._timeline_entries: list[dict[str, Any]] = []
        self._exchanges: list[dict[str, Any]] = []
        self._notifications: list[dict[str, Any]] = []
        self._app_events: list[AppEvent] = []
        self._ended_posts: list[AnyPost] = []

    @cached_property
    def at(self) -> datetime:
        return self._at or database_now(self.session)

    def get_record(self, post: AnyPost) -> AnyRecord | None:
        """What the platform reported about the post; None if it does not know the post."""
        if post.id not in self._records:
            self._records[post.id] = find_post_record(self.session, post.provider, post.id)
        return self._records[post.id]

    def add_timeline_entry(
        self,
        post: AnyPost,
        kind: str,
        *,
        before: str | None = None,
        after: str | None = None,
        note: str | None = None,
    ) -> None:
        """Add an entry to the post's timeline; `kind` as in `PostEvents.add`."""
        self._timeline_entries.append(
            PostEvents.new_row(post.id, kind, before=before, after=after, note=note)
        )

    def add_exchanges(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add calls to the platform, as `PostExchanges` stores them."""
        self._exchanges += rows

    def add_notification(self, user_id: int, kind: str, *, cause: str, **payload: Any) -> None:
        """Notify the user; once for each `cause`."""
        self._notifications.append(Notifications.new_row(user_id, kind, cause=cause, **payload))

    def add_app_event(self, post: AnyPost) -> None:
        """Enqueue an app event with the post's present state, if there is one for that state."""
        app_event = build_app_event(post)
        if app_event is not None:
            self._app_events.append(app_event)

    def add_ended_post(self, post: AnyPost) -> None:
        """On `write`, forget the post's upload URLs and count its outcome in the metrics."""
        self._ended_posts.append(post)

    def write(self) -> None:
        with self.session.no_autoflush:  # the posts are written once, with their next due time
            PostEvents(self.session).add_all(self._timeline_entries)
            PostExchanges(self.session).add_all(self._exchanges)
            Notifications(self.session).add_all(self._notifications)
            enqueue_events(self.session, self._app_events)
        PostParts(self.session).clear_upload_urls([post.id for post in self._ended_posts])
        for post in self._ended_posts:
            count_outcome(post)


@contextmanager
def open_change_set(
    session: Session, *, records: Mapping[int, AnyRecord | None] | None = None
) -> Iterator[ChangeSet]:
    """A change set that is written when the block ends without an exception."""
    changes = ChangeSet(session, records=records)
    yield changes
    changes.write()


def batch_change_set(session: Session, batch: PostBatch) -> ChangeSet:
    """A change set for posts that were locked together; the caller writes it."""
    return ChangeSet(session, records=batch.records, at=batch.locked_at)


def count_outcome(post: AnyPost) -> None:
    """Count the outcome and observe the time since the post was to be published."""
    outcome = post.state.lower()
    code = metrics.bound_code(post.error_code or "none")
    counter = metrics.with_labels(
        metrics.UPLOADS, post.provider, post.kind, post.source, outcome, code
    )
    counter.inc()
    if post.finished_at is not None:
        duration = post.finished_at - (post.publish_at or post.created_at)
        histogram = metrics.with_labels(metrics.PUBLISH_SECONDS, post.provider, post.kind, outcome)
        histogram.observe(max(duration.total_seconds(), 0.0))
