"""Which leased rows a worker holds, from its signs of life and the leases of its queues."""

from datetime import UTC, datetime, timedelta

import pytest

from core.health.queues import read_queues
from core.health.workers import list_workers
from db.leases import HeldRows
from db.ops.heartbeats import Heartbeat, Heartbeats
from tests.db.schema_catalog import run_sql

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
ROWS = HeldRows(3, NOW - timedelta(seconds=9), NOW + timedelta(seconds=21))
LEASE_TWO_POSTS = """INSERT INTO webhook_events
    (external_id, provider, event_type, payload_json, next_attempt_at, leased_until)
  SELECT n::text, 'tiktok', 'x', '{}', now() - n * interval '1 s', now() + n * interval '9 s'
    FROM generate_series(1, 2) AS n"""


@pytest.fixture
def list_held():
    """The holds of each worker, from beats as name and age in seconds."""

    def list_with(beats, **held):
        rows = [Heartbeat(name=name, at=NOW - timedelta(seconds=age)) for name, age in beats]
        return {
            worker.name: [(hold.queue, hold.running_since, hold.is_shared) for hold in worker.holds]
            for worker in list_workers(rows, held, NOW)
        }

    return list_with


def test_the_only_worker_of_a_queue_holds_its_leases(list_held):
    beats = [("alive:a@h", 2), ("queues:posts,webhooks:a@h", 2), ("alive:b@h", 1)]
    assert list_held(beats, posts=ROWS) == {"a@h": [("posts", None, False)], "b@h": []}


def test_of_several_workers_the_one_that_runs_the_work_holds_them(list_held):
    beats = [("alive:a@h", 2), ("queues:posts:a@h", 2), ("alive:b@h", 1), ("queues:posts:b@h", 1)]
    shared = [("posts", None, True)]
    assert list_held(beats, posts=ROWS) == {"a@h": shared, "b@h": shared}
    running = [*beats, ("run:posts:b@h", 40)]
    began = NOW - timedelta(seconds=40)
    assert list_held(running, posts=ROWS) == {"a@h": [], "b@h": [("posts", began, False)]}


def test_a_worker_that_serves_other_queues_now_is_not_among_the_holders(list_held):
    beats = [("alive:a@h", 2), ("queues:posts:a@h", 900), ("queues:webhooks:a@h", 2)]
    assert list_held(beats, posts=ROWS, webhooks=ROWS) == {"a@h": [("webhooks", None, False)]}


def test_the_runs_of_a_worker_are_replaced_and_those_of_others_stay(database, database_url):
    with database.transaction() as session:
        Heartbeats(session).replace_runs("a@h", {"posts": timedelta(seconds=5)})
        Heartbeats(session).replace_runs("ba@h", {"posts": timedelta(seconds=5)})
        Heartbeats(session).replace_runs("a@h", {"uploads": timedelta(seconds=7)})
    names = [row.name for row in run_sql(database_url, "SELECT name FROM beats ORDER BY name")]
    assert names == ["run:posts:ba@h", "run:uploads:a@h"]


def test_a_worker_is_listed_with_the_leases_of_its_queue(database, database_url):
    run_sql(database_url, LEASE_TWO_POSTS)
    with database.transaction() as session:
        Heartbeats(session).record("alive:a@h", "queues:webhooks:a@h")
        (worker,) = read_queues(session).workers
    (hold,) = worker.holds
    assert (worker.queues, hold.queue, hold.rows.number) == (["webhooks"], "webhooks", 2)
    assert timedelta(seconds=2) <= worker.seen_at - hold.rows.oldest_due_at < timedelta(seconds=30)
    assert hold.rows.leased_until > worker.seen_at + timedelta(seconds=1)
