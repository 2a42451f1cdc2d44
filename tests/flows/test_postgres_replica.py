"""Lists are read from a standby while it is up to date enough, and from the primary otherwise.

The standby is a real one, made by pg_basebackup. That a list came from it is seen by what only an
older copy of the rows can say: it replays half a second late, and the limit allows that.
"""

import signal
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import jsonify
from sqlalchemy import text

from app.http.replica_reads import reading_database, reads_replica
from core.health.conditions import ALERT_CONDITIONS
from core.health.measurement import Probes
from core.health.replica_checks import STATE_ADVICE, check_replica
from db.replicas import ReplicaFaultKind, ReplicaReadFailed, reading_within
from db.session import DatabaseUnavailable
from tests.flows.brokers import wait_until
from tests.flows.postgres_servers import run_statement
from tests.flows.replica_stack import (
    DATABASE,
    configure,
    counted_reads,
    open_app,
    reader_url,
    run_standby,
    signal_server,
    start_primary,
    wait_until_replayed,
)
from tests.support.built_services import open_services

DELAY = "700ms"  # of the replay
NO_DELAY = "0"
HEALTH_LIMIT = 6.0  # seconds for the answers of two health checks, on a busy machine
ANSWER_LIMIT = 14.0  # seconds; a statement without a limit of its own would take 17
UNKNOWN_ID = 404

VIEW_VALUES = {"platform": "instagram", "comment_id": UNKNOWN_ID}
REFUSED_VIEWS = {"comment_pages.show_comment", "insights.show_media_history_instagram"}
"""They name something that this user does not have: the primary says so."""


@pytest.fixture(scope="module")
def primary(tmp_path_factory):
    server = start_primary(tmp_path_factory.mktemp("replica") / "primary")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def standby(primary, tmp_path_factory):
    with run_standby(tmp_path_factory.mktemp("replica") / "standby", primary) as server:
        yield server


@pytest.fixture(scope="module")
def shared_app(primary, standby, server_addresses):
    redis_url = f"{server_addresses.valkey}/0"  # no other test uses this database of it
    stack = open_app(primary, reader_url(standby), REDIS_URL=redis_url)
    yield stack
    stack.close()


@pytest.fixture
def stack(shared_app, primary, standby):
    """The application with a replica that is in use, and a user who has changed nothing."""
    shared_app.forget_write()
    shared_app.set_title("first")
    wait_until_replayed(primary, standby)
    shared_app.wait_until_used()
    return shared_app


@contextmanager
def replay_delayed(standby, delay=DELAY):
    configure(standby, "recovery_min_apply_delay", delay)
    try:
        yield
    finally:
        configure(standby, "recovery_min_apply_delay", NO_DELAY)


