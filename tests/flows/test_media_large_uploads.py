"""A large video is uploaded with the shipped limits, directly and behind nginx with its time-outs:
whole, with a quick last answer, flat memory, and without hindering the user's other requests.
"""

import time
from functools import partial
from urllib.parse import urlsplit

import pytest

from bench.process_usage import resident_mib
from signalpost_client import Client
from tests.flows.proxies import PROXY_KINDS, run_proxy
from tests.support.media_samples import encode_clip
from tests.support.other_requests import OtherRequests

MIB = 2**20
LAST_ANSWER_SECONDS = 2.0
MEMORY_GROWTH_MIB = 96  # of a process that serves its first uploads; a video of 4 GB has 3815
LARGEST_BYTES = 4_000_000_000
STREAMED = "nginx, prefix stripped, bodies streamed"
SMALL = pytest.param(24 * MIB, 192 * 1024, id="128 chunks")
LARGE = pytest.param(LARGEST_BYTES, 8 * MIB, id="4 GB", marks=pytest.mark.chaos)


@pytest.fixture
def make_large_video(tmp_path):
    """Makes a short video, padded by an empty box; the padding takes no room on the disk."""

    def make(size):
        video = encode_clip()
        path = tmp_path / "large.mp4"
        with path.open("wb") as file:
            file.write(video)
            file.write((1).to_bytes(4, "big") + b"free")
            file.write((size - len(video)).to_bytes(8, "big"))
            file.truncate(size)
        return path

    return make


def read_posts(server):
    return server.get("/api/posts?limit=1", headers=server.auth).status_code


def send_and_time(upload):
    """Send all chunks; return the number of answers and the seconds that the last one took."""
    count, started_at = 0, time.monotonic()
    for _ in upload.send_chunks():
        count, seconds, started_at = count + 1, time.monotonic() - started_at, time.monotonic()
    return count, seconds


@pytest.mark.parametrize(("size", "chunk_bytes"), [SMALL, LARGE])
@pytest.mark.parametrize("is_proxied", [False, True], ids=["direct", "nginx"])
@pytest.mark.timeout(1800)
def test_a_large_upload_ends_whole_and_hinders_nobody(
    size, chunk_bytes, is_proxied, web_server, make_large_video, tmp_path, request
):
    url = web_server.url
    if is_proxied:
        proxy = run_proxy(PROXY_KINDS[STREAMED], tmp_path, urlsplit(url).netloc)
        url = proxy.__enter__()
        request.addfinalizer(lambda: proxy.__exit__(None, None, None))
    client = Client(url, web_server.api_key)
    video = make_large_video(size)
    memory = resident_mib(web_server.process.pid)
    upload = client.media.start_upload(video, chunk_bytes=chunk_bytes)

    with OtherRequests(partial(read_posts, web_server)) as others:
        count, last_answer = send_and_time(upload)

    assert count == -(-size // chunk_bytes)
    assert last_answer < LAST_ANSWER_SECONDS
    assert resident_mib(web_server.process.pid) - memory < MEMORY_GROWTH_MIB
    assert others.statuses == {200}
    started_at = time.monotonic()
    assert client.media.get_offset(upload.media_id) == size
    assert time.monotonic() - started_at < LAST_ANSWER_SECONDS / 2
    media = client.media.get(upload.media_id)
    assert (media["complete"], media["size"], media["probe"]["codec"]) == (True, size, "h264")
    client.media.delete(upload.media_id)
