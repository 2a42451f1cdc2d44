"""Tell the platform that something comes. Unsafe, so sent only once.

Killed or unanswered here: bytes with us → nothing can be published yet, so start again; a pull
may already run at the platform → UNCONFIRMED, and only `reconcile` leads out. That is why a pull
is agreed on before, in a claim of its own (`consult`), and here nothing else is asked.
"""

from dataclasses import dataclass
from datetime import timedelta

from core.accounts.tokens import refused
from core.crypto import Context, upload_context
from core.errors import Failed
from core.ledger.book import Book
from core.ledger.endings import end, move
from core.ledger.memo import INLINE
from core.ledger.news import to
from core.ledger.settle import State
from core.outcomes import Again, Later, Throttled
from core.posts import consult
from core.posts.begun import Began, began
from core.posts.consult import LIVE, NoToken
from core.wiring import World
from db.posts import Post, SentBy
from db.session import Session
from db.timeline import PostEvents
from platforms.errors import Faulted, PlatformError, RateLimited, TokenExpired, Unavailable

ASK_SOON = timedelta(seconds=2)


@dataclass(frozen=True)
class Job:
    asks: consult.Job
    url_context: Context
    pulls: bool


@dataclass(frozen=True)
class Lost:
    """The call may have had its effect, but no answer came."""

    code: str


@dataclass(frozen=True)
class DryRun:
    """This installation is told to send nothing."""


Outcome = Began | Lost | NoToken | DryRun


def brief(session: Session, post: Post) -> Job:
    is_awaited = INLINE in post.memo and post.attempts <= 1
    if post.sent_by == SentBy.CALLER and not is_awaited:
        raise Failed("nobody waits for the upload address any more", code="timeout")
    pulls = post.sent_by == SentBy.PLATFORM
    if pulls:
        consult.spent(session, post)
    asks = consult.brief(session, post)
    to(session, post, State.SENDING, note="start")
    post.started_at = PostEvents.now()
    return Job(asks, upload_context(post.provider, post.id, post.user_id), pulls)


def perform(job: Job, world: World) -> Outcome:
    if world.settings.publish_mode != LIVE:
        return DryRun()
    wait = world.limits.take(job.asks.access.account_id, "init")
    if wait:
        raise Throttled(wait, "start limit of the platform")
    try:
        if not job.pulls:
            consult.agreed(job.asks, world)
        return told(job, world)
    except TokenExpired:
        return NoToken(job.asks.access)
    except RateLimited as error:
        if error.code == RateLimited.code:  # others are quotas, which do not hold up every start
            world.limits.block(job.asks.access.account_id, "init", error.retry_after)
        raise


def told(job: Job, world: World) -> Began | Lost:
    """The unsafe call. Whatever is not a clear refusal may have started a pull."""
    asks = job.asks
    publisher, token = world.platform(asks.provider).publisher, asks.access.open(world)
    try:
        started = publisher.start(token, asks.order)
    except Unavailable as error:
        if job.pulls and error.reached and not isinstance(error, Faulted):
            return Lost(error.code)
        raise
    except (PlatformError, Later):  # refused, or not sent at all: the circuit is open
        raise
    except Exception as error:
        if job.pulls:
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
