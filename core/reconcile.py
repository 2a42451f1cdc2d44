"""A start whose answer was lost and that may run at the platform: find out, never send again.

A later webhook of the same creator names the publication; without one the post ends as unknown
after a day, and a person may retry it, with the risk named.
"""

from dataclasses import dataclass
from datetime import datetime

from core.check import NOW, News, wait
from core.news import finish, to
from core.outcomes import Again
from core.settle import DAY, State
from core.wiring import World
from db.posts import Post, Posts
from db.records import Records
from db.session import Session
from platforms.base import Phase


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
    return Job(Posts(session).heard_of(post))


def perform(job: Job, world: World) -> Found:
    return Found(job.publish_id, world.now(), world.dice())


def record(session: Session, post: Post, outcome: Found) -> Again:
    if outcome.publish_id is not None:
        post.publish_id, post.step = outcome.publish_id, Phase.PROCESSING
        to(session, post, State.PROCESSING, note=f"found as {outcome.publish_id}")
        Records(session).open(post)
        return Again(NOW)
    age = outcome.at - post.created_at
    if age >= DAY:
        finish(session, post, State.FAILED, "outcome_unknown")
        return Again(None)
    return wait(session, post, News(None, outcome.at, outcome.dice), age)
