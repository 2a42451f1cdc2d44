"""Failed deliveries of an endpoint are given up: counted first, audited, taken back."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from core import outbox
from core.jobs.runner import run_jobs
from db.ops.audit import AuditEntry
from db.ops.gauges import RowCounts
from db.outbox.deliveries import Delivery
from tests.support.endpoint_user import ALL_SCOPES, alice, api_client, app, container, endpoint_id

__all__ = ["alice", "api_client", "app", "container", "endpoint_id"]

DAY = timedelta(days=1)
SINCE = "2026-01-01T00:00:00Z"
INSERT_DEAD = text(
    "WITH message AS (INSERT INTO outbox (user_id, name, type, subject, sequence, body)"
    " SELECT user_id, 'more-' || n, 'post.failed', 'post:7', n, '{}' FROM endpoints,"
    " generate_series(1, :count) AS n WHERE endpoints.id = :endpoint RETURNING id)"
    " INSERT INTO deliveries (message_id, endpoint_id, due_at, attempts, dead_at)"
    " SELECT id, :endpoint, NULL, 8, now() FROM message"
)


@pytest.fixture
def dead_ids(api_client, endpoint_id, container):
    """Two dead deliveries, the older one dead for two days; a third one waits."""
    path = f"/api/endpoints/{endpoint_id}/test"
    ids = [api_client.post(path).json["data"]["id"] for _ in range(3)]
    with container.database.transaction() as session:
        for delivery_id, age in zip(ids, (2 * DAY, 0 * DAY), strict=False):
            values = {"due_at": None, "attempts": 8, "dead_at": func.now() - age}
            session.execute(update(Delivery).where(Delivery.id == delivery_id).values(values))
    return ids[:2]


def list_ids(client, endpoint_id, state):
    path = f"/api/endpoints/{endpoint_id}/deliveries"
    return [each["id"] for each in client.get(path, query_string={"state": state}).json["data"]]


def test_dead_deliveries_are_counted_given_up_and_restored(
    api_client, endpoint_id, dead_ids, container
):
    path = f"/api/endpoints/{endpoint_id}/discard"
    yesterday = (container.services.now() - DAY).isoformat()
    counted = api_client.post(path, json={"since": yesterday, "dry_run": True}).json["data"]
    assert counted == {"count": 1, "dryRun": True, "discardedAt": None}
    assert len(list_ids(api_client, endpoint_id, "dead")) == 2

    discarded = api_client.post(path, json={"since": yesterday}).json["data"]

    assert discarded["count"] == 1
    assert list_ids(api_client, endpoint_id, "discarded") == [dead_ids[1]]
    assert list_ids(api_client, endpoint_id, "dead") == [dead_ids[0]]
    assert list_ids(api_client, endpoint_id, "paused") == []
    with container.database.transaction() as session:
        assert dict(RowCounts(session).outbox())[("dead",)] == 1
    body = {"discarded_at": discarded["discardedAt"]}
    restored = api_client.post(f"/api/endpoints/{endpoint_id}/restore", json=body)
    assert restored.json["data"]["count"] == 1
    assert len(list_ids(api_client, endpoint_id, "dead")) == 2
    with container.database.transaction() as session:
        actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions[-2:] == ["deliveries.discarded", "deliveries.restored"]


def test_what_is_given_up_is_never_delivered_unless_somebody_redelivers_it(
    api_client, endpoint_id, dead_ids, container
):
    answer = api_client.post(f"/api/endpoints/{endpoint_id}/discard", json={"since": SINCE}).json
    path = f"/api/endpoints/{endpoint_id}"
    for enabled in (False, True):  # what was parked meanwhile becomes due
        api_client.patch(path, json={"enabled": enabled})
    api_client.post(f"{path}/redeliver", json={"since": SINCE})
    assert run_jobs(outbox.DELIVERY_JOB_TYPE, container.database, container.services).claimed == 1
    assert len(list_ids(api_client, endpoint_id, "discarded")) == 2
    redelivered = api_client.post(f"/api/deliveries/{dead_ids[0]}/redeliver").json["data"]
    assert redelivered["state"] == "waiting"
    body = {"discarded_at": answer["data"]["discardedAt"]}
    restored = api_client.post(f"{path}/restore", json=body).json["data"]
    assert restored["count"] == 1  # the other one is on its way again


def test_others_give_nothing_up(api_client, endpoint_id, dead_ids, make_user, make_api_client):
    bob = make_user("bob@example.org")
    requests = [("discard", {"since": SINCE}), ("restore", {"discarded_at": SINCE})]
    for action, body in requests:
        path = f"/api/endpoints/{endpoint_id}/{action}"
        assert make_api_client(bob, *ALL_SCOPES).post(path, json=body).status_code == 404
        reader = make_api_client(bob, "accounts:read", "posts:read")
        assert reader.post(path, json=body).status_code == 403
    assert len(list_ids(api_client, endpoint_id, "dead")) == 2


def test_the_page_counts_asks_and_takes_back(sign_in, alice, endpoint_id, dead_ids, api_client):
    browser, path = sign_in(alice), f"/settings/endpoints/{endpoint_id}"
    assert f'href="{path}/discard"' in browser.get(path).text
    assert "1 event has failed since then." in browser.get(f"{path}/discard").text
    form = {"since": "2026-01-01"}
    assert "2 events have failed" in browser.get(f"{path}/discard?since=2026-01-01").text
    done = browser.post(f"{path}/discard", data=form)
    page = browser.get(done.location).text
    assert "2 failed events were discarded." in page
    assert "Discarded</span>" in browser.get(f"{path}?state=discarded").text
    again = browser.post(f"{path}/discard", data=form)
    assert (again.status_code, "No events match any more." in again.text) == (400, True)
    at = page.partition('name="at" value="')[2].partition('"')[0]
    browser.post(f"{path}/discards/undo", data={"at": at})
    assert len(list_ids(api_client, endpoint_id, "dead")) == 2
    browser.post(f"{path}/discards/undo", data={"at": "never"})
    assert "Nothing is marked with this discard any more." in browser.get(path).text


def test_above_a_hundred_the_count_of_deliveries_has_to_be_typed(
    sign_in, alice, endpoint_id, container, api_client
):
    with container.database.transaction() as session:
        session.execute(INSERT_DEAD, {"count": 101, "endpoint": endpoint_id})
    browser, path = sign_in(alice), f"/settings/endpoints/{endpoint_id}/discard"
    assert "Type 101 to confirm" in browser.get(path).text
    for typed in ("", "100", "all"):
        refused = browser.post(path, data={"typed_count": typed})
        assert (refused.status_code, "<title>Error:" in refused.text) == (400, True)
    assert not list_ids(api_client, endpoint_id, "discarded")
    assert browser.post(path, data={"typed_count": "101"}).status_code == 302
    assert list_ids(api_client, endpoint_id, "discarded")


def test_the_pages_are_for_the_owner_and_need_the_token_of_the_form(
    sign_in, alice, make_user, endpoint_id, dead_ids, api_client
):
    bob, path = sign_in(make_user("bob@example.org")), f"/settings/endpoints/{endpoint_id}"
    for answer in (
        bob.get(f"{path}/discard"),
        bob.get(f"{path}/discards"),
        bob.post(f"{path}/discard"),
        bob.post(f"{path}/discards/undo"),
    ):
        assert answer.status_code == 404
    forged = sign_in(alice).without_csrf_token()
    assert forged.post(f"{path}/discard", data={"since": "2026-01-01"}).status_code == 403
    assert len(list_ids(api_client, endpoint_id, "dead")) == 2
