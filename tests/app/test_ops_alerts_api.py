"""Alerts open and end with their condition; an operator can resolve one."""

import pytest

from tests.support.tiktok_webhooks import TikTokWebhookSender, build_envelope

CHECK_ROUTE = "/api/workers/alert-checker"
ALERTS_ROUTE = "/api/monitoring/alerts"
WORKER_HEADERS = {"X-Worker-Secret": "the-workers-secret-word-0123456789"}


@pytest.fixture
def check_alerts(client):
    def run():
        response = client.post(CHECK_ROUTE, headers=WORKER_HEADERS).json
        return response["newAlerts"], response["activeAlerts"]

    return run


def alert_names(response):
    return {alert["name"] for alert in response.json["alerts"]}


def test_a_healthy_installation_has_no_alerts(check_alerts, admin_client):
    assert check_alerts() == (0, 0)
    assert admin_client.get(ALERTS_ROUTE).json["alerts"] == []


@pytest.mark.alert("dead_letters")
def test_a_dead_event_is_an_alert_until_it_is_handled(check_alerts, client, run_sql, admin_client):
    TikTokWebhookSender(client).send(build_envelope())
    run_sql("UPDATE webhook_events SET dead_at = now(), status = 'dead'")
    assert check_alerts() == (1, 1)
    assert check_alerts() == (0, 1)
    (alert,) = admin_client.get(ALERTS_ROUTE).json["alerts"]
    assert (alert["name"], alert["severity"], alert["details"]["measured"]) == (
        "dead_letters",
        "warning",
        1,
    )
    run_sql("UPDATE webhook_events SET dead_at = NULL")
    assert check_alerts() == (0, 0)
    assert alert_names(admin_client.get(ALERTS_ROUTE)) == set()
    assert alert_names(admin_client.get(f"{ALERTS_ROUTE}?includeResolved=true")) == {"dead_letters"}


@pytest.mark.alert("webhook_unreadable")
def test_a_signed_delivery_that_cannot_be_read_is_an_alert(check_alerts, client, admin_client):
    TikTokWebhookSender(client).send(b"not json")
    check_alerts()
    assert alert_names(admin_client.get(ALERTS_ROUTE)) == {"webhook_unreadable"}


def insert_events_sql(count, **columns):
    """SQL that inserts `count` events."""
    values = {"provider": "'tiktok'", "event_type": "'x'", "payload_json": "'{}'", **columns}
    return (
        f"INSERT INTO webhook_events (external_id, {', '.join(values)})"
        f" SELECT 'e' || n, {', '.join(values.values())} FROM generate_series(1, {count}) AS n"
    )


def insert_failed_refreshes_sql(count):
    return (
        "INSERT INTO attempts (kind, row_id, number, outcome)"
        f" SELECT 'accounts', n, 1, 'retry' FROM generate_series(1, {count}) AS n"
    )


SQL_AGO = "now() - interval '{}'"


@pytest.mark.parametrize(
    ("bad", "good", "name"),
    [
        (
            insert_events_sql(101, next_attempt_at=SQL_AGO.format("6 minutes")),
            insert_events_sql(100, next_attempt_at=SQL_AGO.format("6 minutes")),
            "webhook_backlog",
        ),
        (
            insert_events_sql(101, next_attempt_at=SQL_AGO.format("6 minutes")),
            insert_events_sql(300, next_attempt_at=SQL_AGO.format("4 minutes")),
            "webhook_backlog",
        ),
        (
            insert_events_sql(6, status="'done'", retry_count="1", processed_at="now()",
                   created_at=SQL_AGO.format("9 seconds")),
            insert_events_sql(5, status="'done'", retry_count="1", processed_at="now()",
                   created_at=SQL_AGO.format("9 seconds")),
            "high_webhook_latency",
        ),
        (
            "INSERT INTO beats VALUES ('tick', now() - interval '4 minutes')",
            "INSERT INTO beats VALUES ('tick', now() - interval '2 minutes')",
            "scheduler_lag",
        ),
        (
            "INSERT INTO beats VALUES ('canary:webhooks', now() - interval '1 minute');"
            + insert_events_sql(1),
            "INSERT INTO beats VALUES ('canary:webhooks', now() - interval '9 seconds');"
            + insert_events_sql(1),
            "worker_silent",
        ),
        (
            insert_failed_refreshes_sql(4),
            insert_failed_refreshes_sql(3),
            "token_refresh_failure",
        ),
    ],
    ids=["backlog", "backlog young", "latency", "tick", "canary", "refresh"],
)  # fmt: skip
@pytest.mark.alert(
    "webhook_backlog",
    "high_webhook_latency",
    "scheduler_lag",
    "worker_silent",
    "token_refresh_failure",
)
def test_each_alert_opens_above_its_limit_and_not_at_it(
    check_alerts, run_sql, admin_client, bad, good, name
):
    run_sql(good)
    check_alerts()
    assert name not in alert_names(admin_client.get(ALERTS_ROUTE))
    run_sql("TRUNCATE webhook_events, beats, attempts")
    run_sql(bad)
    check_alerts()
    assert name in alert_names(admin_client.get(ALERTS_ROUTE))


def test_a_resolved_alert_opens_again_while_its_condition_holds(
    check_alerts, client, run_sql, admin_client
):
    TikTokWebhookSender(client).send(build_envelope())
    run_sql("UPDATE webhook_events SET dead_at = now(), status = 'dead'")
    check_alerts()
    (alert,) = admin_client.get(ALERTS_ROUTE).json["alerts"]
    response = admin_client.post(ALERTS_ROUTE, json={"alertId": alert["id"]})
    assert response.status_code == 200
    assert response.json["alert"]["resolvedBy"] is not None
    assert alert_names(admin_client.get(ALERTS_ROUTE)) == set()
    assert check_alerts() == (1, 1)


@pytest.mark.parametrize(
    ("body", "status"), [({"alertId": 99}, 404), ({}, 400), ({"alertId": "x"}, 400)]
)
def test_an_unknown_alert_cannot_be_resolved(admin_client, body, status):
    assert admin_client.post(ALERTS_ROUTE, json=body).status_code == status


def test_alerts_are_for_administrators_and_the_checker_for_workers(
    client, make_user, make_api_client
):
    api_client = make_api_client(make_user(), "posts:read")
    assert (client.get(ALERTS_ROUTE).status_code, api_client.get(ALERTS_ROUTE).status_code) == (
        401,
        403,
    )
    assert (client.post(CHECK_ROUTE).status_code, api_client.post(CHECK_ROUTE).status_code) == (
        401,
        401,
    )
