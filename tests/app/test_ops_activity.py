"""The figures of the last day at /api/monitoring/metrics: from rows, and from what is counted."""

import time
from dataclasses import replace

import pytest

from app.http.context import CONTAINER_KEY
from core.health import hourly_counts
from core.health.activity import build_activity_counter
from core.limits.rate_limits import RateLimits
from core.limits.redis_client import RedisClient
from core.observability import metrics
from tests.support.tiktok_webhooks import TikTokWebhookSender, build_envelope

ROUTE = "/api/monitoring/metrics"
COUNTING_TIMEOUT = 20.0
NOTHING = {"success": 0, "failure": 0, "rate": None}
NO_EVENTS = {"received": 0, "processed": 0, "avgLatency": None}
POSTS = (
    "INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, state,"
    " finished_at) SELECT user_id, id, 'tiktok', 'INBOX_VIDEO', 'FILE_UPLOAD', 'SIGNALPOST',"
    " '{state}', now() FROM oauth_accounts, generate_series(1, {count})"
)
REFRESHES = (
    "INSERT INTO attempts (kind, row_id, number, outcome)"
    " SELECT 'accounts', id, 1, '{outcome}' FROM oauth_accounts, generate_series(1, {count})"
)
EVENTS = (
    "INSERT INTO webhook_events (provider, event_type, external_id, payload_json, status,"
    " retry_count, created_at, processed_at) SELECT '{provider}', 'x', gen_random_uuid()::text,"
    " '{{}}', '{status}', {tries}, now() - interval '{age}' - interval '2 seconds',"
    " now() - interval '{age}' FROM generate_series(1, {count})"
)
CONNECTIONS = (
    "INSERT INTO audit_log (actor, action, subject, details) SELECT 'session', '{action}',"
    " '{subject}', '{details}' FROM generate_series(1, {count})"
)


@pytest.fixture
def read_summary(admin_client):
    """Reads the figures, once they have been counted: a busy machine may need a moment."""

    def read():
        end = time.monotonic() + COUNTING_TIMEOUT
        while (response := admin_client.get(ROUTE)).status_code == 503 and time.monotonic() < end:
            time.sleep(0.05)
        assert response.status_code == 200, response.text
        return response.json["summary"]

    return read


def test_an_empty_database_has_figures_of_zero_and_no_rates(read_summary):
    summary = read_summary()
    assert summary.pop("since").endswith(":00:00Z")
    none = {"platforms": {"tiktok": NOTHING, "instagram": NOTHING}, **NOTHING}
    no_events = {"platforms": {"tiktok": NO_EVENTS, "instagram": NO_EVENTS}, **NO_EVENTS}
    assert summary == {"oauth": none, "upload": none, "webhook": no_events, "tokenRefresh": none}


def test_posts_and_renewals_are_counted_by_how_they_ended(read_summary, run_sql, factory):
    factory.create_account()
    for statement in (
        POSTS.format(state="PUBLISHED", count=3),
        POSTS.format(state="FAILED", count=1),
        POSTS.format(state="CANCELLED", count=5),
        REFRESHES.format(outcome="done", count=1),
        REFRESHES.format(outcome="retry", count=1),
        REFRESHES.format(outcome="failed", count=1),
        REFRESHES.format(outcome="later", count=1),
    ):
        run_sql(statement)
    summary = read_summary()
    posts = {"success": 3, "failure": 1, "rate": 0.75}
    assert summary["upload"] == {
        **posts,
        "platforms": {"tiktok": posts, "instagram": NOTHING},
    }
    assert summary["tokenRefresh"]["platforms"]["tiktok"] == {
        "success": 1,
        "failure": 2,
        "rate": 0.3333,
    }


def test_events_have_their_mean_latency_without_those_that_waited(read_summary, run_sql):
    for values in (
        {"provider": "tiktok", "status": "done", "tries": 1, "age": "1 second", "count": 3},
        {"provider": "tiktok", "status": "done", "tries": 4, "age": "0 hours", "count": 1},
        {"provider": "tiktok", "status": "ignored", "tries": 0, "age": "0 hours", "count": 2},
        {"provider": "instagram", "status": "done", "tries": 1, "age": "3 hours", "count": 1},
        {"provider": "instagram", "status": "done", "tries": 1, "age": "25 hours", "count": 9},
    ):
        run_sql(EVENTS.format(**values))
    run_sql("UPDATE webhook_events SET created_at = created_at - interval '1 hour'"
            " WHERE retry_count = 4")  # fmt: skip
    webhook = read_summary()["webhook"]
    assert webhook["platforms"] == {
        "tiktok": {"received": 6, "processed": 4, "avgLatency": 2.0},
        "instagram": {"received": 1, "processed": 1, "avgLatency": 2.0},
    }
    assert (webhook["received"], webhook["processed"]) == (7, 5)


