"""Drafts over HTTP: kept under the client's id, guarded by their version, invisible to others."""

from uuid import uuid4

import pytest

from core.publishing import drafts

CONTENT = {"title": "Harbour", "payload": {"text": "At dawn", "accounts": [1, 2]}}


@pytest.fixture
def api_client(make_api_client, make_user):
    return make_api_client(make_user())


@pytest.fixture
def draft_url():
    return f"/api/drafts/{uuid4()}"


def test_a_draft_is_kept_and_listed_without_its_payload(api_client, draft_url):
    saved = api_client.put(draft_url, json=CONTENT)
    assert (saved.status_code, saved.headers["ETag"]) == (200, '"1"')
    found = api_client.get(draft_url)
    assert found.json["data"]["payload"] == CONTENT["payload"]
    assert found.headers["ETag"] == '"1"'
    (listed,) = api_client.get("/api/drafts").json["data"]
    assert (listed["title"], "payload" in listed) == ("Harbour", False)


def test_a_window_with_an_older_version_overwrites_nothing(api_client, draft_url):
    api_client.put(draft_url, json=CONTENT)
    newer = {**CONTENT, "title": "Newer"}
    assert api_client.put(draft_url, json=newer, headers={"If-Match": '"1"'}).status_code == 200
    older = api_client.put(draft_url, json=CONTENT, headers={"If-Match": '"1"'})
    assert (older.status_code, older.json["error"]["code"]) == (412, "PRECONDITION_FAILED")
    assert api_client.get(draft_url).json["data"]["title"] == "Newer"


@pytest.mark.parametrize("etag", ['"2"', 'W/"1"', "x", '"' + "9" * 40 + '"'])
def test_a_version_that_the_draft_does_not_have_is_refused(api_client, draft_url, etag):
    api_client.put(draft_url, json=CONTENT)
    answer = api_client.put(draft_url, json=CONTENT, headers={"If-Match": etag})
    assert answer.status_code == 412


def test_without_a_version_a_draft_is_replaced(api_client, draft_url):
    api_client.put(draft_url, json=CONTENT)
    assert api_client.put(draft_url, json=CONTENT).json["data"]["version"] == 2


def test_a_deleted_draft_is_gone_and_is_not_written_again_by_its_version(api_client, draft_url):
    api_client.put(draft_url, json=CONTENT)
    assert api_client.delete(draft_url).status_code == 200
    assert api_client.get(draft_url).status_code == 404
    assert api_client.delete(draft_url).status_code == 404
    answer = api_client.put(draft_url, json=CONTENT, headers={"If-Match": '"1"'})
    assert answer.status_code == 412


def test_a_draft_of_another_user_does_not_exist(api_client, make_api_client, make_user, draft_url):
    api_client.put(draft_url, json=CONTENT)
    mallory = make_api_client(make_user("mallory@example.org"))
    assert mallory.get(draft_url).status_code == 404
    assert mallory.delete(draft_url).status_code == 404
    mallory.put(draft_url, json={"payload": {"text": "mine"}})  # an id of one's own
    assert api_client.get(draft_url).json["data"]["payload"] == CONTENT["payload"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"payload": {"text": "x" * drafts.MAX_DRAFT_BYTES}}, 413),
        ({"payload": {"text": "\x00"}}, 400),
        ({"payload": []}, 400),
        ({"title": "x" * 201, "payload": {}}, 400),
        ({"title": "No payload"}, 400),
    ],
    ids=["large", "unstorable", "list", "title", "missing"],
)
def test_a_malformed_draft_is_refused(api_client, draft_url, body, status):
    assert api_client.put(draft_url, json=body).status_code == status


@pytest.mark.parametrize("payload", ['{"n": 1e999}', '{"n": ' + "[" * 900 + "]" * 900 + "}"])
def test_json_that_cannot_be_stored_is_refused(api_client, draft_url, payload):
    body = '{"payload": ' + payload + "}"
    answer = api_client.put(draft_url, data=body, content_type="application/json")
    assert answer.status_code in {200, 400}
    assert ("999" in payload) <= (answer.status_code == 400)


def test_the_number_of_drafts_is_limited(api_client, monkeypatch, draft_url):
    monkeypatch.setattr(drafts, "MAX_DRAFTS", 1)
    api_client.put(draft_url, json=CONTENT)
    answer = api_client.put(f"/api/drafts/{uuid4()}", json=CONTENT)
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "limit_reached")
    assert api_client.put(draft_url, json=CONTENT).status_code == 200


def test_a_key_that_may_only_read_writes_no_draft(make_api_client, make_user, draft_url):
    reader = make_api_client(make_user(), "posts:read")
    assert reader.put(draft_url, json=CONTENT).status_code == 403
    assert reader.get("/api/drafts").status_code == 200
