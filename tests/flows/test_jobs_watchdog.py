import os
from datetime import timedelta

import pytest
from celery import Celery

from tasks.queues import WAKE_TASKS
from tasks.settings import build_configuration
from tasks.watchdog import STUCK_AFTER, Watchdog
from tests.flows.brokers import wait_until
from tests.flows.celery_harness import celery_harness

__all__ = ["celery_harness"]  # the fixture


OLD_AGE = timedelta(minutes=5)
YOUNG_AGE = timedelta(seconds=3)


class FakeWorkerProbe:
    """A probe that a test controls; by default that of a stuck, idle worker with work due."""

    def __init__(self, *, age=OLD_AGE, due=True, free=True):
        self.age_of_canary, self.is_due, self.is_free = age, due, free
        self.probes = []
        self.is_broker_down = False

    def canary_age(self, _queue):
        return self.age_of_canary

    def has_due_work(self, _queue):
        return self.is_due

    def has_free_process(self):
        return self.is_free

    def send_canary(self, queue):
        if self.is_broker_down:
            raise ConnectionRefusedError
        self.probes.append(queue)

    def record_alive(self):
        pass


class WatchdogClock:
    now = 0.0

    def __call__(self):
        return self.now


def run_checks(probe, *, check_count=20, interval=5.0, before_check=lambda _: None):
    """The results of a watchdog's checks; by default those of a hundred seconds."""
    clock = WatchdogClock()
    watchdog = Watchdog(["posts"], probe, clock=clock)
    queues = []
    for check_number in range(check_count):
        before_check(check_number)
        queues.append(watchdog.find_stuck_queue())
        clock.now += interval
    return queues


def test_a_stuck_worker_is_found_after_the_limit_and_not_before():
    queues = run_checks(FakeWorkerProbe())
    assert queues.index("posts") * 5.0 == STUCK_AFTER


def test_a_queue_without_any_canary_is_stuck_too():
    assert "posts" in run_checks(FakeWorkerProbe(age=None))


@pytest.mark.parametrize(
    "probe",
    [FakeWorkerProbe(age=YOUNG_AGE), FakeWorkerProbe(due=False), FakeWorkerProbe(free=False)],
    ids=["receives", "nothing due", "busy"],
)
def test_a_worker_that_consumes_or_is_busy_or_has_nothing_to_do_is_left_alone(probe):
    assert not any(run_checks(probe))
    assert probe.probes == []


def test_a_worker_is_never_reported_while_the_broker_is_down():
    probe = FakeWorkerProbe()
    probe.is_broker_down = True
    assert not any(run_checks(probe))


def test_every_broker_outage_restarts_the_measured_time():
    probe = FakeWorkerProbe()

    def fail_every_fifth_time(check_number):
        probe.is_broker_down = check_number % 5 == 4

    assert not any(run_checks(probe, before_check=fail_every_fifth_time))


def test_without_the_database_no_worker_is_reported():
    probe = FakeWorkerProbe()
    probe.has_due_work = lambda _: (_ for _ in ()).throw(OSError("Postgres is down"))
    assert not any(run_checks(probe))


def cancel_consumer(app, queue):
    """To be repeated until it is answered: a worker is ready before it receives broadcasts."""
    return app.control.cancel_consumer(queue, reply=True, timeout=2, limit=1)


def test_a_stuck_worker_exits_with_a_code_that_is_not_zero(celery_harness):
    worker = celery_harness.start_worker(STUCK_AFTER="2")
    (celery_harness.folder / "due").touch()
    app = Celery(set_as_current=False)
    app.conf.update(build_configuration(celery_harness.broker.url, "cli"))
    wait_until(lambda: celery_harness.count_effects("canary-posts"), what="a received canary")
    wait_until(lambda: cancel_consumer(app, "posts"), what="the cancelled consumer")
    os.utime(celery_harness.folder / "canary-posts", (0, 0))  # instead of waiting until it is old
    worker.wait(60)
    assert worker.returncode == 70
    assert "watchdog.worker_stuck" in celery_harness.read_log("worker")


def test_without_a_watchdog_a_stuck_worker_keeps_running_and_consumes_nothing(celery_harness):
    worker = celery_harness.start_worker()
    app = Celery(set_as_current=False)
    app.conf.update(build_configuration(celery_harness.broker.url, "cli"))
    wait_until(lambda: cancel_consumer(app, "posts"), what="the cancelled consumer")
    app.send_task(WAKE_TASKS["posts"], queue="posts")
    app.send_task(WAKE_TASKS["webhooks"], queue="webhooks")
    wait_until(
        lambda: celery_harness.count_effects("webhooks"), what="the effect from the other queue"
    )
    assert celery_harness.count_effects("posts") == 0
    assert worker.poll() is None


def test_a_worker_that_receives_its_canary_keeps_running_without_beat(celery_harness):
    worker = celery_harness.start_worker(STUCK_AFTER="2")
    (celery_harness.folder / "due").touch()
    before = celery_harness.count_effects("alive")
    wait_until(lambda: celery_harness.count_effects("alive") > before + 10, what="ten checks")
    assert worker.poll() is None


def test_a_worker_whose_broker_is_down_keeps_running(celery_harness):
    worker = celery_harness.start_worker(STUCK_AFTER="2")
    (celery_harness.folder / "due").touch()
    celery_harness.broker.kill()
    before = celery_harness.count_effects("alive")
    wait_until(
        lambda: celery_harness.count_effects("alive") > before + 3,
        what="checks while the broker is down",
    )
    assert worker.poll() is None
    assert "watchdog.worker_stuck" not in celery_harness.read_log("worker")
