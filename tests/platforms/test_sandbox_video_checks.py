"""The sandbox inspects videos by default; a rejected one fails with TikTok's reason."""

import os
import sys
import threading
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from platforms.sandbox.tiktok.video_rules import find_fail_reason
from platforms.sandbox.upload_buffer import KEPT_BYTES, UploadBuffer
from platforms.sandbox.video_inspector import ProbedVideo, VideoProbeCache
from tests.platforms.raw_sandbox_client import (
    DIRECT_INIT_PATH,
    FAKE_MP4,
    INBOX_INIT_PATH,
    PRIVATE_POST,
    delivery_content,
    wait_for,
)
from tests.platforms.video_samples import encode_audio_only, encode_sample, move_index_to_end
from tests.support.media_samples import read_field_video

BAD_FORMAT, BAD_DURATION = "file_format_check_failed", "duration_check_failed"
BAD_FRAME_RATE, BAD_PICTURE_SIZE = "frame_rate_check_failed", "picture_size_check_failed"
INSPECTION_TIMEOUT = 60.0  # seconds: an inspection starts a process, and the machine may be busy
MB = 1_000_000
VALID_PROBE = ProbedVideo("mp4", "h264", 30.0, 540, 960, 15.0)


@cache
def valid_video():
    return encode_sample()


@pytest.fixture
def strict_sandbox(sandbox):
    sandbox.control("settings", strict_media=True)
    return sandbox


def wait_until_processed(sandbox, publish_id):
    def find_processed():
        sandbox.advance_clock()
        post = sandbox.get_post(publish_id)
        return None if post["status"].startswith("PROCESSING") else post

    return wait_for(find_processed, seconds=INSPECTION_TIMEOUT)


def upload_and_process(sandbox, creator, data, **info):
    return wait_until_processed(sandbox, sandbox.upload_video(creator, data, **info))


