"""What is wrong with a broker or a Redis that answers is named, not called "away"."""

import re
from pathlib import Path

import pytest
import redis
from celery import Celery
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.health.broker_checks import check_memory
from core.limits.redis_client import RedisClient
from local.ports import find_free_port
from tasks.broker_ping import find_broker_fault
from tasks.settings import build_configuration
from tests.flows.brokers import wait_until
from tests.flows.celery_harness import CeleryHarness
from tests.flows.redis_servers import redis_servers
from tests.flows.tcp_forwarder import run_forwarder

__all__ = ["redis_servers"]  # the fixture

BROKERS_PAGE = Path(__file__).parents[2] / "docs" / "operate" / "brokers.md"


def ask_broker(url):
    """What doctor says about this BROKER_URL."""
    return find_broker_fault(celery_app=build_app(url))


def build_app(url):
    app = Celery(set_as_current=False)
    app.conf.update(build_configuration(url, "web"))
    return app


def is_ready(url):
    """Whether a readiness check counts it as reachable."""
    return find_broker_fault(celery_app=build_app(url), is_thorough=False) is None


def ask_redis(url):
    client = RedisClient(url)
    try:
        return client.find_refusal()
    finally:
        client.close()


def with_user(server, *rules):
    """Give the server a user `app` with these rights; return the URL with it."""
    with redis.Redis(port=server.port) as operator:
        operator.execute_command("ACL", "SETUSER", "app", "on", ">pw", *rules)
    return server.url.replace("redis://", "redis://app:pw@")


def documented_rights():
    """The rules for a Redis user in docs/operate/brokers.md."""
    return re.search(r"A Redis user needs `([^`]+)`", BROKERS_PAGE.read_text())[1].split()


def test_a_user_with_the_documented_rights_can_do_everything(redis_servers, tmp_path):
    server = redis_servers.start()
    server.url = with_user(server, *documented_rights())
    assert ask_broker(server.url) is None
    assert ask_redis(server.url) is None
    assert is_ready(server.url)
    harness = CeleryHarness(server, tmp_path)
    try:
        harness.start_worker()
        harness.start("beat")
        wait_until(lambda: harness.count_effects("posts"), what="a wake-up of beat")
    finally:
        harness.stop()


def test_a_wrong_a_missing_and_an_unneeded_password_have_sentences_of_their_own(redis_servers):
    guarded = redis_servers.start(requirepass="right")
    wrong = guarded.url.replace("redis://", "redis://:wrong@")
    assert "refuses the user or the password" in ask_broker(wrong)
    assert "refuses the user or the password" in ask_redis(wrong)
    assert "asks for a password" in ask_redis(guarded.url)
    open_server = redis_servers.start()
    unneeded = open_server.url.replace("redis://", "redis://:unneeded@")
    assert "has no password, but the URL names one" in ask_redis(unneeded)


@pytest.mark.parametrize(
    ("rules", "action"),
    [
        ("~* &* +@all -lpush", "write and read lists"),
        ("~* &* +@all -publish", "publish"),
        ("~* resetchannels +@all", "publish"),
        ("~* &* +@all -eval", "run scripts"),
        ("~nothing:* &* +@all", "write and read lists"),
    ],
)
def test_a_right_that_is_missing_is_named(redis_servers, rules, action):
    url = with_user(redis_servers.start(), *rules.split())
    assert f"does not let the user of the URL {action}" in ask_broker(url)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"maxmemory": "1"}, "is full"),
        ({"min_replicas_to_write": "1"}, "too few replicas"),
        ({"replicaof": "127.0.0.1 1"}, "read-only replica"),
        ({"replicaof": "127.0.0.1 1", "replica_serve_stale_data": "no"}, "lost its primary"),
        ({"databases": "1"}, "no database of the number"),
    ],
    ids=str,
)
def test_a_redis_that_answers_and_does_not_serve_is_named(redis_servers, options, sentence):
    server = redis_servers.start(**options)
    url = server.url.replace("/0", "/1") if "databases" in options else server.url
    assert sentence in ask_redis(url)


