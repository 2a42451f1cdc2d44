"""`POST /api/tiktok/upload`: responses, idempotency, validation and the platform's refusals."""

import pytest

from app.http.validation import MAX_POST_BYTES
from core.post_state.settle import PostState
from db.accounts.accounts import AccountStatus
from db.posts.posts import Post
from tests.platforms.hostile_server import closed_port_url, http_response
from tests.platforms.tiktok_responses import error_response
from tests.support.publishing_harness import FILE_REQUEST, INBOX_INIT_PATH, URL_REQUEST

UPLOAD_ROUTE = "/api/tiktok/upload"


def post_upload(api_client, fields=None, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return api_client.post(
        UPLOAD_ROUTE, json=URL_REQUEST if fields is None else fields, headers=names
    )


def error_code(response):
    assert response.json["success"] is False
    assert response.json["error"]["userMessage"]
    return response.status_code, response.json["error"]["code"]


def test_a_pull_is_answered_with_its_publish_id(api_client, account):
    response = post_upload(api_client, {**URL_REQUEST, "disable_duet": True})

    assert response.status_code == 200
    data, quota = response.json["data"], response.json["quota"]
    assert data["publish_id"].startswith("v_pub~")
    assert (data["status"], data["state"]) == ("PROCESSING_DOWNLOAD", "PROCESSING")
    assert (data["source"], data["mode"]) == ("PULL_FROM_URL", "INBOX")
    assert data["warnings"] == ["title", "disable_duet"]
    assert "upload_url" not in data
    assert (quota["used"], quota["limit"], quota["remaining"]) == (1, 5, 4)
    assert quota["resets_at"].endswith("Z")


def test_a_caller_upload_gets_its_upload_url_and_chunk_plan(api_client, account, publisher):
    response = post_upload(api_client, {**FILE_REQUEST, "video_size": 70_000_000})

    data = response.json["data"]
    assert response.status_code == 200
    assert data["upload_url"].startswith(publisher.server.url)
    assert (data["chunk_size"], data["total_chunk_count"]) == (10_000_000, 7)
    assert data["upload_url_expires_at"].endswith("Z")
    assert (data["status"], data["state"]) == ("PROCESSING_UPLOAD", "SENDING")
    assert response.headers["Cache-Control"] == "no-store"


def test_the_upload_url_is_in_no_other_response(api_client, account):
    data = post_upload(api_client, FILE_REQUEST).json["data"]
    secret = data["upload_url"].rpartition("=")[2]

    for path in (
        f"/api/posts/{data['id']}",
        "/api/posts",
        "/api/tiktok/posts",
        f"/api/tiktok/upload/{data['id']}/progress",
        f"/api/posts/{data['id']}/events",
    ):
        assert secret not in api_client.get(path).text


def test_a_media_file_is_accepted_with_a_status_url(api_client, account, publisher):
    media = publisher.create_media(account.user_id)

    response = post_upload(api_client, {"source": "FILE_UPLOAD", "title": "A", "media_id": media})

    data = response.json["data"]
    assert response.status_code == 202
    assert (data["publish_id"], data["status"], data["state"]) == (None, "QUEUED", "QUEUED")
    assert data["status_url"] == response.headers["Location"] == f"/api/posts/{data['id']}"
    assert data["due_at"]


@pytest.mark.parametrize("prefer", ["respond-async", "wait=5, Respond-Async", "respond-async;x=1"])
def test_a_client_that_prefers_async_is_answered_immediately(
    api_client, account, publisher, prefer
):
    assert post_upload(api_client, Prefer=prefer).status_code == 202
    assert publisher.request_bodies(INBOX_INIT_PATH) == []


def test_a_publish_time_too_far_ahead_is_refused(api_client, account):
    at = "2099-01-01T00:00:00Z"
    assert error_code(post_upload(api_client, {**URL_REQUEST, "publish_at": at})) == (
        400,
        "VALIDATION_ERROR",
    )


def test_the_same_key_gets_the_same_response(api_client, account):
    first = post_upload(api_client, FILE_REQUEST, Idempotency_Key="k")
    repeated = post_upload(api_client, FILE_REQUEST, Idempotency_Key="k")
    other = post_upload(api_client, {**FILE_REQUEST, "title": "B"}, Idempotency_Key="k")

    assert "Idempotency-Replayed" not in first.headers
    assert repeated.headers["Idempotency-Replayed"] == "true"
    assert repeated.json["data"] == first.json["data"]
    assert error_code(other) == (422, "IDEMPOTENCY_MISMATCH")


def test_a_refusal_is_repeated_as_well(api_client, account, publisher):
    publisher.set_responses(INBOX_INIT_PATH, error_response(403, "url_ownership_unverified"))

    first = post_upload(api_client, Idempotency_Key="k")
    repeated = post_upload(api_client, Idempotency_Key="k")

    assert error_code(first) == error_code(repeated) == (403, "url_ownership_unverified")
    assert repeated.headers["Idempotency-Replayed"] == "true"
    assert len(publisher.request_bodies(INBOX_INIT_PATH)) == 1


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "caf\xe9"])
def test_an_invalid_key_is_refused(api_client, account, key):
    assert error_code(post_upload(api_client, Idempotency_Key=key)) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "source"),
        ({**URL_REQUEST, "videoUrl": "http://example.com/a.mp4"}, "videoUrl"),
        ({**URL_REQUEST, "videoUrl": "https://127.0.0.1/a.mp4"}, "videoUrl"),
        ({**URL_REQUEST, "title": "x" * 2201}, "title"),
        ({**URL_REQUEST, "title": "nul\x00"}, "title"),
        ({**URL_REQUEST, "title": None}, "title"),
        ({**URL_REQUEST, "mode": "DIRECT"}, "privacy_level"),
        ({**URL_REQUEST, "unheard": 1}, "unheard"),
        ({**FILE_REQUEST, "video_size": "1000"}, "video_size"),
        ({**FILE_REQUEST, "video_size": 0}, "video_size"),
        ({**FILE_REQUEST, "publish_at": "2026-12-01T00:00:00Z"}, "publish_at"),
    ],
)
def test_a_bad_field_is_named(api_client, account, fields, field):
    response = post_upload(api_client, fields)

    assert error_code(response) == (400, "VALIDATION_ERROR")
    assert field in response.json["error"]["details"]["fields"]


