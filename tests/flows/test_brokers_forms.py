"""Forms of addresses on real servers: every client of ours reads them with one meaning."""

import base64
import json
import os
import urllib.error
import urllib.request

import pytest
import redis
from celery import Celery

from core.config.broker_urls import parse_redis_address, with_ca_file
from core.limits.redis_client import RedisClient
from local.ports import LOOPBACK_HOST, find_free_port, is_port_in_use
from tasks.broker_ping import find_broker_fault
from tasks.queues import MESSAGE_EXPIRY, WAKE_TASKS
from tasks.settings import build_configuration
from tests.flows.brokers import wait_until
from tests.flows.celery_harness import CELERY_COMMAND, CeleryHarness
from tests.flows.child_processes import start_process
from tests.flows.redis_servers import redis_servers
from tests.support.certificate_authority import CertificateAuthority

__all__ = ["redis_servers"]  # the fixture

PASSWORD = "p@ss/w#rd:%?"
ENCODED = "p%40ss%2Fw%23rd%3A%25%3F"
CANARY_SCRIPT = "return redis.call('SET', KEYS[1], 'found')"


def use_every_client(url):
    """Write with the limits' client, and send a wake-up as the web process does."""
    client = RedisClient(url)
    client.register_script(CANARY_SCRIPT)(["canary"], [])
    client.close()
    app = Celery(set_as_current=False)
    app.conf.update(build_configuration(url, "web"))
    assert find_broker_fault(celery_app=app) is None
    app.send_task(WAKE_TASKS["posts"], queue="posts", expires=MESSAGE_EXPIRY)


def read_database(client):
    """What the clients left in this database."""
    return client.get("signalpost:canary"), client.llen("posts")


@pytest.mark.parametrize(
    ("form", "database"),
    [
        ("redis://:{password}@127.0.0.1:{port}/3", 3),
        ("redis://127.0.0.1:{port}/3?password", None),
        ("redis://default:{password}@localhost:{port}?db=3", 3),
        ("valkey://:{password}@127.0.0.1:{port}/3\n", 3),
        ('"redis://:{password}@[::1]:{port}/3"', 3),
        ("redis://:{password}@127.0.0.1:{port}", 0),
    ],
)
def test_every_client_uses_the_same_database(redis_servers, form, database):
    server = redis_servers.start(bind="127.0.0.1 ::1", requirepass=PASSWORD)
    url = form.format(password=ENCODED, port=server.port)
    if database is None:
        with pytest.raises(ValueError):
            use_every_client(url)
        return
    use_every_client(url)
    with redis.Redis(port=server.port, password=PASSWORD, db=database) as client:
        assert read_database(client) == (b"found", 1)


def test_every_client_uses_the_socket(redis_servers, tmp_path):
    path = tmp_path / "redis.sock"
    redis_servers.start(unixsocket=str(path))
    use_every_client(f"unix://{path}")
    with redis.Redis(unix_socket_path=str(path)) as client:
        assert read_database(client) == (b"found", 1)


@pytest.fixture
def start_flower(tmp_path):
    """A function that starts Flower with this broker and returns what asks it for JSON."""
    processes = []

    def start(url):
        port = find_free_port()
        environment = {"BROKER_URL": url, "SIGNALPOST_ROLE": "flower", "EFFECTS": str(tmp_path)}
        with (tmp_path / "flower.log").open("ab") as log:
            command = ["flower", f"--port={port}", f"--address={LOOPBACK_HOST}"]
            processes.append(
                start_process(
                    [*CELERY_COMMAND, *command, "--basic-auth=user:password"],
                    env={**os.environ, **environment},
                    stdout=log,
                    stderr=log,
                )
            )
        wait_until(lambda: is_port_in_use(port), what="Flower listening")
        return lambda path: read_json(f"http://{LOOPBACK_HOST}:{port}{path}")

    yield start
    for process in processes:
        process.kill()
        process.wait(10)


def read_json(url):
    login = base64.b64encode(b"user:password").decode()
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {login}"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def test_flower_counts_the_queues_of_the_same_database_over_tls(
    redis_servers, start_flower, tmp_path
):
    authority = CertificateAuthority(tmp_path / "certificates")
    server = redis_servers.start(certificate=authority.issue("127.0.0.1"), requirepass=PASSWORD)
    url = with_ca_file(f"rediss://:{ENCODED}@127.0.0.1:{server.port}/3", str(authority.ca_file))
    use_every_client(url)
    ask_flower = start_flower(url)
    wait_until(lambda: count_in_flower(ask_flower, "posts") == 1, what="the length in Flower")


def count_in_flower(ask_flower, queue):
    """The length of a queue as Flower knows it; None while Flower is busy starting."""
    try:
        queues = ask_flower("/api/queues/length")["active_queues"]
    except urllib.error.HTTPError:
        return None
    return next(each["messages"] for each in queues if each["name"] == queue)


def start_sentinel(redis_servers, primary_port):
    sentinel = redis_servers.start(mode="--sentinel")
    with redis.Redis(port=sentinel.port) as client:
        client.sentinel_monitor("main", "127.0.0.1", primary_port, 1)
        client.sentinel_set("main", "down-after-milliseconds", "500")
        client.sentinel_set("main", "failover-timeout", "2000")
    return sentinel


def test_behind_sentinel_everything_goes_on_with_the_new_primary(redis_servers, tmp_path):
    first, second = (redis_servers.start(repl_diskless_sync_delay="0") for _ in range(2))
    with redis.Redis(port=second.port) as replica:
        replica.replicaof("127.0.0.1", first.port)
        wait_until(lambda: replica.info()["master_link_status"] == "up", what="replication")
    sentinel = start_sentinel(redis_servers, first.port)
    url = f"sentinel://127.0.0.1:{sentinel.port}/2?master_name=main"
    use_every_client(url)
    assert parse_redis_address(url).database == 2
    sentinel.url = url
    harness = CeleryHarness(sentinel, tmp_path)
    try:
        worker = harness.start_worker()
        harness.start("beat")
        wait_until(lambda: harness.count_effects("accounts"), what="a wake-up of beat")
        with redis.Redis(port=sentinel.port) as client:
            wait_until(lambda: client.sentinel_slaves("main"), what="the replica")
            first.kill()
            wait_until(
                lambda: client.sentinel_master("main")["port"] == second.port, what="the failover"
            )
        before = harness.count_effects("accounts")
        wait_until(lambda: harness.count_effects("accounts") > before + 1, what="new wake-ups")
        assert worker.poll() is None
        use_every_client(url)
    finally:
        harness.stop()
