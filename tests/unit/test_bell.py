import threading
import time

import pytest

from tasks.bell import ECHO, PATIENCE, REST, Bell


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


class Broker:
    """Takes what is published, or does what a sick broker does."""

    def __init__(self):
        self.heard = []
        self.sickness = None

    def __call__(self, kind):
        if self.sickness:
            self.sickness()
        self.heard.append(kind)


def refuse():
    raise ConnectionRefusedError("redis://:canary-password@127.0.0.1")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def broker():
    return Broker()


@pytest.fixture
def bell(broker, clock):
    return Bell(broker, clock=clock)


def test_a_ring_reaches_the_broker(bell, broker):
    assert bell.ring("posts")
    assert broker.heard == ["posts"]


def test_echoes_become_one_ring_at_their_end(bell, broker, clock):
    bell.ring("posts")
    for _ in range(10):
        assert not bell.ring("posts")
    assert broker.heard == ["posts"]
    until(lambda: len(broker.heard) > 1 and not bell._owed)
    paid = len(broker.heard)
    assert paid < 5  # two, unless this machine stood still in between
    clock.now += 2 * ECHO
    assert bell.ring("posts")
    assert len(broker.heard) == paid + 1


def test_another_kind_is_no_echo(bell, broker):
    bell.ring("posts")
    bell.ring("webhooks")
    assert broker.heard == ["posts", "webhooks"]


def test_a_forced_ring_is_rung_in_spite_of_the_echo(bell, broker):
    bell.ring("posts")
    assert bell.ring("posts", force=True)
    assert broker.heard == ["posts", "posts"]


def test_a_broker_that_refuses_is_left_alone_for_a_while_and_then_asked_again(bell, broker, clock):
    broker.sickness = refuse
    assert not bell.ring("posts")
    broker.sickness = None
    clock.now += REST - 0.1
    assert not bell.ring("posts", force=True)
    assert broker.heard == []
    clock.now += 0.2
    assert bell.ring("posts")


def test_a_broker_that_hangs_costs_its_caller_less_than_a_second_and_only_once(bell, broker):
    healed = threading.Event()
    broker.sickness = healed.wait
    began = time.monotonic()
    assert not bell.ring("posts")
    waited = time.monotonic() - began
    bell.ring("webhooks")
    assert PATIENCE <= waited < 1
    assert time.monotonic() - began < waited + 0.1
    healed.set()


def test_no_password_of_the_broker_gets_into_the_log(bell, broker, capsys, caplog):
    broker.sickness = refuse
    bell.ring("posts")
    spoken = capsys.readouterr()
    assert "canary-password" not in spoken.out + spoken.err + caplog.text


def test_sixteen_callers_at_once_do_not_ring_sixteen_times(bell, broker):
    together = threading.Barrier(16)

    def call():
        together.wait()
        bell.ring("webhooks")

    callers = [threading.Thread(target=call) for _ in range(16)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    until(lambda: len(broker.heard) > 1 and not bell._owed)
    assert len(broker.heard) < 5


def until(true, *, within=5.0):
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)
