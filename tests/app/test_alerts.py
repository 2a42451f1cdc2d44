"""Alerts open with their condition and end with it; a person may say that one is dealt with."""

import pytest
from sqlalchemy import text

from tests.tiktok_sender import Sender, an_envelope

CHECK = "/api/workers/alert-checker"
ALERTS = "/api/monitoring/alerts"
SECRET = {"X-Worker-Secret": "the-workers-secret-word-0123456789"}


@pytest.fixture
def change(house):
    def run(statement):
        with house.database.transaction() as session:
            session.execute(text(statement))

    return run


@pytest.fixture
def admin(a_user, a_program):
    return a_program(a_user("root@example.org", is_admin=True), "admin")


@pytest.fixture
def check(client):
    def run():
        answer = client.post(CHECK, headers=SECRET).json
        return answer["newAlerts"], answer["activeAlerts"]

    return run


def names(answer):
    return {alert["name"] for alert in answer.json["alerts"]}


def test_a_quiet_house_has_no_alerts(check, admin):
    assert check() == (0, 0)
    assert admin.get(ALERTS).json["alerts"] == []


def test_a_dead_letter_is_an_alert_until_it_is_handled(check, client, change, admin):
    Sender(client).send(an_envelope())
    change("UPDATE webhook_events SET dead_at = now(), status = 'dead'")
    assert check() == (1, 1)
    assert check() == (0, 1)
    (alert,) = admin.get(ALERTS).json["alerts"]
    assert (alert["name"], alert["severity"], alert["details"]["measured"]) == (
        "dead_letters",
        "warning",
        1,
    )
    change("UPDATE webhook_events SET dead_at = NULL")
    assert check() == (0, 0)
    assert names(admin.get(ALERTS)) == set()
    assert names(admin.get(f"{ALERTS}?includeResolved=true")) == {"dead_letters"}


def test_a_signed_delivery_that_cannot_be_read_is_an_alert(check, client, admin):
    Sender(client).send(b"not json")
    check()
    assert names(admin.get(ALERTS)) == {"webhook_unreadable"}


def events(count, **columns):
    """SQL for that many events."""
    values = {"provider": "'tiktok'", "event_type": "'x'", "payload_json": "'{}'", **columns}
    return (
        f"INSERT INTO webhook_events (external_id, {', '.join(values)})"
        f" SELECT 'e' || n, {', '.join(values.values())} FROM generate_series(1, {count}) AS n"
    )


def failed_refreshes(count):
    return (
        "INSERT INTO attempts (kind, row_id, number, outcome)"
        f" SELECT 'accounts', n, 1, 'retry' FROM generate_series(1, {count}) AS n"
    )


AGO = "now() - interval '{}'"


@pytest.mark.parametrize(
    ("bad", "good", "name"),
    [
        (
            events(101, next_attempt_at=AGO.format("6 minutes")),
            events(100, next_attempt_at=AGO.format("6 minutes")),
            "webhook_backlog",
        ),
        (
            events(101, next_attempt_at=AGO.format("6 minutes")),
            events(300, next_attempt_at=AGO.format("4 minutes")),
            "webhook_backlog",
        ),
        (
            events(6, status="'done'", retry_count="1", processed_at="now()",
                   created_at=AGO.format("9 seconds")),
            events(5, status="'done'", retry_count="1", processed_at="now()",
                   created_at=AGO.format("9 seconds")),
            "high_webhook_latency",
        ),
        (
            "INSERT INTO beats VALUES ('tick', now() - interval '4 minutes')",
            "INSERT INTO beats VALUES ('tick', now() - interval '2 minutes')",
            "scheduler_lag",
        ),
        (
            "INSERT INTO beats VALUES ('canary:webhooks', now() - interval '1 minute');"
            + events(1),
            "INSERT INTO beats VALUES ('canary:webhooks', now() - interval '9 seconds');"
            + events(1),
            "worker_silent",
        ),
        (
            failed_refreshes(4),
            failed_refreshes(3),
            "token_refresh_failure",
        ),
    ],
    ids=["backlog", "backlog young", "latency", "tick", "canary", "refresh"],
)  # fmt: skip
def test_each_condition_opens_beyond_its_limit_and_not_at_it(check, change, admin, bad, good, name):
    change(good)
    check()
    assert name not in names(admin.get(ALERTS))
    change("TRUNCATE webhook_events, beats, attempts")
    change(bad)
    check()
    assert name in names(admin.get(ALERTS))


def test_a_person_may_say_it_is_dealt_with_and_it_comes_back_if_it_is_not(
    check, client, change, admin
):
    Sender(client).send(an_envelope())
    change("UPDATE webhook_events SET dead_at = now(), status = 'dead'")
    check()
    (alert,) = admin.get(ALERTS).json["alerts"]
    answer = admin.post(ALERTS, json={"alertId": alert["id"]})
    assert answer.status_code == 200
    assert answer.json["alert"]["resolvedBy"] is not None
    assert names(admin.get(ALERTS)) == set()
    assert check() == (1, 1)


@pytest.mark.parametrize(
    ("body", "status"), [({"alertId": 99}, 404), ({}, 400), ({"alertId": "x"}, 400)]
)
def test_there_must_be_something_to_deal_with(admin, body, status):
    assert admin.post(ALERTS, json=body).status_code == status


def test_alerts_are_for_administrators_and_the_checker_for_workers(client, a_user, a_program):
    program = a_program(a_user(), "posts:read")
    assert (client.get(ALERTS).status_code, program.get(ALERTS).status_code) == (401, 403)
    assert (client.post(CHECK).status_code, program.post(CHECK).status_code) == (401, 401)
