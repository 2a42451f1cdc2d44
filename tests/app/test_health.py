from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, update

from app.context import HOUSE
from core.health.readiness import Readiness
from core.outbox import News, tell
from db import upgrades
from db.beats import Beat, Beats
from db.deliveries import Delivery
from db.endpoints import Endpoints
from db.users import User
from db.webhooks import Event


@pytest.fixture
def house(app, house):
    """As `house`, with a broker that answers."""
    readiness = Readiness(house.database, house.world, lambda: True)
    app.extensions[HOUSE] = replace(house, readiness=readiness)
    return app.extensions[HOUSE]


@pytest.fixture
def beat(house):
    """Makes beat's last tick this old."""

    def heard(age=timedelta(0)):
        with house.database.transaction() as session:
            Beats(session).touch("tick")
        with house.database.transaction() as session:
            session.get(Beat, "tick").at -= age

    return heard


def an_event_due_since(house, age):
    with house.database.transaction() as session:
        event = Event(provider="tiktok", event_type="x", external_id="x", payload_json={})
        event.due_at = datetime.now(UTC) - age
        session.add(event)


def test_a_process_that_answers_is_alive(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_a_whole_house_is_ready(client, house, beat):
    beat()
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.json
    assert answer.json["reasons"] == []
    overdue = answer.json["overdueSeconds"]
    assert {"webhooks", "accounts", "posts", "uploads", "outbox"} <= overdue.keys()
    assert set(overdue.values()) == {None}


def test_servers_of_users_that_do_not_answer_take_no_house_out_of_service(client, house, beat):
    beat()
    with house.database.transaction() as session:
        owner = User(email="alice@example.org")
        session.add(owner)
        session.flush()
        Endpoints(session).add(owner.id, url="https://host.example.com/")
        tell(session, [News(owner.id, "post.failed", "post:1", {})])
        long_ago = func.now() - timedelta(minutes=5)
        session.execute(update(Delivery).values(due_at=long_ago))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["reasons"]) == (200, [])
    assert answer.json["overdueSeconds"]["outbox"] > 290


def test_a_platform_that_is_off_is_named_with_what_it_lacks(client, house, beat):
    beat()
    platforms = client.get("/readyz").json["platforms"]
    assert platforms["tiktok"] == "on"
    assert "INSTAGRAM_REDIRECT_URI" in platforms["instagram"]


def test_without_beat_the_house_is_not_ready(client, house):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["reasons"] == ["beat was never heard"]


def test_a_beat_that_fell_silent_is_noticed(client, house, beat):
    beat(age=timedelta(minutes=1))
    assert "no tick" in client.get("/readyz").json["reasons"][0]


def test_work_that_nobody_takes_is_noticed(client, house, beat):
    beat()
    an_event_due_since(house, timedelta(minutes=5))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["overdueSeconds"]["webhooks"] > 290
    assert answer.json["reasons"][0].startswith("webhooks: work is overdue")


def test_work_that_has_just_fallen_due_is_no_fault(client, house, beat):
    beat()
    an_event_due_since(house, timedelta(seconds=10))
    assert client.get("/readyz").status_code == 200


def test_an_old_schema_is_not_ready(client, house, beat, database_url):
    upgrades.down(database_url)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "schema" in answer.json["reasons"][0]


def test_a_silent_broker_is_named(client, app, house, beat):
    beat()
    silent = Readiness(house.database, house.world, lambda: False)
    app.extensions[HOUSE] = replace(house, readiness=silent)
    assert client.get("/readyz").json["reasons"] == ["the broker does not answer"]


def test_without_a_database_the_reason_is_told_and_the_process_still_alive(stage):
    away = stage.house(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none").test_client()
    answer = away.get("/readyz")
    assert answer.status_code == 503
    assert "the database does not answer" in answer.json["reasons"]
    assert away.get("/healthz").status_code == 200


def test_metrics_are_for_the_private_network(client):
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert b"signalpost_http_requests" in answer.data
    far = client.get("/metrics", environ_base={"REMOTE_ADDR": "8.8.8.8"})
    assert far.status_code == 401


def test_a_metrics_token_is_asked_of_everybody(stage):
    client = stage.house(METRICS_TOKEN="the-metrics-token-word-0123456789").test_client()
    assert client.get("/metrics").status_code == 401
    token = {"Authorization": "Bearer the-metrics-token-word-0123456789"}
    assert client.get("/metrics", headers=token).status_code == 200


def test_metrics_say_how_old_due_work_is(client, house, beat):
    beat()
    an_event_due_since(house, timedelta(minutes=5))
    assert b'signalpost_oldest_due_seconds{kind="webhooks"} 3' in client.get("/metrics").data


def test_health_needs_nobody_and_counts_nobody(client):
    for path in ("/healthz", "/readyz", "/metrics"):
        assert "X-RateLimit-Limit" not in client.get(path).headers


def test_metrics_say_what_waits_and_what_is_dead(client, house):
    an_event_due_since(house, timedelta(minutes=5))
    text = client.get("/metrics").text
    assert 'signalpost_webhook_backlog{provider="tiktok"} 1.0' in text
    with house.database.transaction() as session:
        session.query(Event).one().dead_at = datetime.now(UTC)
    assert 'signalpost_dead_letters{provider="tiktok"} 1.0' in client.get("/metrics").text
