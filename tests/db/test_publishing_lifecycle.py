"""The steps of a post from upload to its final state, each claimed as a worker would claim it."""

from datetime import timedelta

import pytest
from sqlalchemy import func

from core.jobs.runner import claim_batch, run_jobs
from core.post_state.settle import PostState
from core.publishing import PUBLISH_JOB_TYPE, UPLOAD_JOB_TYPE
from db.accounts.accounts import AccountStatus
from platforms.base import Phase
from tests.platforms.hostile_server import http_response
from tests.platforms.tiktok_responses import error_response, ok_response
from tests.support.publishing_harness import INBOX_INIT_PATH, STATUS_PATH, UPLOAD_PATH, status_body

LARGE_FILE_SIZE = 70_000_000
HOURS = timedelta(hours=1)


@pytest.fixture
def account(publisher):
    return publisher.factory.account(publisher.factory.create_account())


@pytest.fixture
def make_upload_post(publisher, account):
    """Makes posts of a media file that we upload."""
    publisher.accept_starts()

    def make(size=1000, **more):
        media = publisher.create_media(account.user_id, b"x" * size)
        upload_request = {"source": "FILE_UPLOAD", "title": "A video", "media_id": media, **more}
        return publisher.request_upload(account.user_id, upload_request).post.id

    return make


@pytest.fixture
def url_post_id(publisher, account):
    publisher.accept_starts()
    return publisher.request_upload(account.user_id).post.id


def chunk_response(end, total):
    return http_response(
        201 if end == total else 206, b"", Content_Range=f"bytes 0-{end - 1}/{total}"
    )


def sent_ranges(publisher):
    headers = [
        request_headers
        for (path, _), request_headers in zip(
            publisher.server.requests, publisher.server.request_headers, strict=True
        )
        if path.startswith(UPLOAD_PATH)
    ]
    return [request_headers["content-range"].removeprefix("bytes ") for request_headers in headers]


def expire_lease(publisher, post_id):
    """As if the worker that holds the post had been killed."""
    publisher.update_post(post_id, leased_until=func.now() - HOURS)


def run_uploads(publisher):
    return run_jobs(UPLOAD_JOB_TYPE, publisher.database, publisher.services)


def test_a_large_file_is_sent_a_few_chunks_at_a_time_and_is_due_again_immediately(
    publisher, make_upload_post
):
    post_id = make_upload_post(LARGE_FILE_SIZE)
    run_jobs(PUBLISH_JOB_TYPE, publisher.database, publisher.services)
    publisher.set_responses(
        UPLOAD_PATH,
        *(
            chunk_response(end, LARGE_FILE_SIZE)
            for end in range(10_000_000, LARGE_FILE_SIZE + 1, 10_000_000)
        ),
    )
    sent = [publisher.post(post_id).bytes_sent]

    while publisher.post(post_id).state == PostState.SENDING:
        assert run_uploads(publisher).claimed == 1
        sent.append(publisher.post(post_id).bytes_sent)

    assert sent[-1] == LARGE_FILE_SIZE
    assert sent == sorted(sent)
    assert publisher.post(post_id).state == PostState.PROCESSING
    assert len(sent_ranges(publisher)) == 7


def test_publishing_and_upload_jobs_claim_different_posts(publisher, make_upload_post):
    post_id = make_upload_post(LARGE_FILE_SIZE)
    run_jobs(PUBLISH_JOB_TYPE, publisher.database, publisher.services)
    assert publisher.post(post_id).state == PostState.SENDING

    assert run_jobs(PUBLISH_JOB_TYPE, publisher.database, publisher.services).claimed == 0
    assert run_uploads(publisher).claimed == 1


def test_after_a_kill_the_offset_is_polled_from_the_platform(publisher, make_upload_post):
    post_id = make_upload_post(LARGE_FILE_SIZE)
    run_jobs(PUBLISH_JOB_TYPE, publisher.database, publisher.services)
    publisher.set_responses(UPLOAD_PATH, chunk_response(10_000_000, LARGE_FILE_SIZE))
    claim_batch(UPLOAD_JOB_TYPE, publisher.database, limit=1, expired=False, row_id=None)
    expire_lease(publisher, post_id)  # the platform has that chunk, and another one
    publisher.set_responses(
        STATUS_PATH, status_body("PROCESSING_UPLOAD", uploaded_bytes=20_000_000)
    )

    run_uploads(publisher)
    run_uploads(publisher)

    assert sent_ranges(publisher)[0] == f"20000000-29999999/{LARGE_FILE_SIZE}"
    assert len(publisher.request_bodies(INBOX_INIT_PATH)) == 1


