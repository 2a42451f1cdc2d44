"""The validation snippets of the first documents, run as they are written there."""

import pytest

from app.context import HOUSE
from tests.app.first_snippets import Fetch
from tests.platforms.script import ok
from tests.publishing import A_PULL, INIT, Desk
from tests.tenants import Tenants


@pytest.fixture
def app(stage, server):
    return stage.house(
        TIKTOK_API_BASE_URL=server.url,
        TIKTOK_AUTH_BASE_URL=server.url,
        TIKTOK_WEBHOOK_COMPAT="1",
        INLINE_BUDGET_SECONDS="30",
        WORKER_SECRET="worker-secret",
    )


@pytest.fixture
def desk(app, server):
    house = app.extensions[HOUSE]
    made = Desk(house.database, house.world, Tenants(house.database, house.world.keys), server)
    made.says(INIT, ok(publish_id="v_pub_abc123"))
    return made


@pytest.fixture
def fetch(app, program, account):
    return Fetch(app.test_client(), "client-secret", program)


def test_the_story_of_all_four_ends_with_the_answers_that_were_promised(fetch):
    asked = fetch("upload")
    assert asked.status_code == 200
    assert asked.json["success"] is True
    assert asked.json["data"]["publish_id"] == "v_pub_abc123"
    assert asked.json["data"]["source"] == "PULL_FROM_URL"
    assert (asked.json["quota"]["used"], asked.json["quota"]["limit"]) == (1, 5)

    heard = fetch("webhook")
    assert (heard.status_code, heard.json) == (
        200,
        {"success": True, "message": "Webhook received"},
    )
    worked = fetch("worker")
    assert (worked.status_code, worked.json["success"], worked.json["processed"]) == (200, True, 1)

    told = fetch("status")
    assert told.status_code == 200
    data = told.json["data"]
    assert (data["publish_id"], data["status"]) == ("v_pub_abc123", "PUBLISH_COMPLETE")
    assert data["metadata"]["publicaly_available_post_id"] == ["7123456789"]
    assert data["created_at"]
    assert data["updated_at"]


def test_the_same_event_twice_is_marked_as_a_duplicate(fetch):
    assert "duplicate" not in fetch("webhook").json
    assert fetch("webhook").json["duplicate"] is True


def test_after_five_pending_uploads_the_next_one_is_told_so(fetch, desk):
    for number in range(5):
        desk.says(INIT, ok(publish_id=f"v_pub_{number}"))
        assert fetch("upload", title=f"Test {number}").status_code == 200

    told = fetch("upload")

    assert (told.status_code, told.json["error"]["code"]) == (429, "quota_exceeded")
    assert told.json["error"]["details"]["quota"]["used"] == 5


def test_after_six_starts_in_a_minute_the_next_one_is_told_how_long_to_wait(fetch, desk, account):
    for _ in range(6):
        desk.world.limits.take(account.id, "init")

    told = fetch("upload")

    assert (told.status_code, told.json["error"]["code"]) == (429, "rate_limit_exceeded")
    assert told.json["error"]["retryAfter"] > 0


def test_switched_off_json_has_to_be_called_json(stage, server, a_program, alice):
    app = stage.house(TIKTOK_API_BASE_URL=server.url, TIKTOK_AUTH_BASE_URL=server.url)
    client = app.test_client()

    told = Fetch(client, "client-secret", client)("webhook")

    assert (told.status_code, told.json["error"]["code"]) == (401, "missing_signature")


@pytest.mark.parametrize("kind", ["text/plain", "text/plain;charset=latin-1", "text/html", ""])
def test_no_other_type_is_taken_for_json(program, account, kind):
    told = program.post("/api/tiktok/upload", data=b"{}", content_type=kind)

    assert (told.status_code, told.json["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_json_under_that_name_is_read_like_any_other(program, account):
    kind = {"content_type": "text/plain;charset=UTF-8"}

    assert program.post("/api/tiktok/upload", data=b"no json", **kind).status_code == 400
    told = program.post("/api/tiktok/upload", json={**A_PULL, "unknown": 1})
    assert told.json["error"]["details"]["fields"].keys() == {"unknown"}
