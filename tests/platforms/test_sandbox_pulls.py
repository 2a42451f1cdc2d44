"""The sandbox fetches by itself: from loopback really, from elsewhere by simulation."""

import threading
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.platforms.visitor import DIRECT, INBOX, MP4, PRIVATE, content, eventually

CANCEL = "/v2/post/publish/cancel/"
PHOTOS = "/v2/post/publish/content/init/"
JPEG = bytes.fromhex("ffd8ffe0") + bytes(100)
PAGES = {"/film.mp4": MP4, "/photo.jpg": JPEG, "/photo.png": b"\x89PNG\r\n\x1a\n" + bytes(100)}


class Host(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/moved.mp4":
            self.send_response(302)
            self.send_header("Location", "/film.mp4")
        elif self.path == "/short.mp4":
            self.send_response(200)
            self.send_header("Content-Length", str(len(MP4)))
        else:
            self.send_response(200 if self.path in PAGES else 404)
        self.end_headers()
        self.wfile.write(PAGES.get(self.path, MP4[:100]))

    def log_message(self, *_):
        pass


@contextmanager
def a_host():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture(scope="module")
def host():
    with a_host() as url:
        yield url


@pytest.fixture
def person(sandbox):
    return sandbox.connect()


def pull(sandbox, person, url, path=INBOX):
    source = {"source": "PULL_FROM_URL", "video_url": url}
    body = {"source_info": source, "post_info": PRIVATE if path == DIRECT else {}}
    return sandbox.api(path, person, body)


def done(sandbox, publish_id):
    def look():
        sandbox.settle()
        post = sandbox.post(publish_id)
        return None if post["status"].startswith("PROCESSING") else post

    return eventually(look)


@pytest.mark.parametrize(
    ("path", "prefix", "status"),
    [
        (INBOX, "v_inbox_url~v2.", "SEND_TO_USER_INBOX"),
        (DIRECT, "v_pub_url~v2.", "PUBLISH_COMPLETE"),
    ],
)
def test_a_file_is_really_fetched(sandbox, person, host, path, prefix, status):
    started = pull(sandbox, person, f"{host}/film.mp4", path).data
    assert started["publish_id"].startswith(prefix)
    assert "upload_url" not in started
    post = done(sandbox, started["publish_id"])
    assert (post["status"], post["sha256"]) == (status, sha256(MP4).hexdigest())
    told = sandbox.status(person, started["publish_id"]).data
    assert told["downloaded_bytes"] == len(MP4)


@pytest.mark.parametrize("page", ["/moved.mp4", "/missing.mp4", "/short.mp4"])
def test_what_cannot_be_fetched_fails(sandbox, person, host, page):
    publish_id = pull(sandbox, person, host + page).data["publish_id"]
    assert done(sandbox, publish_id)["fail_reason"] == "video_pull_failed"
    assert content(sandbox.told(person.open_id))["reason"] == "video_pull_failed"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/film.mp4",
        "https://cdn.example.org.evil.net/film.mp4",
        "http://media.example.org/film.mp4",
        "https://93.184.216.34/film.mp4",
        "https://example.net/other/film.mp4",
        "https:///film.mp4",
        "https://media.example.org:port/film.mp4",
        "ftp://media.example.org/film.mp4",
    ],
)
def test_an_address_that_is_not_verified_is_refused(sandbox, person, url):
    sandbox.control("settings", verified_urls="example.org,https://example.net/films/")
    answer = pull(sandbox, person, url)
    assert (answer.status, answer.code) == (403, "url_ownership_unverified")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/film.mp4",
        "https://media.example.org/film.mp4",
        "https://example.net/films/a/film.mp4",
    ],
)
def test_a_verified_address_elsewhere_is_fetched_by_simulation(sandbox, person, url):
    sandbox.control("settings", verified_urls="example.org,https://example.net/films/")
    publish_id = pull(sandbox, person, url).data["publish_id"]
    assert done(sandbox, publish_id)["status"] == "SEND_TO_USER_INBOX"


def test_loopback_can_be_refused_too(sandbox, person, host):
    sandbox.control("settings", loopback_pulls=False)
    assert pull(sandbox, person, f"{host}/film.mp4").code == "url_ownership_unverified"