VIDEO_CASES = {
    "mp4 with h264": (valid_video, ""),
    "mov with h264": (lambda: encode_sample(container="mov"), ""),
    "mp4 with h265": (lambda: encode_sample(codec="libx265", seconds=0.5), ""),
    "webm with vp8": (lambda: encode_sample(container="webm", codec="libvpx", seconds=0.5), ""),
    "webm with vp9": (lambda: encode_sample(container="webm", codec="libvpx-vp9", seconds=0.2), ""),
    "recorded in a browser, without a frame rate": (
        lambda: read_field_video("recorded-in-browser-1000fps.webm"),
        "",
    ),
    "60 frames per second": (lambda: encode_sample(rate=60), ""),
    "matroska": (lambda: encode_sample(container="matroska"), BAD_FORMAT),
    "avi": (lambda: encode_sample(container="avi"), BAD_FORMAT),
    "mpeg-4 part 2": (lambda: encode_sample(codec="mpeg4"), BAD_FORMAT),
    "motion jpeg": (lambda: encode_sample(container="mov", codec="mjpeg"), BAD_FORMAT),
    "audio only": (encode_audio_only, BAD_FORMAT),
    "only the first box": (lambda: FAKE_MP4, BAD_FORMAT),
    "cut off before its index": (lambda: valid_video()[: len(valid_video()) // 2], BAD_FORMAT),
    "random bytes as index": (lambda: valid_video()[:-600] + os.urandom(600), None),
    "12 frames per second": (lambda: encode_sample(rate=12), BAD_FRAME_RATE),
    "90 frames per second": (lambda: encode_sample(rate=90), BAD_FRAME_RATE),
    "too narrow": (lambda: encode_sample(width=358), BAD_PICTURE_SIZE),
    "too low": (lambda: encode_sample(height=358), BAD_PICTURE_SIZE),
    "too wide": (lambda: encode_sample(width=4098, height=360, seconds=0.2), BAD_PICTURE_SIZE),
}


@pytest.mark.parametrize("name", VIDEO_CASES)
def test_a_video_is_checked_by_its_content(strict_sandbox, name):
    make_video, reason = VIDEO_CASES[name]
    post = upload_and_process(strict_sandbox, strict_sandbox.connect_creator(), make_video())
    if reason is None:  # the reader may accept it or not, but the post must end
        assert post["status"] in {"FAILED", "SEND_TO_USER_INBOX"}
    else:
        assert post["fail_reason"] == reason
        assert post["status"] == ("FAILED" if reason else "SEND_TO_USER_INBOX")


def test_a_rejected_video_is_reported_with_status_200_and_by_webhook(strict_sandbox):
    creator = strict_sandbox.connect_creator()
    publish_id = upload_and_process(
        strict_sandbox, creator, encode_sample(rate=12), **PRIVATE_POST
    )["publish_id"]
    response = strict_sandbox.fetch_status(creator, publish_id)
    assert (response.status, response.code) == (200, "ok")
    assert (response.data["status"], response.data["fail_reason"]) == ("FAILED", BAD_FRAME_RATE)
    assert (
        delivery_content(strict_sandbox.wait_for_delivery(creator.open_id, "post.publish.failed"))[
            "reason"
        ]
        == BAD_FRAME_RATE
    )
    assert strict_sandbox.get_post(publish_id)["published"] == 0


@pytest.mark.parametrize(("max_seconds", "reason"), [(1, BAD_DURATION), (2, "")])
def test_a_video_is_no_longer_than_its_creator_may_post(strict_sandbox, max_seconds, reason):
    creator = strict_sandbox.connect_creator(max_video_post_duration_sec=max_seconds)
    video = encode_sample(seconds=2)
    post = upload_and_process(strict_sandbox, creator, video, **PRIVATE_POST)
    assert post["fail_reason"] == reason
    warnings = strict_sandbox.control("warnings")["warnings"]
    messages = [item["warning"] for item in warnings if item["open_id"] == creator.open_id]
    assert ("the video is longer than the creator may post" in messages) == bool(reason)


def test_a_large_video_in_chunks_is_probed_though_its_index_is_at_the_end(strict_sandbox):
    video, creator = move_index_to_end(valid_video(), 45 * MB), strict_sandbox.connect_creator()
    started = strict_sandbox.start_inbox_video(
        creator, len(video), chunk_size=20 * MB, total_chunk_count=2
    ).data
    for first, last in ((0, 20 * MB), (20 * MB, len(video))):
        response = strict_sandbox.put_chunk(
            started["upload_url"], video[first:last], first, len(video)
        )
    assert response.status == 201
    post = wait_until_processed(strict_sandbox, started["publish_id"])
    assert (post["status"], post["film"]["codec"]) == ("SEND_TO_USER_INBOX", "h264")


def test_without_strict_checks_only_the_first_bytes_are_checked(sandbox):
    post = upload_and_process(sandbox, sandbox.connect_creator(), FAKE_MP4)
    assert (post["status"], post["film"]) == ("SEND_TO_USER_INBOX", None)


def test_the_sandbox_is_strict_by_default(strict_sandbox):
    assert strict_sandbox.control("settings", method="DELETE")["strict_media"] is True


def test_listed_videos_have_the_dimensions_of_the_file(strict_sandbox):
    creator = strict_sandbox.connect_creator()
    upload_and_process(
        strict_sandbox, creator, encode_sample(seconds=2), privacy_level="PUBLIC_TO_EVERYONE"
    )
    path = "/v2/video/list/?fields=duration,width,height"
    (video,) = wait_for(lambda: strict_sandbox.call_api(path, creator, {}).data["videos"])
    assert video == {"duration": 2, "width": 360, "height": 640}


@contextmanager
def serve_video(data, *, sends_length):
    class Host(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            if sends_length:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/video.mp4"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.mark.parametrize("sends_length", [True, False])
@pytest.mark.parametrize("path", [INBOX_INIT_PATH, DIRECT_INIT_PATH])
@pytest.mark.parametrize(
    ("make_video", "reason"), [(valid_video, ""), (lambda: FAKE_MP4, BAD_FORMAT)]
)
def test_a_downloaded_video_is_checked_too(strict_sandbox, path, sends_length, make_video, reason):
    creator = strict_sandbox.connect_creator()
    with serve_video(make_video(), sends_length=sends_length) as url:
        source = {"source": "PULL_FROM_URL", "video_url": url}
        body = {
            "source_info": source,
            "post_info": PRIVATE_POST if path == DIRECT_INIT_PATH else {},
        }
        post = wait_until_processed(
            strict_sandbox, strict_sandbox.call_api(path, creator, body).data["publish_id"]
        )
    assert post["fail_reason"] == reason


@pytest.mark.parametrize(
    ("video", "reason"),
    [
        (VALID_PROBE, ""),
        (None, BAD_FORMAT),
        (ProbedVideo("mp4", "av1", 30.0, 540, 960, 15.0), BAD_FORMAT),
        (ProbedVideo("3gp", "h264", 30.0, 540, 960, 15.0), BAD_FORMAT),
        (ProbedVideo("mp4", "h264", 30.0, 540, 960, 600.0), ""),
        (ProbedVideo("mp4", "h264", 30.0, 540, 960, 600.1), BAD_DURATION),
        (ProbedVideo("mp4", "h264", 30.0, 540, 960, None), ""),
        (ProbedVideo("mp4", "h264", None, 540, 960, 15.0), ""),
        (ProbedVideo("mp4", "h264", 22.97, 540, 960, 15.0), ""),
        (ProbedVideo("mp4", "h264", 22.4, 540, 960, 15.0), BAD_FRAME_RATE),
        (ProbedVideo("mp4", "h264", 60.02, 540, 960, 15.0), ""),
        (ProbedVideo("mp4", "h264", 60.6, 540, 960, 15.0), BAD_FRAME_RATE),
        (ProbedVideo("mp4", "h264", 30.0, 359, 960, 15.0), BAD_PICTURE_SIZE),
        (ProbedVideo("mp4", "h264", 30.0, 4096, 360, 15.0), ""),
        (ProbedVideo("mp4", "h264", 30.0, 540, 4097, 15.0), BAD_PICTURE_SIZE),
        (
            ProbedVideo("mp4", "h264", 5.0, 1, 1, 9_000.0),
            BAD_DURATION,
        ),  # only one of several is named
    ],
)
def test_the_limits_are_the_documented_ones(video, reason):
    assert find_fail_reason(video, max_seconds=3_600) == reason


def test_the_upload_buffer_keeps_both_ends_and_nothing_between():
    size = 3 * KEPT_BYTES
    buffer = UploadBuffer(size)
    for offset in range(0, size, KEPT_BYTES // 2):
        buffer.write(offset, b"x" * (KEPT_BYTES // 2))
    kept = buffer.rewind().read()
    assert len(kept) == size
    assert kept[:KEPT_BYTES] == kept[-KEPT_BYTES:] == b"x" * KEPT_BYTES
    assert kept[KEPT_BYTES:-KEPT_BYTES] == bytes(KEPT_BYTES)
    buffer.close()


def test_a_video_cached_by_its_digest_is_not_probed_again():
    cache, buffer = VideoProbeCache(), UploadBuffer(len(valid_video()))
    buffer.write(0, valid_video())
    probed = cache.probe("a", buffer)
    buffer.close()
    assert probed == cache.get("a") == cache.probe("a", UploadBuffer(0))
    assert cache.probe("another", UploadBuffer(0)) is None


@pytest.mark.parametrize(
    "program",
    [
        "raise SystemExit(1)",
        "import os; os.abort()",
        "print('no JSON')",
        'print(\'{"codec": "h264"}\')',
        "import resource as r; r.setrlimit(r.RLIMIT_CPU, (1, 1)); exec('while True: pass')",
    ],
)
def test_a_video_that_breaks_the_probe_process_is_no_video(program):
    cache = VideoProbeCache((sys.executable, "-c", program))
    assert cache.probe("a", UploadBuffer(0)) is None
    assert cache.get("a") is None
