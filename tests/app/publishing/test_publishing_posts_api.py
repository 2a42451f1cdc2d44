"""The API about posts: one post, lists, timelines, cancel, retry and release."""

import pytest

from tests.platforms.tiktok_responses import error_response, ok_response
from tests.support.publishing_harness import (
    CANCEL_PATH,
    FILE_REQUEST,
    INBOX_INIT_PATH,
    STATUS_PATH,
    URL_REQUEST,
    status_body,
)

ASYNC_HEADERS = {"Prefer": "respond-async"}


@pytest.fixture
def make_post(api_client, account):
    """Creates queued posts of Alice and returns their ids."""

    def make(**fields):
        response = api_client.post(
            "/api/tiktok/upload", json={**URL_REQUEST, **fields}, headers=ASYNC_HEADERS
        )
        return response.json["data"]["id"]

    return make


def error_code(response):
    return response.status_code, response.json["error"]["code"]


def test_a_post_has_all_its_fields(api_client, make_post, account):
    post_id = make_post(title="A video")

    data = api_client.get(f"/api/posts/{post_id}").json["data"]

    assert data["id"] == post_id
    assert (data["platform"], data["state"], data["status"]) == ("tiktok", "QUEUED", "QUEUED")
    assert (data["kind"], data["source"], data["title"]) == (
        "INBOX_VIDEO",
        "PULL_FROM_URL",
        "A video",
    )
    assert data["account_id"] == account.id
    assert data["progress"] == {"step": None, "bytes_sent": 0, "bytes_total": None}
    assert [event["kind"] for event in data["events"]] == ["request"]
    assert data["error"] is None
    assert data["created_at"].endswith("Z")


def test_the_timeline_continues_after_the_last_event(api_client, make_post, publisher):
    post_id = make_post()
    first = api_client.get(f"/api/posts/{post_id}/events").json["events"]
    publisher.run_workers(1)

    later = api_client.get(f"/api/posts/{post_id}/events?after={first[-1]['id']}").json["events"]

    assert [event["to"] for event in later if event["to"]] == ["SENDING", "PROCESSING"]


def test_a_list_is_paged_and_filtered(api_client, make_post, account, publisher):
    post_ids = [make_post(title=f"Video {number}%") for number in range(3)]
    publisher.update_post(post_ids[0], state="FAILED", due_at=None)

    def find_ids(query):
        return [post["id"] for post in api_client.get(f"/api/posts?{query}").json["data"]]

    assert find_ids("") == post_ids[::-1]
    assert find_ids("state=FAILED") == post_ids[:1]
    assert find_ids("state=PUBLISHED") == []
    assert find_ids("platform=tiktok&limit=1") == post_ids[2:]
    assert find_ids("platform=instagram") == []
    assert find_ids(f"account_id={account.id}") == post_ids[::-1]
    assert find_ids("account_id=999999") == []
    assert find_ids("q=1 vid") == [post_ids[1]]
    assert find_ids("q=%25 1") == [post_ids[1]]
    assert find_ids("q=ideo") == []
    assert find_ids("q=") == find_ids("q=%20") == post_ids[::-1]
    assert find_ids("from=2000-01-01T00:00:00Z&to=2001-01-01T00:00:00Z") == []
    assert find_ids("from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z") == post_ids[::-1]
    cursor = api_client.get("/api/posts?limit=2").json["next_cursor"]
    assert find_ids(f"cursor={cursor}") == post_ids[:1]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "state=x",
        "platform=x",
        "from=yesterday",
        "cursor=-1",
        "q=%00",
        "y=1",
    ],
)
def test_a_bad_query_is_refused(api_client, query):
    assert error_code(api_client.get(f"/api/posts?{query}")) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/api/posts/{}"),
        ("get", "/api/posts/{}/events"),
        ("post", "/api/posts/{}/cancel"),
        ("post", "/api/posts/{}/retry"),
        ("post", "/api/posts/{}/release"),
    ],
)
def test_a_post_of_another_user_does_not_exist(
    api_client, mallory_client, client, make_post, method, path
):
    post_id = make_post()

    assert error_code(getattr(mallory_client, method)(path.format(post_id))) == (404, "NOT_FOUND")
    assert error_code(getattr(api_client, method)(path.format(2**62))) == (404, "NOT_FOUND")
    assert error_code(getattr(client, method)(path.format(post_id))) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("command", ["cancel", "retry", "release"])
def test_commands_need_the_scope_and_refuse_unknown_fields(
    make_api_client, alice, api_client, make_post, command
):
    path = f"/api/posts/{make_post()}/{command}"

    assert error_code(make_api_client(alice, "posts:read").post(path)) == (403, "FORBIDDEN")
    assert error_code(api_client.post(path, json={"x": 1})) == (400, "VALIDATION_ERROR")
    assert error_code(api_client.post(path, data="{", content_type="application/json"))[0] == 400
    assert error_code(api_client.get(path)) == (405, "METHOD_NOT_ALLOWED")


