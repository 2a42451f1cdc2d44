import signal
import time

import pytest
from celery import Celery

from tasks.bell import Bell
from tasks.queues import EXPIRES, WAKES
from tasks.settings import configuration
from tests.flows.brokers import until
from tests.flows.processes import house

__all__ = ["house"]  # a little one

pytestmark = pytest.mark.timeout(300)  # RabbitMQ may have to start


def bell_to(server):
    """A bell as the web process has it, on an application of its own."""
    app = Celery(set_as_current=False)
    app.conf.update(configuration(server.url, "web"))

    def publish(kind):
        app.send_task(WAKES[kind], queue=kind, expires=EXPIRES)

    return Bell(publish)


def test_a_bell_wakes_a_worker(house):
    house.worker()
    assert bell_to(house.broker).ring("posts")
    until(lambda: house.effects("posts") == 1, what="the effect")


def test_a_worker_outlives_its_broker_while_a_task_runs(house):
    worker = house.worker()
    app = Celery(set_as_current=False)
    app.conf.update(configuration(house.broker.url, "cli"))
    app.send_task("signalpost.long", queue="posts")
    until(lambda: house.effects("began"), what="the task begun")
    house.broker.kill()
    until(lambda: "Trying again in" in house.log("worker"), what="the loss noticed")
    assert worker.poll() is None
    house.broker.start()
    (house.folder / "go-on").touch()
    until(lambda: house.effects("ended"), what="the task ended")
    bell = bell_to(house.broker)
    until(lambda: bell.ring("webhooks") and house.effects("webhooks"), what="a new effect")
    assert worker.poll() is None


def test_a_dead_broker_costs_the_caller_less_than_a_second_and_no_exception(broker):
    bell = bell_to(broker)
    assert bell.ring("posts")
    broker.kill()
    assert not heard(bell, "webhooks")


def test_a_hung_broker_costs_the_caller_less_than_a_second_and_no_exception(broker):
    bell = bell_to(broker)
    assert bell.ring("posts")
    broker.signal(signal.SIGSTOP)
    try:
        assert not heard(bell, "webhooks")
        assert not heard(bell, "accounts", within=0.05)
    finally:
        broker.signal(signal.SIGCONT)


def test_a_bell_rings_again_once_the_broker_is_back(broker):
    bell = bell_to(broker)
    assert bell.ring("posts")
    broker.kill()
    assert not bell.ring("webhooks")
    broker.start()
    until(lambda: bell.ring("posts"), what="a ring after the rest")


def heard(bell, kind, *, within=1.0):
    began = time.monotonic()
    rung = bell.ring(kind)
    assert time.monotonic() - began < within
    return rung


def test_beat_wakes_every_kind_and_touches_the_tick(house):
    house.worker()
    house.start("beat")
    for effect in (*WAKES, "tick"):
        until(lambda effect=effect: house.effects(effect) >= 1, what=effect)


def test_beat_and_worker_go_on_after_an_outage_of_the_broker(house):
    worker = house.worker()
    beat = house.start("beat")
    until(lambda: house.effects("posts"), what="the first effect")
    house.broker.kill()
    until(lambda: "Trying again in" in house.log("worker"), what="the loss noticed")
    house.broker.start()
    before = house.effects("posts")
    until(lambda: house.effects("posts") > before + 1, what="effects after the outage", within=60)
    assert (worker.poll(), beat.poll()) == (None, None)


def test_a_stopped_worker_gives_its_task_back_within_its_grace(house):
    worker = house.worker()
    app = Celery(set_as_current=False)
    app.conf.update(configuration(house.broker.url, "cli"))
    app.send_task("signalpost.long", queue="posts")
    until(lambda: house.effects("began"), what="the task begun")
    until(lambda: at_work(app), what="the worker knowing that it has begun")
    worker.send_signal(signal.SIGTERM)
    worker.wait(40)
    assert house.effects("ended") == 0
    house.worker()
    (house.folder / "go-on").touch()
    until(lambda: house.effects("ended") == 1, what="the task done by the next worker")


def at_work(app):
    """What its child has begun, a worker hears a moment later; stopped before, it would wait."""
    answers = app.control.inspect(timeout=2, limit=1).active() or {}
    return [task for tasks in answers.values() for task in tasks]


def test_an_idle_worker_stops_at_once(house):
    worker = house.worker()
    app = Celery(set_as_current=False)
    app.conf.update(configuration(house.broker.url, "cli"))
    until(lambda: app.control.ping(timeout=2, limit=1), what="a worker in its loop")
    worker.send_signal(signal.SIGTERM)
    worker.wait(60)
    assert worker.returncode == 0
    assert "Soft Shutdown" not in house.log("worker")
