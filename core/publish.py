"""A post on its way, step by step: which step is next, and the two kinds of due work it makes.

`WORK` speaks (start, check, reconcile), `UPLOADS` moves bytes, apart from each other so that a
long upload delays nothing.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from core import check, reconcile, send, start
from core.backoff import Policy, minutes, seconds
from core.kinds import Work
from core.news import finish
from core.outcomes import Again, Failure, Held, Later
from core.settle import State
from core.wiring import World
from db.posts import POSTS, UPLOADS_LANE, Post
from db.session import Session

STEPS: dict[str, Any] = {"start": start, "send": send, "check": check, "reconcile": reconcile}


@dataclass(frozen=True)
class Task:
    """The job of one step, or its outcome, under the step's name."""

    step: str
    value: Any


def step_of(post: Post) -> str:
    """What a claimed post needs next. Past a doubt, the platform is asked before it is told."""
    if post.publish_id is None:
        maybe_there = post.state == State.SENDING and post.sent_by == "PLATFORM"
        return "reconcile" if maybe_there or post.state == State.UNCONFIRMED else "start"
    doubt = post.attempts > 1 and "asked" not in post.memo
    ours = post.state == State.SENDING and post.sent_by == "SIGNALPOST"
    return "send" if ours and not doubt and "dead" not in post.memo else "check"


def brief(session: Session, post: Post) -> Task:
    step = step_of(post)
    return Task(step, STEPS[step].brief(session, post))


def perform(task: Task, world: World) -> Task:
    return Task(task.step, STEPS[task.step].perform(task.value, world))


def record(session: Session, post: Post, task: Task) -> Again:
    return STEPS[task.step].record(session, post, task.value)  # type: ignore[no-any-return]  # STEPS is untyped


def put_back(session: Session, post: Post, why: Failure | Later) -> None:
    """Held, postponed or tried in vain: what is unsaid can be said again, by whom, it says."""
    post.hold_reason = str(why) if isinstance(why, Held) else None
    start.put_back(session, post)
    if isinstance(why, Failure) and post.sent_by == "CALLER" and post.publish_id is None:
        give_up(session, post, why)  # a caller waits for an address that cannot be had later


def give_up(session: Session, post: Post, failure: Failure) -> None:
    """The end of patience. What may be published at the platform is unknown, not failed."""
    sent = post.state in {State.PROCESSING, State.UNCONFIRMED} and failure.retryable
    code = "outcome_unknown" if sent else failure.code
    finish(session, post, State.FAILED, code, failure.message)


POLICY = Policy(seconds(2, 5, 10, 30, 60) + minutes(2, 5, 10, 15, 30, 60, 60, 60, 120, 240, 480))

WORK: Work[Post, Task, Task] = Work(
    kind="posts",
    bell="posts",
    queue=POSTS,
    brief=brief,
    perform=perform,
    record=record,
    give_up=give_up,
    put_back=put_back,
    policy=POLICY,
    lease=timedelta(seconds=90),
    batch=16,
    pool=8,
)

UPLOADS: Work[Post, Task, Task] = Work(
    kind="uploads",
    bell="uploads",
    queue=UPLOADS_LANE,
    brief=brief,
    perform=perform,
    record=record,
    give_up=give_up,
    put_back=put_back,
    policy=POLICY,
    lease=timedelta(seconds=330),
    batch=1,
)
