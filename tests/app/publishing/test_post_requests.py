"""`POST /api/posts` for a platform whose first step runs inside the request."""

from datetime import timedelta

import pytest

from core.post_state.settle import PostState
from core.publishing import PostRequest

POSTS = "/api/posts"
VIDEO_URL = "https://example.com/film.mp4"
BODY = {"text": "A video", "media": [{"url": VIDEO_URL}]}


def bad_fields(response):
    assert response.status_code == 400, response.json
    return set(response.json["error"]["details"]["fields"])


def test_the_first_step_runs_while_the_request_waits(api_client, account, publisher):
    response = api_client.post(POSTS, json=BODY)

    data = response.json["data"]
    assert (response.status_code, data["state"], data["kind"]) == (
        202,
        "PROCESSING",
        "INBOX_VIDEO",
    )
    assert data["publish_id"].startswith("v_pub~")
    assert data["quota"]["drafts"]["used"] == 1
    assert "upload" not in data
    assert response.headers["Location"] == f"{POSTS}/{data['id']}"


def test_a_caller_who_sends_the_bytes_gets_the_upload_url(api_client, account, publisher):
    body = {"text": "A video", "media": [{"size": 70_000_000}]}

    data = api_client.post(POSTS, json=body).json["data"]

    assert data["upload"]["url"].startswith(publisher.server.url)
    assert (data["upload"]["chunk_size"], data["upload"]["chunk_count"]) == (10_000_000, 7)
    assert "upload" not in api_client.get(f"{POSTS}/{data['id']}").json["data"]


def test_both_routes_store_the_same_post(api_client, account, publisher):
    older = {
        "source": "PULL_FROM_URL",
        "title": "A video",
        "videoUrl": VIDEO_URL,
        "disable_duet": True,
    }
    first = api_client.post("/api/tiktok/upload", json=older).json["data"]["id"]
    second = api_client.post(POSTS, json={**BODY, "options": {"disable_duet": True}}).json["data"]

    stored, again = publisher.post(first), publisher.post(second["id"])
    for name in ("provider", "kind", "source", "sent_by", "title", "payload_json", "step_state"):
        assert getattr(stored, name) == getattr(again, name), name


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"text": " "}, {"text"}),
        ({"text": "🎬" * 1101}, {"text"}),
        ({"kind": "DIRECT_VIDEO"}, {"options.privacy_level"}),
        ({"options": {"privacy_level": "EVERYBODY"}}, {"options.privacy_level"}),
        ({"options": {"auto_add_music": True}}, {"options.auto_add_music"}),
        ({"media": [{"url": VIDEO_URL}] * 2}, {"media"}),
        ({"media": [{}]}, {"media.0"}),
        ({"media": [{"size": 7}], "publish_at": "2026-12-01T00:00:00Z"}, {"publish_at"}),
        ({"kind": "INBOX_PHOTO", "media": [{"media_id": 1}], "text": "A"}, {"media.0"}),
        ({"destination_id": 3}, {"destination_id"}),
    ],
)
def test_a_bad_field_is_named(api_client, account, changes, fields):
    response = api_client.post(POSTS, json={"platform": "tiktok", **BODY, **changes})
    assert bad_fields(response) == fields


def test_bytes_of_the_caller_cannot_be_queued(api_client, account):
    response = api_client.post(
        POSTS,
        json={"text": "A", "media": [{"size": 7}]},
        headers={"Prefer": "respond-async"},
    )
    assert bad_fields(response) == {"media.0.size"}


def test_one_of_several_accounts_has_to_be_named(api_client, account, publisher):
    other = publisher.factory.create_account(account.user_id)

    assert bad_fields(api_client.post(POSTS, json=BODY)) == {"account_id"}
    named = api_client.post(POSTS, json={**BODY, "account_id": other}).json["data"]
    assert named["account_id"] == other


def test_nobody_posts_without_an_account(api_client):
    response = api_client.post(POSTS, json=BODY)
    assert (response.status_code, response.json["error"]["code"]) == (403, "not_connected")


def test_a_key_is_for_one_request(api_client, account, publisher):
    headers = {"Idempotency-Key": "k"}
    first = api_client.post(POSTS, json=BODY, headers=headers)
    again = api_client.post(POSTS, json=BODY, headers=headers)
    other = api_client.post(POSTS, json={**BODY, "text": "B"}, headers=headers)

    assert first.json["data"]["id"] == again.json["data"]["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert other.json["error"]["code"] == "IDEMPOTENCY_MISMATCH"
    assert publisher.count() == 1


def test_a_key_needs_the_scope_to_write(make_api_client, alice, account):
    reader = make_api_client(alice, "posts:read")
    assert reader.post(POSTS, json=BODY).status_code == 403


def test_a_scheduled_post_waits_for_its_time(api_client, account, publisher):
    publish_at = (publisher.services.now() + timedelta(hours=1)).replace(microsecond=0)

    response = api_client.post(POSTS, json={**BODY, "publish_at": publish_at.isoformat()})

    data = response.json["data"]
    assert (response.status_code, data["state"], data["publish_id"]) == (202, "QUEUED", None)
    assert publisher.post(data["id"]).due_at == publish_at


def test_a_retry_of_a_failed_post_is_answered_in_the_older_form(api_client, account, publisher):
    post_id = api_client.post(POSTS, json=BODY).json["data"]["id"]
    publisher.update_post(post_id, state=PostState.FAILED, error_code="internal")

    response = api_client.post(f"{POSTS}/{post_id}/retry")

    assert response.json["data"]["mode"] == "INBOX"
    assert response.json["quota"]["limit"] == 5


def test_posts_that_were_written_together_are_found_by_their_group(
    api_client, account, mallory_client
):
    group = "0e1c2d3f-0000-4000-8000-0123456789ab"
    first = api_client.post(POSTS, json={**BODY, "group_id": group}).json["data"]
    api_client.post(POSTS, json=BODY)
    second = api_client.post(POSTS, json={**BODY, "group_id": group}).json["data"]

    listed = api_client.get(POSTS, query_string={"group_id": group}).json["data"]
    assert [post["id"] for post in listed] == [second["id"], first["id"]]
    assert {post["group_id"] for post in listed} == {group}
    assert mallory_client.get(POSTS, query_string={"group_id": group}).json["data"] == []
    assert bad_fields(api_client.post(POSTS, json={**BODY, "group_id": "x"})) == {"group_id"}


def test_a_request_without_a_group_has_the_digest_that_it_had_before_there_were_groups():
    assert "group_id" not in PostRequest(text="A video").content
