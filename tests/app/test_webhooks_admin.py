"""Webhook events for cron jobs and operators: process a batch, list, show and replay."""

import pytest
from sqlalchemy import text

from core.webhooks import process_batch
from tests.support.tiktok_webhooks import TikTokWebhookSender, build_envelope

WORKER_SECRET = "the-workers-secret-word-0123456789"
RUN_ROUTE = "/api/workers/webhooks"
EVENTS_ROUTE = "/api/admin/webhook-events"


@pytest.fixture
def three_events(client):
    """Three stored events whose publications no post has."""
    for number in range(3):
        TikTokWebhookSender(client).send(build_envelope(publish_id=f"p{number}"))


# Processing a batch on request


@pytest.mark.parametrize("header", ["Authorization", "X-Worker-Secret"])
def test_the_worker_secret_processes_a_batch(client, three_events, header):
    value = f"Bearer {WORKER_SECRET}" if header == "Authorization" else WORKER_SECRET
    response = client.post(RUN_ROUTE, headers={header: value})
    assert response.status_code == 200
    assert response.json == {"success": True, "message": "0 events processed", "processed": 0}
    TikTokWebhookSender(client).send(build_envelope("authorization.removed"))
    assert client.post(RUN_ROUTE, headers={header: value}).json["processed"] == 1


def test_an_api_key_with_the_scope_processes_a_batch_as_well(make_user, make_api_client):
    program = make_api_client(make_user(is_admin=True), "workers:run")
    assert program.post(RUN_ROUTE).status_code == 200
    other = make_api_client(make_user("bob@example.org"), "posts:read")
    assert other.post(RUN_ROUTE).status_code == 401


@pytest.mark.parametrize("headers", [{}, {"X-Worker-Secret": "wrong"}, {"X-Worker-Secret": ""}])
def test_without_a_valid_secret_it_is_401(client, headers):
    assert client.post(RUN_ROUTE, headers=headers).status_code == 401


def test_without_a_secret_it_is_503_in_every_environment(app_factory):
    client = app_factory.create_app(WORKER_SECRET="").test_client()
    assert client.post(RUN_ROUTE, headers={"X-Worker-Secret": ""}).status_code == 503


def test_get_describes_the_route_and_changes_nothing(client, three_events, run_sql, container):
    response = client.get(RUN_ROUTE)
    assert response.status_code == 200
    assert (response.json["status"], response.json["worker"]) == ("ok", "webhook-processor")
    assert client.head(RUN_ROUTE).status_code == 200
    with container.database.transaction() as session:
        assert session.execute(text("SELECT sum(retry_count) FROM webhook_events")).scalar() == 0


def test_a_batch_is_no_larger_than_the_setting(app_factory, container):
    app = app_factory.create_app(WEBHOOK_BATCH="2")
    client = app.test_client()
    for number in range(3):
        TikTokWebhookSender(client).send(
            build_envelope("authorization.removed", publish_id=f"p{number}")
        )
    processed = [
        client.post(RUN_ROUTE, headers={"X-Worker-Secret": WORKER_SECRET}).json["processed"]
        for _ in range(3)
    ]
    assert processed == [2, 1, 0]


# Listing and showing


def test_operators_see_events_newest_first_page_by_page(admin_client, three_events):
    first_page = admin_client.get(f"{EVENTS_ROUTE}?limit=2").json
    assert [event["publishId"] for event in first_page["data"]] == ["p2", "p1"]
    last_page = admin_client.get(f"{EVENTS_ROUTE}?limit=2&cursor={first_page['nextCursor']}").json
    assert [event["publishId"] for event in last_page["data"]] == ["p0"]
    assert last_page["nextCursor"] is None


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("status=pending", 2),
        ("status=processing", 1),
        ("status=done", 0),
        ("provider=tiktok", 3),
        ("provider=instagram", 0),
        ("type=video.publish.complete", 3),
        ("type=tiktok.ping", 0),
    ],
)
def test_filters_narrow_the_list(admin_client, three_events, run_sql, query, count):
    run_sql("UPDATE webhook_events SET leased_until = now() + interval '9 s' WHERE publish_id='p1'")
    assert len(admin_client.get(f"{EVENTS_ROUTE}?{query}").json["data"]) == count


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "cursor=x", "color=red"])
def test_an_invalid_query_is_400(admin_client, query):
    assert admin_client.get(f"{EVENTS_ROUTE}?{query}").status_code == 400


def test_the_details_of_an_event_include_its_payload(admin_client, three_events):
    event = admin_client.get(EVENTS_ROUTE).json["data"][0]
    assert "payload" not in event
    detail = admin_client.get(f"{EVENTS_ROUTE}/{event['id']}").json["data"]
    assert detail["payload"] == build_envelope(publish_id="p2")
    assert detail["createdAt"].endswith("Z")
    assert admin_client.get(f"{EVENTS_ROUTE}/999999").status_code == 404


