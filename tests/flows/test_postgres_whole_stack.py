"""`signalpost up` on a Postgres of its operator, which fails over or is read-only for a minute.

Long forms: posts and deliveries go on meanwhile, and each post is published once.
"""

import time
from contextlib import closing, contextmanager
from threading import Event, Thread

import psycopg2
import pytest
import requests

from local.postgres import Postgres
from tests.flows.api_user import DIRECT_FIELDS
from tests.flows.brokers import wait_until
from tests.flows.hostile_deliveries import envelope_body, signed_request
from tests.flows.post_outcomes import PUBLISHED_ONCE, find_open_work, load_outcome
from tests.flows.postgres_servers import ReplicaPostgres, run_statement, wait_for_replica
from tests.flows.raw_http import send_raw
from tests.flows.stacks import run_stack
from tests.flows.webhook_burst import WEBHOOK_SECRET

pytestmark = [pytest.mark.timeout(400), pytest.mark.chaos]

POSTS = 6
WEBHOOK_SETTINGS = {"TIKTOK_WEBHOOK_SECRET": WEBHOOK_SECRET}
READ_ONLY_SECONDS = 60.0
HEALING_TIME = 20.0  # seconds until deliveries are stored again, on a busy machine
SLOW_CALLS = {"endpoint": "*", "kind": "slow", "seconds": 0.5, "times": 0}
TERMINATE_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


@pytest.fixture
def primary(tmp_path):
    server = Postgres(tmp_path / "primary", fast=True).start()
    run_statement(server, "CREATE DATABASE signalpost")
    yield server
    server.stop()


@pytest.fixture
def replica(primary, tmp_path):
    server = ReplicaPostgres(tmp_path / "replica", primary).start()
    wait_for_replica(primary)
    run_statement(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
    run_statement(primary, "SELECT pg_reload_conf()")
    wait_until(
        lambda: run_statement(primary, "SELECT sync_state FROM pg_stat_replication") == [("sync",)],
        what="a synchronous replica",
    )
    yield server
    server.stop()


class SteadyDeliveries:
    """Delivers one webhook after the other, each until it is acknowledged, as a platform does."""

    def __init__(self, stack):
        self.acknowledged = []
        self.refusals = 0
        self._stack = stack
        self._stopped = Event()

    @contextmanager
    def run(self):
        thread = Thread(target=self._deliver_all)
        thread.start()
        try:
            yield self
        finally:
            self._stopped.set()
            thread.join()

    def _deliver_all(self):
        number = 0
        while not self._stopped.is_set():
            name = f"steady-{number}"
            if send_raw(self._stack.info["web"], signed_request(envelope_body(name))).status == 200:
                self.acknowledged.append(f"hostile-{name}")
                number += 1
            else:
                self.refusals += 1
            time.sleep(0.05)

    def wait_for_more(self, count):
        target = len(self.acknowledged) + count
        wait_until(
            lambda: len(self.acknowledged) >= target,
            within=HEALING_TIME,
            what=f"{count} more deliveries",
        )


def create_posts(api_user):
    media_id = api_user.upload_file()
    fields = {"source": "FILE_UPLOAD", "media_id": media_id, **DIRECT_FIELDS}
    return [api_user.create_post(**fields) for _ in range(POSTS)]


def assert_nothing_was_lost(stack, api_user, posts, deliveries):
    for post_id in posts:
        api_user.wait_until_final(post_id, within=120)
    assert {post_id: load_outcome(stack, api_user, post_id) for post_id in posts} == dict.fromkeys(
        posts, PUBLISHED_ONCE
    )
    wait_until(lambda: find_open_work(stack, api_user) == [], what="the end of all work")
    acknowledged = list(deliveries.acknowledged)  # more arrive meanwhile
    stored = {
        name
        for (name,) in stack.query(
            "SELECT publish_id FROM webhook_events WHERE publish_id = ANY(%s)", acknowledged
        )
    }
    assert set(acknowledged) - stored == set()


def wait_until_ready(stack):
    wait_until(
        lambda: requests.get(f"{stack.info['web']}/readyz", timeout=10).status_code == 200,
        within=HEALING_TIME,
        what="readiness",
    )


def test_a_stack_goes_on_with_the_promoted_replica(primary, replica, tmp_path):
    url = (
        primary.dsn("signalpost").replace(
            f":{primary.port}/", f":{primary.port},127.0.0.1:{replica.port}/"
        )
        + "?target_session_attrs=read-write"
    )
    with run_stack(tmp_path, DATABASE_URL=url, **WEBHOOK_SETTINGS) as stack:
        api_user = stack.create_api_user()
        stack.sandbox.control("faults", **SLOW_CALLS)
        with SteadyDeliveries(stack).run() as deliveries:
            posts = create_posts(api_user)
            deliveries.wait_for_more(20)
            primary.kill()
            run_statement(replica, "SELECT pg_promote()")
            deliveries.wait_for_more(20)
            posts += create_posts(api_user)
            assert_nothing_was_lost(stack, api_user, posts, deliveries)
        wait_until_ready(stack)


def test_a_stack_waits_for_the_end_of_a_read_only_minute(primary, tmp_path):
    with run_stack(tmp_path, DATABASE_URL=primary.dsn("signalpost"), **WEBHOOK_SETTINGS) as stack:
        api_user = stack.create_api_user()
        stack.sandbox.control("faults", **SLOW_CALLS)
        with SteadyDeliveries(stack).run() as deliveries:
            posts = create_posts(api_user)
            deliveries.wait_for_more(20)
            set_read_only(primary, "on")
            wait_until(lambda: deliveries.refusals, what="a refused delivery")
            time.sleep(READ_ONLY_SECONDS)
            set_read_only(primary, "off")
            deliveries.wait_for_more(20)
            stack.expire_leases()  # of results that could not be recorded: else up to 330 s
            assert_nothing_was_lost(stack, api_user, posts, deliveries)
        wait_until_ready(stack)


def set_read_only(server, value):
    with closing(psycopg2.connect(server.dsn())) as connection, connection.cursor() as cur:
        connection.autocommit = True
        cur.execute("SET default_transaction_read_only = off")
        cur.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        cur.execute("SELECT pg_reload_conf()")
        cur.execute(TERMINATE_OTHERS)