def test_after_a_lost_response_to_the_last_chunk_the_status_is_polled_first(
    publisher, make_upload_post
):
    post_id = make_upload_post()
    publisher.drop_responses(UPLOAD_PATH)
    publisher.set_responses(STATUS_PATH, status_body("PROCESSING_UPLOAD", uploaded_bytes=1000))
    publisher.run_workers(1)
    assert publisher.post(post_id).state == PostState.UNCONFIRMED

    publisher.run_workers(2)

    assert publisher.post(post_id).state == PostState.PROCESSING
    assert len(publisher.request_bodies(UPLOAD_PATH)) == 1


def test_a_last_chunk_that_never_arrived_is_sent_again(publisher, make_upload_post):
    post_id = make_upload_post()
    publisher.drop_responses(UPLOAD_PATH)
    publisher.set_responses(STATUS_PATH, status_body("PROCESSING_UPLOAD", uploaded_bytes=0))
    publisher.run_workers(1)

    publisher.set_responses(UPLOAD_PATH, chunk_response(1000, 1000))
    publisher.run_workers(2)

    assert publisher.post(post_id).state == PostState.PROCESSING
    assert len(publisher.request_bodies(INBOX_INIT_PATH)) == 1


def test_an_expired_upload_url_restarts_only_when_no_byte_was_stored(publisher, make_upload_post):
    post_id = make_upload_post()
    publisher.set_responses(UPLOAD_PATH, http_response(403, b""), chunk_response(1000, 1000))
    publisher.set_responses(STATUS_PATH, status_body("PROCESSING_UPLOAD", uploaded_bytes=0))
    publisher.run_workers(1)
    first = publisher.post(post_id).publish_id

    publisher.run_workers(3)

    assert publisher.post(post_id).state == PostState.PROCESSING
    assert publisher.post(post_id).publish_id != first
    assert publisher.post(post_id).has_slot


@pytest.mark.parametrize("status_fields", [{}, {"uploaded_bytes": 10}])
def test_an_expired_upload_url_with_bytes_or_unknown_bytes_fails_the_post(
    publisher, make_upload_post, status_fields
):
    post_id = make_upload_post()
    publisher.set_responses(UPLOAD_PATH, http_response(403, b""))
    publisher.set_responses(STATUS_PATH, status_body("PROCESSING_UPLOAD", **status_fields))

    publisher.run_workers(3)

    assert publisher.post(post_id).error_code == "upload_url_expired"
    assert len(publisher.request_bodies(INBOX_INIT_PATH)) == 1


def test_a_publication_the_platform_does_not_know_yet_is_polled_again(publisher, url_post_id):
    publisher.set_responses(STATUS_PATH, error_response(400, "invalid_publish_id"))

    publisher.run_workers(2)

    assert publisher.post(url_post_id).state == PostState.PROCESSING
    assert len(publisher.request_bodies(STATUS_PATH)) == 2


def test_a_file_that_changed_is_not_sent_any_further(publisher, make_upload_post, account):
    post_id = make_upload_post(LARGE_FILE_SIZE)
    run_jobs(PUBLISH_JOB_TYPE, publisher.database, publisher.services)
    media = publisher.media(publisher.post(post_id).media_id)
    publisher.services.media.local_path(media.path).write_bytes(b"short")

    run_uploads(publisher)

    assert publisher.post(post_id).error_code == "source_changed"
    assert publisher.request_bodies(UPLOAD_PATH) == []


