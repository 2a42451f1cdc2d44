"""A post on its way, step by step: which step is next, and the two kinds of due work it makes.

`WORK` speaks (start, check, reconcile), `UPLOADS` moves bytes, apart from each other so that a
long upload delays nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from core.accounts.tokens import at_hand
from core.backoff import Policy, minutes, seconds
from core.engine.kinds import Work
from core.ledger.book import Book, opened
from core.ledger.memo import AGREED, ASKED, DEAD, INLINE, WAIT, WHY, without
from core.ledger.news import finish
from core.ledger.settle import FINAL, State
from core.outcomes import Again, Failure, Held, Later
from core.posts import check, consult, reconcile, send, start
from core.wiring import World
from db.posts import POSTS, UPLOADS_LANE, Post, SentBy
from db.records import Records
from db.session import Session

AWAY = frozenset({"NETWORK_ERROR", "INVALID_RESPONSE", "UPSTREAM_5XX", "platform_unavailable"})
OUT_OF_ATTEMPTS = "out_of_attempts"
OURS = frozenset({OUT_OF_ATTEMPTS, "upload_unknown"})

STEPS: dict[str, Any] = {
    "consult": consult,
    "start": start,
    "send": send,
    "check": check,
    "reconcile": reconcile,
}


@dataclass(frozen=True)
class Task:
    """The job of one step, or its outcome, under the step's name."""

    step: str
    value: Any


def step_of(post: Post) -> str:
    """What a claimed post needs next. Past a doubt, the platform is asked before it is told."""
    if post.publish_id is None:
        pulls = post.sent_by == SentBy.PLATFORM
        if post.state == State.UNCONFIRMED or (pulls and post.state == State.SENDING):
            return "reconcile"
        return "consult" if pulls and AGREED not in post.memo else "start"
    doubt = post.attempts > 1 and ASKED not in post.memo
    ours = post.state == State.SENDING and post.sent_by == SentBy.SIGNALPOST
    return "send" if ours and not doubt and DEAD not in post.memo else "check"


def gather(session: Session, posts: Sequence[Post]) -> object:
    """Their accounts, in one question: each brief then finds its own at hand."""
    return at_hand(session, {post.oauth_account_id for post in posts})


def brief(session: Session, post: Post) -> Task:
    if post.attempts > 1:
        post.memo = without(post.memo, INLINE)  # whoever waited for its first step waits no more
    step = step_of(post)
    return Task(step, STEPS[step].brief(session, post))


def perform(task: Task, world: World) -> Task:
    return Task(task.step, STEPS[task.step].perform(task.value, world))


def record(session: Session, post: Post, task: Task) -> Again:
    with opened(session) as book:
        return recorded(book, post, task)


def together(session: Session, tasks: Sequence[tuple[Post, Task]]) -> list[Again | Later]:
    """Of several posts, in one book: each table is written once."""
    told = [post.id for post, _ in tasks if post.publish_id is not None]
    with opened(session, records=Records(session).several(told)) as book:
        return [unless_later(book, post, task) for post, task in tasks]


def unless_later(book: Book, post: Post, task: Task) -> Again | Later:
    try:
        return recorded(book, post, task)
    except Later as later:
        return later


def recorded(book: Book, post: Post, task: Task) -> Again:
    return STEPS[task.step].record(book, post, task.value)  # type: ignore[no-any-return]  # STEPS is untyped


def put_back(session: Session, post: Post, why: Failure | Later) -> None:
    """Held, postponed or tried in vain: what is unsaid can be said again, by whom, it says."""
    if post.state in FINAL:
        return  # it was only asked after; nothing about it waits
    post.hold_reason = str(why) if isinstance(why, Held) else None
    post.memo = {**post.memo, **reason(why)}
    start.put_back(session, post)
    nobody_waits = post.sent_by == SentBy.CALLER and post.publish_id is None
    if isinstance(why, Failure) and nobody_waits:
        give_up(session, post, why)  # a caller waits for an address that cannot be had later
    else:
        post.memo = without(post.memo, INLINE)


def reason(why: Failure | Later) -> dict[str, Any]:
    """What the requester, if there is one, has to know: a code, and seconds to wait."""
    wait = why.at_least if isinstance(why, Failure) else why.wait
    return {WHY: getattr(why, "code", "later"), WAIT: wait.total_seconds() if wait else 0}


def give_up(session: Session, post: Post, failure: Failure) -> None:
    """The end of patience. What may be published at the platform is unknown, not failed."""
    if post.state in FINAL:
        return
    killed = post.state == State.SENDING and failure.code == OUT_OF_ATTEMPTS
    pulling = killed and post.sent_by == SentBy.PLATFORM
    unknown = pulling or post.state in {State.PROCESSING, State.UNCONFIRMED}
    message = f"{failure.code}: {failure.message}" if unknown else failure.message
    code = "outcome_unknown" if unknown else code_of(failure, post.provider)
    finish(session, post, State.FAILED, code, message)


def code_of(failure: Failure, provider: str) -> str:
    """As people and programs know it; an exception of ours without a code is our fault."""
    if failure.code in AWAY:
        return f"{provider}_unavailable"
    return "upload_failed" if failure.code[:1].isupper() or failure.code in OURS else failure.code


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
    batch=64,
    pool=32,
    gather=gather,
    together=together,
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
