"""What the ends and moves of posts write beside the posts: gathered, then one statement a table.

Must decide nothing. Belongs to one transaction, and is written before that is committed.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any

from core.ledger.outward import news_of
from core.outbox import News, tell
from core.watch import metrics
from db.heard import AnyPost, AnyRecord
from db.notices import Notifications
from db.records import Records
from db.session import Session, now
from db.timeline import PostEvents
from db.uploads import UploadSessions


class Book:
    """`records` are those read before, by the ids of their posts; others are read when asked for.

    `at` is the database's time of all that is written.
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
        self._lines: list[dict[str, Any]] = []
        self._told: list[dict[str, Any]] = []
        self._news: list[News] = []
        self._ended: list[AnyPost] = []

    @cached_property
    def at(self) -> datetime:
        return self._at or now(self.session)

    def record(self, post: AnyPost) -> AnyRecord | None:
        """What the platform knows of it, as far as it told us."""
        if post.id not in self._records:
            self._records[post.id] = Records(self.session).of(post.id)
        return self._records[post.id]

    def line(
        self,
        post: AnyPost,
        kind: str,
        *,
        before: str | None = None,
        after: str | None = None,
        note: str | None = None,
    ) -> None:
        """One more line of its timeline; `kind` as in `PostEvents.add`."""
        self._lines.append(PostEvents.line(post.id, kind, before=before, after=after, note=note))

    def tell(self, user_id: int, kind: str, *, cause: str, **payload: Any) -> None:
        """Once for each cause."""
        self._told.append(Notifications.row(user_id, kind, cause=cause, **payload))

    def moved(self, post: AnyPost) -> None:
        """Host applications hear of it, as it stands now."""
        news = news_of(post)
        if news is not None:
            self._news.append(news)

    def ended(self, post: AnyPost) -> None:
        """Its upload address is worth nothing any more, and it is counted."""
        self._ended.append(post)

    def write(self) -> None:
        PostEvents(self.session).add_all(self._lines)
        Notifications(self.session).tell_all(self._told)
        tell(self.session, self._news)
        UploadSessions(self.session).drop([post.id for post in self._ended])
        for post in self._ended:
            count(post)


@contextmanager
def opened(
    session: Session, *, records: Mapping[int, AnyRecord | None] | None = None
) -> Iterator[Book]:
    """Written when the block ends well."""
    book = Book(session, records=records)
    yield book
    book.write()


def count(post: AnyPost) -> None:
    """Ended, how, and how long after it was to begin."""
    how, outcome = (post.provider, post.kind), post.state.lower()
    metrics.of(metrics.UPLOAD, *how, post.source, outcome, post.error_code or "none").inc()
    if post.finished_at is not None:
        took = post.finished_at - (post.publish_at or post.created_at)
        observed = metrics.of(metrics.PUBLISH_SECONDS, *how, outcome)
        observed.observe(max(took.total_seconds(), 0.0))
