import os
from datetime import timedelta

import pytest
from celery import Celery

from tasks.queues import WAKES
from tasks.settings import configuration
from tasks.watchdog import SILENCE, Watchdog
from tests.flows.brokers import until
from tests.flows.processes import house

__all__ = ["house"]  # a little one

pytestmark = pytest.mark.timeout(300)  # RabbitMQ may have to start

OLD = timedelta(minutes=5)
YOUNG = timedelta(seconds=3)


class Around:
    """Surroundings as a test arranges them: a deaf, idle worker with work due."""

    def __init__(self, *, age=OLD, due=True, free=True):
        self.ages, self.is_due, self.is_free = age, due, free
        self.probes = []
        self.down = False

    def age(self, _queue):
        return self.ages

    def due(self, _queue):
        return self.is_due

    def free(self):
        return self.is_free

    def probe(self, queue):
        if self.down:
            raise ConnectionRefusedError
        self.probes.append(queue)

    def alive(self):
        pass


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def looks(around, *, times=20, each=5.0, between=lambda _: None):
    """What a watchdog finds in a hundred seconds."""
    clock = Clock()
    watchdog = Watchdog(["posts"], around, clock=clock)
    found = []
    for turn in range(times):
        between(turn)
        found.append(watchdog.look())
        clock.now += each
    return found


def test_a_deaf_worker_is_found_out_after_the_silence_and_not_before():
    found = looks(Around())
    assert found.index("posts") * 5.0 == SILENCE


def test_a_queue_nobody_ever_heard_is_silent_too():
    assert "posts" in looks(Around(age=None))


@pytest.mark.parametrize(
    "innocent",
    [Around(age=YOUNG), Around(due=False), Around(free=False)],
    ids=["hears", "nothing due", "busy"],
)
def test_a_worker_that_hears_or_is_busy_or_has_nothing_to_do_is_left_alone(innocent):
    assert not any(looks(innocent))
    assert innocent.probes == []


def test_a_worker_is_never_accused_while_the_broker_is_down():
    around = Around()
    around.down = True
    assert not any(looks(around))


def test_every_outage_of_the_broker_starts_the_silence_anew():
    around = Around()

    def now_and_then(turn):
        around.down = turn % 5 == 4

    assert not any(looks(around, between=now_and_then))


def test_without_the_rows_nobody_is_accused():
    around = Around()
    around.due = lambda _: (_ for _ in ()).throw(OSError("Postgres is away"))
    assert not any(looks(around))


def deafened(app, queue):
    """Asked again until answered: a worker is ready a little before it hears broadcasts."""
    return app.control.cancel_consumer(queue, reply=True, timeout=2, limit=1)


def test_a_deaf_worker_ends_with_a_code_that_is_not_zero(house):
    worker = house.worker(SILENCE="2")
    (house.folder / "due").touch()
    app = Celery(set_as_current=False)
    app.conf.update(configuration(house.broker.url, "cli"))
    until(lambda: house.effects("canary-posts"), what="a canary heard")
    until(lambda: deafened(app, "posts"), what="the consumer cancelled")
    os.utime(house.folder / "canary-posts", (0, 0))  # stands for the seconds until it is old
    worker.wait(60)
    assert worker.returncode == 70
    assert "watchdog.deaf" in house.log("worker")


def test_without_a_watchdog_a_deaf_worker_lives_on_and_hears_nothing(house):
    worker = house.worker()
    app = Celery(set_as_current=False)
    app.conf.update(configuration(house.broker.url, "cli"))
    until(lambda: deafened(app, "posts"), what="the consumer cancelled")
    app.send_task(WAKES["posts"], queue="posts")
    app.send_task(WAKES["webhooks"], queue="webhooks")
    until(lambda: house.effects("webhooks"), what="the other queue heard")
    assert house.effects("posts") == 0
    assert worker.poll() is None


def test_a_worker_that_hears_its_probe_lives_on_although_no_beat_runs(house):
    worker = house.worker(SILENCE="2")
    (house.folder / "due").touch()
    before = house.effects("alive")
    until(lambda: house.effects("alive") > before + 10, what="ten looks")
    assert worker.poll() is None


def test_a_worker_whose_broker_is_down_lives_on(house):
    worker = house.worker(SILENCE="2")
    (house.folder / "due").touch()
    house.broker.kill()
    before = house.effects("alive")
    until(lambda: house.effects("alive") > before + 3, what="looks at a broker that is down")
    assert worker.poll() is None
    assert "watchdog.deaf" not in house.log("worker")
