"""Signals to a worker that listens, on a real Redis: none is lost while anybody would miss it."""

import threading
import time

import pytest

from core.jobs import wake_signals
from core.jobs.wake_signals import WakeSignals
from core.limits.redis_client import RedisClient, RedisUnavailable
from tests.flows.brokers import wait_until

SHORT_SECONDS, LONG_SECONDS = 0.02, 0.2


@pytest.fixture
def open_signals(redis_url):
    """A function that opens the signals as another process would."""
    clients = []

    def open_client():
        clients.append(RedisClient(redis_url, timeout_seconds=5.0))
        return WakeSignals(clients[-1], "webhooks")

    yield open_client
    for client in clients:
        client.close()


def test_a_sender_learns_whether_a_worker_listens(open_signals):
    sender, worker = open_signals(), open_signals()
    assert not sender.send()
    assert worker.begin()
    assert sender.send()
    assert worker.wait(SHORT_SECONDS)
    assert worker.end()
    assert not sender.send()


def test_signals_before_the_worker_waits_are_one(open_signals):
    sender, worker = open_signals(), open_signals()
    assert worker.begin()
    assert [sender.send() for _ in range(5)] == [True] * 5
    assert worker.wait(SHORT_SECONDS)
    assert not worker.wait(SHORT_SECONDS)


def test_a_signal_ends_a_wait(open_signals):
    sender, worker = open_signals(), open_signals()
    assert worker.begin()
    timer = threading.Timer(SHORT_SECONDS, sender.send)
    timer.start()
    assert worker.wait(LONG_SECONDS * 10)
    timer.join()


def test_a_signal_that_comes_after_the_last_wait_is_noticed_at_the_end(open_signals):
    """Or it would be lost: its sender has relied on it."""
    sender, worker = open_signals(), open_signals()
    assert worker.begin()
    assert not worker.wait(SHORT_SECONDS)
    assert sender.send()
    assert not worker.end()
    assert worker.end()


def test_one_worker_listens_at_a_time(open_signals):
    first, second = open_signals(), open_signals()
    assert first.begin()
    assert not second.begin()
    assert second.end()  # which changes nothing for the first
    assert not second.begin()
    assert first.end()
    assert second.begin()


def test_while_it_is_handed_over_somebody_listens_for_senders(open_signals):
    sender, first, second = open_signals(), open_signals(), open_signals()
    assert first.begin()
    first.hand_over()
    assert sender.send()
    assert first.end()  # which does not end it for the next one
    assert sender.send()
    assert second.begin()
    assert not first.begin()


def test_a_worker_that_was_killed_soon_counts_no_longer(open_signals, monkeypatch):
    monkeypatch.setattr(wake_signals, "LISTEN_TTL", 100)
    sender, killed, other = open_signals(), open_signals(), open_signals()
    assert killed.begin()
    wait_until(lambda: not sender.send(), what="the end of its time")
    assert other.begin()


def test_without_redis_nobody_listens():
    signals = WakeSignals(RedisClient("redis://127.0.0.1:1/0"), "webhooks")
    started_at = time.monotonic()
    assert not signals.send()
    assert not signals.begin()
    with pytest.raises(RedisUnavailable):
        signals.wait(SHORT_SECONDS)
    assert time.monotonic() - started_at < 5  # no call waits for a server that refuses