@pytest.mark.parametrize("path", ["", "/1", "/1/replay", "/replay"])
def test_only_an_administrator_has_access(client, make_user, make_api_client, path):
    api_client = make_api_client(make_user(), "posts:read", "accounts:read")
    method = "post" if path.endswith("replay") else "get"
    for caller, status in ((client, 401), (api_client, 403)):
        assert getattr(caller, method)(EVENTS_ROUTE + path, json={"ids": [1]}).status_code == status


# Replaying


def mark_dead(run_sql):
    run_sql("UPDATE webhook_events SET status='dead', dead_at=now(), next_attempt_at=NULL,"
           " retry_count=15 WHERE publish_id IN ('p0', 'p1')")  # fmt: skip


def test_a_dead_event_is_replayed_with_all_its_attempts(
    admin_client, three_events, run_sql, container
):
    mark_dead(run_sql)
    event = admin_client.get(f"{EVENTS_ROUTE}?status=dead").json["data"][0]
    response = admin_client.post(f"{EVENTS_ROUTE}/{event['id']}/replay")
    assert response.json == {"success": True, "replayed": 1, "ids": [event["id"]]}
    replayed = admin_client.get(f"{EVENTS_ROUTE}/{event['id']}").json["data"]
    assert (replayed["status"], replayed["retryCount"], replayed["deadAt"]) == ("pending", 0, None)
    assert process_batch(container.database, container.services, limit=10).claimed == 3 - 1
    with container.database.transaction() as session:
        entry = text("SELECT actor, details FROM audit_log WHERE action = 'webhooks.replayed'")
        actor, details = session.execute(entry).one()
    assert (actor, details["ids"], details["count"]) == ("key", [event["id"]], 1)
    assert replayed["replayedAt"] is not None
    assert replayed["replayedBy"] is not None


def test_replaying_a_pending_event_is_a_conflict_and_a_missing_one_a_404(
    admin_client, three_events
):
    event = admin_client.get(EVENTS_ROUTE).json["data"][0]
    assert admin_client.post(f"{EVENTS_ROUTE}/{event['id']}/replay").status_code == 409
    assert admin_client.post(f"{EVENTS_ROUTE}/999999/replay").status_code == 404


def test_many_events_are_replayed_by_id_or_by_time(admin_client, three_events, run_sql):
    mark_dead(run_sql)
    ids = [event["id"] for event in admin_client.get(EVENTS_ROUTE).json["data"]]
    assert admin_client.post(f"{EVENTS_ROUTE}/replay", json={"ids": ids}).json["replayed"] == 2
    mark_dead(run_sql)
    since = {"since": "2020-01-01T00:00:00Z", "provider": "tiktok"}
    assert admin_client.post(f"{EVENTS_ROUTE}/replay", json=since).json["replayed"] == 2
    assert (
        admin_client.post(f"{EVENTS_ROUTE}/replay", json={"since": "2999-01-01T00:00:00Z"}).json[
            "ids"
        ]
        == []
    )


@pytest.mark.parametrize(
    "body",
    [{}, {"provider": "tiktok"}, {"ids": []}, {"ids": ["x"]}, {"since": "yesterday"},
     {"since": "2020-01-01T00:00:00"}, {"ids": [1], "force": True}],
)  # fmt: skip
def test_a_replay_without_valid_criteria_is_400(admin_client, body):
    assert admin_client.post(f"{EVENTS_ROUTE}/replay", json=body).status_code == 400


def test_a_dry_run_counts_and_replays_nothing(admin_client, three_events, run_sql):
    mark_dead(run_sql)
    body = {"since": "2020-01-01T00:00:00Z", "provider": "tiktok", "dry_run": True}
    answer = admin_client.post(f"{EVENTS_ROUTE}/replay", json=body).json
    assert (answer["matches"], answer["capped"]) == (2, False)
    assert answer["by_type"] == {"video.publish.complete": 2}
    assert answer["oldest"] <= answer["newest"]
    assert len(admin_client.get(f"{EVENTS_ROUTE}?status=dead").json["data"]) == 2


def test_counting_stops_at_ten_thousand(admin_client, run_sql):
    run_sql(
        "INSERT INTO webhook_events (external_id, provider, event_type, payload_json, status,"
        " processed_at, next_attempt_at) SELECT 'e' || n, 'tiktok', 'x', '{}', 'done', now(), NULL"
        " FROM generate_series(1, 10001) AS n"
    )
    body = {"since": "2020-01-01T00:00:00Z", "dry_run": True}
    answer = admin_client.post(f"{EVENTS_ROUTE}/replay", json=body).json
    assert (answer["matches"], answer["capped"]) == (10_000, True)


# How the signature was judged


def test_the_verdict_of_the_signature_is_stored_with_each_event(admin_client, client):
    TikTokWebhookSender(client).send(build_envelope(publish_id="fresh"))
    event = admin_client.get(EVENTS_ROUTE).json["data"][0]
    assert (event["verdict"], event["secretNo"]) == ("valid", 1)
    assert event["signedAt"].endswith("Z")
