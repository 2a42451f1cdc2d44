"""Ask the platform how a post is doing; also the way out of every doubt about one.

A question is safe and may be repeated at will, within the platform's limit per token.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.news import finish, hear, to
from core.outcomes import Again, Later
from core.settle import DAY, FINAL, GIVE_UP_AFTER, State, next_poll
from core.tokens import Access, access, refused
from core.wiring import World
from db.posts import Post
from db.records import Records
from db.session import Session
from db.timeline import PostEvents
from db.uploads import UploadSessions
from platforms.base import Progress
from platforms.errors import RateLimited, Rejected, TokenExpired

NOW = timedelta(0)
READ_AFTER_WRITE = timedelta(seconds=60)  # an id this young may not be visible yet
LAG = timedelta(seconds=3)


@dataclass(frozen=True)
class Job:
    access: Access
    provider: str
    publish_id: str


@dataclass(frozen=True)
class News:
    """None for `progress`: the platform knows no such id."""

    progress: Progress | None
    at: datetime
    dice: float


@dataclass(frozen=True)
class NoToken:
    access: Access


def brief(session: Session, post: Post) -> Job:
    used = access(session, post.oauth_account_id)
    return Job(used, post.provider, str(post.publish_id))


def perform(job: Job, world: World) -> News | NoToken:
    wait = world.limits.take(job.access.account_id, "status")
    if wait:
        raise Later(wait, "status limit of the platform")
    token = job.access.open(world)
    try:
        progress = world.platform(job.provider).publisher.check(token, job.publish_id)
    except TokenExpired:
        return NoToken(job.access)
    except RateLimited as error:
        world.limits.block(job.access.account_id, "status", error.retry_after)
        raise
    except Rejected as error:
        if error.code != "invalid_publish_id":
            raise
        return News(None, world.now(), world.dice())
    return News(progress, world.now(), world.dice())


def record(session: Session, post: Post, outcome: News | NoToken) -> Again:
    if isinstance(outcome, NoToken):
        refused(session, outcome.access)
    age = outcome.at - post.created_at
    if outcome.progress is None:
        return unknown(session, post, outcome, age)
    hear(session, post, outcome.progress, mouth="poll")
    if post.state in FINAL:
        return Again(None)
    if post.state == State.SENDING:
        return resume(session, post, outcome, age)
    return wait(session, post, outcome, age)


def wait(session: Session, post: Post, outcome: News, age: timedelta) -> Again:
    """Nothing final yet: ask again, ever more rarely; after a day it is stale, after three unknown."""
    if age >= GIVE_UP_AFTER:
        finish(session, post, State.FAILED, "outcome_unknown")
        return Again(None)
    if age >= DAY:
        to(session, post, State.UNCONFIRMED, note="stale")
    polls = int(post.memo.get("polls", 0))
    post.memo = {**post.memo, "polls": polls + 1}
    return Again(next_poll(polls, age, dice=outcome.dice))


def resume(session: Session, post: Post, outcome: News, age: timedelta) -> Again:
    """The platform waits for bytes. Ours go on where it says; a caller's are waited for."""
    missing = outcome.progress is not None and not outcome.progress.bytes_done
    over = post.url_expires_at is not None and outcome.at >= post.url_expires_at
    if post.sent_by == "CALLER":
        if over:
            finish(session, post, State.FAILED, "upload_url_expired")
            return Again(None)
        return wait(session, post, outcome, age)
    if over or "dead" in post.memo:
        return restart(session, post, nothing_there=missing)
    UploadSessions(session).reached(post.id, post.bytes_sent)
    post.memo = {**post.memo, "asked": True}
    return Again(NOW, progressed=False)


def unknown(session: Session, post: Post, outcome: News, age: timedelta) -> Again:
    started = outcome.at - (post.url_expires_at or outcome.at)
    if age < READ_AFTER_WRITE and started < READ_AFTER_WRITE:
        return Again(LAG, progressed=False)
    if post.sent_by == "SIGNALPOST" and post.state in {State.SENDING, State.UNCONFIRMED}:
        return restart(session, post, nothing_there=True)
    return wait(session, post, outcome, age)


def restart(session: Session, post: Post, *, nothing_there: bool) -> Again:
    """A new start, only on the platform's word that nothing of the old one exists."""
    if not nothing_there:
        finish(session, post, State.FAILED, "upload_url_expired")
        return Again(None)
    PostEvents(session).add(post, "restart", note=f"{post.publish_id} is dead")
    Records(session).superseded(post)
    UploadSessions(session).drop(post.id)
    post.publish_id, post.step, post.memo, post.bytes_sent = None, None, {}, 0
    to(session, post, State.QUEUED, note="the platform has nothing of it")
    return Again(NOW)