def test_a_queued_post_is_cancelled_once(api_client, make_post):
    post_id = make_post()

    response = api_client.post(f"/api/posts/{post_id}/cancel")

    assert (response.status_code, response.json["data"]["state"]) == (200, "CANCELLED")
    assert error_code(api_client.post(f"/api/posts/{post_id}/cancel")) == (
        409,
        "publish_not_cancellable",
    )


def test_a_running_pull_is_cancelled_by_the_platform_or_not_at_all(api_client, account, publisher):
    post_id = api_client.post("/api/tiktok/upload", json=URL_REQUEST).json["data"]["id"]
    publisher.set_responses(CANCEL_PATH, error_response(400, "publish_not_cancellable"))
    assert error_code(api_client.post(f"/api/posts/{post_id}/cancel")) == (
        409,
        "publish_not_cancellable",
    )

    publisher.set_responses(CANCEL_PATH, ok_response())

    assert api_client.post(f"/api/posts/{post_id}/cancel").json["data"]["state"] == "CANCELLED"


def test_a_failed_post_is_retried_as_a_new_post(api_client, account, publisher):
    publisher.set_responses(INBOX_INIT_PATH, error_response(400, "invalid_param"))
    refused = api_client.post("/api/tiktok/upload", json=URL_REQUEST).json["error"]["details"]["id"]
    headers = {"Idempotency-Key": "again"}

    response = api_client.post(f"/api/posts/{refused}/retry", headers=headers)
    repeated = api_client.post(f"/api/posts/{refused}/retry", headers=headers)

    post_id = response.json["data"]["id"]
    assert response.status_code == 202
    assert repeated.json["data"]["id"] == post_id != refused
    assert repeated.headers["Idempotency-Replayed"] == "true"
    assert api_client.get(f"/api/posts/{post_id}").json["data"]["retry_of"] == refused


def test_a_retry_of_a_caller_upload_gets_a_new_upload_url(api_client, account, publisher):
    post_id = api_client.post("/api/tiktok/upload", json=FILE_REQUEST).json["data"]["id"]
    publisher.set_responses(STATUS_PATH, status_body("FAILED", fail_reason="internal"))
    publisher.run_workers(1)

    response = api_client.post(f"/api/posts/{post_id}/retry")

    assert response.status_code == 200
    assert response.json["data"]["upload_url"]


def test_a_retry_of_an_unconfirmed_post_has_to_be_confirmed(api_client, account, publisher):
    publisher.drop_responses(INBOX_INIT_PATH)
    post_id = api_client.post("/api/tiktok/upload", json=URL_REQUEST).json["data"]["id"]

    refused = api_client.post(f"/api/posts/{post_id}/retry", json={})
    response = api_client.post(f"/api/posts/{post_id}/retry", json={"confirm": True})

    assert error_code(refused) == (409, "CONFLICT")
    assert response.status_code == 202
    assert error_code(api_client.post(f"/api/posts/{post_id}/retry", json={"confirm": 1}))[0] == 400


def test_a_parked_post_is_released(api_client, make_post, publisher):
    post_id = make_post()
    assert error_code(api_client.post(f"/api/posts/{post_id}/release")) == (409, "CONFLICT")
    publisher.update_post(post_id, hold_reason="wait_for_release", due_at=None)

    response = api_client.post(f"/api/posts/{post_id}/release")

    assert response.status_code == 202
    assert response.json["data"]["hold_reason"] is None
    assert response.json["data"]["due_at"]


def test_the_calls_of_a_post_are_listed_without_secrets(
    api_client, make_post, publisher, make_api_client, make_user
):
    post_id = make_post()
    publisher.set_responses(STATUS_PATH, status_body())
    publisher.run_workers(2)
    url = f"/api/posts/{post_id}/exchanges"

    page = api_client.get(f"{url}?limit=1").json
    rest = api_client.get(f"{url}?cursor={page['next_cursor']}").json

    assert [each["endpoint"] for each in (*page["data"], *rest["data"])] == [
        "status",
        "inbox_init",
    ]
    assert page["data"][0]["request"]["headers"] == {"authorization": "<removed>"}
    assert page["data"][0]["answer"]["body"]["data"]["status"] == "PROCESSING_DOWNLOAD"
    assert rest["next_cursor"] is None
    assert error_code(make_api_client(make_user("bob@example.org")).get(url)) == (404, "NOT_FOUND")
    assert error_code(api_client.get(f"{url}?limit=0"))[0] == 400


def test_the_page_of_a_post_names_the_posts_that_were_sent_with_it_and_nobody_elses(
    make_post, publisher, sign_in, alice, make_user
):
    group = "5b0b36d6-6b9c-4f0a-9d54-9a7f6d8f2c11"
    first, second = make_post(title="By the sea"), make_post(title="In the hills")
    for post_id in (first, second):
        publisher.update_post(post_id, group_id=group)
    browser = sign_in(alice)

    page = browser.get(f"/posts/{first}").text

    assert "Sent together" in page
    assert f'href="/posts/{second}"' in page
    assert "By the sea" in page
    assert sign_in(make_user("bob@example.org")).get(f"/posts/{first}").status_code == 404
