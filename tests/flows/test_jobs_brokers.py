import signal
import time

import pytest
from celery import Celery

from tasks.queues import MESSAGE_EXPIRY, WAKE_TASKS
from tasks.settings import build_configuration
from tasks.stopping import STOP_LIMIT
from tasks.wake import PUBLISH_TIMEOUT, WakeUpSender
from tests.flows.brokers import wait_until
from tests.flows.celery_harness import celery_harness

__all__ = ["celery_harness"]  # the fixture


def build_sender(server):
    """A sender like that of the web process, with a separate Celery application."""
    app = Celery(set_as_current=False)
    app.conf.update(build_configuration(server.url, "web"))

    def publish(kind):
        app.send_task(WAKE_TASKS[kind], queue=kind, expires=MESSAGE_EXPIRY)

    return WakeUpSender(publish)


def test_a_wake_up_reaches_a_worker(celery_harness):
    celery_harness.start_worker()
    sender = build_sender(celery_harness.broker)
    wait_until(lambda: sender.wake("posts"), what="a wake-up that is sent in time")
    wait_until(lambda: celery_harness.count_effects("posts") == 1, what="the effect")


def test_a_worker_outlives_its_broker_while_a_task_runs(celery_harness):
    worker = celery_harness.start_worker()
    app = Celery(set_as_current=False)
    app.conf.update(build_configuration(celery_harness.broker.url, "cli"))
    app.send_task("signalpost.long", queue="posts")
    wait_until(lambda: celery_harness.count_effects("started"), what="the start of the task")
    celery_harness.broker.kill()
    wait_until(
        lambda: "Trying again in" in celery_harness.read_log("worker"),
        what="the log of the lost connection",
    )
    assert worker.poll() is None
    celery_harness.broker.start()
    (celery_harness.folder / "go-on").touch()
    wait_until(lambda: celery_harness.count_effects("ended"), what="the end of the task")
    wake_up_sender = build_sender(celery_harness.broker)
    wait_until(
        lambda: wake_up_sender.wake("webhooks") and celery_harness.count_effects("webhooks"),
        what="a new effect",
    )
    assert worker.poll() is None


def test_a_dead_broker_costs_the_caller_less_than_a_second_and_no_exception(broker):
    wake_up_sender = build_sender(broker)
    wait_until(lambda: wake_up_sender.wake("posts"), what="a wake-up that is sent in time")
    broker.kill()
    assert not wake_within(wake_up_sender, "webhooks")


def test_a_hung_broker_costs_the_caller_less_than_a_second_and_no_exception(broker):
    wake_up_sender = build_sender(broker)
    wait_until(lambda: wake_up_sender.wake("posts"), what="a wake-up that is sent in time")
    broker.send_signal(signal.SIGSTOP)
    try:
        assert not wake_within(wake_up_sender, "webhooks")
        assert not wake_within(wake_up_sender, "accounts", within=PUBLISH_TIMEOUT / 2)
    finally:
        broker.send_signal(signal.SIGCONT)


def test_wake_ups_are_sent_again_once_the_broker_is_back(broker):
    wake_up_sender = build_sender(broker)
    wait_until(lambda: wake_up_sender.wake("posts"), what="a wake-up that is sent in time")
    broker.kill()
    assert not wake_up_sender.wake("webhooks")
    broker.start()
    wait_until(lambda: wake_up_sender.wake("posts"), what="a wake-up after the pause")


def wake_within(wake_up_sender, kind, *, within=10 * PUBLISH_TIMEOUT):
    """Without a limit the call would last until the broker answers."""
    started_at = time.monotonic()
    is_sent = wake_up_sender.wake(kind)
    assert time.monotonic() - started_at < within
    return is_sent


def test_beat_has_every_kind_woken_within_seconds_and_sends_the_tick(celery_harness):
    celery_harness.start_worker()
    celery_harness.start("beat")
    for effect in (*WAKE_TASKS, "tick"):
        wait_until(lambda effect=effect: celery_harness.count_effects(effect) >= 1, what=effect)


