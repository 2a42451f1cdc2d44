"""Long fault tests: a constant stream of deliveries while processes, Redis and Postgres fail.

Every acknowledged event must be stored once, applied once, and have one entry in the timeline. The
negative controls remove one safeguard, and the same check must find violations.
"""

import os
import random
import sys
import time

import pytest

from tests.flows import stack_failures
from tests.flows.brokers import wait_until
from tests.flows.stacks import run_stack
from tests.flows.webhook_burst import SETUP_SQL, WEBHOOK_SECRET
from tests.flows.webhook_stream import DeliveryStream

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]

KILL_COUNT = 60  # no loss in 60: with 95 % confidence fewer than 5 % of kills lose an event
BEAT_WAIT = 15.0  # seconds: beat would have woken the workers fifteen times
# Seconds: a lease, the watchdog's timeout, the supervisor's longest delay, and a start.
DRAIN_TIMEOUT = 180.0
UNSAFE_STACK_COMMAND = (sys.executable, "-m", "tests.flows.unsafe_stack")
SEED = int(os.environ.get("CHAOS_SEED", str(random.SystemRandom().randrange(10**6))))


@pytest.fixture
def rng():
    print(f"CHAOS_SEED={SEED}", file=sys.__stderr__, flush=True)
    return random.Random(SEED)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with run_stack(tmp_path_factory.mktemp("chaos"), TIKTOK_WEBHOOK_SECRET=WEBHOOK_SECRET) as stack:
        stack.query(SETUP_SQL)
        yield stack


@pytest.fixture(scope="module")
def unsafe_stack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unfenced")
    with run_stack(
        folder, command=UNSAFE_STACK_COMMAND, TIKTOK_WEBHOOK_SECRET=WEBHOOK_SECRET
    ) as stack:
        stack.query(SETUP_SQL)
        yield stack


def test_sixty_kills_lose_and_repeat_nothing(stack, rng):
    stream, kills = DeliveryStream(stack, "kills-", 0), []
    with stream.run():
        while len(kills) < KILL_COUNT:
            time.sleep(rng.uniform(0.5, 3.0))
            kills.append(stack_failures.kill_random_process(stack, rng))
    wait_until(stream.is_drained, within=DRAIN_TIMEOUT, what=f"all events processed (seed {SEED})")
    print_summary(
        stream, kills=len(kills), **{kind: kills.count(kind) for kind in sorted(set(kills))}
    )
    assert set(stream.statuses) <= {200, 503}
    assert stream.find_violations() == {}, SEED
    assert len(stream.acknowledged) == stream.count


STORE_FAILURES = {
    "outlived": stack_failures.freeze_past_lease,
    "emptied": stack_failures.flush_broker,
    "gone": stack_failures.kill_redis,
    "hung for 15 s": lambda stack: stack_failures.freeze_redis(stack, 15.0),
    "hung for 70 s": lambda stack: stack_failures.freeze_redis(stack, 70.0),
    "crashed": stack_failures.crash_postgres,
    "cut off": stack_failures.terminate_connections,
}
WITHOUT_POSTGRES = {"crashed", "cut off"}


@pytest.mark.parametrize("name", STORE_FAILURES)
def test_a_lost_store_or_an_outlived_lease_loses_nothing(stack, name):
    stream = DeliveryStream(stack, f"{name.replace(' ', '-')}-", 0)
    with stream.run():
        for _ in range(1 if "70" in name else 3):
            time.sleep(2)
            STORE_FAILURES[name](stack)
        time.sleep(2)
    wait_until(stream.is_drained, within=DRAIN_TIMEOUT, what="all events processed")
    print_summary(stream, p99=round(stream.response_time_at(), 3))
    assert set(stream.statuses) <= ({200, 503} if name in WITHOUT_POSTGRES else {200})
    if name not in WITHOUT_POSTGRES:
        assert stream.response_time_at() < 3.0
    assert stream.find_violations() == {}
    assert len(stream.acknowledged) == stream.count


