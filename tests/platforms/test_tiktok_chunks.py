"""The chunks of an upload to TikTok's sandbox: in order, sent once, resumed after lost answers."""

import pytest

from platforms.base import Phase
from platforms.chunks import ChunkPlan, next_chunk
from platforms.errors import PlatformError, Unavailable
from tests.platforms.contract_videos import (
    encode_video,
    pad_video,
    upload_in_chunks,
    wait_for_phase,
)
from tests.platforms.sandbox_client import run_tiktok_sandbox, upload_request

SEVEN_CHUNKS = 70_000_001  # bytes
LOST_ANSWERS = ("http_500", "http_429", "drop_after", "reset", "truncate", "html_200")


@pytest.fixture(scope="module")
def tiktok_sandbox():
    with run_tiktok_sandbox() as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def clear_faults(tiktok_sandbox):
    yield
    tiktok_sandbox.control("faults", method="DELETE")


@pytest.fixture
def grant(tiktok_sandbox):
    return tiktok_sandbox.connect_creator()


@pytest.fixture(scope="module")
def video():
    return encode_video()


def start_upload(sandbox, grant, size):
    return sandbox.adapter.step_publisher.calls.start(grant.access_token, upload_request(size))


def test_a_file_of_many_chunks_reaches_its_end_phase(tiktok_sandbox, grant, video):
    publisher, data = tiktok_sandbox.adapter.step_publisher.calls, pad_video(video, SEVEN_CHUNKS)
    started = start_upload(tiktok_sandbox, grant, SEVEN_CHUNKS)
    assert started.chunk_count == 7
    assert upload_in_chunks(publisher, started, data).is_complete
    wait_for_phase(publisher, grant.access_token, started.publish_id, {Phase.PUBLISHED})


def test_an_upload_resumes_after_a_lost_chunk_response(tiktok_sandbox, grant, video):
    publisher, data = tiktok_sandbox.adapter.step_publisher.calls, pad_video(video, SEVEN_CHUNKS)
    started = start_upload(tiktok_sandbox, grant, SEVEN_CHUNKS)
    first = next_chunk(ChunkPlan(started.chunk_size, started.chunk_count), SEVEN_CHUNKS, 0)
    options = {"chunk": first, "total_size": SEVEN_CHUNKS, "content_type": "video/mp4"}
    tiktok_sandbox.inject_fault("upload", "drop_after")
    with pytest.raises(Unavailable):
        publisher.send_chunk(started.upload_url, data[: first.size], **options)
    progress = publisher.fetch_status(grant.access_token, started.publish_id)
    assert (progress.phase, progress.bytes_done) == (Phase.RECEIVING, first.size)
    repeated = publisher.send_chunk(started.upload_url, data[: first.size], **options)
    assert repeated.next_offset == first.last + 1


def test_an_upload_url_is_not_printed(tiktok_sandbox, grant, video):
    started = start_upload(tiktok_sandbox, grant, len(video))
    assert started.upload_url.reveal() not in repr(started)
    assert started.upload_lifetime


@pytest.mark.parametrize("kind", LOST_ANSWERS)
def test_a_start_is_sent_once_whatever_goes_wrong(tiktok_sandbox, grant, kind):
    before = tiktok_sandbox.inject_fault("video_init", kind)
    with pytest.raises(PlatformError) as caught:
        start_upload(tiktok_sandbox, grant, 1000)
    assert caught.value.may_have_arrived
    assert len(tiktok_sandbox.log("video_init")) == before + 1


@pytest.mark.parametrize("kind", LOST_ANSWERS)
def test_a_chunk_is_sent_once_whatever_goes_wrong(tiktok_sandbox, grant, video, kind):
    started = start_upload(tiktok_sandbox, grant, len(video))
    before = tiktok_sandbox.inject_fault("upload", kind)
    with pytest.raises(PlatformError) as caught:
        upload_in_chunks(tiktok_sandbox.adapter.step_publisher.calls, started, video)
    assert caught.value.may_have_arrived
    assert len(tiktok_sandbox.log("upload")) == before + 1
