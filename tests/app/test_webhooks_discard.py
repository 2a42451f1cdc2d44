"""Dead letters are discarded by operators, in the API and on the command line; other events not."""

import json

import pytest
from sqlalchemy import text

from core.webhooks import discard_events
from db.webhooks.events import EventFilter
from tests.app.cli_runner import in_process_cli

EVENTS_ROUTE = "/api/admin/webhook-events"


@pytest.fixture
def insert_event(run_sql, container):
    """Inserts an event, dead with this error or pending, and returns its id."""

    def insert(code=None):
        status, dead_at = ("dead", "now()") if code else ("pending", "NULL")
        run_sql(
            "INSERT INTO webhook_events (provider, event_type, external_id, payload_json, status,"
            " dead_at, error_message) VALUES ('tiktok', 'x', gen_random_uuid()::text, '{}',"
            f" '{status}', {dead_at}, '{code}: no post has it')"
        )
        return query(container, "SELECT max(id) FROM webhook_events")[0][0]

    return insert


@pytest.fixture
def run_cli(app_factory, container, tmp_path):
    return in_process_cli({**app_factory.environ, "SIGNALPOST_ROLE": "cli"}, tmp_path)


def query(container, statement):
    with container.database.transaction() as session:
        return session.execute(text(statement)).all()


def statuses(container):
    return [
        status for (status,) in query(container, "SELECT status FROM webhook_events ORDER BY id")
    ]


def test_an_administrator_discards_one_dead_event_and_it_is_audited(
    admin_client, insert_event, container
):
    event_id = insert_event("unknown_publication")
    response = admin_client.post(f"{EVENTS_ROUTE}/{event_id}/discard")
    assert (response.status_code, response.json["ids"]) == (200, [event_id])
    event = admin_client.get(f"{EVENTS_ROUTE}/{event_id}").json["data"]
    assert (event["status"], event["deadAt"]) == ("ignored", None)
    assert event["errorMessage"] == "discarded: unknown_publication: no post has it"
    ((details,),) = query(
        container, "SELECT details FROM audit_log WHERE action = 'webhooks.discarded'"
    )
    assert details["ids"] == [event_id]
    assert admin_client.post(f"{EVENTS_ROUTE}/{event_id}/discard").status_code == 409


def test_events_are_discarded_by_error_code(admin_client, insert_event, container):
    for code in ("unknown_publication", "crypto_error", None):
        insert_event(code)
    response = admin_client.post(f"{EVENTS_ROUTE}/discard", json={"code": "unknown_publication"})
    assert response.json["discarded"] == 1
    assert statuses(container) == ["ignored", "dead", "pending"]
    assert admin_client.post(f"{EVENTS_ROUTE}/discard", json={"all": True}).json["discarded"] == 1
    assert statuses(container) == ["ignored", "ignored", "pending"]


def test_a_discarded_event_can_still_be_replayed(admin_client, insert_event, container):
    event_id = insert_event("x")
    admin_client.post(f"{EVENTS_ROUTE}/{event_id}/discard")
    assert admin_client.post(f"{EVENTS_ROUTE}/{event_id}/replay").status_code == 200
    assert statuses(container) == ["pending"]


@pytest.mark.parametrize("body", [{}, {"all": False}, {"ids": []}, {"code": ""}])
def test_a_request_that_selects_nothing_discards_nothing(
    admin_client, insert_event, container, body
):
    insert_event("x")
    assert admin_client.post(f"{EVENTS_ROUTE}/discard", json=body).status_code == 400
    assert statuses(container) == ["dead"]


def test_events_are_discarded_by_administrators_only(
    client, insert_event, make_user, make_api_client
):
    event_id = insert_event("x")
    program = make_api_client(make_user(), "posts:read")
    for path in (f"{event_id}/discard", "discard"):
        body = {"all": True}
        assert client.post(f"{EVENTS_ROUTE}/{path}", json=body).status_code == 401
        assert program.post(f"{EVENTS_ROUTE}/{path}", json=body).status_code == 403
    assert client.post(f"{EVENTS_ROUTE}/999/discard").status_code == 401


