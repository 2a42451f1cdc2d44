"""A queue that nobody reads stays short, and what has a payload is kept in it."""

import redis
from celery import Celery

from tasks.broker_transports import MAX_WAITING_WAKE_UPS
from tasks.queues import CANARY_TASK, MESSAGE_EXPIRY, WAKE_TASKS
from tasks.settings import build_configuration
from tests.flows.brokers import wait_until
from tests.flows.celery_harness import CeleryHarness


def build_app(server, role="web"):
    app = Celery(set_as_current=False)
    app.conf.update(build_configuration(server.url, role))
    return app


def count_messages(server, queue):
    with redis.Redis.from_url(server.url) as client:
        return client.llen(queue)


def send_wake_ups(app, count):
    for _ in range(count):
        app.send_task(WAKE_TASKS["uploads"], queue="uploads", expires=MESSAGE_EXPIRY)


def test_wake_ups_of_a_queue_without_workers_are_bounded(redis_server):
    send_wake_ups(build_app(redis_server), MAX_WAITING_WAKE_UPS * 2)
    assert count_messages(redis_server, "uploads") == MAX_WAITING_WAKE_UPS
    send_wake_ups(build_app(redis_server, "beat"), 5)
    # A sender that does not know the length yet adds one.
    assert count_messages(redis_server, "uploads") <= MAX_WAITING_WAKE_UPS + 1


def test_a_message_with_a_payload_is_added_to_a_full_queue(redis_server):
    app = build_app(redis_server)
    send_wake_ups(app, MAX_WAITING_WAKE_UPS + 1)
    app.send_task("signalpost.enqueue_post", queue="uploads", kwargs={"title": "kept"})
    assert count_messages(redis_server, "uploads") == MAX_WAITING_WAKE_UPS + 1


def test_a_worker_that_comes_late_empties_the_queue_and_new_wake_ups_reach_it(
    redis_server, tmp_path
):
    app = build_app(redis_server)
    send_wake_ups(app, MAX_WAITING_WAKE_UPS + 50)
    harness = CeleryHarness(redis_server, tmp_path)
    try:
        harness.start_worker()
        wait_until(lambda: count_messages(redis_server, "uploads") == 0, what="an empty queue")
        app.send_task(CANARY_TASK, queue="uploads", expires=MESSAGE_EXPIRY)
        wait_until(lambda: harness.count_effects("canary-uploads"), what="the canary")
    finally:
        harness.stop()