def test_celery_s_redis_is_judged_alike(redis_servers):
    server = redis_servers.start(maxmemory="1")
    assert "is full" in ask_broker(server.url)
    assert not is_ready(server.url)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"maxmemory": "64mb", "maxmemory_policy": "allkeys-lru"}, "may drop queues"),
        ({"maxmemory": "64mb", "maxmemory_policy": "volatile-ttl"}, "may drop queues"),
        ({"maxmemory": "800kb"}, "uses over 90%"),
        ({"maxmemory": "64mb"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_a_broker_that_may_drop_queues_or_is_nearly_full_is_named(redis_servers, options, sentence):
    server = redis_servers.start(**options)
    checks = list(check_memory(server.url))
    if sentence is None:
        assert checks == []
    else:
        (check,) = checks
        assert sentence in check.message
        assert "maxmemory" in check.message + check.advice


def test_a_redis_cluster_is_named(redis_servers):
    server = redis_servers.start(cluster_enabled="yes", cluster_port=str(find_free_port()))
    assert "cluster" in ask_redis(server.url)


def test_a_redis_without_a_connection_left_is_named(redis_servers):
    server = redis_servers.start(maxclients="1")
    with redis.Redis(port=server.port) as operator:
        operator.ping()
        assert "no connection left" in ask_redis(server.url)


def test_a_redis_that_is_loading_is_named(redis_servers):
    server = redis_servers.start(
        enable_debug_command="yes",
        key_load_delay="2000",  # microseconds: a second for all keys
        loading_process_events_interval_bytes="1024",
    )
    no_retry = Retry(NoBackoff(), 0)
    with redis.Redis(port=server.port, socket_timeout=0.2, retry=no_retry) as operator:
        operator.mset({f"key-{number}": "x" * 50 for number in range(500)})
        with pytest.raises(redis.RedisError):
            operator.execute_command("DEBUG", "RELOAD")
        wait_until(lambda: "is still loading" in (ask_redis(server.url) or ""), what="the answer")


def test_a_broker_that_closes_connections_and_one_that_is_away_are_named(redis_servers):
    server = redis_servers.start()
    with run_forwarder(server.port) as forwarder:
        forwarder.target = 1
        assert "closes the connection" in ask_broker(f"redis://127.0.0.1:{forwarder.port}/0")
    assert "refuses connections" in ask_broker("redis://127.0.0.1:1/0")
    assert "cannot be resolved" in ask_broker("redis://broker.invalid/0")


def test_a_rabbitmq_is_tried_with_a_message_and_its_refusals_are_named(rabbit_server):
    address = f"127.0.0.1:{rabbit_server.port}"
    assert ask_broker(rabbit_server.url) is None
    assert is_ready(rabbit_server.url)
    assert "refuses the user" in ask_broker(f"amqp://guest:wrong@{address}//")
    with build_app(rabbit_server.url).connection_for_write() as connection:
        connection.default_channel.queue_declare("posts", durable=False, auto_delete=True)
        assert "has a queue of ours with other flags" in ask_broker(rabbit_server.url)
    assert "has no vhost" in ask_broker(f"amqp://guest:guest@{address}/nowhere")
    assert "speak TLS" in ask_broker(f"amqps://guest:guest@{address}//")
    assert "closes the connection" in ask_broker(f"amqp://127.0.0.1:{rabbit_server.tls_port}")
    rabbit_server.control("add_user", "limited", "pw")
    rabbit_server.control("set_permissions", "limited", "^$", "^$", "^$")
    fault = ask_broker(f"amqp://limited:pw@{address}//")
    assert "does not let the user of the URL declare" in fault
    assert not is_ready(f"amqp://limited:pw@{address}//")


def test_a_rabbitmq_with_an_alarm_is_named(rabbit_server):
    rabbit_server.control("set_vm_memory_high_watermark", "0.00001")
    try:
        wait_until(lambda: "ran short" in (ask_broker(rabbit_server.url) or ""), what="the alarm")
        assert not is_ready(rabbit_server.url)
    finally:
        rabbit_server.control("set_vm_memory_high_watermark", "0.4")
    wait_until(lambda: is_ready(rabbit_server.url), what="the end of the alarm")
