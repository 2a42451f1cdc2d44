"""A primary that dies and a replica that is promoted: what was acknowledged is still there.

With synchronous replication nothing is lost. Without it the events of the last moments may be.
"""

import threading
import time
from contextlib import contextmanager

import pytest

from core.health.conditions import ALERT_CONDITIONS
from core.webhooks.writer import EventWriter, WriterBusy
from db import migrations
from db.session import Database
from db.webhooks.insert import NewEvent
from local.postgres import Postgres
from tests.flows.brokers import wait_until
from tests.flows.postgres_servers import ReplicaPostgres, run_statement, wait_for_replica

WRITERS = 4
EVENTS_BEFORE_CRASH = 100
EVENTS_AFTER_PROMOTION = 20
FAILOVER_TIME = 15.0  # seconds until writes succeed again, on a busy machine


@pytest.fixture
def primary(tmp_path):
    server = Postgres(tmp_path / "primary", fast=True).start()
    migrations.upgrade_schema(server.dsn())
    yield server
    server.stop()


@pytest.fixture
def replica(primary, tmp_path):
    server = ReplicaPostgres(tmp_path / "replica", primary).start()
    wait_for_replica(primary)
    yield server
    server.stop()


def both_url(primary, replica):
    return (
        primary.dsn().replace(f":{primary.port}/", f":{primary.port},127.0.0.1:{replica.port}/")
        + "?target_session_attrs=read-write"
    )


def require_synchronous_replica(primary):
    run_statement(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
    run_statement(primary, "SELECT pg_reload_conf()")
    wait_until(
        lambda: run_statement(primary, "SELECT sync_state FROM pg_stat_replication") == [("sync",)],
        what="a synchronous replica",
    )


@pytest.mark.alert("standby_lost")
def test_the_alarm_sees_that_the_synchronous_standby_is_away(primary, replica):
    condition = next(each for each in ALERT_CONDITIONS if each.name == "standby_lost")
    database = Database(primary.dsn())

    def is_open():
        with database.transaction() as session:
            return condition.measure(session, None).value > condition.limit

    try:
        assert not is_open()  # nobody is to be waited for
        require_synchronous_replica(primary)
        assert not is_open()
        replica.stop()
        wait_until(is_open, what="the missing standby")
        replica.start()
        wait_until(lambda: not is_open(), what="the standby being back")
    finally:
        database.dispose()


class SteadyWriters:
    """Threads that store events through the ingress's writer; `stored` are acknowledged."""

    def __init__(self, database):
        self.stored = []
        self._writer = EventWriter(database, lambda _kind: None)
        self._stopped = threading.Event()

    @contextmanager
    def run(self):
        threads = [threading.Thread(target=self._write, args=(n,)) for n in range(WRITERS)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join()
            self._writer.close()

    def _write(self, number):
        count = 0
        while not self._stopped.is_set():
            count += 1
            key = f"{number}:{count}"
            event = NewEvent(provider="tiktok", dedupe_key=key, event_type="x", payload_json={})
            try:
                self._writer.write([event])
            except WriterBusy:
                time.sleep(0.05)  # as a platform, which delivers again, only sooner
            else:
                self.stored.append(key)

    def wait_for_more(self, count, *, within):
        target = len(self.stored) + count
        wait_until(lambda: len(self.stored) >= target, within=within, what=f"{count} more events")


def lose_primary(primary, replica):
    """Write all the time, kill the primary, promote the replica; return what was acknowledged."""
    database = Database(both_url(primary, replica))
    with SteadyWriters(database).run() as writers:
        writers.wait_for_more(EVENTS_BEFORE_CRASH, within=30)
        primary.kill()
        run_statement(replica, "SELECT pg_promote()")
        writers.wait_for_more(EVENTS_AFTER_PROMOTION, within=FAILOVER_TIME)
    database.dispose()
    return set(writers.stored)


def load_stored(server):
    return {key for (key,) in run_statement(server, "SELECT external_id FROM webhook_events")}


def test_with_a_synchronous_replica_no_acknowledged_event_is_lost(primary, replica):
    require_synchronous_replica(primary)
    acknowledged = lose_primary(primary, replica)
    assert len(acknowledged) >= EVENTS_BEFORE_CRASH + EVENTS_AFTER_PROMOTION
    assert acknowledged - load_stored(replica) == set()


@pytest.mark.chaos
def test_without_one_the_events_of_the_last_moments_are_lost(primary, replica):
    """The negative control, with a replica that has fallen behind."""
    run_statement(replica, "ALTER SYSTEM SET primary_conninfo = ''")
    run_statement(replica, "SELECT pg_reload_conf()")
    wait_until(
        lambda: run_statement(primary, "SELECT FROM pg_stat_replication") == [],
        what="a replica that follows no more",
    )
    acknowledged = lose_primary(primary, replica)
    assert len(acknowledged - load_stored(replica)) >= EVENTS_BEFORE_CRASH
