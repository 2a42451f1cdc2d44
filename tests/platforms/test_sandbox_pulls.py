"""PULL_FROM_URL in the sandbox: real downloads from loopback, simulated ones from elsewhere."""

import threading
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.platforms.raw_sandbox_client import (
    DIRECT_INIT_PATH,
    FAKE_MP4,
    INBOX_INIT_PATH,
    PRIVATE_POST,
    delivery_content,
    wait_for,
)

CANCEL_PATH = "/v2/post/publish/cancel/"
PHOTO_INIT_PATH = "/v2/post/publish/content/init/"
FAKE_JPEG = bytes.fromhex("ffd8ffe0") + bytes(100)
FILES_BY_PATH = {
    "/video.mp4": FAKE_MP4,
    "/photo.jpg": FAKE_JPEG,
    "/photo.png": b"\x89PNG\r\n\x1a\n" + bytes(100),
}


class FileHostHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/moved.mp4":
            self.send_response(302)
            self.send_header("Location", "/video.mp4")
        elif self.path == "/short.mp4":
            self.send_response(200)
            self.send_header("Content-Length", str(len(FAKE_MP4)))
        else:
            self.send_response(200 if self.path in FILES_BY_PATH else 404)
        self.end_headers()
        self.wfile.write(FILES_BY_PATH.get(self.path, FAKE_MP4[:100]))

    def log_message(self, *_):
        pass


@contextmanager
def run_file_host():
    server = ThreadingHTTPServer(("127.0.0.1", 0), FileHostHandler)
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture(scope="module")
def file_host():
    with run_file_host() as url:
        yield url


@pytest.fixture
def creator(sandbox):
    return sandbox.connect_creator()


def start_pull(sandbox, creator, url, path=INBOX_INIT_PATH):
    source = {"source": "PULL_FROM_URL", "video_url": url}
    body = {"source_info": source, "post_info": PRIVATE_POST if path == DIRECT_INIT_PATH else {}}
    return sandbox.call_api(path, creator, body)


def wait_until_processed(sandbox, publish_id):
    def find_processed():
        sandbox.advance_clock()
        post = sandbox.get_post(publish_id)
        return None if post["status"].startswith("PROCESSING") else post

    return wait_for(find_processed)


@pytest.mark.parametrize(
    ("path", "prefix", "status"),
    [
        (INBOX_INIT_PATH, "v_inbox_url~v2.", "SEND_TO_USER_INBOX"),
        (DIRECT_INIT_PATH, "v_pub_url~v2.", "PUBLISH_COMPLETE"),
    ],
)
def test_a_file_on_loopback_is_really_fetched(sandbox, creator, file_host, path, prefix, status):
    started = start_pull(sandbox, creator, f"{file_host}/video.mp4", path).data
    assert started["publish_id"].startswith(prefix)
    assert "upload_url" not in started
    post = wait_until_processed(sandbox, started["publish_id"])
    assert (post["status"], post["sha256"]) == (status, sha256(FAKE_MP4).hexdigest())
    status_data = sandbox.fetch_status(creator, started["publish_id"]).data
    assert status_data["downloaded_bytes"] == len(FAKE_MP4)


@pytest.mark.parametrize("page", ["/moved.mp4", "/missing.mp4", "/short.mp4"])
def test_a_file_that_cannot_be_fetched_fails(sandbox, creator, file_host, page):
    publish_id = start_pull(sandbox, creator, file_host + page).data["publish_id"]
    assert wait_until_processed(sandbox, publish_id)["fail_reason"] == "video_pull_failed"
    assert (
        delivery_content(sandbox.wait_for_delivery(creator.open_id))["reason"]
        == "video_pull_failed"
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/video.mp4",
        "https://cdn.example.org.evil.net/video.mp4",
        "http://media.example.org/video.mp4",
        "https://93.184.216.34/video.mp4",
        "https://example.net/other/video.mp4",
        "https:///video.mp4",
        "https://media.example.org:port/video.mp4",
        "ftp://media.example.org/video.mp4",
    ],
)
def test_a_url_that_is_not_verified_is_refused(sandbox, creator, url):
    sandbox.control("settings", verified_urls="example.org,https://example.net/videos/")
    answer = start_pull(sandbox, creator, url)
    assert (answer.status, answer.code) == (403, "url_ownership_unverified")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/video.mp4",
        "https://media.example.org/video.mp4",
        "https://example.net/videos/a/video.mp4",
    ],
)
def test_a_verified_remote_url_is_fetched_by_simulation(sandbox, creator, url):
    sandbox.control("settings", verified_urls="example.org,https://example.net/videos/")
    publish_id = start_pull(sandbox, creator, url).data["publish_id"]
    assert wait_until_processed(sandbox, publish_id)["status"] == "SEND_TO_USER_INBOX"


