"""Snippets written for the predecessor of this service still get the documented responses."""

import pytest

from app.http.context import CONTAINER_KEY
from tests.app.legacy_snippets import SnippetRunner
from tests.platforms.tiktok_responses import ok_response
from tests.support.publishing_harness import INBOX_INIT_PATH, URL_REQUEST, PublishingHarness
from tests.support.row_factory import RowFactory


@pytest.fixture
def app(app_factory, platform_server):
    return app_factory.create_app(
        TIKTOK_API_BASE_URL=platform_server.url,
        TIKTOK_AUTH_BASE_URL=platform_server.url,
        TIKTOK_WEBHOOK_COMPAT="1",
        INLINE_BUDGET_SECONDS="30",
        WORKER_SECRET="worker-secret",
    )


@pytest.fixture
def publisher(app, platform_server):
    container = app.extensions[CONTAINER_KEY]
    harness = PublishingHarness(
        container.database,
        container.services,
        RowFactory(container.database, container.services.key_ring),
        platform_server,
    )
    harness.set_responses(INBOX_INIT_PATH, ok_response(publish_id="v_pub_abc123"))
    return harness


@pytest.fixture
def run_snippet(app, api_client, account):
    return SnippetRunner(app.test_client(), "client-secret", api_client)


def test_all_four_snippets_get_the_promised_responses(run_snippet):
    upload = run_snippet("upload")
    assert upload.status_code == 200
    assert upload.json["success"] is True
    assert upload.json["data"]["publish_id"] == "v_pub_abc123"
    assert upload.json["data"]["source"] == "PULL_FROM_URL"
    assert (upload.json["quota"]["used"], upload.json["quota"]["limit"]) == (1, 5)

    webhook = run_snippet("webhook")
    assert (webhook.status_code, webhook.json) == (
        200,
        {"success": True, "message": "Webhook received"},
    )
    worker_run = run_snippet("worker")
    assert (worker_run.status_code, worker_run.json["success"], worker_run.json["processed"]) == (
        200,
        True,
        1,
    )

    response = run_snippet("status")
    assert response.status_code == 200
    data = response.json["data"]
    assert (data["publish_id"], data["status"]) == ("v_pub_abc123", "PUBLISH_COMPLETE")
    assert data["metadata"]["publicaly_available_post_id"] == ["7123456789"]
    assert data["created_at"]
    assert data["updated_at"]


def test_the_same_event_twice_is_marked_as_a_duplicate(run_snippet):
    assert "duplicate" not in run_snippet("webhook").json
    assert run_snippet("webhook").json["duplicate"] is True


def test_after_five_pending_uploads_the_next_one_is_refused(run_snippet, publisher):
    for number in range(5):
        publisher.set_responses(INBOX_INIT_PATH, ok_response(publish_id=f"v_pub_{number}"))
        assert run_snippet("upload", title=f"Test {number}").status_code == 200

    response = run_snippet("upload")

    assert (response.status_code, response.json["error"]["code"]) == (429, "quota_exceeded")
    assert response.json["error"]["details"]["quota"]["used"] == 5


def test_after_six_starts_in_a_minute_the_next_one_gets_a_retry_time(
    run_snippet, publisher, account
):
    for _ in range(6):
        publisher.services.rate_limits.acquire(account.id, "init")

    response = run_snippet("upload")

    assert (response.status_code, response.json["error"]["code"]) == (429, "rate_limit_exceeded")
    assert response.json["error"]["retryAfter"] > 0


def test_without_the_compat_setting_json_needs_its_content_type(
    app_factory, platform_server, make_api_client, alice
):
    app = app_factory.create_app(
        TIKTOK_API_BASE_URL=platform_server.url, TIKTOK_AUTH_BASE_URL=platform_server.url
    )
    client = app.test_client()

    response = SnippetRunner(client, "client-secret", client)("webhook")

    assert (response.status_code, response.json["error"]["code"]) == (401, "missing_signature")


@pytest.mark.parametrize("kind", ["text/plain", "text/plain;charset=latin-1", "text/html", ""])
def test_no_other_content_type_is_accepted_as_json(api_client, account, kind):
    response = api_client.post("/api/tiktok/upload", data=b"{}", content_type=kind)

    assert (response.status_code, response.json["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_json_with_that_content_type_is_validated_like_any_other(api_client, account):
    kind = {"content_type": "text/plain;charset=UTF-8"}

    assert api_client.post("/api/tiktok/upload", data=b"no json", **kind).status_code == 400
    response = api_client.post("/api/tiktok/upload", json={**URL_REQUEST, "unknown": 1})
    assert response.json["error"]["details"]["fields"].keys() == {"unknown"}
