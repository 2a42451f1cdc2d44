"""Measures thousands of platform calls that fall due at once: how fast, and each exactly once.

The shortest possible time follows from the platform's delay and the size of the workers' pools.
"""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from celery import Celery

from bench import stack_database
from bench.machine import measure_noise
from bench.process_usage import cpu_ms_per_event, cpu_seconds_by_role
from bench.shared_servers import SharedServers
from bench.sink.process import SinkProcess, run_sink
from bench.stack_database import StackDatabase
from bench.stacks import Stack, open_signalpost
from core import accounts, publishing
from tasks.queues import WAKE_TASKS

WORKER_PROCESSES = 2
POLL_INTERVAL = 0.25  # seconds
TIMEOUT_FACTOR = 3.0  # times the shortest possible duration

MAKE_ACCOUNTS_DUE = "UPDATE oauth_accounts SET refresh_due_at = now() WHERE open_id LIKE 'bench-%%'"
MAKE_POSTS_DUE = "UPDATE posts SET due_at = now() WHERE publish_id LIKE 'poll-%%'"
COUNT_ACCOUNTS_LEFT = """
SELECT count(*) FROM oauth_accounts WHERE open_id LIKE 'bench-%' AND token_version = 0
"""
COUNT_POSTS_LEFT = "SELECT count(*) FROM posts WHERE due_at <= now() AND publish_id LIKE 'poll-%'"


@dataclass(frozen=True)
class CallBurst:
    """One measurement.

    `seconds` run from the first call to the last response; `best` is the shortest possible time.
    `missed` calls were due and not made, `doubled` made again, `wrong` refused by the platform.
    `delay` is the platform's, in seconds; `at_once` the most calls in flight; `cost` milliseconds
    of CPU per call by role; `others` the share of the machine that other programs used.
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
    def slowdown(self) -> float:
        """`seconds` as a multiple of `best`."""
        return round(self.seconds / self.best, 2)


@dataclass(frozen=True)
class CallKind:
    """One kind of call: the statement that makes its rows due, and one that counts those left."""

    endpoint: str
    kind: str
    pool: int
    delay: float
    make_due_sql: str
    count_left_sql: str


REFRESH_CALLS = CallKind(
    "token",
    "accounts",
    accounts.REFRESH_JOB_TYPE.pool_size,
    0.2,
    MAKE_ACCOUNTS_DUE,
    COUNT_ACCOUNTS_LEFT,
)
STATUS_CALLS = CallKind(
    "status", "posts", publishing.PUBLISH_JOB_TYPE.pool_size, 0.02, MAKE_POSTS_DUE, COUNT_POSTS_LEFT
)
POSTS_PER_ACCOUNT = 5  # as many status checks as one account may have at once


def time_refreshes(servers: SharedServers, *, count: int) -> CallBurst:
    """Measure the refreshes of `count` tokens that are due at once."""
    with run_sink(token=REFRESH_CALLS.delay) as sink, open_stack(servers, sink) as stack:
        stack_database.insert_accounts(stack.require_database(), stack.environment, count)
        return time_calls(REFRESH_CALLS, stack, sink, count)


def time_status_checks(servers: SharedServers, *, count: int) -> CallBurst:
    """Measure the status checks of `count` posts that are due at once."""
    accounts_count = count // POSTS_PER_ACCOUNT
    with run_sink(status=STATUS_CALLS.delay) as sink, open_stack(servers, sink) as stack:
        database = stack.require_database()
        stack_database.insert_accounts(database, stack.environment, accounts_count)
        stack_database.insert_posts(database, per_account=POSTS_PER_ACCOUNT)
        return time_calls(STATUS_CALLS, stack, sink, accounts_count * POSTS_PER_ACCOUNT)


def open_stack(servers: SharedServers, sink: SinkProcess) -> AbstractContextManager[Stack]:
    return open_signalpost(servers, workers=WORKER_PROCESSES, platform_url=sink.url)


def time_calls(call_kind: CallKind, stack: Stack, sink: SinkProcess, count: int) -> CallBurst:
    concurrency = WORKER_PROCESSES * call_kind.pool
    best = count * call_kind.delay / concurrency
    database = StackDatabase(stack.require_database().dsn, "", call_kind.count_left_sql)
    pids = {**stack.pids, "platform": sink.pid}
    before = cpu_seconds_by_role(pids)
    with measure_noise() as noise:
        database.execute(call_kind.make_due_sql)
        with Celery(broker=stack.broker) as celery:
            celery.send_task(WAKE_TASKS[call_kind.kind], queue=call_kind.kind)
        wait_until_done(database, TIMEOUT_FACTOR * best + 30)
    summary = sink.calls(call_kind.endpoint)
    seconds = summary["last"] - summary["first"] if summary["count"] else float("inf")
    return CallBurst(
        *(call_kind.kind, count, call_kind.delay, concurrency),
        seconds=round(seconds, 2),
        best=round(best, 2),
        per_second=round(summary["count"] / seconds, 1),
        at_once=summary["most_at_once"],
        missed=count - summary["ids"],
        doubled=summary["count"] - summary["ids"],
        wrong=summary["wrong"],
        cost=cpu_ms_per_event(before, cpu_seconds_by_role(pids), summary["count"]),
        others=noise.other_cpu_share,
    )


def wait_until_done(database: StackDatabase, timeout: float) -> None:
    """Wait until no row is left, or until the timeout: the missing calls are counted then."""
    deadline = time.monotonic() + timeout
    while database.count_waiting() and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)