def list_replica_views(app):
    """Name and path of every view that reads from the replica."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if getattr(view, "reads_replica", False) and "GET" in rule.methods:
            values = {name: VIEW_VALUES[name] for name in rule.arguments} | (rule.defaults or {})
            with app.test_request_context():
                yield rule.endpoint, app.url_for(rule.endpoint, **values)


def test_every_list_is_answered_by_the_replica_alone(stack):
    views = list(list_replica_views(stack.app))
    assert len(views) > 20
    refused = set()
    for name, path in views:
        with counted_reads() as counts:
            answer = stack.browser.get(path)
        if answer.status_code in {403, 404}:
            refused.add(name)
            assert counts == {"repeated": 1}, name
        else:
            assert (answer.status_code, counts) == (200, {"replica": 1}), name
        assert stack.is_used(), (name, stack.replica.verdict)
    assert refused == REFUSED_VIEWS


def test_a_list_is_what_the_replica_has_replayed(stack, standby):
    with replay_delayed(standby):
        stack.set_title("second")
        with counted_reads() as counts:
            assert stack.list_titles() == ["first"]
        assert counts == {"replica": 1}
        wait_until(lambda: stack.list_titles() == ["second"], what="the replayed title")


def test_what_is_no_list_is_read_from_the_primary(stack, standby):
    (post_id,) = (post["id"] for post in stack.browser.get("/api/posts").json["data"])
    with replay_delayed(standby), counted_reads() as counts:
        stack.set_title("second")
        assert stack.browser.get(f"/api/posts/{post_id}").json["data"]["title"] == "second"
        assert b"second" in stack.browser.get("/posts/export.csv").data
    assert counts == {}


def save_draft(stack, title):
    answer = stack.program.put(f"/api/drafts/{uuid4()}", json={"title": title, "payload": {}})
    assert answer.status_code in {200, 201}, answer.text


def test_a_user_finds_at_once_what_he_has_just_changed(stack, standby):
    path = "/api/notifications"
    insert = (
        "INSERT INTO notifications (user_id, kind, cause, payload)"
        f" VALUES ({stack.user_id}, 'post_published', 'a post', '{{}}')"
    )
    run_statement(stack.primary, insert, DATABASE)
    ((notification_id,),) = run_statement(
        stack.primary, "SELECT max(id) FROM notifications", DATABASE
    )
    wait_until_replayed(stack.primary, standby)
    with replay_delayed(standby):
        read = stack.program.post(f"{path}/{notification_id}/read")
        assert read.status_code == 200, read.text
        assert stack.browser.get(path).json["unread"] == 0
        stack.forget_write()  # the negative control: without the mark, the list is an older one
        assert stack.browser.get(path).json["unread"] == 1


def test_after_a_write_lists_come_from_the_replica_again(stack):
    save_draft(stack, "a draft")
    with counted_reads() as counts:
        stack.list_titles()
    assert counts == {"primary": 1}

    def is_answered_by_replica():
        with counted_reads() as counts:
            stack.list_titles()
        return counts == {"replica": 1}

    wait_until(is_answered_by_replica, what="a replica that has replayed the write")


def test_the_callback_of_a_platform_counts_as_a_write(stack):
    stack.browser.get("/api/auth/tiktok/callback?error=access_denied")
    ((is_recorded,),) = run_statement(
        stack.primary, "SELECT bool_or(wrote_at IS NOT NULL) FROM users", DATABASE
    )
    assert is_recorded


def test_a_replica_beyond_the_limit_is_left_out_until_it_has_caught_up(primary, standby):
    stack = open_app(primary, reader_url(standby), lag="1s")
    try:
        stack.wait_until_used()
        with replay_delayed(standby, "1min"):
            stack.set_title("second")
            assert "behind" in stack.wait_until_left_out()
            with counted_reads() as counts:
                assert stack.list_titles() == ["second"]
            assert counts == {"primary": 1}
        stack.wait_until_used()
    finally:
        stack.close()


def test_an_idle_primary_does_not_count_as_lag(stack, standby):
    wait_until_replayed(stack.primary, standby)
    stack.replica.look()
    age = "SELECT now() - pg_last_xact_replay_timestamp() > interval '1 second'"
    wait_until(lambda: run_statement(standby, age) == [(True,)], what="a replica that is idle")
    stack.replica.look()
    assert stack.replica.verdict.lag == 0


def test_a_paused_replica_is_left_out(stack, standby):
    run_statement(standby, "SELECT pg_wal_replay_pause()")
    try:
        assert "paused" in stack.wait_until_left_out()
        stack.set_title("second")
        assert stack.list_titles() == ["second"]
    finally:
        run_statement(standby, "SELECT pg_wal_replay_resume()")
    stack.wait_until_used()


def test_a_replica_that_hangs_delays_one_list_and_no_health_check(stack, standby):
    signal_server(standby, signal.SIGSTOP)
    try:
        began_at = time.monotonic()
        assert stack.list_titles() == ["first"]
        assert time.monotonic() - began_at < ANSWER_LIMIT
        stack.wait_until_left_out()
        began_at = time.monotonic()
        assert stack.browser.get("/healthz").status_code == 200
        stack.browser.get("/readyz")
        assert time.monotonic() - began_at < HEALTH_LIMIT
        with counted_reads() as counts:
            assert stack.list_titles() == ["first"]
        assert counts == {"primary": 1}
    finally:
        signal_server(standby, signal.SIGCONT)
    stack.wait_until_used()


@pytest.mark.alert("replica_left_out")
def test_a_replica_that_is_killed_is_left_out_and_opens_the_alert(stack, standby):
    condition = next(each for each in ALERT_CONDITIONS if each.name == "replica_left_out")
    probes = Probes(stack.container.services)
    assert condition.probe(probes).value == 0
    standby.kill()
    try:
        with counted_reads() as counts:
            assert stack.list_titles() == ["first"]
        assert counts in ({"repeated": 1}, {"primary": 1})
        stack.wait_until_left_out()
        assert condition.probe(probes).value > condition.limit
        (check,) = check_replica(stack.container.services)
        assert (check.ok, bool(check.advice)) == (False, True)
    finally:
        standby.start()
    stack.wait_until_used()
    assert condition.probe(probes).value == 0


def test_a_promoted_replica_is_left_out_and_never_written_to(primary, tmp_path):
    with run_standby(tmp_path / "promoted", primary) as promoted:
        stack = open_app(primary, promoted.dsn(DATABASE))  # a superuser, who could write
        try:
            stack.wait_until_used()
            reads = stack.replica.open_reads(None)
            run_statement(promoted, "SELECT pg_promote()")
            with (
                pytest.raises(ReplicaReadFailed),
                reading_within(timedelta(seconds=5)),
                reads.transaction(),
            ):
                pytest.fail("a promoted server was read from")
            assert "no standby" in stack.wait_until_left_out()
            with (
                pytest.raises(DatabaseUnavailable, match="read-only"),
                stack.replica._databases.reads.transaction() as session,
            ):
                session.execute(text("DELETE FROM posts"))
            assert stack.list_titles() == ["first"]
        finally:
            stack.close()


def test_a_statement_that_replay_ends_is_repeated_once_by_the_primary(primary, standby):
    """The view waits on the standby until the replay needs the table's lock, and ends it."""
    configure(standby, "max_standby_streaming_delay", NO_DELAY)
    stack = open_app(primary, reader_url(standby))
    try:

        @reads_replica
        def wait_in_list():
            sql = "SELECT pg_is_in_recovery(), CASE WHEN pg_is_in_recovery() THEN pg_sleep(20) END"
            with reading_database().transaction() as session:
                return jsonify(session.execute(text(f"{sql} FROM users LIMIT 1")).one()[0])

        stack.app.add_url_rule("/api/wait", view_func=wait_in_list)
        stack.wait_until_used()
        answers = []
        thread = threading.Thread(target=lambda: answers.append(stack.browser.get("/api/wait")))
        with counted_reads() as counts:
            thread.start()
            sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
            wait_until(lambda: run_statement(standby, sleeping) == [(1,)], what="a waiting list")
            run_statement(primary, "ALTER TABLE users SET (fillfactor = 100)", DATABASE)
            run_statement(primary, "BEGIN; LOCK users; COMMIT", DATABASE)
            thread.join()
        assert counts == {"repeated": 1}
        assert [answer.json for answer in answers] == [False]
        assert stack.is_used()
    finally:
        configure(standby, "max_standby_streaming_delay", "30s")
        stack.close()


