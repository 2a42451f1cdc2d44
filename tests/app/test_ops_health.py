"""Liveness, readiness and metrics."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import pytest
from sqlalchemy import func, text, update

from app.http.context import CONTAINER_KEY
from core.health.readiness import Readiness
from core.outbox import AppEvent, enqueue_events
from db import migrations
from db.identity.users import User
from db.ops.heartbeats import Heartbeat, Heartbeats
from db.outbox.deliveries import Delivery
from db.outbox.endpoints import Endpoints
from db.webhooks.events import Event
from tests.servers import owner_url


@pytest.fixture
def container(app, container):
    """The container, with a broker that answers."""
    readiness = Readiness(container.database, container.services, lambda: True)
    app.extensions[CONTAINER_KEY] = replace(container, readiness=readiness)
    return app.extensions[CONTAINER_KEY]


@pytest.fixture
def set_heartbeat(container):
    """Sets the age of beat's last tick."""

    def record(age=timedelta(0)):
        with container.database.transaction() as session:
            Heartbeats(session).record("tick")
        with container.database.transaction() as session:
            session.get(Heartbeat, "tick").at -= age

    return record


def insert_due_event(container, age):
    with container.database.transaction() as session:
        event = Event(provider="tiktok", event_type="x", external_id="x", payload_json={})
        event.due_at = datetime.now(UTC) - age
        session.add(event)


def test_healthz_answers_while_the_process_runs(client):
    response = client.get("/healthz")
    assert (response.status_code, response.json["status"]) == (200, "ok")
    assert response.json["version"] == version("signalpost")


def test_a_complete_installation_is_ready(client, container, set_heartbeat):
    set_heartbeat()
    response = client.get("/readyz")
    assert response.status_code == 200, response.json
    assert response.json["reasons"] == []
    overdue = response.json["overdueSeconds"]
    assert {"webhooks", "accounts", "posts", "uploads", "outbox"} <= overdue.keys()
    assert set(overdue.values()) == {None}


def test_failing_user_endpoints_do_not_affect_readiness(client, container, set_heartbeat):
    set_heartbeat()
    with container.database.transaction() as session:
        owner = User(email="alice@example.org")
        session.add(owner)
        session.flush()
        Endpoints(session).add(owner.id, url="https://host.example.com/")
        enqueue_events(session, [AppEvent(owner.id, "post.failed", "post:1", {})])
        long_ago = func.now() - timedelta(minutes=5)
        session.execute(update(Delivery).values(due_at=long_ago))
    response = client.get("/readyz")
    assert (response.status_code, response.json["reasons"]) == (200, [])
    assert response.json["overdueSeconds"]["outbox"] > 290


def test_a_platform_that_is_off_is_listed_with_its_missing_settings(
    client, container, set_heartbeat
):
    set_heartbeat()
    platforms = client.get("/readyz").json["platforms"]
    assert platforms["tiktok"] == "on"
    assert "INSTAGRAM_REDIRECT_URI" in platforms["instagram"]


def test_a_silent_beat_is_reported_and_takes_no_process_out_of_service(client, container):
    response = client.get("/readyz")
    assert (response.status_code, response.json["status"]) == (200, "degraded")
    assert response.json["reasons"] == ["there was no tick of beat yet"]
    assert response.json["trafficReasons"] == []
    assert client.get("/statusz").status_code == 503


def test_an_old_tick_is_reported(client, container, set_heartbeat):
    set_heartbeat(age=timedelta(minutes=1))
    response = client.get("/readyz")
    assert response.status_code == 200
    assert "no tick" in response.json["reasons"][0]
    assert response.json["tickAgeSeconds"] > 59


def test_overdue_work_is_reported_and_takes_no_process_out_of_service(
    client, container, set_heartbeat
):
    set_heartbeat()
    insert_due_event(container, timedelta(minutes=5))
    response = client.get("/readyz")
    assert (response.status_code, response.json["status"]) == (200, "degraded")
    assert response.json["overdueSeconds"]["webhooks"] > 290
    assert response.json["reasons"][0].startswith("webhooks: work is overdue")
    assert client.get("/statusz").json["reasons"] == response.json["reasons"]
    assert client.get("/statusz").status_code == 503


def test_work_that_has_just_fallen_due_does_not_affect_readiness(client, container, set_heartbeat):
    set_heartbeat()
    insert_due_event(container, timedelta(seconds=10))
    assert client.get("/statusz").status_code == 200


def test_an_old_schema_is_not_ready(client, container, set_heartbeat, database_url):
    migrations.downgrade_schema(owner_url(database_url))
    response = client.get("/readyz")
    assert (response.status_code, response.json["status"]) == (503, "not ready")
    assert "schema" in response.json["trafficReasons"][0]


def test_the_schema_of_a_newer_version_takes_no_old_process_out_of_service(
    client, container, set_heartbeat, run_sql
):
    set_heartbeat()
    run_sql("UPDATE alembic_version SET version_num = '9999'")
    response = client.get("/readyz")
    assert (response.status_code, response.json["status"]) == (200, "degraded")
    assert "9999, newer than this code" in response.json["reasons"][0]
    assert client.get("/statusz").status_code == 503


