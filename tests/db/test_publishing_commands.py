"""Commands on posts: cancel, retry, release; and posts that other services enqueue."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core import publishing
from core.errors import Conflict, NeedsReconnect, NotFound
from core.jobs.runner import claim_batch, run_jobs
from core.post_state.settle import PostState
from db.accounts.accounts import AccountStatus
from db.ops.audit import AuditEntry
from db.posts.posts import Post
from tests.platforms.hostile_server import http_response
from tests.platforms.tiktok_responses import error_response, ok_response
from tests.support.publishing_harness import (
    CANCEL_PATH,
    FILE_REQUEST,
    INBOX_INIT_PATH,
    STATUS_PATH,
    TIME_BUDGET,
    UPLOAD_PATH,
    URL_REQUEST,
    status_body,
)

LARGE_FILE_SIZE = 70_000_000


@pytest.fixture
def account(publisher):
    publisher.accept_starts()
    return publisher.factory.account(publisher.factory.create_account())


def cancel_post(publisher, account, post_id):
    publishing.cancel_post(publisher.database, publisher.services, post_id, user_id=account.user_id)


def retry_post(publisher, account, post_id, **more):
    return publishing.retry_post(
        publisher.database, publisher.services, post_id, user_id=account.user_id, **more
    )


def release_post(publisher, account, post_id):
    return publishing.release_post(
        publisher.database, publisher.services, post_id, user_id=account.user_id
    )


def create_file_post(publisher, account, size=LARGE_FILE_SIZE):
    media = publisher.create_media(account.user_id, b"x" * size)
    upload_request = {"source": "FILE_UPLOAD", "title": "A video", "media_id": media}
    return publisher.request_upload(account.user_id, upload_request).post.id


def test_a_queued_post_is_cancelled_and_its_slot_is_free(publisher, account):
    post_id = publisher.request_upload(account.user_id, may_queue=True).post.id

    cancel_post(publisher, account, post_id)
    publisher.run_workers(1)

    assert publisher.post(post_id).state == PostState.CANCELLED
    assert publisher.request_bodies(INBOX_INIT_PATH) == []
    assert publisher.request_upload(account.user_id).quotas["drafts"].used == 1


def test_an_incomplete_upload_is_cancelled(publisher, account):
    post_id = create_file_post(publisher, account)
    run_jobs(publishing.PUBLISH_JOB_TYPE, publisher.database, publisher.services)

    cancel_post(publisher, account, post_id)
    run_jobs(publishing.UPLOAD_JOB_TYPE, publisher.database, publisher.services)

    assert publisher.post(post_id).state == PostState.CANCELLED
    assert publisher.request_bodies(UPLOAD_PATH) == []
    assert publisher.tiktok_post(post_id).status == "FAILED"


def test_a_worker_of_a_cancelled_post_can_no_longer_record(publisher, account):
    file_post = create_file_post(publisher, account)
    [claim] = claim_batch(
        publishing.PUBLISH_JOB_TYPE, publisher.database, limit=1, expired=False, row_id=file_post
    )
    cancel_post(publisher, account, file_post)
    assert publisher.post(file_post).lease_token == claim.lease_token + 1


def test_a_post_whose_last_chunk_is_being_sent_is_not_cancelled(publisher, account):
    post_id = create_file_post(publisher, account, size=1000)
    run_jobs(publishing.PUBLISH_JOB_TYPE, publisher.database, publisher.services)
    claim_batch(
        publishing.UPLOAD_JOB_TYPE, publisher.database, limit=1, expired=False, row_id=post_id
    )

    with pytest.raises(Conflict) as refused:
        cancel_post(publisher, account, post_id)

    assert refused.value.code == "publish_not_cancellable"


def test_a_caller_upload_is_cancelled_only_while_bytes_are_missing(publisher, account):
    missing = publisher.request_upload(account.user_id, FILE_REQUEST).post.id
    publisher.set_responses(STATUS_PATH, status_body("PROCESSING_UPLOAD", uploaded_bytes=10))
    cancel_post(publisher, account, missing)
    assert publisher.post(missing).state == PostState.CANCELLED

    complete = publisher.request_upload(account.user_id, FILE_REQUEST).post.id
    publisher.set_responses(STATUS_PATH, status_body("PROCESSING_UPLOAD", uploaded_bytes=1000))
    with pytest.raises(Conflict):
        cancel_post(publisher, account, complete)
    assert publisher.post(complete).state == PostState.PROCESSING


def test_a_running_pull_is_cancelled_by_the_platform(publisher, account):
    post_id = publisher.request_upload(account.user_id).post.id
    publisher.set_responses(CANCEL_PATH, ok_response())

    cancel_post(publisher, account, post_id)

    assert publisher.post(post_id).state == PostState.CANCELLED
    assert publisher.post(post_id).error_code == "publish_cancelled"
    assert len(publisher.request_bodies(CANCEL_PATH)) == 1


@pytest.mark.parametrize(
    "response", [error_response(400, "publish_not_cancellable"), http_response(503, b"")]
)
def test_a_pull_that_the_platform_does_not_cancel_continues(publisher, account, response):
    post_id = publisher.request_upload(account.user_id).post.id
    publisher.set_responses(CANCEL_PATH, response)

    with pytest.raises(Conflict):
        cancel_post(publisher, account, post_id)

    assert publisher.post(post_id).state == PostState.PROCESSING


def test_a_published_post_is_not_cancelled(publisher, account):
    post_id = publisher.request_upload(account.user_id).post.id
    publisher.set_responses(STATUS_PATH, status_body("PUBLISH_COMPLETE"))
    publisher.run_workers(1)

    with pytest.raises(Conflict):
        cancel_post(publisher, account, post_id)


def test_a_post_of_another_user_can_be_neither_seen_nor_changed(publisher, account):
    post_id = publisher.request_upload(account.user_id).post.id
    other_user = publisher.factory.account(publisher.factory.create_account())

    for command in (cancel_post, retry_post, release_post):
        with pytest.raises(NotFound):
            command(publisher, other_user, post_id)
    with pytest.raises(NotFound):
        publishing.get_post(publisher.database, post_id, user_id=other_user.user_id)
    with pytest.raises(NotFound):
        publishing.get_timeline(publisher.database, post_id, user_id=other_user.user_id)


def test_a_retry_creates_a_new_post(publisher, account):
    publisher.set_responses(INBOX_INIT_PATH, error_response(400, "invalid_param"))
    post_id = publisher.request_upload(account.user_id, may_queue=True).post.id
    publisher.run_workers(1)
    publisher.accept_starts()

    result = retry_post(publisher, account, post_id, idempotency_key="again")
    repeated = retry_post(publisher, account, post_id, idempotency_key="again")
    publisher.run_workers(1)

    assert result.post.retry_of == post_id
    assert repeated.is_repeat
    assert repeated.post.id == result.post.id
    assert publisher.post(result.post.id).state == PostState.PROCESSING
    assert publisher.post(post_id).state == PostState.FAILED


def test_a_running_post_is_not_retried(publisher, account):
    post_id = publisher.request_upload(account.user_id).post.id

    with pytest.raises(Conflict):
        retry_post(publisher, account, post_id, confirm=True)


def test_an_unconfirmed_post_is_retried_only_with_confirmation(publisher, account):
    publisher.drop_responses(INBOX_INIT_PATH)
    post_id = publisher.request_upload(account.user_id).post.id
    publisher.accept_starts()

    with pytest.raises(Conflict) as refused:
        retry_post(publisher, account, post_id)
    result = retry_post(publisher, account, post_id, confirm=True)

    assert refused.value.details["confirmable"]
    assert result.post.retry_of == post_id
    assert publisher.post(post_id).state == PostState.UNCONFIRMED


def test_a_caller_gets_a_new_upload_url_for_a_retry(publisher, account):
    first = publisher.request_upload(account.user_id, FILE_REQUEST)
    publisher.set_responses(
        STATUS_PATH, status_body("FAILED", fail_reason="file_format_check_failed")
    )
    publisher.run_workers(1)

    result = retry_post(publisher, account, first.post.id)

    assert result.upload_url is not None
    assert result.upload_url != first.upload_url


def test_a_parked_post_is_released_by_its_owner(publisher, account):
    post_id = publisher.request_upload(account.user_id, may_queue=True).post.id
    publisher.update_post(post_id, hold_reason="wait_for_release", due_at=None)

    release_post(publisher, account, post_id)
    run_jobs(
        publishing.PUBLISH_JOB_TYPE, publisher.database, publisher.services, time_budget=TIME_BUDGET
    )

    assert publisher.post(post_id).state == PostState.PROCESSING


def test_a_parked_post_stays_while_its_account_is_disconnected(publisher, account):
    post_id = publisher.request_upload(account.user_id, may_queue=True).post.id
    publisher.update_post(post_id, hold_reason="needs_reconnect", due_at=None)
    publisher.factory.update_account(account.id, status=AccountStatus.NEEDS_RECONNECT)

    with pytest.raises(NeedsReconnect):
        release_post(publisher, account, post_id)

    assert publisher.post(post_id).hold_reason == "needs_reconnect"


def test_a_post_that_is_not_parked_is_not_released(publisher, account):
    post_id = publisher.request_upload(account.user_id, may_queue=True).post.id

    with pytest.raises(Conflict):
        release_post(publisher, account, post_id)


def enqueue_and_load(publisher, **payload):
    publishing.enqueue_post(publisher.database, publisher.services, payload)
    return publisher.all(select(Post).order_by(Post.id))


def test_another_service_enqueues_a_post(publisher, account):
    payload = {**URL_REQUEST, "user_id": account.user_id, "idempotency_key": "from the shop"}
    enqueue_and_load(publisher, **payload)

    [post] = enqueue_and_load(publisher, **payload)
    publisher.run_workers(1)

    assert post.state == PostState.QUEUED
    assert publisher.post(post.id).state == PostState.PROCESSING


GENERAL_REQUEST = {"text": "A video", "media": [{"url": "https://example.com/film.mp4"}]}


def test_another_service_enqueues_a_post_with_the_fields_of_the_general_route(publisher, account):
    [post] = enqueue_and_load(
        publisher, **GENERAL_REQUEST, platform="tiktok", user_id=account.user_id
    )

    assert (post.state, post.kind, post.title) == (PostState.QUEUED, "INBOX_VIDEO", "A video")
    assert post.payload_json == {"video_url": "https://example.com/film.mp4", "settings": {}}


@pytest.mark.parametrize(
    ("faulty_fields", "kind", "code"),
    [
        ({"kind": "DIRECT_VIDEO"}, ("tiktok", "DIRECT_VIDEO"), "VALIDATION_ERROR"),
        ({"kind": "FILM"}, ("tiktok", "INBOX_VIDEO"), "VALIDATION_ERROR"),
        ({"platform": "instagram"}, ("instagram", "IMAGE"), "not_connected"),
        ({"platform": "fax"}, ("tiktok", "INBOX_VIDEO"), "VALIDATION_ERROR"),
        ({"media": "none"}, ("tiktok", "INBOX_VIDEO"), "VALIDATION_ERROR"),
    ],
)
def test_a_bad_message_with_the_general_fields_is_stored_with_its_reason(
    publisher, account, faulty_fields, kind, code
):
    [post] = enqueue_and_load(
        publisher, **{**GENERAL_REQUEST, "user_id": account.user_id, **faulty_fields}
    )

    assert (post.state, post.error_code) == (PostState.FAILED, code)
    assert (post.provider, post.kind, post.title) == (*kind, "A video")


@pytest.mark.parametrize(
    ("faulty_fields", "code"),
    [
        ({"source": "BY_POST"}, "VALIDATION_ERROR"),
        ({"videoUrl": "http://127.0.0.1/x"}, "VALIDATION_ERROR"),
        ({"title": ["no", "text"]}, "VALIDATION_ERROR"),
        ({"title": "nul \x00"}, "VALIDATION_ERROR"),
        ({"unheard": "of"}, "VALIDATION_ERROR"),
        ({"account_id": 999_999}, "NOT_FOUND"),
        ({"idempotency_key": 7}, "VALIDATION_ERROR"),
        ({"idempotency_key": ""}, "VALIDATION_ERROR"),
    ],
)
def test_a_bad_message_is_stored_once_with_its_reason(publisher, account, faulty_fields, code):
    payload = {**URL_REQUEST, "user_id": account.user_id, **faulty_fields}
    enqueue_and_load(publisher, **payload)

    [post] = enqueue_and_load(publisher, **payload)

    assert (post.state, post.error_code) == (PostState.FAILED, code)
    assert post.due_at is None


@pytest.mark.parametrize("user_id", [None, "1", True, -1, 2**63, 999_999])
def test_a_message_without_a_known_user_is_stored_in_the_audit_log(publisher, user_id):
    assert enqueue_and_load(publisher, **URL_REQUEST, user_id=user_id) == []

    [entry] = publisher.all(select(AuditEntry).where(AuditEntry.action == "post.rejected"))
    assert entry.details["fields"] == {"user_id": "must be the id of an active user"}


def test_a_caller_upload_is_not_enqueued(publisher, account):
    [post] = enqueue_and_load(publisher, **FILE_REQUEST, user_id=account.user_id)

    assert post.error_code == "VALIDATION_ERROR"


def test_a_post_without_a_slot_waits_for_one_day(publisher, account):
    for _ in range(5):
        publisher.request_upload(account.user_id, may_queue=True)
    waiting = publisher.request_upload(account.user_id, may_queue=True).post.id
    publisher.run_workers(1)
    assert publisher.post(waiting).state == PostState.QUEUED
    assert not publisher.post(waiting).has_slot

    publisher.update_post(waiting, created_at=func.now() - timedelta(hours=25))
    publisher.run_workers(1)

    assert publisher.post(waiting).error_code == "quota_exceeded"