@pytest.mark.parametrize(
    ("status", "more", "state", "tiktok_status"),
    [
        ("SEND_TO_USER_INBOX", {}, PostState.PUBLISHED, "SEND_TO_USER_INBOX"),
        ("PUBLISH_COMPLETE", {}, PostState.PUBLISHED, "PUBLISH_COMPLETE"),
        ("FAILED", {"fail_reason": "video_pull_failed"}, PostState.FAILED, "FAILED"),
        ("FAILED", {"fail_reason": "publish_cancelled"}, PostState.CANCELLED, "FAILED"),
    ],
)
def test_a_polled_status_becomes_the_state_of_the_post(
    publisher, url_post_id, status, more, state, tiktok_status
):
    publisher.set_responses(STATUS_PATH, status_body(status, **more))

    publisher.run_workers(1)

    post = publisher.post(url_post_id)
    assert post.state == state
    assert publisher.tiktok_post(url_post_id).status == tiktok_status
    assert post.error_code == more.get("fail_reason")
    assert post.finished_at is not None


def test_a_delivered_draft_is_polled_until_its_creator_posts_it(publisher, url_post_id):
    publisher.set_responses(STATUS_PATH, status_body("SEND_TO_USER_INBOX"))
    publisher.run_workers(1)
    assert publisher.post(url_post_id).due_at is not None

    publisher.set_responses(
        STATUS_PATH,
        ok_response(status="PUBLISH_COMPLETE", publicaly_available_post_id=[7123456789012345678]),
    )
    publisher.run_workers(1)

    assert publisher.tiktok_post(url_post_id).status == "PUBLISH_COMPLETE"
    assert publisher.tiktok_post(url_post_id).details["publicaly_available_post_id"] == [
        "7123456789012345678"
    ]
    assert publisher.post(url_post_id).platform_post_id == "7123456789012345678"
    assert publisher.post(url_post_id).due_at is None


def test_an_undocumented_status_changes_nothing(publisher, url_post_id):
    publisher.set_responses(STATUS_PATH, status_body("ON_A_BREAK"))

    publisher.run_workers(1)

    assert publisher.post(url_post_id).state == PostState.PROCESSING
    assert publisher.tiktok_post(url_post_id).status == "PROCESSING_DOWNLOAD"


def test_a_pending_post_is_overdue_after_one_day_and_fails_as_unknown_after_three(
    publisher, url_post_id
):
    publisher.set_responses(STATUS_PATH, status_body("PROCESSING_DOWNLOAD"))
    publisher.update_post(url_post_id, started_at=func.now() - 25 * HOURS)
    publisher.run_workers(2)
    assert publisher.state_history(url_post_id)[-1] == PostState.UNCONFIRMED
    assert publisher.state_history(url_post_id).count(PostState.UNCONFIRMED) == 1

    publisher.update_post(url_post_id, started_at=func.now() - 73 * HOURS)
    publisher.run_workers(1)

    assert publisher.post(url_post_id).error_code == "outcome_unknown"


def test_waiting_counts_from_the_start_and_not_from_the_request(publisher, url_post_id):
    publisher.set_responses(STATUS_PATH, status_body("PROCESSING_DOWNLOAD"))
    publisher.update_post(url_post_id, created_at=func.now() - 100 * HOURS)

    publisher.run_workers(1)

    assert publisher.post(url_post_id).state == PostState.PROCESSING


def test_an_unconfirmed_start_is_matched_by_the_webhook_that_names_it(publisher, account):
    publisher.drop_responses(INBOX_INIT_PATH)
    post_id = publisher.request_upload(account.user_id).post.id
    publisher.create_webhook_event(account.open_id, "v_pub_url~v2.found")

    publisher.set_responses(STATUS_PATH, status_body("PUBLISH_COMPLETE"))
    publisher.run_workers(2)

    assert publisher.post(post_id).publish_id == "v_pub_url~v2.found"
    assert publisher.post(post_id).state == PostState.PUBLISHED


def test_a_publication_is_not_matched_if_two_starts_are_unconfirmed(publisher, account):
    publisher.drop_responses(INBOX_INIT_PATH)
    lost = [publisher.request_upload(account.user_id).post.id for _ in range(2)]
    publisher.create_webhook_event(account.open_id, "v_pub_url~v2.ambiguous")

    publisher.run_workers(2)

    assert {publisher.post(post_id).state for post_id in lost} == {PostState.UNCONFIRMED}