def test_beat_and_worker_go_on_after_an_outage_of_the_broker(celery_harness):
    worker = celery_harness.start_worker()
    beat = celery_harness.start("beat")
    wait_until(lambda: celery_harness.count_effects("posts"), what="the first effect")
    celery_harness.broker.kill()
    wait_until(
        lambda: "Trying again in" in celery_harness.read_log("worker"),
        what="the log of the lost connection",
    )
    celery_harness.broker.start()
    before = celery_harness.count_effects("posts")
    wait_until(
        lambda: celery_harness.count_effects("posts") > before + 1,
        what="effects after the outage",
        within=60,
    )
    assert (worker.poll(), beat.poll()) == (None, None)


def test_a_stopped_worker_finishes_its_task_and_ends_with_it(celery_harness):
    worker = celery_harness.start_worker()
    start_long_task(celery_harness)
    worker.send_signal(signal.SIGTERM)
    wait_until(lambda: celery_harness.count_effects("stopping"), what="the begin of the stop")
    stopped_at = time.monotonic()
    (celery_harness.folder / "go-on").touch()
    worker.wait(40)
    assert time.monotonic() - stopped_at < STOP_LIMIT / 2
    assert (worker.returncode, celery_harness.count_effects("ended")) == (0, 1)


def test_a_stopped_worker_returns_its_task_at_the_end_of_its_time(celery_harness):
    worker = celery_harness.start_worker(STOP_LIMIT="1")
    start_long_task(celery_harness)
    worker.send_signal(signal.SIGTERM)
    worker.wait(40)
    assert celery_harness.count_effects("ended") == 0
    celery_harness.start_worker()
    (celery_harness.folder / "go-on").touch()
    wait_until(
        lambda: celery_harness.count_effects("ended") == 1,
        what="the end of the task in the next worker",
    )


def test_a_worker_whose_task_waits_for_a_call_ends_itself_all_the_same(celery_harness):
    worker = celery_harness.start_worker(STOP_LIMIT="1")
    start_long_task(celery_harness, "signalpost.deaf")
    worker.send_signal(signal.SIGTERM)
    worker.wait(30)
    assert worker.returncode == 0, celery_harness.read_log("worker")
    second = celery_harness.start_worker()
    wait_until(
        lambda: celery_harness.count_effects("started") == 2,
        what="the start of the task in the next worker",
    )
    second.kill()


def start_long_task(celery_harness, name="signalpost.long"):
    """Start a task that runs until the file `go-on` exists, and wait until the worker knows it."""
    app = Celery(set_as_current=False)
    app.conf.update(build_configuration(celery_harness.broker.url, "cli"))
    app.send_task(name, queue="posts")
    wait_until(lambda: celery_harness.count_effects("started"), what="the start of the task")
    wait_until(lambda: list_active_tasks(app), what="the worker's knowledge of the start")


def list_active_tasks(app):
    """The tasks that the worker knows as started. It learns of one a moment after its child
    process has started it; stopped before that, it would wait for the task.
    """
    replies = app.control.inspect(timeout=2, limit=1).active() or {}
    return [task for tasks in replies.values() for task in tasks]


def test_an_idle_worker_stops_at_once(celery_harness):
    worker = celery_harness.start_worker()
    app = Celery(set_as_current=False)
    app.conf.update(build_configuration(celery_harness.broker.url, "cli"))
    wait_until(lambda: app.control.ping(timeout=2, limit=1), what="a worker that answers")
    worker.send_signal(signal.SIGTERM)
    worker.wait(STOP_LIMIT)
    assert worker.returncode == 0


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGQUIT"])
@pytest.mark.parametrize("words", ["Connected to", "ready."])
def test_a_worker_that_is_stopped_while_it_starts_ends_in_order(celery_harness, words, signal_name):
    """Between these lines and the event loop, whose first round would notice the signal."""
    worker = celery_harness.start("worker", "-c", "1", SIGNAL_AT_LINE=f"{signal_name}:{words}")
    worker.wait(40)
    log = celery_harness.read_log("worker")
    assert words in log
    assert (worker.returncode, "Traceback" in log) == (0, False), log[-3000:]
