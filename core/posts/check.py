"""Ask the platform how a post is doing; also the way out of every doubt about one.

A question is safe and may be repeated at will, within the platform's limit per token.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.accounts.tokens import Access, access, refused
from core.ledger.book import Book
from core.ledger.endings import DRAFT_POLL
from core.ledger.news import POLL, note
from core.ledger.settle import FINAL, State
from core.outcomes import Again, Later
from core.posts.waiting import age, pause, resume, unknown
from core.wiring import World
from db.posts import Post
from db.session import Session
from platforms.base import Phase, Progress
from platforms.errors import RateLimited, Rejected, TokenExpired

DRAFT_LIFE = timedelta(days=7)


@dataclass(frozen=True)
class Job:
    access: Access
    provider: str
    publish_id: str


@dataclass(frozen=True)
class News:
    """None for `progress`: the platform knows no such id."""

    progress: Progress | None
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
        return News(None, world.dice())
    return News(progress, world.dice())


def record(book: Book, post: Post, outcome: News | NoToken) -> Again:
    if isinstance(outcome, NoToken):
        refused(book.session, outcome.access)
    if outcome.progress is None:
        return unknown(book, post, dice=outcome.dice)
    note(book, post, outcome.progress, mouth=POLL)
    if post.state in FINAL:
        return after_the_end(post, book.at)
    if post.state == State.SENDING:
        nothing_there = outcome.progress.bytes_done == 0
        return resume(book, post, nothing_there=nothing_there, dice=outcome.dice)
    return pause(book, post, dice=outcome.dice)


def after_the_end(post: Post, at: datetime) -> Again:
    """A delivered draft may still be posted by its creator; of anything else nothing is asked."""
    is_draft = post.state == State.PUBLISHED and post.step == Phase.DELIVERED
    return Again(DRAFT_POLL if is_draft and age(post, at) < DRAFT_LIFE else None)