def test_a_missing_index_is_reported_and_a_missing_table_is_not_ready(
    app_factory, container, set_heartbeat, run_sql
):
    set_heartbeat()
    run_sql("DROP INDEX idx_attempts_row")
    response = app_factory.create_app().test_client().get("/readyz")
    assert response.status_code == 200
    assert "the schema lacks idx_attempts_row" in response.json["reasons"]
    run_sql("DROP TABLE attempts CASCADE")
    response = app_factory.create_app().test_client().get("/readyz")
    assert response.status_code == 503
    assert "attempts" in response.json["trafficReasons"][0]


def test_an_unreachable_broker_is_reported_and_takes_no_process_out_of_service(
    client, app, container, set_heartbeat
):
    set_heartbeat()
    silent = Readiness(container.database, container.services, lambda: False)
    app.extensions[CONTAINER_KEY] = replace(container, readiness=silent)
    response = client.get("/readyz")
    assert response.json["reasons"] == ["the broker does not answer"]
    assert response.status_code == 200
    assert client.get("/statusz").status_code == 503


def test_a_read_only_database_is_not_ready_and_named(client, container, set_heartbeat, run_sql):
    set_heartbeat()
    run_sql("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on',"
            " current_database()); END $$")  # fmt: skip
    container.database.dispose()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json["trafficReasons"] == ["the database is read-only"]


def test_many_probes_of_a_database_that_hangs_take_one_thread_and_get_the_last_facts(
    client, container, set_heartbeat, app
):
    set_heartbeat()
    known = client.get("/readyz").json["migration"]
    with container.database.transaction() as session:
        session.execute(text("LOCK TABLE beats IN ACCESS EXCLUSIVE MODE"))
        is_old = wait_until_old(client)
        started_at = time.monotonic()
        with ThreadPoolExecutor(40) as pool:
            answers = list(pool.map(lambda _: app.test_client().get("/readyz"), range(40)))
        assert time.monotonic() - started_at < 20  # one after the other, they would take 40 s
        names = [thread.name for thread in threading.enumerate()]
        assert (names.count("traffic-facts"), names.count("work-facts")) == (1, 1)
    assert is_old
    assert {answer.status_code for answer in answers} == {503}
    assert {answer.json["migration"] for answer in answers} == {known}
    assert min(answer.json["factsAgeSeconds"] for answer in answers) > 1


def wait_until_old(client):
    """Ask until the facts are not fresh any more, so that the next probe has to gather them."""
    end = time.monotonic() + 60
    while client.get("/readyz").status_code == 200 and time.monotonic() < end:
        time.sleep(0.05)
    return client.get("/readyz").status_code == 503


def test_without_a_database_the_reason_is_reported_and_the_process_still_alive(app_factory):
    client = app_factory.create_app(
        DATABASE_URL="postgresql://nobody@127.0.0.1:1/none"
    ).test_client()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "the database does not answer" in response.json["reasons"]
    assert client.get("/healthz").status_code == 200


def test_metrics_are_for_the_private_network(client):
    response = client.get("/metrics")
    assert response.status_code == 200
    assert b"signalpost_http_requests" in response.data
    response_to_public_address = client.get("/metrics", environ_base={"REMOTE_ADDR": "8.8.8.8"})
    assert response_to_public_address.status_code == 401
    outside = client.get("/statusz", environ_base={"REMOTE_ADDR": "8.8.8.8"})
    assert outside.status_code == 401


def test_a_metrics_token_is_required_once_it_is_set(app_factory):
    client = app_factory.create_app(METRICS_TOKEN="the-metrics-token-word-0123456789").test_client()
    assert client.get("/metrics").status_code == 401
    token = {"Authorization": "Bearer the-metrics-token-word-0123456789"}
    assert client.get("/metrics", headers=token).status_code == 200


def test_metrics_contain_the_age_of_due_work(client, container, set_heartbeat):
    set_heartbeat()
    insert_due_event(container, timedelta(minutes=5))
    assert b'signalpost_oldest_due_seconds{kind="webhooks"} 3' in client.get("/metrics").data


def test_health_checks_need_no_principal_and_are_not_rate_limited(client):
    for path in ("/healthz", "/readyz", "/statusz", "/metrics"):
        assert "X-RateLimit-Limit" not in client.get(path).headers


def test_metrics_contain_the_backlog_and_the_dead_events(client, container):
    insert_due_event(container, timedelta(minutes=5))
    text = client.get("/metrics").text
    assert 'signalpost_webhook_backlog{provider="tiktok"} 1.0' in text
    with container.database.transaction() as session:
        session.query(Event).one().dead_at = datetime.now(UTC)
    assert 'signalpost_dead_letters{provider="tiktok"} 1.0' in client.get("/metrics").text
