"""The first step of a post: tell the platform that something comes. Unsafe, so sent only once.

Killed or unanswered here: bytes with us → nothing can be published yet, so start again; a pull
may already run at the platform → UNCONFIRMED, and only `reconcile` leads out.
"""

from dataclasses import dataclass
from datetime import timedelta

from core.accounts.tokens import Access, access, refused
from core.crypto import Context, upload_context
from core.errors import Failed
from core.ledger.book import Book
from core.ledger.endings import end, move
from core.ledger.memo import INLINE
from core.ledger.news import to
from core.ledger.settle import FINAL, State
from core.outcomes import Again, Later, Throttled
from core.posts.begun import Began, began
from core.posts.creators import agree
from core.posts.reach import reach
from core.posts.turn import turn
from core.wiring import World
from db.media import Medias
from db.posts import Post, SentBy
from db.session import Session
from db.timeline import PostEvents
from platforms.base import Order
from platforms.errors import Faulted, PlatformError, RateLimited, TokenExpired, Unavailable

ASK_SOON = timedelta(seconds=2)
LIVE = "live"


@dataclass(frozen=True)
class Job:
    access: Access
    provider: str
    order: Order
    url_context: Context
    sent_by: str
    seconds: float | None  # of the film, where we know it


@dataclass(frozen=True)
class Lost:
    """The call may have had its effect, but no answer came."""

    code: str


@dataclass(frozen=True)
class NoToken:
    access: Access


@dataclass(frozen=True)
class DryRun:
    """This installation is told to send nothing."""


Outcome = Began | Lost | NoToken | DryRun


def brief(session: Session, post: Post) -> Job:
    if post.state in FINAL:
        raise Failed("it has ended: nothing more is sent")
    is_awaited = INLINE in post.memo and post.attempts <= 1
    if post.sent_by == SentBy.CALLER and not is_awaited:
        raise Failed("nobody waits for the upload address any more", code="timeout")
    turn(session, post)
    used = access(session, post.oauth_account_id)
    to(session, post, State.SENDING, note="start")
    post.started_at = PostEvents.now()
    return Job(
        used,
        post.provider,
        order(post),
        upload_context(post.provider, post.id, post.user_id),
        post.sent_by,
        duration(session, post),
    )


def order(post: Post) -> Order:
    return Order(
        kind=post.kind,
        source=post.source,
        size=post.bytes_total,
        video_url=post.payload_json.get("video_url"),
        images=tuple(post.payload_json.get("photo_images", ())),
        cover=post.payload_json.get("photo_cover_index", 0),
        settings={**post.payload_json.get("settings", {}), "title": post.title},
    )


def duration(session: Session, post: Post) -> float | None:
    media = Medias(session).get(post.media_id)
    milliseconds = (media.probe or {}).get("duration_ms") if media else None
    return None if milliseconds is None else milliseconds / 1000


def perform(job: Job, world: World) -> Outcome:
    if world.settings.publish_mode != LIVE:
        return DryRun()
    reach(job.order, world)
    wait = world.limits.take(job.access.account_id, "init")
    if wait:
        raise Throttled(wait, "start limit of the platform")
    try:
        agree(job.access, job.provider, job.order, world, seconds=job.seconds)
        return told(job, world)
    except TokenExpired:
        return NoToken(job.access)
    except RateLimited as error:
        if error.code == RateLimited.code:  # others are quotas, which do not hold up every start
            world.limits.block(job.access.account_id, "init", error.retry_after)
        raise


def told(job: Job, world: World) -> Began | Lost:
    """The unsafe call. Whatever is not a clear refusal may have started a pull."""
    publisher, token = world.platform(job.provider).publisher, job.access.open(world)
    may_run = job.sent_by == SentBy.PLATFORM
    try:
        started = publisher.start(token, job.order)
    except Unavailable as error:
        if may_run and error.reached and not isinstance(error, Faulted):
            return Lost(error.code)
        raise
    except (PlatformError, Later):  # refused, or not sent at all: the circuit is open
        raise
    except Exception as error:
        if may_run:
            return Lost(type(error).__name__)
        raise
    url = started.upload_url
    sealed = None if url is None else world.keys.seal(url, job.url_context)
    return Began(started, sealed)


def record(book: Book, post: Post, outcome: Outcome) -> Again:
    if isinstance(outcome, NoToken):
        refused(book.session, outcome.access)  # raises; `put_back` queues the post again
    if isinstance(outcome, DryRun):
        end(book, post, State.CANCELLED, "dry_run")
        return Again(None)
    if isinstance(outcome, Lost):
        post.memo = {}
        move(book, post, State.UNCONFIRMED, note=f"no answer to the start: {outcome.code}")
        return Again(ASK_SOON)
    return began(book, post, outcome)


def put_back(session: Session, post: Post) -> None:
    """Nothing reached the platform that could be published: the post waits as before."""
    if post.state == State.SENDING and post.publish_id is None:
        to(session, post, State.QUEUED, note="not started")
