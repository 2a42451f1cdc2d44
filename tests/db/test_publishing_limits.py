"""What delays a post before anything is sent: rate limits, circuit breakers, creators, settings.

A delayed post has not failed: no attempt is counted, and it is due again later.
"""

from datetime import timedelta

import pytest

from core import publishing
from core.errors import OperationFailed, RateLimitExceeded
from core.jobs.runner import run_jobs
from core.limits.breaker import FAILURE_THRESHOLD
from core.post_state.settle import PostState
from tests.platforms.hostile_server import http_response
from tests.platforms.tiktok_responses import error_response, ok_response
from tests.support.publishing_harness import (
    CREATOR_PATH,
    DIRECT_INIT_PATH,
    FILE_REQUEST,
    INBOX_INIT_PATH,
    STATUS_PATH,
    TIME_BUDGET,
    URL_REQUEST,
    VIDEO_PROBE,
    status_body,
)

PRIVATE_DIRECT_POST = {"mode": "DIRECT", "privacy_level": "SELF_ONLY"}
CREATOR_INFO = {"privacy_level_options": ["SELF_ONLY"], "max_video_post_duration_sec": 300}


@pytest.fixture
def account(publisher):
    publisher.accept_starts()
    publisher.set_responses(CREATOR_PATH, ok_response(**CREATOR_INFO))
    return publisher.factory.account(
        publisher.factory.create_account(scope="video.upload,video.publish")
    )


def file_request(publisher, account, seconds):
    probe = {**VIDEO_PROBE, "duration_ms": seconds * 1000}
    media = publisher.create_media(account.user_id, probe=probe)
    return {"source": "FILE_UPLOAD", "title": "A video", "media_id": media}


def test_a_rate_limit_of_the_platform_delays_all_posts_of_that_account(publisher, account):
    publisher.set_responses(INBOX_INIT_PATH, error_response(429, "rate_limit_exceeded"))
    with pytest.raises(RateLimitExceeded):
        publisher.request_upload(account.user_id)
    calls_before = len(publisher.request_bodies(INBOX_INIT_PATH))

    with pytest.raises(RateLimitExceeded) as refused:
        publisher.request_upload(account.user_id)
    publisher.accept_starts()
    other = publisher.factory.account(publisher.factory.create_account())

    assert refused.value.retry_after > timedelta(seconds=30)
    assert len(publisher.request_bodies(INBOX_INIT_PATH)) == calls_before
    assert publisher.request_upload(other.user_id).post.state == PostState.PROCESSING


def test_a_rate_limited_poll_delays_the_next_one_and_costs_no_attempt(publisher, account):
    post_id = publisher.request_upload(account.user_id).post.id
    publisher.set_responses(STATUS_PATH, error_response(429, "rate_limit_exceeded"))
    publisher.run_workers()
    calls_before = len(publisher.request_bodies(STATUS_PATH))
    publisher.set_responses(STATUS_PATH, status_body("PUBLISH_COMPLETE"))

    publisher.run_workers()

    post = publisher.post(post_id)
    assert len(publisher.request_bodies(STATUS_PATH)) == calls_before
    assert (post.state, post.last_error) == (PostState.PROCESSING, "rate limit of status calls")
    assert post.due_at > publisher.services.now()


def test_a_queued_post_at_our_own_rate_limit_is_snoozed_without_an_attempt(publisher, account):
    for _ in range(6):
        publisher.services.rate_limits.acquire(account.id, "init")
    post_id = publisher.request_upload(account.user_id, may_queue=True).post.id

    publisher.run_workers()

    post = publisher.post(post_id)
    assert (post.state, post.attempts) == (PostState.QUEUED, 0)
    assert (
        publisher.services.now() < post.due_at <= publisher.services.now() + timedelta(seconds=61)
    )
    assert publisher.request_bodies(INBOX_INIT_PATH) == []


def test_creator_info_is_fetched_twenty_times_a_minute_at_most(publisher, account):
    for _ in range(20):
        publisher.services.rate_limits.acquire(account.id, "creator")
    post_id = publisher.request_upload(
        account.user_id, may_queue=True, **PRIVATE_DIRECT_POST
    ).post.id

    publisher.run_workers()

    assert publisher.request_bodies(CREATOR_PATH) == []
    assert (publisher.post(post_id).state, publisher.post(post_id).attempts) == (
        PostState.QUEUED,
        0,
    )


