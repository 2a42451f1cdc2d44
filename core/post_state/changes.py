"""`ChangeSet`: collects the rows that a change of a post adds to other tables (timeline,
notifications, app events), and writes them with one statement per table before the commit.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any

import structlog

from core.observability import metrics, tracing
from core.outbox import AppEvent, enqueue_events
from core.post_state.app_events import build_app_event
from db.compiled_statements import CallResult, StatementCall, execute_calls
from db.identity.notifications import Notifications
from db.posts.exchanges import PostExchanges
from db.posts.parts import PostParts
from db.posts.timeline import PostEvents
from db.publishing.batches import AnyPost, AnyRecord, PostBatch
from db.records.post_records import find_post_record
from db.session import Session, database_now

MOVES_PER_LINE = 40  # about 4 kB, which no collector of logs cuts
SHARED_MOVE_FIELDS = ("from", "to", "source", "note")  # stand once in a line, not with each post

log = structlog.get_logger(__name__)


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
        self._moves: list[dict[str, Any]] = []
        self._traced_moves: list[tuple[str, dict[str, Any]]] = []

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
        if after is not None and after != before:
            move = describe_move(post, kind, before=before, after=after, note=note)
            self._moves.append(move)
            if post.trace_parent is not None:
                self._traced_moves.append((post.trace_parent, move))
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

    def write(
        self, before: Sequence[StatementCall] = (), after: Sequence[StatementCall] = ()
    ) -> CallResult:
        """Write everything, in one message with the statements `before` and `after`.

        Returns the result of the last statement.
        """
        with self.session.no_autoflush:  # the posts are written once, with their next due time
            enqueue_events(self.session, self._app_events)
            PostExchanges(self.session).add_all(self._exchanges)
        if self._ended_posts:
            self.session.flush()  # it may hold an upload URL that is forgotten here
        calls = [
            *before,
            *PostEvents.insert_calls(self._timeline_entries),
            *Notifications.insert_calls(self._notifications),
            *PostParts.clear_url_calls([post.id for post in self._ended_posts]),
            *after,
        ]
        with self.session.no_autoflush:
            result = execute_calls(self.session, calls)
        count_outcomes(self._ended_posts)
        log_moves(self._moves)
        for trace_parent, move in self._traced_moves:
            tracing.record_past_span(f"moved by {move['source']}", parent=trace_parent, **move)
        return result


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


def describe_move(
    post: AnyPost, source: str, *, before: str | None, after: str, note: str | None
) -> dict[str, Any]:
    """A change of state as the log has it; `publish_id` connects it with the platform's events."""
    return {
        "post": post.id,
        "correlation_id": post.correlation_id,
        "publish_id": post.publish_id,
        "from": before,
        "to": after,
        "source": source,
        "note": note,
    }


def log_moves(moves: Sequence[Mapping[str, Any]]) -> None:
    """Log changes of state, several of one kind in a line: a line for each, or all fields with each
    post, would be a tenth of the work of applying a webhook event.
    """
    kinds: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for move in moves:
        fields = dict(move)
        kinds[tuple([fields.pop(name) for name in SHARED_MOVE_FIELDS])].append(fields)
    for kind, posts in kinds.items():
        shared = dict(zip(SHARED_MOVE_FIELDS, kind, strict=True))
        for start in range(0, len(posts), MOVES_PER_LINE):
            part = posts[start : start + MOVES_PER_LINE]
            ids = {fields["correlation_id"] for fields in part}
            common = {"correlation_id": ids.pop()} if len(ids) == 1 and None not in ids else {}
            log.info("posts.moved", moves=part, **shared, **common)


def count_outcomes(posts: Iterable[AnyPost]) -> None:
    """Count the outcomes, and observe the times since the posts were to be published."""
    counts: Counter[tuple[str, ...]] = Counter()
    durations: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for post in posts:
        outcome = post.state.lower()
        code = metrics.bound_code(post.error_code or "none")
        counts[post.provider, post.kind, post.source, outcome, code] += 1
        if post.finished_at is not None:
            duration = post.finished_at - (post.publish_at or post.created_at)
            seconds = max(duration.total_seconds(), 0.0)
            durations[post.provider, post.kind, outcome].append(seconds)
    for labels, number in counts.items():
        metrics.with_labels(metrics.UPLOADS, *labels).inc(number)
    for labels, observed in durations.items():
        metrics.observe_many(metrics.with_labels(metrics.PUBLISH_SECONDS, *labels), observed)