def test_an_unconfirmed_start_fails_as_unknown_after_a_day(publisher, account):
    publisher.drop_responses(INBOX_INIT_PATH)
    post_id = publisher.request_upload(account.user_id).post.id
    publisher.age_unsafe_step(post_id, "start", ago=25 * HOURS)

    publisher.run_workers(1)

    assert publisher.post(post_id).error_code == "outcome_unknown"
    assert len(publisher.request_bodies(INBOX_INIT_PATH)) == 1


def test_a_start_that_was_killed_is_repeated_where_no_byte_can_be_there(
    publisher, make_upload_post
):
    post_id = make_upload_post()
    publisher.set_responses(UPLOAD_PATH, chunk_response(1000, 1000))
    claim_batch(PUBLISH_JOB_TYPE, publisher.database, limit=1, expired=False, row_id=None)
    expire_lease(publisher, post_id)

    publisher.run_workers(2)

    assert publisher.post(post_id).state == PostState.PROCESSING


def test_a_queued_pull_survives_an_unavailable_platform(publisher, account):
    publisher.set_responses(INBOX_INIT_PATH, http_response(503, b""))
    post_id = publisher.request_upload(account.user_id).post.id
    assert publisher.post(post_id).state == PostState.QUEUED
    publisher.run_workers(2)

    publisher.accept_starts()
    publisher.run_workers(1)

    assert publisher.post(post_id).state == PostState.PROCESSING


def test_the_posts_of_an_account_that_needs_a_reconnect_are_parked(publisher, account):
    post_id = publisher.request_upload(account.user_id, may_queue=True).post.id
    publisher.factory.update_account(account.id, status=AccountStatus.NEEDS_RECONNECT)

    publisher.run_workers(1)

    assert publisher.post(post_id).hold_reason == "needs_reconnect"
    assert publisher.post(post_id).due_at is None
    assert publisher.post(post_id).state == PostState.QUEUED


def test_a_running_post_fails_as_unknown_when_its_account_is_disconnected(
    publisher, url_post_id, account
):
    publisher.factory.update_account(account.id, status=AccountStatus.DISCONNECTED)

    publisher.run_workers(1)

    assert publisher.post(url_post_id).error_code == "outcome_unknown"


def test_a_disconnected_account_changes_no_final_state(publisher, url_post_id, account):
    publisher.set_responses(STATUS_PATH, status_body("SEND_TO_USER_INBOX"))
    publisher.run_workers(1)
    publisher.factory.update_account(account.id, status=AccountStatus.DISCONNECTED)

    publisher.run_workers(1)

    assert publisher.post(url_post_id).state == PostState.PUBLISHED


def test_of_two_final_states_the_polled_one_holds(publisher, url_post_id):
    publisher.set_responses(STATUS_PATH, status_body("FAILED", fail_reason="internal"))
    publisher.run_workers(1)
    assert publisher.post(url_post_id).state == PostState.FAILED
    publisher.apply_webhook_update(url_post_id, Phase.PUBLISHED, "PUBLISH_COMPLETE")
    assert publisher.post(url_post_id).state == PostState.FAILED
    assert publisher.post(url_post_id).due_at is not None

    publisher.set_responses(STATUS_PATH, status_body("PUBLISH_COMPLETE"))
    publisher.run_workers(1)

    assert publisher.post(url_post_id).state == PostState.PUBLISHED
    assert publisher.post(url_post_id).error_code is None
    assert publisher.tiktok_post(url_post_id).status == "PUBLISH_COMPLETE"


def test_a_dry_run_sends_nothing(publisher, account):
    publisher.replace_settings(publish_mode="dry-run")

    result = publisher.request_upload(account.user_id)

    assert (result.post.state, result.post.error_code) == (PostState.CANCELLED, "dry_run")
    assert publisher.server.requests == []


def test_an_expired_caller_upload_is_reported(publisher, account):
    publisher.accept_starts()
    upload_request = {"source": "FILE_UPLOAD", "title": "A", "video_size": 1000}
    post_id = publisher.request_upload(account.user_id, upload_request).post.id
    publisher.set_responses(STATUS_PATH, status_body("PROCESSING_UPLOAD", uploaded_bytes=10))
    publisher.expire_upload_url(post_id)

    publisher.run_workers(1)

    assert publisher.post(post_id).error_code == "upload_url_expired"
    assert publisher.upload(post_id) is None