def test_a_caller_upload_cannot_be_queued(api_client, account):
    assert error_code(post_upload(api_client, FILE_REQUEST, Prefer="respond-async")) == (
        400,
        "VALIDATION_ERROR",
    )


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        (b"{", "application/json", (400, "VALIDATION_ERROR")),
        (b"[]", "application/json", (400, "VALIDATION_ERROR")),
        (b'{"title": NaN}', "application/json", (400, "VALIDATION_ERROR")),
        (b"[" * 50_000, "application/json", (400, "VALIDATION_ERROR")),
        (b"\xff\xfe", "application/json", (400, "VALIDATION_ERROR")),
        (
            b"source=PULL_FROM_URL",
            "application/x-www-form-urlencoded",
            (415, "UNSUPPORTED_MEDIA_TYPE"),
        ),
        (b" " * (MAX_POST_BYTES + 1), "application/json", (413, "PAYLOAD_TOO_LARGE")),
    ],
)
def test_a_body_that_is_no_valid_json_object_is_refused(api_client, account, data, kind, expected):
    assert error_code(api_client.post(UPLOAD_ROUTE, data=data, content_type=kind)) == expected


def test_a_client_without_key_or_scope_is_refused(client, make_api_client, alice, account):
    assert error_code(client.post(UPLOAD_ROUTE, json=URL_REQUEST)) == (401, "UNAUTHORIZED")
    assert error_code(post_upload(make_api_client(alice, "posts:read"))) == (403, "FORBIDDEN")


def test_without_an_account_the_request_is_refused(api_client):
    assert error_code(post_upload(api_client)) == (403, "not_connected")


def test_of_several_accounts_one_has_to_be_named(api_client, account, publisher):
    other = publisher.factory.create_account(account.user_id)

    assert error_code(post_upload(api_client)) == (400, "account_required")
    assert post_upload(api_client, {**URL_REQUEST, "account_id": other}).status_code == 200


def test_accounts_and_files_of_other_users_do_not_exist(api_client, account, publisher):
    other_account = publisher.factory.account(publisher.factory.create_account())
    media = publisher.create_media(other_account.user_id)

    assert error_code(post_upload(api_client, {**URL_REQUEST, "account_id": other_account.id})) == (
        404,
        "NOT_FOUND",
    )
    fields = {"source": "FILE_UPLOAD", "title": "A", "media_id": media}
    assert error_code(post_upload(api_client, fields)) == (404, "NOT_FOUND")


def test_an_incomplete_file_is_refused(api_client, account, publisher):
    media = publisher.create_media(account.user_id, complete=False)
    fields = {"source": "FILE_UPLOAD", "title": "A", "media_id": media}

    assert error_code(post_upload(api_client, fields)) == (400, "VALIDATION_ERROR")


def test_an_account_that_needs_a_reconnect_is_reported(api_client, account, publisher):
    publisher.factory.update_account(account.id, status=AccountStatus.NEEDS_RECONNECT)

    assert error_code(post_upload(api_client)) == (401, "access_token_invalid")


