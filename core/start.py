"""The first step of a post: tell the platform that something comes. Unsafe, so sent only once.

Killed or unanswered here: bytes with us → nothing can be published yet, so start again; a pull
may already run at the platform → UNCONFIRMED, and only `reconcile` leads out.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.crypto import Context, upload_context
from core.errors import Failed
from core.news import to
from core.outcomes import Again, Later
from core.quota import slot
from core.settle import QUICK, State
from core.tokens import Access, access, refused
from core.wiring import World
from db.posts import Post
from db.records import Records
from db.session import Session
from db.timeline import PostEvents
from db.uploads import UploadSessions
from platforms.base import Order, Phase, Started
from platforms.errors import RateLimited, TokenExpired, Unavailable

ASK_SOON = timedelta(seconds=2)


@dataclass(frozen=True)
class Job:
    access: Access
    provider: str
    order: Order
    url_context: Context
    sent_by: str


@dataclass(frozen=True)
class Began:
    started: Started
    upload_url: str | None  # sealed
    at: datetime


@dataclass(frozen=True)
class Lost:
    """The call may have had its effect, but no answer came."""

    code: str


@dataclass(frozen=True)
class NoToken:
    access: Access


Outcome = Began | Lost | NoToken


def brief(session: Session, post: Post) -> Job:
    if post.state == State.SENDING and post.sent_by == "CALLER":
        raise Failed("the start was interrupted", code="timeout")  # nobody waits for the answer
    slot(session, post)
    used = access(session, post.oauth_account_id)
    to(session, post, State.SENDING, note="start")
    return Job(
        used,
        post.provider,
        order(post),
        upload_context(post.provider, post.id, post.user_id),
        post.sent_by,
    )


def order(post: Post) -> Order:
    return Order(
        kind=post.kind,
        source=post.source,
        size=post.bytes_total,
        video_url=post.payload_json.get("video_url"),
        settings={**post.payload_json.get("settings", {}), "title": post.title},
    )


def perform(job: Job, world: World) -> Outcome:
    wait = world.limits.take(job.access.account_id, "init")
    if wait:
        raise Later(wait, "start limit of the platform")
    token = job.access.open(world)
    try:
        started = world.platform(job.provider).publisher.start(token, job.order)
    except TokenExpired:
        return NoToken(job.access)
    except RateLimited as error:
        world.limits.block(job.access.account_id, "init", error.retry_after)
        raise
    except Unavailable as error:
        if job.sent_by == "PLATFORM" and error.reached:
            return Lost(error.code)
        raise
    url = started.upload_url and world.keys.seal(started.upload_url, job.url_context)
    return Began(started, url, world.now())


def record(session: Session, post: Post, outcome: Outcome) -> Again:
    if isinstance(outcome, NoToken):
        refused(session, outcome.access)  # raises; `put_back` queues the post again
    if isinstance(outcome, Lost):
        post.memo = {**post.memo, "lost": "start"}
        to(session, post, State.UNCONFIRMED, note=outcome.code)
        return Again(ASK_SOON)
    return began(session, post, outcome)


def began(session: Session, post: Post, outcome: Began) -> Again:
    started = outcome.started
    post.publish_id = started.publish_id
    post.chunk_size = started.chunk_size
    post.memo = {}
    PostEvents(session).add(post, "started", note=started.publish_id)
    pulled = post.sent_by == "PLATFORM"
    post.step = Phase.PROCESSING if pulled else Phase.RECEIVING
    Records(session).open(post)
    if pulled:
        to(session, post, State.PROCESSING, note="the platform fetches the file")
        return Again(QUICK[0])
    post.url_expires_at = outcome.at + (started.upload_lifetime or timedelta(hours=1))
    UploadSessions(session).open(post, outcome.upload_url, started)
    return Again(timedelta(0) if post.sent_by == "SIGNALPOST" else QUICK[0])


def put_back(session: Session, post: Post) -> None:
    """Nothing reached the platform that could be published: the post waits as before."""
    if post.state == State.SENDING and post.publish_id is None:
        to(session, post, State.QUEUED, note="not started")
