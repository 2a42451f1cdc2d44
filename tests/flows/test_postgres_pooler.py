"""All of signalpost behind PgBouncer in transaction mode, with PgBouncer's own defaults."""

from contextlib import closing

import psycopg2
import pytest
from sqlalchemy import text

from core.health.database_checks import check_database
from db import migrations
from db.bulk import ROWS_PARAMETER
from db.compiled_statements import execute_compiled
from db.publishing.batches import LOCK_STATEMENT
from db.session import Database
from local.postgres import Postgres
from tests.flows.api_user import DIRECT_FIELDS
from tests.flows.brokers import wait_until
from tests.flows.pgbouncer import require_pgbouncer, run_pgbouncer
from tests.flows.post_outcomes import PUBLISHED_ONCE, find_open_work, load_outcome
from tests.flows.stacks import run_stack
from tests.support.row_factory import make_services

DATABASE = "signalpost"
LIMITS_SQL = (
    "SELECT current_setting('statement_timeout'), current_setting('timezone'),"
    " current_setting('idle_in_transaction_session_timeout')"
)
PREPARED_SQL = "SELECT count(*), current_setting('plan_cache_mode') FROM pg_prepared_statements"
ADVISORY_LOCKS_SQL = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    require_pgbouncer()
    server = Postgres(tmp_path_factory.mktemp("pooled") / "postgres", fast=True).start()
    server.databases.create(DATABASE)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def pooler(server):
    with run_pgbouncer(server.port, {"app": server.password}, signalpost=DATABASE) as pooler:
        yield pooler


@pytest.fixture(scope="module")
def pooled_url(server, pooler):
    return f"postgresql://app:{server.password}@{pooler.url}/{DATABASE}"


@pytest.fixture(scope="module")
def pooled_stack(tmp_path_factory, pooled_url):
    with run_stack(tmp_path_factory.mktemp("stack"), DATABASE_URL=pooled_url) as stack:
        yield stack


def run_direct(server, statement):
    connection = psycopg2.connect(server.dsn(DATABASE))
    with closing(connection), connection.cursor() as cur:
        cur.execute(statement)
        return cur.fetchall()


def assert_published_once(stack, user, *posts):
    for post_id in posts:
        user.wait_until_final(post_id, within=90)
    assert {load_outcome(stack, user, post_id) for post_id in posts} == {PUBLISHED_ONCE}
    wait_until(lambda: find_open_work(stack, user) == [], what="the end of all work")


def test_a_post_is_published_and_its_webhook_applied(pooled_stack):
    user = pooled_stack.create_api_user()
    assert_published_once(pooled_stack, user, user.publish_file())


def test_a_pooler_that_is_killed_costs_a_post_nothing_but_time(pooled_stack, pooler):
    user = pooled_stack.create_api_user()
    pooled_stack.sandbox.control("faults", endpoint="*", kind="slow", seconds=0.3, times=0)
    fields = {"source": "FILE_UPLOAD", "media_id": user.upload_file(), **DIRECT_FIELDS}
    posts = [user.create_post(**fields) for _ in range(3)]
    wait_until(lambda: user.list_platform_calls("video_init"), what="the first call")
    pooler.kill()
    pooler.start()
    pooled_stack.sandbox.control("faults", method="DELETE")
    assert_published_once(pooled_stack, user, *posts)


@pytest.mark.chaos
def test_a_worker_that_is_killed_costs_a_post_nothing_but_time(pooled_stack):
    user = pooled_stack.create_api_user()
    pooled_stack.sandbox.control("faults", endpoint="upload", kind="slow", seconds=1, times=0)
    post_id = user.publish_file()
    wait_until(lambda: user.list_platform_calls("upload"), what="the upload")
    pooled_stack.kill("worker", "uploads")
    pooled_stack.sandbox.control("faults", method="DELETE")
    pooled_stack.expire_leases()
    assert_published_once(pooled_stack, user, post_id)


def test_time_limits_hold_in_each_transaction_and_none_stays_in_the_session(pooled_url, server):
    database = Database(pooled_url)
    with database.transaction() as session:
        assert tuple(session.execute(text(LIMITS_SQL)).one()) == ("15s", "UTC", "30s")
    dedicated = database.dedicated_connection()
    limits = dedicated.run(lambda connection: connection.execute(text(LIMITS_SQL)).one())
    assert tuple(limits) == ("15s", "UTC", "30s")
    with closing(psycopg2.connect(pooled_url)) as other_client, other_client.cursor() as cur:
        cur.execute(LIMITS_SQL)
        assert cur.fetchone()[0] == run_direct(server, LIMITS_SQL)[0][0] == "0"
    dedicated.close()
    database.dispose()


def count_prepared(url):
    """How many statements the session of one connection keeps, and how it plans them."""
    database = Database(url)
    with database.transaction() as session:
        execute_compiled(session, LOCK_STATEMENT, {ROWS_PARAMETER: []})
        prepared = session.execute(text(PREPARED_SQL)).one()
    database.dispose()
    return tuple(prepared)


def test_nothing_is_prepared_in_a_session_of_the_pooler(pooled_url, server):
    migrations.upgrade_schema(pooled_url)
    assert count_prepared(pooled_url) == (0, "auto")
    assert count_prepared(server.dsn(DATABASE)) == (1, "force_generic_plan")  # without it


def test_migrations_through_the_pooler_leave_no_lock(pooled_url, server):
    migrations.upgrade_schema(pooled_url)
    assert run_direct(server, ADVISORY_LOCKS_SQL) == [(0,)]
    migrations.upgrade_schema(server.dsn(DATABASE))


def test_doctor_finds_no_fault_of_the_database(pooled_url):
    migrations.upgrade_schema(pooled_url)
    checks = run_database_checks(pooled_url)
    assert [check for check in checks if not check.ok] == []
    assert "accepts writes" in checks[0].message


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("app:", "app:x", "user or password are wrong"),
        ("//app", "//nobody", "user or password are wrong"),
        ("/signalpost", "/other", "the database does not exist"),
        ("/signalpost", "/signalpost?options=-cwork_mem%3D5MB", "the pooler refuses a parameter"),
    ],
)
def test_doctor_says_why_the_pooler_refuses(pooled_url, old, new, words):
    check = run_database_checks(pooled_url.replace(old, new))[0]
    assert (check.name, check.ok) == ("database", False)
    assert words in check.message
    assert check.advice


def run_database_checks(url):
    database = Database(url)
    try:
        return list(check_database(database, make_services(url, "http://127.0.0.1:9")))
    finally:
        database.dispose()
