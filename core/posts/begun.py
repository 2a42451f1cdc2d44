"""A start that the platform has taken, written down: under which id, and where the bytes go."""

from dataclasses import dataclass
from datetime import timedelta

from core.ledger.book import Book
from core.ledger.endings import move
from core.ledger.settle import QUICK, State
from core.outcomes import NOW, Again
from db.media import Medias
from db.posts import Post, SentBy
from db.records import Records
from db.uploads import UploadSessions
from platforms.base import Phase, Started

USUAL_LIFETIME = timedelta(hours=1)  # of an upload address whose platform says nothing of it


@dataclass(frozen=True)
class Began:
    started: Started
    upload_url: str | None  # sealed


def began(book: Book, post: Post, outcome: Began) -> Again:
    started = outcome.started
    post.publish_id, post.chunk_size, post.memo = started.publish_id, started.chunk_size, {}
    book.line(post, "started", note=started.publish_id)
    Records(book.session).open(post)
    if post.sent_by == SentBy.PLATFORM:
        post.step = Phase.PROCESSING
        move(book, post, State.PROCESSING, note="the platform fetches the file")
        return Again(QUICK[0])
    post.step = Phase.RECEIVING
    await_bytes(book, post, outcome)
    return Again(NOW if post.sent_by == SentBy.SIGNALPOST else QUICK[0])


def await_bytes(book: Book, post: Post, outcome: Began) -> None:
    started, media = outcome.started, Medias(book.session).get(post.media_id)
    post.url_expires_at = book.at + (started.upload_lifetime or USUAL_LIFETIME)
    UploadSessions(book.session).open(
        post.id,
        upload_url_encrypted=outcome.upload_url,
        url_expires_at=post.url_expires_at,
        size=post.bytes_total,
        sha256=media and media.sha256,
        chunk_size=started.chunk_size,
        total_chunk_count=started.chunk_count,
    )