def test_doctor_accepts_a_role_that_only_reads_and_objects_to_more(stack, primary, standby):
    checks = list(check_replica(stack.container.services))
    assert [(each.name, each.ok) for each in checks] == [("replica", True), ("replica role", True)]
    other = open_app(primary, standby.dsn(DATABASE))
    try:
        (_, role_check) = check_replica(other.container.services)
        assert "superuser" in role_check.message
        assert role_check.ok  # a fault in production only
    finally:
        other.close()


def test_the_primary_itself_is_no_replica(primary):
    other = open_app(primary, reader_url(primary))
    try:
        assert other.replica.await_verdict().fault.kind == ReplicaFaultKind.NO_STANDBY
    finally:
        other.close()


def test_the_standby_of_another_primary_is_no_replica(standby, database_url, redis_url):
    settings = {"DATABASE_REPLICA_URL": reader_url(standby), "SIGNALPOST_ROLE": "web"}
    with open_services(database_url, redis_url, **settings) as services:
        assert services.replica.await_verdict().fault.kind == ReplicaFaultKind.OTHER_PRIMARY
        services.replica.stop()


def test_every_state_of_a_replica_has_its_advice():
    assert {*ReplicaFaultKind} - {*STATE_ADVICE} == {ReplicaFaultKind.UNREADABLE}
