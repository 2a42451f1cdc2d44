"""A Redis that is replaced by its replica, while every client stays connected to the old one."""

import time
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import redis
from celery import Celery

from core.limits.redis_client import RedisClient, RedisUnavailable
from tasks.queues import MESSAGE_EXPIRY, WAKE_TASKS
from tasks.settings import build_configuration
from tasks.wake import WakeUpSender
from tests.flows.brokers import wait_until
from tests.flows.celery_harness import CeleryHarness
from tests.flows.redis_servers import redis_servers
from tests.flows.tcp_forwarder import run_forwarder

__all__ = ["redis_servers"]  # the fixture

HEALED_WITHIN = 15.0
"""Seconds within which every process must work with the new primary."""

WRITE_SCRIPT = "return redis.call('SET', KEYS[1], ARGV[1])"


@dataclass
class RedisPair:
    """A primary and its replica behind one address."""

    primary: redis.Redis
    replica: redis.Redis
    url: str

    def fail_over(self, forwarder, new_port):
        """Promote the replica; the old primary follows it and keeps its connections."""
        self.replica.replicaof("no", "one")
        self.primary.replicaof("127.0.0.1", new_port)
        forwarder.target = new_port


@contextmanager
def redis_pair(redis_servers):
    first, second = (redis_servers.start(repl_diskless_sync_delay="0") for _ in range(2))
    clients = [redis.Redis(port=server.port) for server in (first, second)]
    clients[1].replicaof("127.0.0.1", first.port)
    wait_until(lambda: clients[1].info()["master_link_status"] == "up", what="replication")
    with run_forwarder(first.port) as forwarder:
        pair = RedisPair(*clients, url=f"redis://127.0.0.1:{forwarder.port}/0")
        yield pair, lambda: pair.fail_over(forwarder, second.port)
    for client in clients:
        client.close()


def build_sender(url):
    """A sender like that of the web process."""
    app = Celery(set_as_current=False)
    app.conf.update(build_configuration(url, "web"))
    return WakeUpSender(
        lambda kind: app.send_task(WAKE_TASKS[kind], queue=kind, expires=MESSAGE_EXPIRY)
    )


def test_web_worker_and_beat_go_on_with_the_new_primary_within_seconds(redis_servers, tmp_path):
    with redis_pair(redis_servers) as (pair, fail_over):
        harness = CeleryHarness(pair, tmp_path)  # of which only the URL is used
        try:
            worker = harness.start_worker()
            beat = harness.start("beat")
            sender = build_sender(pair.url)
            wait_until(lambda: sender.wake("posts"), what="a wake-up that is sent in time")
            wait_until(lambda: harness.count_effects("accounts"), what="a wake-up of beat")
            fail_over()
            check_everything_heals(harness, sender)
            assert (worker.poll(), beat.poll()) == (None, None)
            assert pair.replica.info("replication")["role"] == "master"
        finally:
            harness.stop()


def check_everything_heals(harness, sender):
    failed_over_at = time.monotonic()
    wait_until(lambda: sender.wake("posts"), within=HEALED_WITHIN, what="a wake-up of web")
    before = harness.count_effects("accounts")
    wait_until(
        lambda: harness.count_effects("accounts") > before + 1,
        within=HEALED_WITHIN,
        what="wake-ups of beat in the worker",
    )
    assert time.monotonic() - failed_over_at < 2 * HEALED_WITHIN


def test_limits_go_on_with_the_new_primary_at_once(redis_servers):
    with redis_pair(redis_servers) as (pair, fail_over):
        client = RedisClient(pair.url)
        write = client.register_script(WRITE_SCRIPT)
        control = redis.Redis.from_url(pair.url)
        write(["key"], ["before"])
        control.set("control", "before")
        fail_over()
        write(["key"], ["after"])
        assert pair.replica.get("signalpost:key") == b"after"
        with pytest.raises(redis.exceptions.ReadOnlyError):
            control.set("control", "after")  # an ordinary client stays with the old primary
        control.close()
        client.close()


@pytest.mark.parametrize("options", [{"min_replicas_to_write": "1"}, {"maxmemory": "1"}])
def test_a_redis_that_serves_again_is_used_again(redis_servers, options):
    server = redis_servers.start(**options)
    clock = iter(range(0, 10_000, 10))
    client = RedisClient(server.url, clock=lambda: next(clock))
    write = client.register_script(WRITE_SCRIPT)
    with pytest.raises(RedisUnavailable):
        write(["key"], ["refused"])
    with redis.Redis(port=server.port) as operator:
        for name in options:
            operator.config_set(name.replace("_", "-"), 0)
    write(["key"], ["accepted"])
    client.close()


@pytest.mark.parametrize(
    ("options", "repair"),
    [
        ({"maxmemory": "1"}, ("CONFIG", "SET", "maxmemory", "0")),
        ({"replicaof": "127.0.0.1 1"}, ("REPLICAOF", "NO", "ONE")),
    ],
    ids=["full", "replica"],
)
def test_a_worker_waits_for_a_redis_that_does_not_serve_yet(
    redis_servers, tmp_path, options, repair
):
    server = redis_servers.start(**options)
    harness = CeleryHarness(server, tmp_path)
    try:
        worker = harness.start("worker", "-c", "1")
        wait_until(lambda: "the server refuses" in harness.read_log("worker"), what="the first try")
        with redis.Redis(port=server.port) as operator:
            operator.execute_command(*repair)
        wait_until(lambda: "ready." in harness.read_log("worker"), what="readiness")
        assert worker.poll() is None
        sender = build_sender(server.url)
        wait_until(lambda: sender.wake("posts"), what="a wake-up that is sent in time")
        wait_until(lambda: harness.count_effects("posts"), what="the effect")
    finally:
        harness.stop()
