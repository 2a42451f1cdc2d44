import threading
import time

import pytest

import tasks.wake
from core.accounts import PICTURE_JOB_TYPE
from tasks.queues import KINDS_STARTED_BY_BEAT, WAKE_TASKS
from tasks.wake import DEBOUNCE_WINDOW, FAILURE_PAUSE, PUBLISH_TIMEOUT, WakeUpSender
from tasks.work import JOB_TYPES


class SenderClock:
    now = 100.0

    def __call__(self):
        return self.now


class FakeBroker:
    """Keeps what is published, or behaves like a broker with a fault."""

    def __init__(self):
        self.published = []
        self.fault = None

    def __call__(self, kind):
        if self.fault:
            self.fault()
        self.published.append(kind)


def refuse_connection():
    raise ConnectionRefusedError("redis://:canary-password@127.0.0.1")


@pytest.fixture
def sender_clock():
    return SenderClock()


@pytest.fixture
def fake_broker():
    return FakeBroker()


@pytest.fixture
def wake_up_sender(fake_broker, sender_clock):
    return WakeUpSender(fake_broker, clock=sender_clock)


def test_a_wake_up_reaches_the_broker(wake_up_sender, fake_broker):
    assert wake_up_sender.wake("posts")
    assert fake_broker.published == ["posts"]


def test_repeated_wake_ups_become_one_at_the_end(wake_up_sender, fake_broker, sender_clock):
    wake_up_sender.wake("posts")
    for _ in range(10):
        assert not wake_up_sender.wake("posts")
    assert fake_broker.published == ["posts"]
    wait_until(lambda: len(fake_broker.published) > 1 and not wake_up_sender._trailing_kinds)
    published_count = len(fake_broker.published)
    assert published_count < 5  # two, unless the machine was paused in between
    sender_clock.now += 2 * DEBOUNCE_WINDOW
    assert wake_up_sender.wake("posts")
    assert len(fake_broker.published) == published_count + 1


def test_another_kind_is_not_debounced(wake_up_sender, fake_broker):
    wake_up_sender.wake("posts")
    wake_up_sender.wake("webhooks")
    assert fake_broker.published == ["posts", "webhooks"]


def test_a_forced_wake_up_is_published_within_the_debounce_time(wake_up_sender, fake_broker):
    wake_up_sender.wake("posts")
    assert wake_up_sender.wake("posts", force=True)
    assert fake_broker.published == ["posts", "posts"]


def test_a_broker_that_refuses_is_left_alone_for_a_while_and_then_tried_again(
    wake_up_sender, fake_broker, sender_clock
):
    fake_broker.fault = refuse_connection
    assert not wake_up_sender.wake("posts")
    fake_broker.fault = None
    sender_clock.now += FAILURE_PAUSE - 0.1
    assert not wake_up_sender.wake("posts", force=True)
    assert fake_broker.published == []
    sender_clock.now += 0.2
    assert wake_up_sender.wake("posts")


def test_a_broker_that_hangs_costs_its_caller_less_than_a_second_and_only_once(
    wake_up_sender, fake_broker
):
    recovered, calls = threading.Event(), []

    def hang():
        calls.append("publish")
        recovered.wait()

    fake_broker.fault = hang
    started_at = time.monotonic()
    assert not wake_up_sender.wake("posts")
    assert time.monotonic() - started_at < 10 * PUBLISH_TIMEOUT  # on a busy machine
    assert PUBLISH_TIMEOUT < 1
    assert not wake_up_sender.wake("webhooks")
    assert calls == ["publish"]  # the broker was not asked again
    recovered.set()


def test_no_password_of_the_broker_gets_into_the_log(wake_up_sender, fake_broker, capsys, caplog):
    fake_broker.fault = refuse_connection
    wake_up_sender.wake("posts")
    output = capsys.readouterr()
    assert "canary-password" not in output.out + output.err + caplog.text


def test_sixteen_callers_at_once_do_not_publish_sixteen_times(wake_up_sender, fake_broker):
    barrier = threading.Barrier(16)

    def call():
        barrier.wait()
        wake_up_sender.wake("webhooks")

    callers = [threading.Thread(target=call) for _ in range(16)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    wait_until(lambda: len(fake_broker.published) > 1 and not wake_up_sender._trailing_kinds)
    assert len(fake_broker.published) < 5


def wait_until(condition, *, timeout=30.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_every_kind_of_job_can_be_woken_or_is_started_by_beat():
    """A wake-up that cannot be sent would hold back those of all kinds for a while."""
    job_types = [*JOB_TYPES.values(), PICTURE_JOB_TYPE]
    kinds = {job_type.kind for job_type in job_types}
    assert kinds == set(WAKE_TASKS) | KINDS_STARTED_BY_BEAT
    assert not set(WAKE_TASKS) & KINDS_STARTED_BY_BEAT


def test_a_wake_up_of_a_kind_that_only_beat_starts_is_not_sent(
    monkeypatch, wake_up_sender, fake_broker
):
    monkeypatch.setattr(tasks.wake, "_wake_up_sender", wake_up_sender)
    tasks.wake.wake("pictures")
    tasks.wake.wake("posts")
    assert fake_broker.published == ["posts"]
