"""Stored notices are applied: a batch in one transaction, each of them once, in whatever order.

Must not judge signatures nor speak to anybody; what follows from one is in `handlers.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from core.backoff import Policy
from core.config.figures import Figures
from core.engine.kinds import Work
from core.errors import CoreError
from core.outcomes import Again, Failure, Later
from core.webhooks.handlers import DAY, UNKNOWN, Ended, News, Room, handle
from core.wiring import World
from db.due import Glimpse
from db.session import Session
from db.webhooks import EVENTS, Event, Events
from platforms.base import Notice

APPLIED = Again(None, progressed=False)  # `retry_count` goes on telling how many tries it took
SWITCHED_OFF = timedelta(minutes=5)
DOUBLINGS = 20  # a second doubled as often is twelve days: no cap is longer

Told = tuple[Event | Glimpse, News]


class Unreadable(CoreError):
    """A stored notice that its platform's adapter does not read."""

    code = "unreadable"


@dataclass(frozen=True)
class Job:
    provider: str
    payload: Mapping[str, Any]


def brief(_session: Session, event: Event) -> Job:
    return Job(event.provider, event.payload_json)


def perform(job: Job, world: World) -> News:
    return News(job.provider, reread(job, world), world.now())


def reread(job: Job, world: World) -> Notice:
    """Errors: Later while the platform is switched off; Unreadable."""
    if job.provider not in world.ears:
        raise Later(SWITCHED_OFF, f"{job.provider} is switched off")
    try:
        return world.ears[job.provider].read(job.payload)
    except ValueError as fault:
        raise Unreadable(str(fault)) from fault


def apply(session: Session, batch: Sequence[Told]) -> list[Again | Failure]:
    """What became of each, in the order given.

    Accounts are locked before posts, and both in one order, so that two batches never wait for
    each other; posts that are recognised come last, and nobody waits for them. Of one publication
    the older notice comes first.
    """
    room = Room(session)
    others = [told for told in batch if told[1].publication is None]
    ended = handled(room, sorted(others, key=lambda told: told[1].account))
    of_posts = [told for told in batch if told[1].publication is not None]
    room.hold({news.publication for _, news in of_posts if news.publication is not None})
    room.recognise(news for _, news in of_posts)
    ended |= handled(room, of_posts)
    room.leave()
    for status in ("done", "ignored"):
        finished = [event.id for event, _ in batch if ended[event.id] == status]
        Events(session).finish(finished, status)
    return [result(ended[event.id]) for event, _ in batch]


def handled(room: Room, batch: Sequence[Told]) -> dict[int, Ended]:
    return {event.id: handle(room, event, news) for event, news in batch}


def result(end: Ended) -> Again | Failure:
    return end if isinstance(end, Failure) else APPLIED


def record(session: Session, event: Event, news: News) -> Again | Failure:
    """One alone: where its batch could not be applied in one piece."""
    return apply(session, [(event, news)])[0]


def give_up(session: Session, event: Event, failure: Failure) -> None:
    """Dead, and shown to a person. An unknown publication is waited for until its day is over."""
    spent_early = failure.code == UNKNOWN and failure.retryable
    if not spent_early:
        Events(session).bury(event)
        return
    event.attempts -= 1
    event.due_at = event.created_at + DAY


def policy(figures: Figures) -> Policy:
    """Quick tries, each twice as far from the last as the one before, then slow ones."""
    cap, quick = figures.webhook_backoff_cap, range(figures.webhook_quick_retries)
    doubled = tuple(min(timedelta(seconds=1) * 2 ** min(n, DOUBLINGS), cap) for n in quick)
    return Policy(doubled + figures.webhook_slow_delays)


WORK = Work(
    kind="webhooks",
    bell="webhooks",
    queue=EVENTS,
    brief=brief,
    perform=perform,
    record=record,
    give_up=give_up,
    policy=policy(Figures()),
    lease=timedelta(seconds=30),
    batch=500,
    together=apply,
    plain=True,
    ledger=False,
)


def work(world: World) -> Work[Event, Job, News]:
    """Applying, with the patience that settings give it."""
    return replace(WORK, policy=policy(world.settings.limits))