def test_loopback_can_be_refused_too(sandbox, creator, file_host):
    sandbox.control("settings", loopback_pulls=False)
    assert start_pull(sandbox, creator, f"{file_host}/video.mp4").code == "url_ownership_unverified"


def test_a_download_can_be_cancelled_once(sandbox, creator, file_host):
    sandbox.control("settings", download_seconds=600.0)
    publish_id = start_pull(sandbox, creator, f"{file_host}/video.mp4").data["publish_id"]
    assert sandbox.fetch_status(creator, publish_id).data["status"] == "PROCESSING_DOWNLOAD"
    answer = sandbox.call_api(CANCEL_PATH, creator, {"publish_id": publish_id})
    assert (answer.status, set(answer.json), answer.code) == (200, {"error"}, "ok")
    assert (
        delivery_content(sandbox.wait_for_delivery(creator.open_id))["reason"]
        == "publish_cancelled"
    )
    repeated = sandbox.call_api(CANCEL_PATH, creator, {"publish_id": publish_id})
    assert (repeated.status, repeated.code) == (400, "publish_not_cancellable")
    sandbox.advance_clock(601)
    assert sandbox.get_post(publish_id)["size"] == 0


def test_a_download_that_takes_an_hour_fails(sandbox, creator, file_host):
    sandbox.control("settings", download_seconds=4000.0)
    publish_id = start_pull(sandbox, creator, f"{file_host}/video.mp4").data["publish_id"]
    sandbox.advance_clock(3601)
    assert sandbox.get_post(publish_id)["fail_reason"] == "video_pull_failed"


def start_photo_post(
    sandbox, creator, urls, mode="DIRECT_POST", cover=0, source="PULL_FROM_URL", **info
):
    body = {
        "media_type": "PHOTO",
        "post_mode": mode,
        "post_info": {"privacy_level": "SELF_ONLY", **info},
        "source_info": {
            "source": source,
            "photo_images": urls,
            "photo_cover_index": cover,
        },
    }
    return sandbox.call_api(PHOTO_INIT_PATH, creator, body)


@pytest.mark.parametrize(
    ("mode", "prefix", "status"),
    [
        ("DIRECT_POST", "p_pub_url~v2.", "PUBLISH_COMPLETE"),
        ("MEDIA_UPLOAD", "p_inbox_url~v2.", "SEND_TO_USER_INBOX"),
    ],
)
def test_photos_are_fetched(sandbox, creator, file_host, mode, prefix, status):
    publish_id = start_photo_post(sandbox, creator, [f"{file_host}/photo.jpg"] * 2, mode).data[
        "publish_id"
    ]
    assert publish_id.startswith(prefix)
    post = wait_until_processed(sandbox, publish_id)
    assert (post["status"], post["size"]) == (status, 2 * len(FAKE_JPEG))


@pytest.mark.parametrize(
    ("page", "reason"),
    [("photo.png", "file_format_check_failed"), ("missing.jpg", "photo_pull_failed")],
)
def test_unusable_photos_fail(sandbox, creator, file_host, page, reason):
    publish_id = start_photo_post(sandbox, creator, [f"{file_host}/{page}"]).data["publish_id"]
    assert wait_until_processed(sandbox, publish_id)["fail_reason"] == reason


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"urls": []}, "The request source info is empty or incorrect"),
        ({"urls": ["https://example.org/1.jpg"] * 36}, "The request source info"),
        ({"cover": 1}, "The request source info"),
        ({"cover": -1}, "The request source info"),
        ({"cover": True}, "The request source info"),
        ({"urls": [7]}, "The request source info"),
        ({"source": "FILE_UPLOAD"}, "The request source info"),
        ({"mode": "DIRECT POST"}, "Invalid media_type or post_mode"),
        ({"title": "a" * 91}, "The request post info"),
        ({"description": "a" * 4001}, "The request post info"),
        ({"disable_duet": True}, "The request post info"),
    ],
)
def test_invalid_photo_requests_are_refused(sandbox, creator, changes, message):
    answer = start_photo_post(
        sandbox, creator, **({"urls": ["https://example.org/1.jpg"]} | changes)
    )
    assert (answer.status, answer.code) == (400, "invalid_params")
    assert answer.json["error"]["message"].startswith(message)


@pytest.mark.parametrize(
    ("scope", "mode"), [("video.publish", "MEDIA_UPLOAD"), ("video.upload", "DIRECT_POST")]
)
def test_photos_require_the_scope_of_their_mode(sandbox, file_host, scope, mode):
    creator = sandbox.connect_creator(scopes=scope)
    answer = start_photo_post(sandbox, creator, [f"{file_host}/photo.jpg"], mode)
    assert (answer.status, answer.code) == (401, "scope_not_authorized")
