"""Each delivery is sent ten times, shuffled, while processes are killed.

Every acknowledged event is stored, and applied once. A negative control shows that the check
finds violations.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import redis

from tests.flows import stack_failures
from tests.flows.brokers import wait_until
from tests.flows.webhook_burst import COPIES_PER_EVENT, DeliveryBurst
from tests.flows.webhook_stream import DeliveryStream

pytestmark = pytest.mark.xdist_group("webhook_stack")

DRAIN_TIMEOUT = 60.0  # seconds; a lease, and the start of a worker on a busy machine


@pytest.fixture
def stack(burst_stack):
    return burst_stack


@pytest.fixture
def burst(stack, request):
    return lambda name, count: DeliveryBurst(stack, name, count).insert_posts()


def test_killed_processes_lose_nothing_that_was_acknowledged(stack, burst):
    burst = burst("killed-", 120)
    with ThreadPoolExecutor(1) as threads:
        delivering = threads.submit(burst.deliver_all)
        for name, after in (("worker", 100), ("web", 400), ("worker", 700)):
            wait_until(
                lambda after=after: len(burst.statuses) >= after or delivering.done(),
                what=f"{after} answers",
            )
            assert not delivering.done(), "all deliveries were sent before the process was killed"
            stack.kill(name)
            stack.expire_leases()  # also those of running workers: the fence drops their results
        delivering.result()
    wait_until(burst.is_drained_early, within=DRAIN_TIMEOUT, what="all events processed")
    assert len(burst.acknowledged) == 120
    assert set(burst.statuses) <= {200, 503}
    assert burst.statuses.count(200) == 120 * COPIES_PER_EVENT
    assert burst.find_violations() == {}


def test_a_hung_broker_delays_no_response_and_beat_wakes_the_workers_afterwards(stack, burst):
    burst = burst("hung-", 20)
    with stack.freeze("redis"):
        started_at = time.monotonic()
        burst.deliver_all(copies=2)
        elapsed_seconds = time.monotonic() - started_at
    assert set(burst.statuses) == {200}
    assert elapsed_seconds < 4
    wait_until(burst.is_drained, within=DRAIN_TIMEOUT, what="all events processed")
    assert burst.find_violations() == {}


def test_events_signalled_to_a_worker_that_was_killed_are_applied_all_the_same(stack, burst):
    burst = burst("unheard-", 5)
    with redis.Redis.from_url(stack.info["broker"]) as client:
        client.set("signalpost:{webhooks}:listener", "a worker that was killed", px=2000)
        burst.deliver(burst.publish_ids[0])
        wait_until(
            lambda: client.exists("signalpost:{webhooks}:signals"),
            what="a signal that nobody reads",
        )
    burst.deliver_all(copies=1)
    wait_until(burst.is_drained, within=DRAIN_TIMEOUT, what="all events processed")
    assert burst.find_violations() == {}


def test_a_process_that_outlives_its_lease_applies_nothing_twice(stack):
    stream = DeliveryStream(stack, "overtaken-", 0, rate=50.0)
    with stream.run():
        for _ in range(6):
            stack_failures.suspend_past_lease(stack)
    wait_until(stream.is_drained_early, within=DRAIN_TIMEOUT, what="all events processed")
    assert set(stream.statuses) == {200}
    assert stream.find_violations() == {}


def test_terminated_database_connections_lose_nothing(stack):
    stream = DeliveryStream(stack, "cut-", 0)
    with stream.run():
        stack_failures.terminate_connections(stack, 2.0)
    wait_until(stream.is_drained_early, within=DRAIN_TIMEOUT, what="all events processed")
    assert set(stream.statuses) <= {200, 503}
    assert len(stream.acknowledged) == stream.count
    assert stream.find_violations() == {}


def test_the_checker_finds_every_kind_of_violation(stack, burst):
    burst = burst("control-", 6)
    burst.deliver_all(copies=1)
    wait_until(burst.is_drained, within=DRAIN_TIMEOUT, what="all events processed")
    assert burst.find_violations() == {}
    lost, applied_again, without_effect, stored_twice = burst.publish_ids[:4]

    stack.query("DELETE FROM webhook_events WHERE publish_id = %s", lost)
    stack.query(
        "UPDATE webhook_events SET processed_at = NULL, status = 'pending', next_attempt_at = now()"
        " WHERE publish_id = %s",
        applied_again,
    )
    stack.query("UPDATE posts SET state = 'PROCESSING' WHERE publish_id = %s", without_effect)
    with drop_unique_key(stack):
        burst.deliver(stored_twice)
    wait_until(burst.is_drained, within=DRAIN_TIMEOUT, what="all events processed")

    assert burst.find_violations() == {
        "lost": {lost},
        "stored twice": {stored_twice},
        "not applied once": {applied_again, stored_twice},
        "without effect": {without_effect},
        "moved back": {without_effect},
    }


@contextmanager
def drop_unique_key(stack):
    """Drop the unique key meanwhile, so that a second row is possible."""
    key = "uq_webhook_events_provider_external_id"
    stack.query(f"ALTER TABLE webhook_events DROP CONSTRAINT {key}")
    yield
    stack.query("UPDATE webhook_events SET external_id = external_id || id")
    stack.query(f"ALTER TABLE webhook_events ADD CONSTRAINT {key} UNIQUE (provider, external_id)")