def test_the_command_discards_nothing_without_yes(run_cli, insert_event, container):
    for code in ("unknown_publication", "crypto_error", None):
        insert_event(code)
    refused = run_cli("events", "discard", "--dead", stdin="y\n")
    assert (refused.returncode, "--yes" in refused.stderr) == (1, True)
    assert statuses(container) == ["dead", "dead", "pending"]
    agreed = run_cli("events", "discard", "--dead", "--code", "crypto_error", "--yes")
    assert agreed.returncode == 0, agreed.stderr
    assert statuses(container) == ["dead", "ignored", "pending"]
    assert run_cli("webhooks", "discard", "--dead", "--yes").returncode == 0
    assert statuses(container) == ["ignored", "ignored", "pending"]


@pytest.mark.parametrize("arguments", [[], ["1", "--dead"], ["1", "--code", "x"]])
def test_the_command_refuses_an_unclear_selection(run_cli, arguments):
    result = run_cli("webhooks", "discard", *arguments, "--yes")
    assert result.returncode == 1
    assert "--dead" in result.stderr


def test_a_filter_is_counted_before_it_is_discarded(admin_client, insert_event, container):
    for code in ("unknown_publication", "crypto_error", None):
        insert_event(code)
    selection = {"since": "2026-01-01T00:00:00Z", "provider": "tiktok", "code": "crypto_error"}
    counted = admin_client.post(f"{EVENTS_ROUTE}/discard", json={**selection, "dry_run": True})
    assert (counted.json["matches"], counted.json["by_type"]) == (1, {"x": 1})
    assert statuses(container) == ["dead", "dead", "pending"]
    assert admin_client.post(f"{EVENTS_ROUTE}/discard", json=selection).json["discarded"] == 1
    assert statuses(container) == ["dead", "ignored", "pending"]
    other = {**selection, "provider": "instagram", "code": "unknown_publication"}
    assert admin_client.post(f"{EVENTS_ROUTE}/discard", json=other).json["discarded"] == 0


def test_a_discard_is_taken_back_but_not_for_what_was_replayed_since(
    admin_client, insert_event, container
):
    first, second, third = insert_event("one"), insert_event("two"), insert_event("three")
    admin_client.post(f"{EVENTS_ROUTE}/{third}/discard")
    discarded = admin_client.post(f"{EVENTS_ROUTE}/discard", json={"ids": [first, second]}).json
    admin_client.post(f"{EVENTS_ROUTE}/{second}/replay")
    body = {"discarded_at": discarded["discardedAt"]}
    restored = admin_client.post(f"{EVENTS_ROUTE}/restore", json=body).json
    assert (restored["restored"], restored["ids"]) == (1, [first])
    assert statuses(container) == ["dead", "pending", "ignored"]
    event = admin_client.get(f"{EVENTS_ROUTE}/{first}").json["data"]
    assert (event["errorMessage"], event["processedAt"]) == ("one: no post has it", None)
    audited = query(container, "SELECT details FROM audit_log WHERE action = 'webhooks.restored'")
    assert (audited[0][0]["count"], audited[0][0]["ids"]) == (1, [first])


def test_a_discard_stops_at_its_limit_and_takes_the_oldest(insert_event, container):
    ids = [insert_event("x") for _ in range(3)]
    discarded = discard_events(container.database, EventFilter(), limit=2)
    assert discarded.ids == ids[:2]
    assert statuses(container) == ["ignored", "ignored", "dead"]


def test_the_command_counts_and_takes_back(run_cli, insert_event, container):
    for code in ("unknown_publication", "crypto_error"):
        insert_event(code)
    counted = run_cli("events", "discard", "--dead", "--code", "crypto_error", "--dry-run")
    assert "1 would be discarded" in counted.stdout
    assert statuses(container) == ["dead", "dead"]
    done = run_cli("events", "discard", "--dead", "--platform", "tiktok", "--yes", "--json")
    at = json.loads(done.stdout)["discardedAt"]
    restored = run_cli("events", "restore", at)
    assert (restored.returncode, restored.stdout.strip()) == (0, "2 restored")
    assert statuses(container) == ["dead", "dead"]
    for wrong_time in ("yesterday", "0001-01-01T00:00:00+14:00"):
        assert "has to be the time" in run_cli("events", "restore", wrong_time).stderr
