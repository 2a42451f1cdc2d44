"""A start whose answer was lost and that may run at the platform: find out, never send again.

A later webhook of the same creator names the publication; without one the post ends as unknown
after a day, and a person may retry it, with the risk named.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.ledger.news import finish, to
from core.ledger.settle import DAY, State
from core.outcomes import Again
from core.posts.waiting import NOW, age, pause
from core.wiring import World
from db.lost import LostStarts
from db.posts import Post
from db.session import Session
from db.timeline import PostEvents
from platforms.base import Phase

OUR_CLOCKS = timedelta(seconds=30)  # by which the news may seem to be older than the start


@dataclass(frozen=True)
class Job:
    publish_id: str | None


@dataclass(frozen=True)
class Found:
    publish_id: str | None
    at: datetime
    dice: float


def brief(session: Session, post: Post) -> Job:
    to(session, post, State.UNCONFIRMED, note="the answer to the start was lost")
    return Job(named(session, post))


def named(session: Session, post: Post) -> str | None:
    """The one publication we were told of and cannot place, if this is the one start we miss."""
    since = (post.started_at or post.created_at) - OUR_CLOCKS
    strangers = LostStarts(session).strangers(post, since=since)
    if len(strangers) != 1 or LostStarts(session).others(post):
        return None
    return strangers[0]


def perform(job: Job, world: World) -> Found:
    return Found(job.publish_id, world.now(), world.dice())


def record(session: Session, post: Post, outcome: Found) -> Again:
    if outcome.publish_id is not None and outcome.publish_id == named(session, post):
        return found(session, post, outcome.publish_id)
    if age(post, outcome.at) >= DAY:
        finish(session, post, State.FAILED, "outcome_unknown")
        return Again(None)
    return pause(session, post, outcome.at, dice=outcome.dice)


def found(session: Session, post: Post, publish_id: str) -> Again:
    post.publish_id, post.step = publish_id, Phase.PROCESSING
    PostEvents(session).add(post, "found", note=publish_id)
    to(session, post, State.PROCESSING, note="a webhook named it")
    LostStarts(session).adopt(post)
    return Again(NOW)