def test_resources_are_released_after_the_load(stack):
    """After the load there are as many connections, files and keys as before."""
    warm_up = DeliveryStream(stack, "before-", 0)
    with warm_up.run():
        time.sleep(10)
    wait_until(warm_up.is_drained, within=DRAIN_TIMEOUT, what="all events processed")
    before = measure_resources(stack)
    stream = DeliveryStream(stack, "after-", 0)
    with stream.run():
        time.sleep(60)
    wait_until(stream.is_drained, within=DRAIN_TIMEOUT, what="all events processed")
    after = measure_resources(stack)
    print_summary(stream, before=before, after=after)
    assert all(after[resource] <= before[resource] * 1.1 + 3 for resource in before), (
        before,
        after,
    )


def measure_resources(stack):
    web, worker = stack.find_process("web"), stack.find_process("worker")
    processes = [
        process for part in (web, worker) for process in (part, *part.children(recursive=True))
    ]
    return {
        "files": sum(process.num_fds() for process in processes),
        "MB": sum(process.memory_info().rss for process in processes) // 2**20,
        "connections": stack.query_value("SELECT count(*) FROM pg_stat_activity"),
        "keys": stack_failures.count_broker_keys(stack),
    }


SUSPENSION_COUNT = 200  # a process is between its claim and its record for some of them


def test_a_worker_that_outlives_a_lease_applies_nothing_twice(stack):
    stream = DeliveryStream(stack, "overtaken-", 0, rate=100.0)
    with stream.run():
        for _ in range(SUSPENSION_COUNT // 2):
            stack_failures.suspend_past_lease(stack)
    wait_until(stream.is_drained, within=DRAIN_TIMEOUT, what="all events processed")
    print_summary(stream, fenced=stack.read_log("worker").count("job.stale_lease"))
    assert stream.find_violations() == {}


def test_without_the_fence_an_outlived_lease_applies_twice(unsafe_stack):
    """Negative control: without the fence some event is applied twice; the first one ends it."""
    stream = DeliveryStream(unsafe_stack, "unfenced-", 0, rate=100.0)
    with stream.run():
        for _ in range(SUSPENSION_COUNT):
            stack_failures.suspend_past_lease(unsafe_stack)
            if unsafe_stack.query_value(COUNT_APPLIED_TWICE):
                break
    wait_until(stream.is_drained, within=DRAIN_TIMEOUT, what="all events processed")
    twice = stream.find_violations().get("not applied once", set())
    print_summary(stream, twice=len(twice))
    assert twice


COUNT_APPLIED_TWICE = (
    "SELECT count(*) FROM (SELECT FROM applied GROUP BY event_id HAVING count(*) > 1) AS twice"
)


def test_without_beat_an_emptied_broker_leaves_events_unapplied(stack):
    """Negative control: events are stored, but no worker is woken until beat runs again."""
    stream = DeliveryStream(stack, "unwoken-", 0)
    with stack.freeze("beat"):
        stack.kill("worker")
        wait_until(
            lambda: stack.find_process("worker"), within=DRAIN_TIMEOUT, what="the next worker"
        )
        with stack.freeze("worker"):  # before it receives a message
            with stream.run():
                time.sleep(2)
            time.sleep(1)  # the last wake-up is sent shortly after the last response
            stack_failures.flush_broker(stack)
        time.sleep(BEAT_WAIT)
        unapplied = stream.find_violations().get("not applied once", set())
        print_summary(stream, left=len(unapplied))
        assert unapplied
    wait_until(stream.is_drained, within=DRAIN_TIMEOUT, what="all events processed")
    assert stream.find_violations() == {}


def print_summary(stream, **details):
    """Print the counts of a run to the terminal."""
    refused = len(stream.statuses) - stream.statuses.count(200)
    summary = {"acknowledged": len(stream.acknowledged), "refused": refused, **details}
    print(f"\n{stream.name}", summary, file=sys.__stderr__, flush=True)
