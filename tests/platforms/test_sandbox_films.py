"""Films in the sandbox as it starts: each is looked into, and faults have TikTok's names."""

import os
import sys
import threading
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from platforms.sandbox.tiktok.films import Film, Films, fault
from platforms.sandbox.tiktok.reel import KEPT, Reel
from tests.platforms.reels import only_sound, shot, stretched
from tests.platforms.visitor import DIRECT, INBOX, MP4, PRIVATE, content, eventually

FORMAT, LENGTH = "file_format_check_failed", "duration_check_failed"
RATE, SIDES = "frame_rate_check_failed", "picture_size_check_failed"
PATIENCE = 60.0  # seconds: a look starts a process, and the machine may be busy
MB = 1_000_000
FINE = Film("mp4", "h264", 30.0, 540, 960, 15.0)


@cache
def good():
    return shot()


@pytest.fixture
def strict(sandbox):
    sandbox.control("settings", strict_media=True)
    return sandbox


def ended(sandbox, publish_id):
    def look():
        sandbox.settle()
        post = sandbox.post(publish_id)
        return None if post["status"].startswith("PROCESSING") else post

    return eventually(look, seconds=PATIENCE)


def sent(sandbox, person, data, **info):
    return ended(sandbox, sandbox.uploaded(person, data, **info))