def test_connections_of_people_are_counted_and_those_that_renew_themselves_are_not(
    read_summary, run_sql
):
    for values in (
        ("account.connected", "account:7", '{"provider": "instagram"}', 1),
        ("account.connected", "account:7", '{"scope": "x"}', 5),
        ("account.connect_refused", "instagram", '{"code": "access_denied"}', 3),
    ):
        names = ("action", "subject", "details", "count")
        run_sql(CONNECTIONS.format(**dict(zip(names, values, strict=True))))
    oauth = read_summary()["oauth"]
    assert oauth["platforms"]["instagram"] == {"success": 1, "failure": 3, "rate": 0.25}
    assert (oauth["success"], oauth["failure"]) == (1, 3)


def test_what_a_person_declines_at_the_platform_is_a_refused_connection(
    read_summary, signed_in_client
):
    signed_in_client.get("/api/auth/tiktok/callback?error=access_denied&state=x")
    assert read_summary()["oauth"]["platforms"]["tiktok"]["failure"] == 1


def test_an_anonymous_caller_of_the_callback_leaves_no_row(read_summary, client):
    client.get("/api/auth/tiktok/callback?error=access_denied&state=x")
    assert read_summary()["oauth"] == read_summary()["oauth"] | NOTHING


def test_series_that_count_something_are_listed_with_their_labels(admin_client, client):
    TikTokWebhookSender(client).send(build_envelope())
    response = admin_client.get(ROUTE)
    received = [
        each
        for each in response.json["metrics"]
        if each["name"] == "signalpost_webhook_received_total"
        and each["labels"]["result"] == "stored"
    ]
    assert received
    assert {each["kind"] for each in received} == {"counter"}
    assert all(each["value"] >= 1 for each in received)
    assert {"signalpost_db_pool_in_use"} <= {each["name"] for each in response.json["metrics"]}


def test_at_most_two_hundred_series_are_listed_and_the_most_important_first(admin_client):
    for number in range(300):
        metrics.HTTP_REQUESTS.labels(f"/test/{number}", "GET", "200").inc()
    metrics.UPLOADS.labels("tiktok", "INBOX_VIDEO", "FILE_UPLOAD", "PUBLISHED", "").inc()
    response = admin_client.get(ROUTE)
    assert (len(response.json["metrics"]), response.json["capped"]) == (200, True)
    assert "signalpost_upload_total" in {each["name"] for each in response.json["metrics"][:100]}


def test_figures_need_no_redis(admin_client, container, monkeypatch):
    closed = RedisClient("redis://127.0.0.1:1/0")
    limits = RateLimits(closed, container.services.rate_limits.rates)
    services = replace(container.services, redis=closed, rate_limits=limits)
    monkeypatch.setitem(
        admin_client.application.extensions, CONTAINER_KEY, replace(container, services=services)
    )
    assert admin_client.get(ROUTE).status_code == 200


def test_while_a_slow_database_counts_the_route_says_so(
    admin_client, container, monkeypatch, read_summary
):
    """The control: without the lock the same route answers."""
    with container.database.transaction() as session, monkeypatch.context() as patches:
        patches.setattr("core.health.known_facts.FIRST_TIME_LIMIT", 0.1)
        patches.setattr(hourly_counts, "ANSWER_TIMEOUT", 0.1)
        activity = build_activity_counter(container.database, container.services.now)
        slow = replace(container, activity=activity)
        patches.setitem(admin_client.application.extensions, CONTAINER_KEY, slow)
        session.connection().exec_driver_sql("LOCK TABLE attempts IN ACCESS EXCLUSIVE MODE")
        response = admin_client.get(ROUTE)
    assert (response.status_code, response.json["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert response.headers["Retry-After"] == "5"
    assert read_summary()["upload"]["success"] == 0


def test_figures_are_for_administrators(client, make_user, make_api_client):
    user = make_api_client(make_user(), "posts:read", "accounts:read", "insights:read")
    assert (client.get(ROUTE).status_code, user.get(ROUTE).status_code) == (401, 403)


def test_the_page_of_monitoring_has_the_last_day_by_platform_and_the_latest_events(
    sign_in, make_user, client
):
    operator = sign_in(make_user("root@example.org", is_admin=True))
    TikTokWebhookSender(client).send(build_envelope())
    operator.get("/api/auth/tiktok/callback?error=access_denied&state=x")
    end = time.monotonic() + COUNTING_TIMEOUT
    while "0 done, 1 failed" not in (page := operator.get("/monitoring/state").text):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert "/admin/events/1" in page
