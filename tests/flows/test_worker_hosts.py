"""Workers and uploads on two other network hosts: one is cut off with rows in hand, and a fifth of
the packets of the other is lost.

The machine's own workers are frozen meanwhile, so that the hosts do all the work.
"""

import sys
import time
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import psutil
import pytest

from tests.flows.api_user import DIRECT_FIELDS
from tests.flows.brokers import wait_until
from tests.flows.child_processes import start_process
from tests.flows.network_hosts import run_hosts
from tests.flows.post_outcomes import PUBLISHED_ONCE, find_open_work, load_outcome
from tests.flows.stacks import run_stack
from tests.flows.webhook_burst import SETUP_SQL, WEBHOOK_SECRET
from tests.flows.webhook_stream import DeliveryStream

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

POSTS, EVENTS, LATE_EVENTS = 10, 500, 40
LOSS = 20  # percent
SLOW_CALLS = {"endpoint": "*", "kind": "slow", "seconds": 0.5, "times": 0}
QUEUES = {
    "worker": "webhooks,accounts,posts,outbox,insights,housekeeping",
    "uploads": "uploads",
}
STORES = ("DATABASE_URL", "BROKER_URL", "REDIS_URL")
START_LIMIT, DRAIN_LIMIT = 120.0, 300.0  # seconds
LEASED_POSTS = "SELECT count(*) FROM posts WHERE leased_until > now()"
"""Only the workers of the hosts take rows."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hosts")
    with run_stack(folder, TIKTOK_WEBHOOK_SECRET=WEBHOOK_SECRET) as stack:
        stack.query(SETUP_SQL)
        yield stack


@pytest.fixture(scope="module")
def hosts(stack):
    names = ("database", "broker", "sandbox", "web")
    ports = [urlsplit(stack.info[name]).port for name in names]
    with run_hosts(2, ports) as hosts:
        yield hosts


@contextmanager
def run_workers(stack, host, folder):
    """A worker and uploads on the host; they are killed at the end."""
    processes = {}
    try:
        for role, queues in QUEUES.items():
            near = stack.find_process(role)
            settings = near.environ() | {"PGSSLMODE": "disable", "METRICS_PORT": ""}
            settings |= {
                name: host.translate(text)
                for name, text in settings.items()
                if name in STORES or name.endswith("_BASE_URL")
            }
            command = (*host.command_prefix, sys.executable, "-m", "local.private_program")
            options = ("--pool=prefork", "--concurrency=1", f"--queues={queues}")
            name = f"--hostname={role}@{host.name}"
            quiet = ("--without-mingle", "--without-gossip")
            with (folder / f"{host.name}-{role}.log").open("wb") as log:
                processes[role] = start_process(
                    [*command, "tasks.program", "worker", *options, name, *quiet],
                    env=settings,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        yield processes
    finally:
        for process in processes.values():
            kill_tree(process.pid)
            process.wait(10)


def kill_tree(process_id):
    root = psutil.Process(process_id)
    for each in (*root.children(recursive=True), root):
        each.kill()


def wait_for_workers(stack, host):
    wait_until(
        lambda: (
            stack.query_value(
                "SELECT count(*) FROM beats WHERE name LIKE %s", f"alive:%@{host.name}"
            )
            == len(QUEUES)
        ),
        within=START_LIMIT,
        what=f"workers on {host.name}",
    )


def test_a_host_that_is_cut_off_with_rows_in_hand_loses_and_repeats_nothing(stack, hosts, tmp_path):
    cut, lossy = hosts
    api_user = stack.create_api_user()
    media_id = api_user.upload_file()
    stream = DeliveryStream(stack, "hosts-", 0, rate=50.0)
    with ExitStack() as running:
        for host in hosts:
            running.enter_context(run_workers(stack, host, tmp_path))
        for host in hosts:
            wait_for_workers(stack, host)
        for role in QUEUES:
            running.enter_context(stack.freeze(role))
        lossy.lose_packets(LOSS)
        stack.sandbox.control("faults", **SLOW_CALLS)
        with stream.run():
            fields = {"source": "FILE_UPLOAD", "media_id": media_id, **DIRECT_FIELDS}
            posts = [api_user.create_post(**fields) for _ in range(POSTS)]
            wait_until(lambda: stack.query_value(LEASED_POSTS) > 2, what="rows in hand")
            cut.take_link_down()
            wait_until(lambda: stream.count >= EVENTS, within=60, what=f"{EVENTS} events")
        wait_until(stream.is_drained_early, within=DRAIN_LIMIT, what="all events processed")
        for post_id in posts:
            api_user.wait_until_final(post_id, within=DRAIN_LIMIT)
        outcomes = {post_id: load_outcome(stack, api_user, post_id) for post_id in posts}
        assert outcomes == dict.fromkeys(posts, PUBLISHED_ONCE)
        assert lossy.count_lost_packets() > 100
        cut.bring_link_up()
        wait_until(lambda: find_open_work(stack, api_user) == [], what="the end of all work")
    assert stream.find_violations() == {}
    assert len(stream.acknowledged) == stream.count


def test_a_host_works_again_after_its_link_is_up(stack, hosts, tmp_path):
    host = hosts[0]
    with run_workers(stack, host, tmp_path) as processes, ExitStack() as frozen:
        wait_for_workers(stack, host)
        for role in QUEUES:
            frozen.enter_context(stack.freeze(role))
        host.take_link_down()
        time.sleep(30)  # the length of the outage
        host.bring_link_up()
        stream = DeliveryStream(stack, "late-", 0, rate=50.0)
        with stream.run():
            wait_until(lambda: stream.count >= LATE_EVENTS, what=f"{LATE_EVENTS} events")
        wait_until(stream.is_drained, within=DRAIN_LIMIT, what="all events processed")
        assert [role for role, process in processes.items() if process.poll() is not None] == []
    assert stream.find_violations() == {}
