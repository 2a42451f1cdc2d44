"""Parallel uploads: how many of one account, which file is read, and how much memory they use."""

import os
import tracemalloc
from datetime import timedelta

import pytest
from sqlalchemy import func

from core import publishing
from core.jobs.executor import execute_claim
from core.jobs.runner import claim_batch, run_jobs
from core.outcomes import Snooze
from core.post_state.settle import PostState
from core.publishing.upload_limit import MAX_UPLOADS_PER_ACCOUNT
from db.posts.posts import Post
from platforms.chunks import plan_chunks
from tests.platforms.hostile_server import http_response
from tests.support.publishing_harness import UPLOAD_PATH

LARGE_FILE_SIZE = 70_000_000


@pytest.fixture
def account(publisher):
    publisher.accept_starts()
    return publisher.factory.account(publisher.factory.create_account())


def create_uploads(publisher, account, count, size=1000):
    """Posts whose next step is to upload bytes."""
    media = publisher.create_media(account.user_id, b"x" * size)
    upload_request = {"source": "FILE_UPLOAD", "title": "A video", "media_id": media}
    post_ids = [
        publisher.request_upload(account.user_id, upload_request, may_queue=True).post.id
        for _ in range(count)
    ]
    run_jobs(publishing.PUBLISH_JOB_TYPE, publisher.database, publisher.services)
    assert {publisher.post(post_id).state for post_id in post_ids} == {PostState.SENDING}
    return post_ids


def claim_upload(publisher):
    """Claim an upload as another worker would."""
    publisher.make_due()
    (claim,) = claim_batch(
        publishing.UPLOAD_JOB_TYPE, publisher.database, limit=1, expired=False, row_id=None
    )
    return claim


def chunk_response(size, end):
    return http_response(
        201 if end == size else 206, b"", Content_Range=f"bytes 0-{end - 1}/{size}"
    )


def test_workers_lease_a_few_uploads_of_one_account_and_the_next_one_waits(publisher, account):
    post_ids = create_uploads(publisher, account, MAX_UPLOADS_PER_ACCOUNT + 1)
    claims = [claim_upload(publisher) for _ in post_ids]

    assert [isinstance(claim.job, Snooze) for claim in claims] == [
        False
    ] * MAX_UPLOADS_PER_ACCOUNT + [True]
    assert {claim.id for claim in claims} == set(post_ids)


def test_an_upload_that_waits_for_others_loses_no_attempt_and_is_sent_next(publisher, account):
    post_ids = create_uploads(publisher, account, MAX_UPLOADS_PER_ACCOUNT + 1)
    publisher.set_responses(UPLOAD_PATH, chunk_response(1000, 1000))
    for _ in range(MAX_UPLOADS_PER_ACCOUNT):
        claim_upload(publisher)
    run_jobs(publishing.UPLOAD_JOB_TYPE, publisher.database, publisher.services)
    (waiting,) = [post_id for post_id in post_ids if publisher.post(post_id).leased_until is None]
    post = publisher.post(waiting)
    assert (post.state, post.attempts, post.last_error) == (
        PostState.SENDING,
        0,
        "the account's other uploads have to end first",
    )

    publisher.update_posts(
        [Post.oauth_account_id == account.id], leased_until=func.now() - timedelta(hours=1)
    )
    publisher.update_post(waiting, leased_until=None, due_at=func.now())
    run_jobs(publishing.UPLOAD_JOB_TYPE, publisher.database, publisher.services, row_id=waiting)

    assert publisher.post(waiting).state == PostState.PROCESSING


def test_other_accounts_do_not_wait_for_these_uploads(publisher, account):
    create_uploads(publisher, account, MAX_UPLOADS_PER_ACCOUNT)
    for _ in range(MAX_UPLOADS_PER_ACCOUNT):
        claim_upload(publisher)
    other = publisher.factory.account(publisher.factory.create_account())
    (other_post_id,) = create_uploads(publisher, other, 1)

    claim = claim_upload(publisher)

    assert (claim.id, isinstance(claim.job, Snooze)) == (other_post_id, False)


def test_each_worker_leases_one_upload(publisher, account):
    create_uploads(publisher, account, 2)
    assert (publishing.UPLOAD_JOB_TYPE.batch_size, publishing.UPLOAD_JOB_TYPE.pool_size) == (1, 1)
    assert (
        len(
            claim_batch(
                publishing.UPLOAD_JOB_TYPE, publisher.database, limit=1, expired=False, row_id=None
            )
        )
        == 1
    )
    assert plan_chunks(4_000_000_000).chunk_size <= 64_000_000


@pytest.mark.parametrize("change", ["rewritten", "longer"])
def test_a_file_that_changes_between_two_claims_fails_its_post(
    publisher, account, change, monkeypatch
):
    monkeypatch.setattr("platforms.tiktok.step_publisher.CHUNK_TIME_BUDGET_SECONDS", 0.0)
    (post_id,) = create_uploads(publisher, account, 1, LARGE_FILE_SIZE)
    publisher.set_responses(UPLOAD_PATH, chunk_response(LARGE_FILE_SIZE, 10_000_000))
    run_jobs(publishing.UPLOAD_JOB_TYPE, publisher.database, publisher.services)
    assert publisher.post(post_id).bytes_sent == 10_000_000

    file = publisher.services.media.local_path(
        publisher.media(publisher.post(post_id).media_id).path
    )
    if change == "longer":
        with file.open("ab") as end:
            end.write(b"more")
    os.utime(file, ns=(1, 1))
    run_jobs(publishing.UPLOAD_JOB_TYPE, publisher.database, publisher.services)

    post = publisher.post(post_id)
    assert (post.state, post.error_code) == (PostState.FAILED, "source_changed")
    assert len(publisher.request_bodies(UPLOAD_PATH)) == 1


def test_a_large_video_costs_the_memory_of_a_chunk(publisher, account, monkeypatch):
    """Of one chunk, because the fake platform in this process keeps what it receives."""
    monkeypatch.setattr("platforms.tiktok.step_publisher.CHUNK_TIME_BUDGET_SECONDS", 0.0)
    create_uploads(publisher, account, 1, LARGE_FILE_SIZE)
    publisher.set_responses(UPLOAD_PATH, chunk_response(LARGE_FILE_SIZE, 10_000_000))
    claim = claim_upload(publisher)

    tracemalloc.start()
    outcome = execute_claim(publishing.UPLOAD_JOB_TYPE, claim, publisher.services)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [sent.next_offset for sent in outcome.answer.results] == [10_000_000]
    assert peak < 15_000_000
