"""What is told of TikTok posts once they are on their way."""

from datetime import timedelta

import pytest
from sqlalchemy import func

from tests.platforms.hostile import answer
from tests.platforms.script import ok, refuses
from tests.publishing import A_PULL, AN_UPLOAD, CREATOR, STATUS, status

UPLOAD = "/api/tiktok/upload"


def post(program, said=None, **headers):
    return program.post(UPLOAD, json=A_PULL if said is None else said, headers=headers)


def code(answered):
    return answered.status_code, answered.json["error"]["code"]


def test_a_status_is_asked_for_once_it_is_old(program, account, desk):
    publish_id = post(program).json["data"]["publish_id"]
    assert program.get(f"/api/tiktok/status/{publish_id}").json["data"]["state"] == "PROCESSING"
    assert desk.calls(STATUS) == []

    desk.age_records()
    desk.says(STATUS, ok(status="PUBLISH_COMPLETE", publicaly_available_post_id=[2**62]))
    data = program.get(f"/api/tiktok/status/{publish_id}").json["data"]

    assert (data["status"], data["state"]) == ("PUBLISH_COMPLETE", "PUBLISHED")
    assert data["metadata"]["publicaly_available_post_id"] == [str(2**62)]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (answer(500, b""), 503),
        (refuses(500, "internal_error"), 503),
        (refuses(429, "rate_limit_exceeded"), 429),
    ],
)
def test_a_status_that_cannot_be_had_is_told_with_the_last_one(
    program, account, desk, said, expected
):
    publish_id = post(program).json["data"]["publish_id"]
    desk.age_records()
    desk.says(STATUS, said)

    told = program.get(f"/api/tiktok/status/{publish_id}")

    assert told.status_code == expected
    assert told.json["error"]["details"]["state"] == "PROCESSING"


def test_a_publication_of_somebody_else_does_not_exist(program, mallory, account):
    publish_id = post(program).json["data"]["publish_id"]

    assert code(mallory.get(f"/api/tiktok/status/{publish_id}")) == (404, "NOT_FOUND")
    assert code(program.get("/api/tiktok/status/v_pub~none")) == (404, "NOT_FOUND")
    assert code(program.get("/api/tiktok/status/" + "x" * 256)) == (400, "VALIDATION_ERROR")


def test_my_posts_come_in_pages_with_counts(program, mallory, account, desk):
    made = [post(program, Prefer="respond-async").json["data"]["id"] for _ in range(3)]

    first = program.get("/api/tiktok/posts?limit=2").json
    rest = program.get(f"/api/tiktok/posts?limit=2&cursor={first['next_cursor']}").json

    assert [each["id"] for each in first["posts"] + rest["posts"]] == made[::-1]
    assert rest["next_cursor"] is None
    assert first["stats"] == {
        "total": 3,
        "processing": 3,
        "inbox": 0,
        "complete": 0,
        "failed": 0,
    }
    assert mallory.get("/api/tiktok/posts").json["posts"] == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "cursor=x", "status=NONE", "account_id=0", "x=1"]
)
def test_a_bad_query_is_refused(program, query):
    assert code(program.get(f"/api/tiktok/posts?{query}")) == (400, "VALIDATION_ERROR")


def test_posts_are_found_by_the_platforms_status_and_by_ours(program, account):
    post(program)
    post(program, Prefer="respond-async")

    def found(word):
        return len(program.get(f"/api/tiktok/posts?status={word}").json["posts"])

    assert (found("PROCESSING_DOWNLOAD"), found("QUEUED"), found("FAILED")) == (1, 1, 0)


def test_the_quota_is_told_for_both_modes_and_the_rate(program, account):
    post(program)

    told = program.get("/api/tiktok/quota").json

    assert told["quota"]["used"] == 1
    assert (told["direct"]["used"], told["direct"]["limit"]) == (0, 15)
    assert (told["rate"]["limit"], told["rate"]["remaining"]) == (6, 5)
    assert 0 < told["rate"]["resets_in"] <= 60
    assert (told["users"]["used"], told["users"]["limit"]) == (0, 5)  # the house is not audited


def test_without_an_account_there_is_no_quota(program):
    assert code(program.get("/api/tiktok/quota")) == (403, "not_connected")


def test_progress_is_told_to_the_owner(program, mallory, account, desk):
    made = post(program, {**AN_UPLOAD, "video_size": 70_000_000}).json["data"]["id"]
    desk.change(made, bytes_sent=35_000_000, started_at=func.now() - timedelta(seconds=35))

    data = program.get(f"/api/tiktok/upload/{made}/progress").json["data"]

    assert (data["bytes_sent"], data["bytes_total"]) == (35_000_000, 70_000_000)
    assert (data["chunk"], data["total_chunks"]) == (3, 7)
    assert data["eta_seconds"] > 0
    assert code(mallory.get(f"/api/tiktok/upload/{made}/progress")) == (404, "NOT_FOUND")


def test_what_a_creator_allows_is_asked_each_time(program, account, desk):
    desk.tenants.change(account.id, scope="video.publish")
    desk.says(
        CREATOR,
        ok(
            creator_nickname="Ada",
            privacy_level_options=["SELF_ONLY"],
            max_video_post_duration_sec=600,
        ),
    )

    told = [program.get("/api/tiktok/creator-info") for _ in range(2)]

    assert told[0].json["data"]["nickname"] == "Ada"
    assert told[0].json["data"]["privacy_level_options"] == ["SELF_ONLY"]
    assert told[0].json["data"]["account_is_private"] is True
    assert told[0].json["data"]["account_must_be_private"] is True  # the house is not audited
    assert len(desk.calls(CREATOR)) == 2


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (refuses(200, "spam_risk_too_many_posts"), (429, "spam_risk_too_many_posts")),
        (refuses(200, "reached_active_user_cap"), (429, "reached_active_user_cap")),
        (refuses(429, "rate_limit_exceeded"), (429, "rate_limit_exceeded")),
    ],
)
def test_a_creator_who_may_not_post_now_is_told_so(program, account, desk, said, expected):
    desk.tenants.change(account.id, scope="video.publish")
    desk.says(CREATOR, said)

    assert code(program.get("/api/tiktok/creator-info")) == expected


def test_a_platform_that_is_left_alone_for_a_while_is_away_and_not_limited(program, account, desk):
    desk.tenants.change(account.id, scope="video.publish")
    desk.says(CREATOR, answer(502, b""))
    for _ in range(5):
        program.get("/api/tiktok/creator-info")
    asked = len(desk.calls(CREATOR))

    told = program.get("/api/tiktok/creator-info")

    assert told.status_code == 503
    assert len(desk.calls(CREATOR)) == asked > 0


def test_a_failed_post_tells_its_creator_why(program, account, desk):
    made = post(program).json["data"]["id"]
    desk.says(STATUS, status("FAILED", fail_reason="video_pull_failed"))
    desk.works(1)

    error = program.get(f"/api/posts/{made}").json["data"]["error"]

    assert error["code"] == "video_pull_failed"
    assert "download" in error["userMessage"]
    assert (error["who"], error["retryable"]) == ("creator", False)


@pytest.mark.parametrize(
    ("reason", "who", "retryable"),
    [("internal", "nobody", True), ("spam_risk_text", "never", False)],
)
def test_a_failed_post_tells_whether_another_try_is_worth_it(
    program, account, desk, reason, who, retryable
):
    made = post(program).json["data"]["id"]
    desk.says(STATUS, status("FAILED", fail_reason=reason))
    desk.works(1)

    error = program.get(f"/api/posts/{made}").json["data"]["error"]

    assert (error["who"], error["retryable"]) == (who, retryable)
