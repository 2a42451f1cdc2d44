"""Thousands of calls that fall due at once: how fast two workers make them, and each just once.

The platform's delay and the workers' pools say how fast it could go at best.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from celery import Celery

from bench import crowd
from bench.costs import per_event, spent
from bench.ground import Ground
from bench.memory import Memory
from bench.platform import Platform, a_platform
from bench.stacks import Stack, signalpost
from bench.weather import noted
from core import accounts, posts
from tasks.queues import WAKES

PROCESSES = 2
LOOK = 0.25
PATIENCE = 3.0  # times as long as it should take at most

DUE_ACCOUNTS = "UPDATE oauth_accounts SET refresh_due_at = now() WHERE open_id LIKE 'crowd-%%'"
DUE_POSTS = "UPDATE posts SET due_at = now() WHERE publish_id LIKE 'asked-%%'"
LEFT_ACCOUNTS = """
SELECT count(*) FROM oauth_accounts WHERE open_id LIKE 'crowd-%' AND token_version = 0
"""
LEFT_POSTS = "SELECT count(*) FROM posts WHERE due_at <= now() AND publish_id LIKE 'asked-%'"


@dataclass(frozen=True)
class Calls:
    """`seconds` from the first call to the last answer; `best` if nothing but the platform's
    delay and the pools counted. `missed` were due and not made, `doubled` made too often.
    """

    kind: str
    due: int
    delay: float
    concurrency: int
    seconds: float
    best: float
    per_second: float
    at_once: int
    missed: int
    doubled: int
    wrong: int
    cost: Mapping[str, float]
    others: float

    @property
    def stretch(self) -> float:
        """How many times as long as at best."""
        return round(self.seconds / self.best, 2)


@dataclass(frozen=True)
class Sort:
    """One kind of call: what makes its rows due, and what is left of them."""

    endpoint: str
    kind: str
    pool: int
    delay: float
    due: str
    left: str


REFRESHES = Sort("token", "accounts", accounts.WORK.pool, 0.2, DUE_ACCOUNTS, LEFT_ACCOUNTS)
CHECKS = Sort("status", "posts", posts.WORK.pool, 0.02, DUE_POSTS, LEFT_POSTS)
EACH = 5  # posts of one account: as many checks as it may have at once


def refreshes(ground: Ground, *, count: int) -> Calls:
    """So many accounts whose tokens are due at once."""
    with a_platform(token=REFRESHES.delay) as platform, house(ground, platform) as stack:
        crowd.accounts(known(stack), stack.environment, count)
        return called(REFRESHES, stack, platform, count)


def checks(ground: Ground, *, count: int) -> Calls:
    """So many posts whose status is to be asked."""
    with a_platform(status=CHECKS.delay) as platform, house(ground, platform) as stack:
        crowd.accounts(known(stack), stack.environment, count // EACH)
        crowd.posts(known(stack), each=EACH)
        return called(CHECKS, stack, platform, count // EACH * EACH)


def house(ground: Ground, platform: Platform) -> Any:
    return signalpost(ground, workers=PROCESSES, platform=platform.url)


def known(stack: Stack) -> Memory:
    assert stack.memory
    return stack.memory


def called(sort: Sort, stack: Stack, platform: Platform, count: int) -> Calls:
    concurrency = PROCESSES * sort.pool
    best = count * sort.delay / concurrency
    memory = Memory(known(stack).dsn, "", sort.left)
    pids = {**stack.pids, "platform": platform.pid}
    before = spent(pids)
    with noted() as weather:
        memory.run(sort.due)
        with Celery(broker=stack.broker) as bell:
            bell.send_task(WAKES[sort.kind], queue=sort.kind)
        settled(memory, PATIENCE * best + 30)
    told = platform.calls(sort.endpoint)
    seconds = told["last"] - told["first"] if told["count"] else float("inf")
    return Calls(
        *(sort.kind, count, sort.delay, concurrency),
        seconds=round(seconds, 2),
        best=round(best, 2),
        per_second=round(told["count"] / seconds, 1),
        at_once=told["most_at_once"],
        missed=count - told["ids"],
        doubled=told["count"] - told["ids"],
        wrong=told["wrong"],
        cost=per_event(before, spent(pids), told["count"]),
        others=weather.others,
    )


def settled(memory: Memory, patience: float) -> None:
    """Until nothing is left, or patience ends: what is missing then is counted."""
    end = time.monotonic() + patience
    while memory.waiting() and time.monotonic() < end:
        time.sleep(LOOK)