def test_a_missing_scope_is_reported(api_client, account, publisher):
    publisher.factory.update_account(account.id, scope="user.info.basic")

    assert error_code(post_upload(api_client)) == (403, "scope_not_authorized")


@pytest.mark.parametrize(
    ("platform_response", "expected"),
    [
        (error_response(400, "invalid_params"), (400, "invalid_param")),
        (error_response(403, "url_ownership_unverified"), (403, "url_ownership_unverified")),
        (
            error_response(403, "spam_risk_too_many_pending_share"),
            (429, "spam_risk_too_many_pending_share"),
        ),
        (
            error_response(403, "spam_risk_user_banned_from_posting"),
            (403, "spam_risk_user_banned_from_posting"),
        ),
        (error_response(401, "scope_not_authorized"), (403, "scope_not_authorized")),
        (error_response(429, "rate_limit_exceeded"), (429, "rate_limit_exceeded")),
    ],
)
@pytest.mark.parametrize("fields", [URL_REQUEST, FILE_REQUEST])
def test_a_refusal_of_the_platform_is_reported_with_its_code(
    api_client, account, publisher, platform_response, expected, fields
):
    publisher.set_responses(INBOX_INIT_PATH, platform_response)

    response = post_upload(api_client, fields)

    assert error_code(response) == expected
    if expected[0] == 429:
        assert int(response.headers["Retry-After"]) > 0


def test_a_cap_of_the_whole_app_makes_posts_and_callers_wait(api_client, account, publisher):
    publisher.set_responses(INBOX_INIT_PATH, error_response(403, "reached_active_user_cap"))

    queued, refused = post_upload(api_client), post_upload(api_client, FILE_REQUEST)

    assert (queued.status_code, queued.json["data"]["state"]) == (202, "QUEUED")
    assert queued.json["data"]["due_at"] > "2026"
    assert error_code(refused) == (429, "reached_active_user_cap")
    assert int(refused.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("platform_response", "expected"),
    [
        (http_response(503, b""), (503, "tiktok_unavailable")),
        (error_response(500, "internal_error"), (503, "server_error")),
        (http_response(200, b"<html>"), (503, "tiktok_unavailable")),
    ],
)
def test_an_absent_platform_fails_a_caller_upload(
    api_client, account, publisher, platform_response, expected
):
    publisher.set_responses(INBOX_INIT_PATH, platform_response)

    assert error_code(post_upload(api_client, FILE_REQUEST)) == expected
    assert publisher.count(Post.state == PostState.FAILED) == 1


def test_an_absent_platform_only_delays_what_we_can_send_later(api_client, account, publisher):
    publisher.set_responses(INBOX_INIT_PATH, http_response(503, b""))

    response = post_upload(api_client)

    assert (response.status_code, response.json["data"]["state"]) == (202, "QUEUED")


def test_a_start_that_may_have_succeeded_is_checked_and_not_repeated(
    api_client, account, publisher
):
    publisher.set_responses(INBOX_INIT_PATH, error_response(500, "internal_error"))

    response = post_upload(api_client)

    assert (response.status_code, response.json["data"]["state"]) == (202, "UNCONFIRMED")


def test_a_lost_answer_is_accepted_as_unconfirmed(api_client, account, publisher):
    publisher.drop_responses(INBOX_INIT_PATH)

    response = post_upload(api_client)

    assert (response.status_code, response.json["data"]["state"]) == (202, "UNCONFIRMED")
    assert response.json["data"]["publish_id"] is None


def test_a_full_quota_is_reported_with_its_counts(api_client, account, publisher):
    for _ in range(5):
        assert post_upload(api_client, Prefer="respond-async").status_code == 202

    response = post_upload(api_client)

    assert error_code(response) == (429, "quota_exceeded")
    assert response.json["error"]["details"]["quota"]["remaining"] == 0
    assert int(response.headers["Retry-After"]) > 0
    assert post_upload(api_client, Prefer="respond-async").status_code == 202


def test_without_postgres_the_service_is_unavailable(app_factory, account, make_api_key, alice):
    key = make_api_key(alice)
    closed_port = closed_port_url().removeprefix("http://")
    app = app_factory.create_app(DATABASE_URL=f"postgresql://u:p@{closed_port}/none")
    headers = {"Authorization": f"Bearer {key}"}

    response = app.test_client().post(UPLOAD_ROUTE, json=URL_REQUEST, headers=headers)

    assert error_code(response) == (503, "SERVICE_UNAVAILABLE")
    assert response.headers["Retry-After"]
