"""The gauges that are read from rows: each follows what it counts."""

import time

import pytest
from sqlalchemy import text

from core.health.gauges import Gauges
from db.ops.heartbeats import Heartbeats
from db.session import Database
from tests.support.built_services import open_services
from tests.support.row_factory import RowFactory

INSERT_POST = (
    "INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, state, due_at,"
    " created_at, started_at, has_slot)"
    " SELECT user_id, id, 'tiktok', 'DIRECT_VIDEO', 'FILE_UPLOAD', 'SIGNALPOST', :state, :due_at,"
    " now() - interval '2 hours', now() - interval '1 hour', true FROM oauth_accounts LIMIT 1"
)
INSERT_EVENT = (
    "INSERT INTO webhook_events (provider, event_type, external_id, payload_json, next_attempt_at)"
    " VALUES ('tiktok', 'x', 'x', '{}', now() - interval '5 minutes')"
)
WEB_SETTINGS = {
    "TIKTOK_CLIENT_KEY": "key",
    "TIKTOK_CLIENT_SECRET": "secret-of-the-application",
    "TIKTOK_REDIRECT_URI": "https://signalpost.example/api/auth/tiktok/callback",
    "SIGNALPOST_ROLE": "web",
}


@pytest.fixture
def services(database_url, redis_url):
    with open_services(database_url, redis_url, **WEB_SETTINGS) as services:
        yield services


@pytest.fixture
def database(database_url, services):
    database = Database(database_url, pool_size=4)
    RowFactory(database, services.key_ring).create_account()
    yield database
    database.dispose()


@pytest.fixture
def read_gauge(database, services):
    """Reads one gauge, by its labels."""
    return lambda name: dict(Gauges(database, services).collect()[name])


def run_statement(database, statement, **values):
    with database.transaction() as session:
        session.execute(text(statement), values)


def test_posts_on_hold_and_unconfirmed_ones_are_counted_with_their_age(database, read_gauge):
    assert read_gauge("posts") == {}
    for state in ("UNCONFIRMED", "QUEUED", "PUBLISHED"):
        run_statement(database, INSERT_POST, state=state, due_at=None)
    assert read_gauge("posts") == {("tiktok", "UNCONFIRMED"): 1, ("tiktok", "QUEUED"): 1}
    ages = read_gauge("posts_oldest_seconds")
    assert {round(age, -2) for age in ages.values()} == {3600}


def test_the_oldest_due_event_is_as_old_as_it_is(database, read_gauge):
    assert read_gauge("webhook_oldest_due_seconds") == {}
    run_statement(database, INSERT_EVENT)
    assert round(read_gauge("webhook_oldest_due_seconds")[("tiktok",)], -2) == 300
    assert read_gauge("webhook_backlog") == {("tiktok",): 1}


def test_the_last_success_of_a_worker_is_that_of_its_last_canary(database, read_gauge):
    assert read_gauge("worker_last_success_timestamp") == {}
    with database.transaction() as session:
        Heartbeats(session).record("canary:posts")
        Heartbeats(session).record("alive:worker@host")
    (labels, at), *others = read_gauge("worker_last_success_timestamp").items()
    assert (labels, others) == (("posts",), [])
    assert abs(at - time.time()) < 60


def test_a_used_slot_fills_the_quota_of_its_account(database, read_gauge):
    assert read_gauge("quota_used_ratio") == {}
    run_statement(database, INSERT_POST, state="PUBLISHED", due_at=None)
    one_post = read_gauge("quota_used_ratio")[("tiktok",)]
    run_statement(database, INSERT_POST, state="FAILED", due_at=None)
    run_statement(database, INSERT_POST, state="PUBLISHED", due_at=None)
    assert 0 < one_post < 1
    assert read_gauge("quota_used_ratio")[("tiktok",)] == pytest.approx(2 * one_post)


def test_the_pool_has_a_limit(database, read_gauge):
    assert read_gauge("db_pool_limit") == {(): 4}
    with database.transaction() as session:
        session.execute(text("SELECT 1"))
        assert read_gauge("db_pool_in_use")[()] >= 1
