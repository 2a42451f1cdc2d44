"""How many chunks of an upload one claim sends, and what is stored when it ends."""

import pytest

from core import publishing
from core.jobs.runner import run_jobs
from tests.platforms.hostile_server import http_response
from tests.support.publishing_harness import UPLOAD_PATH

LARGE_FILE_SIZE = 70_000_000  # bytes: seven chunks
CHUNK_ENDS = range(10_000_000, LARGE_FILE_SIZE + 1, 10_000_000)


@pytest.fixture
def large_post_id(publisher):
    """The id of a post that was started and has no bytes at the platform yet."""
    publisher.accept_starts()
    account = publisher.factory.account(publisher.factory.create_account())
    media = publisher.create_media(account.user_id, b"x" * LARGE_FILE_SIZE)
    upload_request = {"source": "FILE_UPLOAD", "title": "A video", "media_id": media}
    post_id = publisher.request_upload(account.user_id, upload_request).post.id
    run_jobs(publishing.PUBLISH_JOB_TYPE, publisher.database, publisher.services)
    return post_id


def chunk_response(end, total):
    return http_response(
        201 if end == total else 206, b"", Content_Range=f"bytes 0-{end - 1}/{total}"
    )


def run_uploads(publisher):
    return run_jobs(publishing.UPLOAD_JOB_TYPE, publisher.database, publisher.services)


def test_the_last_chunk_waits_for_a_separate_claim(publisher, large_post_id, monkeypatch):
    """Until then the post can be cancelled, because no worker can complete the upload."""
    monkeypatch.setattr("platforms.tiktok.step_publisher.CHUNK_TIME_BUDGET_SECONDS", 60.0)
    publisher.set_responses(
        UPLOAD_PATH, *(chunk_response(end, LARGE_FILE_SIZE) for end in CHUNK_ENDS)
    )

    run_uploads(publisher)

    assert len(publisher.request_bodies(UPLOAD_PATH)) == 6
    assert publisher.post(large_post_id).bytes_sent == 60_000_000
    publisher.cancel_post(large_post_id)
    assert run_uploads(publisher).claimed == 0
    assert len(publisher.request_bodies(UPLOAD_PATH)) == 6


def test_an_upload_stops_when_its_time_budget_is_spent(publisher, large_post_id, monkeypatch):
    monkeypatch.setattr("platforms.tiktok.step_publisher.CHUNK_TIME_BUDGET_SECONDS", 0.0)
    publisher.set_responses(
        UPLOAD_PATH, *(chunk_response(end, LARGE_FILE_SIZE) for end in CHUNK_ENDS)
    )

    run_uploads(publisher)

    assert publisher.post(large_post_id).bytes_sent == 10_000_000


def test_chunks_sent_before_a_failed_one_are_kept(publisher, large_post_id):
    publisher.set_responses(
        UPLOAD_PATH, chunk_response(10_000_000, LARGE_FILE_SIZE), http_response(500, b"")
    )

    run_uploads(publisher)
    assert (publisher.post(large_post_id).bytes_sent, publisher.post(large_post_id).last_error) == (
        10_000_000,
        None,
    )

    run_uploads(publisher)
    assert "answered 500" in publisher.post(large_post_id).last_error
