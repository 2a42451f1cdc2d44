"""The API about TikTok posts after the request: status, lists, quota, progress, creator info."""

from datetime import timedelta

import pytest
from sqlalchemy import func

from tests.platforms.hostile_server import http_response
from tests.platforms.tiktok_responses import error_response, ok_response
from tests.support.publishing_harness import (
    CREATOR_PATH,
    FILE_REQUEST,
    STATUS_PATH,
    URL_REQUEST,
    status_body,
)

UPLOAD_ROUTE = "/api/tiktok/upload"


def post_upload(api_client, fields=None, **headers):
    return api_client.post(
        UPLOAD_ROUTE, json=URL_REQUEST if fields is None else fields, headers=headers
    )


def error_code(response):
    return response.status_code, response.json["error"]["code"]


def test_a_status_is_polled_only_when_it_is_old(api_client, account, publisher):
    publish_id = post_upload(api_client).json["data"]["publish_id"]
    assert api_client.get(f"/api/tiktok/status/{publish_id}").json["data"]["state"] == "PROCESSING"
    assert publisher.request_bodies(STATUS_PATH) == []

    publisher.age_records()
    publisher.set_responses(
        STATUS_PATH, ok_response(status="PUBLISH_COMPLETE", publicaly_available_post_id=[2**62])
    )
    data = api_client.get(f"/api/tiktok/status/{publish_id}").json["data"]

    assert (data["status"], data["state"]) == ("PUBLISH_COMPLETE", "PUBLISHED")
    assert data["metadata"]["publicaly_available_post_id"] == [str(2**62)]


@pytest.mark.parametrize(
    ("platform_response", "expected"),
    [
        (http_response(500, b""), 503),
        (error_response(500, "internal_error"), 503),
        (error_response(429, "rate_limit_exceeded"), 429),
    ],
)
def test_a_status_that_cannot_be_fetched_is_answered_with_the_last_one(
    api_client, account, publisher, platform_response, expected
):
    publish_id = post_upload(api_client).json["data"]["publish_id"]
    publisher.age_records()
    publisher.set_responses(STATUS_PATH, platform_response)

    response = api_client.get(f"/api/tiktok/status/{publish_id}")

    assert response.status_code == expected
    assert response.json["error"]["details"]["state"] == "PROCESSING"


def test_a_publication_of_another_user_does_not_exist(api_client, mallory_client, account):
    publish_id = post_upload(api_client).json["data"]["publish_id"]

    assert error_code(mallory_client.get(f"/api/tiktok/status/{publish_id}")) == (404, "NOT_FOUND")
    assert error_code(api_client.get("/api/tiktok/status/v_pub~none")) == (404, "NOT_FOUND")
    assert error_code(api_client.get("/api/tiktok/status/" + "x" * 256)) == (
        400,
        "VALIDATION_ERROR",
    )


def test_my_posts_come_in_pages_with_counts(api_client, mallory_client, account, publisher):
    post_ids = [
        post_upload(api_client, Prefer="respond-async").json["data"]["id"] for _ in range(3)
    ]

    first_page = api_client.get("/api/tiktok/posts?limit=2").json
    last_page = api_client.get(f"/api/tiktok/posts?limit=2&cursor={first_page['next_cursor']}").json

    assert [post["id"] for post in first_page["posts"] + last_page["posts"]] == post_ids[::-1]
    assert last_page["next_cursor"] is None
    assert first_page["stats"] == {
        "total": 3,
        "processing": 3,
        "inbox": 0,
        "complete": 0,
        "failed": 0,
    }
    assert mallory_client.get("/api/tiktok/posts").json["posts"] == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "cursor=x", "status=NONE", "account_id=0", "x=1"]
)
def test_a_bad_query_is_refused(api_client, query):
    assert error_code(api_client.get(f"/api/tiktok/posts?{query}")) == (400, "VALIDATION_ERROR")


def test_posts_are_found_by_the_platforms_status_and_by_ours(api_client, account):
    post_upload(api_client)
    post_upload(api_client, Prefer="respond-async")

    def count_posts(status):
        return len(api_client.get(f"/api/tiktok/posts?status={status}").json["posts"])

    assert (count_posts("PROCESSING_DOWNLOAD"), count_posts("QUEUED"), count_posts("FAILED")) == (
        1,
        1,
        0,
    )