FILMS = {
    "mp4 with h264": (good, ""),
    "mov with h264": (lambda: shot(container="mov"), ""),
    "mp4 with h265": (lambda: shot(codec="libx265", seconds=0.5), ""),
    "webm with vp8": (lambda: shot(container="webm", codec="libvpx", seconds=0.5), ""),
    "webm with vp9": (lambda: shot(container="webm", codec="libvpx-vp9", seconds=0.2), ""),
    "60 pictures a second": (lambda: shot(rate=60), ""),
    "matroska": (lambda: shot(container="matroska"), FORMAT),
    "avi": (lambda: shot(container="avi"), FORMAT),
    "mpeg-4 part 2": (lambda: shot(codec="mpeg4"), FORMAT),
    "a still in motion": (lambda: shot(container="mov", codec="mjpeg"), FORMAT),
    "sound alone": (only_sound, FORMAT),
    "a beginning and nothing else": (lambda: MP4, FORMAT),
    "a film cut short of its index": (lambda: good()[: len(good()) // 2], FORMAT),
    "an index of noise": (lambda: good()[:-600] + os.urandom(600), None),
    "12 pictures a second": (lambda: shot(rate=12), RATE),
    "90 pictures a second": (lambda: shot(rate=90), RATE),
    "too narrow": (lambda: shot(width=358), SIDES),
    "too low": (lambda: shot(height=358), SIDES),
    "too wide": (lambda: shot(width=4098, height=360, seconds=0.2), SIDES),
}


@pytest.mark.parametrize("name", FILMS)
def test_a_film_is_judged_by_what_is_in_it(strict, name):
    make, reason = FILMS[name]
    post = sent(strict, strict.connect(), make())
    if reason is None:  # whatever it is taken for, an end it has
        assert post["status"] in {"FAILED", "SEND_TO_USER_INBOX"}
    else:
        assert post["fail_reason"] == reason
        assert post["status"] == ("FAILED" if reason else "SEND_TO_USER_INBOX")


def test_a_bad_film_is_told_with_success_and_by_webhook(strict):
    person = strict.connect()
    publish_id = sent(strict, person, shot(rate=12), **PRIVATE)["publish_id"]
    told = strict.status(person, publish_id)
    assert (told.status, told.code) == (200, "ok")
    assert (told.data["status"], told.data["fail_reason"]) == ("FAILED", RATE)
    assert content(strict.told(person.open_id, "post.publish.failed"))["reason"] == RATE
    assert strict.post(publish_id)["published"] == 0


@pytest.mark.parametrize(("longest", "reason"), [(1, LENGTH), (2, "")])
def test_a_film_is_no_longer_than_its_creator_may_post(strict, longest, reason):
    person = strict.connect(max_video_post_duration_sec=longest)
    assert sent(strict, person, shot(seconds=2), **PRIVATE)["fail_reason"] == reason
    found = strict.control("warnings")["warnings"]
    warned = [one["warning"] for one in found if one["open_id"] == person.open_id]
    assert ("the film is longer than the creator may post" in warned) == bool(reason)


def test_a_large_film_in_chunks_is_seen_though_its_index_is_at_the_end(strict):
    film, person = stretched(good(), 45 * MB), strict.connect()
    started = strict.inbox(person, len(film), chunk_size=20 * MB, total_chunk_count=2).data
    for first, last in ((0, 20 * MB), (20 * MB, len(film))):
        answer = strict.put(started["upload_url"], film[first:last], first, len(film))
    assert answer.status == 201
    post = ended(strict, started["publish_id"])
    assert (post["status"], post["film"]["codec"]) == ("SEND_TO_USER_INBOX", "h264")


def test_without_strictness_a_beginning_is_enough(sandbox):
    post = sent(sandbox, sandbox.connect(), MP4)
    assert (post["status"], post["film"]) == ("SEND_TO_USER_INBOX", None)


def test_the_sandbox_is_strict_as_it_starts(strict):
    assert strict.control("settings", method="DELETE")["strict_media"] is True


def test_the_public_sees_the_measures_of_the_film(strict):
    person = strict.connect()
    sent(strict, person, shot(seconds=2), privacy_level="PUBLIC_TO_EVERYONE")
    path = "/v2/video/list/?fields=duration,width,height"
    (video,) = eventually(lambda: strict.api(path, person, {}).data["videos"])
    assert video == {"duration": 2, "width": 360, "height": 640}


@contextmanager
def a_host(data, *, tells):
    class Host(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            if tells:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/film.mp4"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("path", [INBOX, DIRECT])
@pytest.mark.parametrize(("make", "reason"), [(good, ""), (lambda: MP4, FORMAT)])
def test_a_film_that_was_fetched_is_judged_too(strict, path, tells, make, reason):
    person = strict.connect()
    with a_host(make(), tells=tells) as url:
        source = {"source": "PULL_FROM_URL", "video_url": url}
        body = {"source_info": source, "post_info": PRIVATE if path == DIRECT else {}}
        post = ended(strict, strict.api(path, person, body).data["publish_id"])
    assert post["fail_reason"] == reason


@pytest.mark.parametrize(
    ("film", "reason"),
    [
        (FINE, ""),
        (None, FORMAT),
        (Film("mp4", "av1", 30.0, 540, 960, 15.0), FORMAT),
        (Film("3gp", "h264", 30.0, 540, 960, 15.0), FORMAT),
        (Film("mp4", "h264", 30.0, 540, 960, 600.0), ""),
        (Film("mp4", "h264", 30.0, 540, 960, 600.1), LENGTH),
        (Film("mp4", "h264", 30.0, 540, 960, None), ""),
        (Film("mp4", "h264", None, 540, 960, 15.0), ""),
        (Film("mp4", "h264", 22.97, 540, 960, 15.0), ""),
        (Film("mp4", "h264", 22.4, 540, 960, 15.0), RATE),
        (Film("mp4", "h264", 60.02, 540, 960, 15.0), ""),
        (Film("mp4", "h264", 60.6, 540, 960, 15.0), RATE),
        (Film("mp4", "h264", 30.0, 359, 960, 15.0), SIDES),
        (Film("mp4", "h264", 30.0, 4096, 360, 15.0), ""),
        (Film("mp4", "h264", 30.0, 540, 4097, 15.0), SIDES),
        (Film("mp4", "h264", 5.0, 1, 1, 9_000.0), LENGTH),  # of several, one is named
    ],
)
def test_the_limits_are_those_of_the_page(film, reason):
    assert fault(film, longest=3_600) == reason


def test_a_reel_keeps_both_ends_and_nothing_between():
    size = 3 * KEPT
    reel = Reel(size)
    for at in range(0, size, KEPT // 2):
        reel.write(at, b"x" * (KEPT // 2))
    kept = reel.rewound().read()
    assert len(kept) == size
    assert kept[:KEPT] == kept[-KEPT:] == b"x" * KEPT
    assert kept[KEPT:-KEPT] == bytes(KEPT)
    reel.drop()


def test_a_film_known_by_its_digest_is_not_looked_at_again():
    films, reel = Films(), Reel(len(good()))
    reel.write(0, good())
    seen = films.look("a", reel)
    reel.drop()
    assert seen == films.known("a") == films.look("a", Reel(0))
    assert films.look("another", Reel(0)) is None


@pytest.mark.parametrize(
    "ends",
    [
        "raise SystemExit(1)",
        "import os; os.abort()",
        "print('no JSON')",
        'print(\'{"codec": "h264"}\')',
        "import resource as r; r.setrlimit(r.RLIMIT_CPU, (1, 1)); exec('while True: pass')",
    ],
)
def test_a_film_that_ruins_whoever_looks_at_it_is_no_film(ends):
    films = Films((sys.executable, "-c", ends))
    assert films.look("a", Reel(0)) is None
    assert films.known("a") is None
