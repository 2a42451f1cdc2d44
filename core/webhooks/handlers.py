"""What follows from a notice, by its kind: `HANDLERS` is the table. A new kind is a line there.

Handlers change rows and nothing else, and never lock a row that `core/webhooks/apply.py` has not.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal

import structlog

from core.accounts import grants
from core.ledger import records
from core.ledger.book import Book
from core.ledger.news import note
from core.ledger.settle import FINAL
from core.outcomes import Failure
from core.watch import metrics
from db.accounts import Accounts, AccountStatus
from db.due import Glimpse
from db.heard import NOTHING, Heard, HeldPost, Holding, Key
from db.session import Session
from db.subjects import Subjects
from db.surfaced import Shown, Surfaced
from db.webhooks import Event
from platforms.base import Notice

DAY = timedelta(hours=24)
EXACT = timedelta(seconds=1)  # platforms cut their times to whole seconds
OURS = "removed_by_us"  # the answer to our own revoke, which may come after a quick reconnect

UNKNOWN = "unknown_publication"

Ended = Literal["done", "ignored"] | Failure

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class News:
    """A notice read back, and when we looked at it."""

    provider: str
    notice: Notice
    at: datetime

    @property
    def publication(self) -> Key | None:
        named = self.notice.progress is not None and self.notice.publish_id
        return (self.provider, named) if named else None

    @property
    def account(self) -> Key:
        return (self.provider, self.notice.account or "")

    @property
    def shown(self) -> list[Shown]:
        """Under which ids the public sees the publication."""
        ids = self.notice.progress.post_ids if self.notice.progress is not None else ()
        return [Shown(*self.account, self.notice.publish_id or "", each) for each in ids]


@dataclass
class Room:
    """What the notices of one batch share: the posts they speak of, and what to do at the end."""

    session: Session
    strangers: set[Key] = field(default_factory=set)
    holding: Holding = NOTHING

    def hold(self, publications: Collection[Key]) -> None:
        self.holding = Heard(self.session).hold(publications)

    def recognise(self, news: Iterable[News]) -> None:
        """Posts found in the list of videos, whose publication is told only now."""
        strangers = [one for one in news if self.post(one.publication) is None]
        shown = [each for one in strangers for each in one.shown]
        if not shown:
            return
        named = Surfaced(self.session).name(shown)
        self.holding |= Heard(self.session).hold(named)
        for publication in named:
            self.book.line(self.holding.posts[publication], "found", note=publication[1])

    @cached_property
    def book(self) -> Book:
        """What news of the posts held writes beside them."""
        return Book(self.session, records=self.holding.records, at=self.holding.at)

    def post(self, publication: Key | None) -> HeldPost | None:
        return self.holding.posts.get(publication) if publication else None

    def leave(self) -> None:
        """Write down what was gathered."""
        Heard(self.session).write(self.holding)
        self.book.write()
        Subjects(self.session).rouse(self.strangers)


def handle(room: Room, event: Event | Glimpse, news: News) -> Ended:
    kind = news.notice.kind if news.notice.kind in HANDLERS else "other"
    ended = HANDLERS.get(kind, ignore)(room, event, news)
    outcome = ended.code if isinstance(ended, Failure) else ended
    metrics.of(metrics.WEBHOOK_PROCESSED, news.provider, kind, outcome).inc()
    age = (news.at - event.created_at).total_seconds()
    metrics.of(metrics.WEBHOOK_PROCESSING, news.provider, kind).observe(max(age, 0.0))
    return ended


def publication(room: Room, event: Event | Glimpse, news: News) -> Ended:
    """One ear for both mouths; a post that has not ended is asked about at once."""
    progress, post = news.notice.progress, room.post(news.publication)
    if progress is None:
        return "ignored"
    if post is None:
        return stranger(room, event, news)
    note(room.book, post, progress, mouth="webhook")
    if (record := room.book.record(post)) is not None:
        records.add(record, {"webhook_received_at": room.book.at.isoformat()})
    if post.state not in FINAL:
        post.due_at = room.book.at
    return "done"


def stranger(room: Room, event: Event | Glimpse, news: News) -> Failure:
    """Ours and not written down yet, or a start whose answer was lost, or nobody's of ours."""
    if room.book.at - event.created_at >= DAY:
        return Failure(UNKNOWN, "nobody here knows this publication", retryable=False)
    room.strangers.add(news.account)
    return Failure(UNKNOWN, "nobody here knows this publication yet")


def removed(room: Room, event: Event | Glimpse, news: News) -> Ended:
    """The creator took the grant back. No news if we gave it back or were given a newer one."""
    account = Accounts(room.session).live(*news.account)
    if account is None or account.status == AccountStatus.REVOKED:
        return "ignored"
    granted = account.last_refreshed_at or account.created_at
    doubt = timedelta(0) if news.notice.reason == OURS else EXACT
    if news.notice.at is not None and news.notice.at + doubt <= granted:
        return "ignored"
    grants.revoked(room.session, account, cause=news.notice.reason or "removed")
    log.info("account.revoked", account=account.id, row=event.id, reason=news.notice.reason)
    return "done"


def ignore(_room: Room, _event: Event | Glimpse, _news: News) -> Ended:
    return "ignored"


HANDLERS: dict[str, Callable[[Room, Event | Glimpse, News], Ended]] = {
    "video.publish.complete": publication,
    "video.publish.failed": publication,
    "video.inbox.received": publication,
    "post.publish.publicly_available": publication,
    "post.publish.no_longer_publicaly_available": publication,  # the vendor's spelling
    "authorization.removed": removed,
}
