"""Webhooks that end a post while a worker waits for an answer: the end stands."""

from datetime import timedelta

import pytest
from sqlalchemy import func

from core.jobs.executor import execute_claim
from core.jobs.recorder import record_results
from core.jobs.runner import claim_batch, run_jobs
from core.post_state.settle import PostState
from core.publishing import PUBLISH_JOB_TYPE, UPLOAD_JOB_TYPE
from platforms.base import Phase
from tests.platforms.hostile_server import http_response
from tests.platforms.tiktok_responses import error_response
from tests.support.publishing_harness import STATUS_PATH, UPLOAD_PATH, status_body

DRAFT_INTERVAL = timedelta(hours=6)
DELIVERED = (Phase.DELIVERED, "SEND_TO_USER_INBOX")
PUBLISHED = (Phase.PUBLISHED, "PUBLISH_COMPLETE")


@pytest.fixture
def account(publisher):
    publisher.accept_starts()
    return publisher.factory.account(publisher.factory.create_account())


@pytest.fixture
def upload_id(publisher, account):
    """A post whose only chunk, which is the last one, is sent next."""
    media = publisher.create_media(account.user_id)
    upload_request = {"source": "FILE_UPLOAD", "title": "A video", "media_id": media}
    post_id = publisher.request_upload(account.user_id, upload_request).post.id
    run_jobs(PUBLISH_JOB_TYPE, publisher.database, publisher.services)
    return post_id


def run_with_webhook_between(publisher, job_type, post_id, report):
    """Run one claim of the post; the webhook comes between the answer and its record."""
    publisher.make_due(post_id)
    (claim,) = claim_batch(job_type, publisher.database, limit=1, expired=False, row_id=post_id)
    outcome = execute_claim(job_type, claim, publisher.services)
    publisher.apply_webhook_update(post_id, *report)
    record_results(job_type, publisher.database, publisher.services, [(claim, outcome)])


def time_until_due(publisher, post_id):
    return publisher.post(post_id).due_at - publisher.one(func.now().select())


def test_a_lost_answer_to_the_last_chunk_does_not_reopen_a_published_post(publisher, upload_id):
    publisher.drop_responses(UPLOAD_PATH)

    run_with_webhook_between(publisher, UPLOAD_JOB_TYPE, upload_id, PUBLISHED)

    post = publisher.post(upload_id)
    assert (post.state, post.due_at) == (PostState.PUBLISHED, None)
    assert "unsafe" not in post.step_state
    assert PostState.UNCONFIRMED not in publisher.state_history(upload_id)


def test_control_without_a_webhook_the_lost_answer_leaves_the_post_unconfirmed(
    publisher, upload_id
):
    publisher.drop_responses(UPLOAD_PATH)

    run_jobs(UPLOAD_JOB_TYPE, publisher.database, publisher.services)

    assert publisher.post(upload_id).state == PostState.UNCONFIRMED


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_draft_delivered_during_the_last_chunk_is_polled_until_it_is_posted(
    publisher, upload_id, is_answered
):
    publisher.drop_responses(UPLOAD_PATH)
    if is_answered:
        publisher.set_responses(
            UPLOAD_PATH, http_response(201, b"", Content_Range="bytes 0-999/1000")
        )

    run_with_webhook_between(publisher, UPLOAD_JOB_TYPE, upload_id, DELIVERED)

    assert publisher.post(upload_id).state == PostState.PUBLISHED
    assert abs(time_until_due(publisher, upload_id) - DRAFT_INTERVAL) < timedelta(minutes=1)
    publisher.set_responses(STATUS_PATH, status_body("PUBLISH_COMPLETE"))
    publisher.run_workers()
    assert publisher.tiktok_post(upload_id).status == "PUBLISH_COMPLETE"


def test_a_draft_delivered_during_a_poll_is_polled_until_it_is_posted(publisher, account):
    post_id = publisher.request_upload(account.user_id).post.id
    publisher.set_responses(STATUS_PATH, status_body("PROCESSING_DOWNLOAD"))

    run_with_webhook_between(publisher, PUBLISH_JOB_TYPE, post_id, DELIVERED)

    assert publisher.post(post_id).state == PostState.PUBLISHED
    assert abs(time_until_due(publisher, post_id) - DRAFT_INTERVAL) < timedelta(minutes=1)


def test_a_delivered_draft_is_not_polled_after_a_week(publisher, account):
    post_id = publisher.request_upload(account.user_id).post.id
    publisher.set_responses(STATUS_PATH, status_body("SEND_TO_USER_INBOX"))
    publisher.run_workers()
    long_ago = func.now() - timedelta(days=8)

    publisher.update_post(post_id, started_at=long_ago, finished_at=long_ago)
    publisher.run_workers()

    assert publisher.post(post_id).due_at is None


def test_an_unknown_publication_that_was_published_meanwhile_is_kept(publisher, upload_id):
    publisher.set_responses(STATUS_PATH, error_response(400, "invalid_publish_id"))
    publisher.update_post(upload_id, started_at=func.now() - timedelta(minutes=5), attempts=1)
    publish_id = publisher.post(upload_id).publish_id

    run_with_webhook_between(publisher, UPLOAD_JOB_TYPE, upload_id, PUBLISHED)

    post = publisher.post(upload_id)
    assert (post.state, post.publish_id) == (PostState.PUBLISHED, publish_id)
    assert publisher.tiktok_post(upload_id).status == "PUBLISH_COMPLETE"


def test_a_published_post_with_an_open_outcome_does_not_fail_after_a_day(publisher, upload_id):
    publisher.drop_responses(UPLOAD_PATH)
    run_jobs(UPLOAD_JOB_TYPE, publisher.database, publisher.services)
    publisher.apply_webhook_update(upload_id, *DELIVERED)
    publisher.age_unsafe_step(upload_id, "send_last", ago=timedelta(hours=25))
    publisher.set_responses(STATUS_PATH, error_response(400, "invalid_publish_id"))

    publisher.run_workers()

    assert publisher.post(upload_id).state == PostState.PUBLISHED
