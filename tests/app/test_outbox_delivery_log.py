"""The delivery log of an endpoint over the API: filters, counts, redelivery of what failed."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from core import outbox
from core.endpoints import count_results
from core.jobs.runner import run_jobs
from db.ops.audit import AuditEntry
from db.outbox.deliveries import Delivery
from tests.support.endpoint_user import ALL_SCOPES, alice, api_client, app, container, endpoint_id

__all__ = ["alice", "api_client", "app", "container", "endpoint_id"]

DAY = timedelta(days=1)


@pytest.fixture
def delivery_ids(api_client, endpoint_id, container):
    """Four test events, oldest first: delivered, dead, dead for two days, waiting."""
    path = f"/api/endpoints/{endpoint_id}/test"
    ids = [api_client.post(path).json["data"]["id"] for _ in range(4)]
    ended = {"due_at": None, "attempts": 8}
    changes = (
        {**ended, "delivered_at": func.now()},
        {**ended, "dead_at": func.now(), "last_error": "http_500"},
        {**ended, "dead_at": func.now() - 2 * DAY, "created_at": func.now() - 2 * DAY},
    )
    with container.database.transaction() as session:
        for delivery_id, values in zip(ids, changes, strict=False):
            session.execute(update(Delivery).where(Delivery.id == delivery_id).values(values))
    return ids


def list_ids(client, endpoint_id, **query):
    response = client.get(f"/api/endpoints/{endpoint_id}/deliveries", query_string=query)
    assert response.status_code == 200, response.text
    return [each["id"] for each in response.json["data"]]


def test_deliveries_are_found_by_state_event_and_time(
    api_client, endpoint_id, delivery_ids, container
):
    delivered, dead, old, waiting = delivery_ids
    yesterday = (container.services.now() - DAY).isoformat()
    assert list_ids(api_client, endpoint_id, state="delivered") == [delivered]
    assert list_ids(api_client, endpoint_id, state="dead") == [old, dead]
    assert list_ids(api_client, endpoint_id, state="waiting") == [waiting]
    assert list_ids(api_client, endpoint_id, state="paused") == []
    assert list_ids(api_client, endpoint_id, until=yesterday) == [old]
    assert list_ids(api_client, endpoint_id, since=yesterday, state="dead") == [dead]
    assert len(list_ids(api_client, endpoint_id, event="endpoint.test")) == 4
    assert list_ids(api_client, endpoint_id, event="post.failed") == []


@pytest.mark.parametrize("query", [{"state": "lost"}, {"since": "yesterday"}])
def test_an_unknown_filter_is_refused(api_client, endpoint_id, query):
    path = f"/api/endpoints/{endpoint_id}/deliveries"
    assert api_client.get(path, query_string=query).status_code == 400


def test_results_of_the_last_day_are_counted(container, alice, endpoint_id, delivery_ids):
    with container.database.transaction() as session:
        counts = count_results(session, endpoint_id, user_id=alice.id)
    assert (counts.ended, counts.delivered) == (2, 1)


def test_dead_letters_are_counted_first_and_then_delivered_again(
    api_client, endpoint_id, delivery_ids, container
):
    path = f"/api/endpoints/{endpoint_id}/redeliver"
    since = (container.services.now() - DAY).isoformat()

    counted = api_client.post(path, json={"since": since, "dry_run": True})
    assert (counted.status_code, counted.json["data"]["count"]) == (200, 1)
    assert len(list_ids(api_client, endpoint_id, state="dead")) == 2

    redelivered = api_client.post(path, json={"since": since})

    assert (redelivered.status_code, redelivered.json["data"]["count"]) == (202, 1)
    assert list_ids(api_client, endpoint_id, state="dead") == [delivery_ids[2]]
    assert delivery_ids[1] in list_ids(api_client, endpoint_id, state="waiting")
    with container.database.transaction() as session:
        query = select(AuditEntry.details).where(AuditEntry.action == "deliveries.again")
        assert session.scalar(query)["count"] == 1


def test_a_delivery_that_is_due_again_is_attempted(
    api_client, endpoint_id, delivery_ids, container
):
    since = (container.services.now() - DAY).isoformat()
    api_client.post(f"/api/endpoints/{endpoint_id}/redeliver", json={"since": since})

    assert run_jobs(outbox.DELIVERY_JOB_TYPE, container.database, container.services).claimed == 2


def test_others_and_disabled_endpoints_redeliver_nothing(
    api_client, endpoint_id, delivery_ids, container, make_user, make_api_client
):
    path, body = f"/api/endpoints/{endpoint_id}/redeliver", {"since": "2026-01-01T00:00:00Z"}
    bob = make_api_client(make_user("bob@example.org"), *ALL_SCOPES)
    assert bob.post(path, json=body).status_code == 404
    assert bob.post(path, json={**body, "dry_run": True}).status_code == 404
    api_client.patch(f"/api/endpoints/{endpoint_id}", json={"enabled": False})
    assert api_client.post(path, json=body).status_code == 409