def test_an_open_circuit_costs_queued_posts_no_attempt(publisher, account):
    first = [publisher.request_upload(account.user_id, may_queue=True).post.id for _ in range(5)]
    publisher.set_responses(INBOX_INIT_PATH, http_response(503, b""))
    publisher.run_workers()
    calls_before = len(publisher.request_bodies(INBOX_INIT_PATH))
    other = publisher.factory.account(publisher.factory.create_account())
    late = publisher.request_upload(other.user_id, may_queue=True).post.id

    run_jobs(
        publishing.PUBLISH_JOB_TYPE, publisher.database, publisher.services, time_budget=TIME_BUDGET
    )

    assert calls_before == 5
    assert len(publisher.request_bodies(INBOX_INIT_PATH)) == calls_before
    assert {publisher.post(post_id).state for post_id in [*first, late]} == {PostState.QUEUED}
    post = publisher.post(late)
    assert (post.attempts, post.last_error) == (0, "circuit open")
    assert post.due_at > publisher.services.now()


def test_a_waiting_requester_learns_that_the_platform_is_unavailable(publisher, account):
    publisher.set_responses(INBOX_INIT_PATH, http_response(503, b""))
    for _ in range(FAILURE_THRESHOLD):
        publisher.request_upload(
            publisher.factory.account(publisher.factory.create_account()).user_id
        )
    calls_before = len(publisher.request_bodies(INBOX_INIT_PATH))

    queued = publisher.request_upload(account.user_id).post
    with pytest.raises(OperationFailed) as refused:
        publisher.request_upload(account.user_id, FILE_REQUEST)

    assert (queued.state, queued.attempts) == (PostState.QUEUED, 0)
    assert refused.value.code == "tiktok_unavailable"
    assert len(publisher.request_bodies(INBOX_INIT_PATH)) == calls_before == FAILURE_THRESHOLD


@pytest.mark.parametrize(("seconds", "refused"), [(300, False), (301, True)])
def test_a_video_longer_than_its_creator_may_post_is_not_started(
    publisher, account, seconds, refused
):
    upload_request = file_request(publisher, account, seconds)
    post_id = publisher.request_upload(
        account.user_id, upload_request, **PRIVATE_DIRECT_POST
    ).post.id

    publisher.run_workers()

    assert (publisher.post(post_id).error_code == "duration_check_failed") is refused
    assert len(publisher.request_bodies(DIRECT_INIT_PATH)) == (0 if refused else 1)


def test_creator_info_of_a_scheduled_post_is_fetched_only_when_it_is_due(publisher, account):
    at = (publisher.services.now() + timedelta(hours=1)).isoformat()
    post_id = publisher.request_upload(
        account.user_id, publish_at=at, **PRIVATE_DIRECT_POST
    ).post.id
    assert publisher.request_bodies(CREATOR_PATH) == []
    publisher.set_responses(
        CREATOR_PATH, ok_response(privacy_level_options=["FOLLOWER_OF_CREATOR"])
    )

    publisher.run_workers()

    assert publisher.post(post_id).error_code == "privacy_level_option_mismatch"
    assert (
        len(publisher.request_bodies(CREATOR_PATH)),
        publisher.request_bodies(DIRECT_INIT_PATH),
    ) == (1, [])


@pytest.mark.parametrize("code", ["spam_risk_user_banned_from_posting", "spam_risk_too_many_posts"])
def test_a_refusal_in_creator_info_counts_although_its_http_status_is_200(publisher, account, code):
    publisher.set_responses(CREATOR_PATH, error_response(200, code))

    with pytest.raises((OperationFailed, RateLimitExceeded)) as refused:
        publisher.request_upload(account.user_id, **PRIVATE_DIRECT_POST)

    assert refused.value.code == code
    assert publisher.request_bodies(DIRECT_INIT_PATH) == []


@pytest.mark.parametrize(
    ("fields", "is_verified"),
    [
        (URL_REQUEST, False),
        ({**URL_REQUEST, "videoUrl": "https://films.example.org/a.mp4"}, True),
        ({**URL_REQUEST, "videoUrl": "https://example.net/mine/a.mp4"}, True),
        ({**URL_REQUEST, "videoUrl": "https://example.net/theirs/a.mp4"}, False),
        (FILE_REQUEST, True),
    ],
)
def test_a_url_outside_of_the_verified_prefixes_is_refused_here(
    publisher, account, fields, is_verified
):
    verified_urls = ("example.org", "https://example.net/mine/")
    publisher.replace_platform_settings("tiktok", verified_urls=verified_urls)

    if is_verified:
        assert publisher.request_upload(account.user_id, fields).post.publish_id
        return
    with pytest.raises(OperationFailed) as refused:
        publisher.request_upload(account.user_id, fields)
    assert refused.value.code == "url_ownership_unverified"
    assert publisher.request_bodies(INBOX_INIT_PATH) == []