def test_a_download_can_be_cancelled_once(sandbox, person, host):
    sandbox.control("settings", download_seconds=600.0)
    publish_id = pull(sandbox, person, f"{host}/film.mp4").data["publish_id"]
    assert sandbox.status(person, publish_id).data["status"] == "PROCESSING_DOWNLOAD"
    answer = sandbox.api(CANCEL, person, {"publish_id": publish_id})
    assert (answer.status, set(answer.json), answer.code) == (200, {"error"}, "ok")
    assert content(sandbox.told(person.open_id))["reason"] == "publish_cancelled"
    again = sandbox.api(CANCEL, person, {"publish_id": publish_id})
    assert (again.status, again.code) == (400, "publish_not_cancellable")
    sandbox.settle(601)
    assert sandbox.post(publish_id)["size"] == 0


def test_a_download_that_takes_an_hour_fails(sandbox, person, host):
    sandbox.control("settings", download_seconds=4000.0)
    publish_id = pull(sandbox, person, f"{host}/film.mp4").data["publish_id"]
    sandbox.settle(3601)
    assert sandbox.post(publish_id)["fail_reason"] == "video_pull_failed"


def photos(sandbox, person, urls, mode="DIRECT_POST", cover=0, way="PULL_FROM_URL", **info):
    body = {
        "media_type": "PHOTO",
        "post_mode": mode,
        "post_info": {"privacy_level": "SELF_ONLY", **info},
        "source_info": {
            "source": way,
            "photo_images": urls,
            "photo_cover_index": cover,
        },
    }
    return sandbox.api(PHOTOS, person, body)


@pytest.mark.parametrize(
    ("mode", "prefix", "status"),
    [
        ("DIRECT_POST", "p_pub_url~v2.", "PUBLISH_COMPLETE"),
        ("MEDIA_UPLOAD", "p_inbox_url~v2.", "SEND_TO_USER_INBOX"),
    ],
)
def test_photos_are_fetched(sandbox, person, host, mode, prefix, status):
    publish_id = photos(sandbox, person, [f"{host}/photo.jpg"] * 2, mode).data["publish_id"]
    assert publish_id.startswith(prefix)
    post = done(sandbox, publish_id)
    assert (post["status"], post["size"]) == (status, 2 * len(JPEG))


@pytest.mark.parametrize(
    ("page", "reason"),
    [("photo.png", "file_format_check_failed"), ("missing.jpg", "photo_pull_failed")],
)
def test_photos_that_will_not_do_fail(sandbox, person, host, page, reason):
    publish_id = photos(sandbox, person, [f"{host}/{page}"]).data["publish_id"]
    assert done(sandbox, publish_id)["fail_reason"] == reason


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"urls": []}, "The request source info is empty or incorrect"),
        ({"urls": ["https://example.org/1.jpg"] * 36}, "The request source info"),
        ({"cover": 1}, "The request source info"),
        ({"cover": -1}, "The request source info"),
        ({"cover": True}, "The request source info"),
        ({"urls": [7]}, "The request source info"),
        ({"way": "FILE_UPLOAD"}, "The request source info"),
        ({"mode": "DIRECT POST"}, "Invalid media_type or post_mode"),
        ({"title": "a" * 91}, "The request post info"),
        ({"description": "a" * 4001}, "The request post info"),
        ({"disable_duet": True}, "The request post info"),
    ],
)
def test_wrong_photo_orders_are_refused(sandbox, person, changes, message):
    answer = photos(sandbox, person, **({"urls": ["https://example.org/1.jpg"]} | changes))
    assert (answer.status, answer.code) == (400, "invalid_params")
    assert answer.json["error"]["message"].startswith(message)


@pytest.mark.parametrize(
    ("scope", "mode"), [("video.publish", "MEDIA_UPLOAD"), ("video.upload", "DIRECT_POST")]
)
def test_photos_take_the_scope_of_their_mode(sandbox, host, scope, mode):
    person = sandbox.connect(scopes=scope)
    answer = photos(sandbox, person, [f"{host}/photo.jpg"], mode)
    assert (answer.status, answer.code) == (401, "scope_not_authorized")