def test_the_quota_is_reported_for_both_modes_and_the_rate(api_client, account):
    post_upload(api_client)

    response = api_client.get("/api/tiktok/quota").json

    assert response["quota"]["used"] == 1
    assert (response["direct"]["used"], response["direct"]["limit"]) == (0, 15)
    assert (response["rate"]["limit"], response["rate"]["remaining"]) == (6, 5)
    assert 0 < response["rate"]["resets_in"] <= 60
    # five, because this application is not audited
    assert (response["users"]["used"], response["users"]["limit"]) == (0, 5)


def test_without_an_account_there_is_no_quota(api_client):
    assert error_code(api_client.get("/api/tiktok/quota")) == (403, "not_connected")


def test_the_owner_sees_the_progress(api_client, mallory_client, account, publisher):
    post_id = post_upload(api_client, {**FILE_REQUEST, "video_size": 70_000_000}).json["data"]["id"]
    publisher.update_post(
        post_id, bytes_sent=35_000_000, started_at=func.now() - timedelta(seconds=35)
    )

    data = api_client.get(f"/api/tiktok/upload/{post_id}/progress").json["data"]

    assert (data["bytes_sent"], data["bytes_total"]) == (35_000_000, 70_000_000)
    assert (data["chunk"], data["total_chunks"]) == (3, 7)
    assert data["eta_seconds"] > 0
    assert error_code(mallory_client.get(f"/api/tiktok/upload/{post_id}/progress")) == (
        404,
        "NOT_FOUND",
    )


def test_creator_info_is_fetched_each_time(api_client, account, publisher):
    publisher.factory.update_account(account.id, scope="video.publish")
    publisher.set_responses(
        CREATOR_PATH,
        ok_response(
            creator_nickname="Ada",
            privacy_level_options=["SELF_ONLY"],
            max_video_post_duration_sec=600,
        ),
    )

    responses = [api_client.get("/api/tiktok/creator-info") for _ in range(2)]

    data = responses[0].json["data"]
    assert data["nickname"] == "Ada"
    assert data["privacy_level_options"] == ["SELF_ONLY"]
    assert data["account_is_private"] is True
    assert data["account_must_be_private"] is True  # this application is not audited
    assert len(publisher.request_bodies(CREATOR_PATH)) == 2


@pytest.mark.parametrize(
    ("platform_response", "expected"),
    [
        (error_response(200, "spam_risk_too_many_posts"), (429, "spam_risk_too_many_posts")),
        (error_response(200, "reached_active_user_cap"), (429, "reached_active_user_cap")),
        (error_response(429, "rate_limit_exceeded"), (429, "rate_limit_exceeded")),
    ],
)
def test_a_creator_who_may_not_post_now_gets_the_reason(
    api_client, account, publisher, platform_response, expected
):
    publisher.factory.update_account(account.id, scope="video.publish")
    publisher.set_responses(CREATOR_PATH, platform_response)

    assert error_code(api_client.get("/api/tiktok/creator-info")) == expected


def test_an_open_circuit_is_reported_as_unavailable_and_not_as_a_limit(
    api_client, account, publisher
):
    publisher.factory.update_account(account.id, scope="video.publish")
    publisher.set_responses(CREATOR_PATH, http_response(502, b""))
    for _ in range(5):
        api_client.get("/api/tiktok/creator-info")
    calls_before = len(publisher.request_bodies(CREATOR_PATH))

    response = api_client.get("/api/tiktok/creator-info")

    assert response.status_code == 503
    assert len(publisher.request_bodies(CREATOR_PATH)) == calls_before > 0


def test_a_failed_post_shows_its_creator_the_reason(api_client, account, publisher):
    post_id = post_upload(api_client).json["data"]["id"]
    publisher.set_responses(STATUS_PATH, status_body("FAILED", fail_reason="video_pull_failed"))
    publisher.run_workers(1)

    error = api_client.get(f"/api/posts/{post_id}").json["data"]["error"]

    assert error["code"] == "video_pull_failed"
    assert "download" in error["userMessage"]
    assert (error["who"], error["retryable"]) == ("creator", False)


@pytest.mark.parametrize(
    ("reason", "who", "retryable"),
    [("internal", "nobody", True), ("spam_risk_text", "never", False)],
)
def test_a_failed_post_says_whether_it_is_retryable(
    api_client, account, publisher, reason, who, retryable
):
    post_id = post_upload(api_client).json["data"]["id"]
    publisher.set_responses(STATUS_PATH, status_body("FAILED", fail_reason=reason))
    publisher.run_workers(1)

    error = api_client.get(f"/api/posts/{post_id}").json["data"]["error"]

    assert (error["who"], error["retryable"]) == (who, retryable)
