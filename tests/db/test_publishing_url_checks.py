"""URL checks: a URL is probed before the platform gets it, without downloading the file."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.post_state.settle import PostState
from core.publishing.job_types import RETRY_POLICY
from core.publishing.url_checks import check_urls
from platforms.errors import Rejected, Unavailable
from platforms.http import HttpClient, create_public_session
from platforms.publishing import MediaItem, Publication
from platforms.registry import PLATFORMS
from tests.platforms.hostile_server import END_CONNECTION, closed_port_url, http_response
from tests.support.media_samples import encode_picture
from tests.support.publishing_harness import INBOX_INIT_PATH

VIDEO_PATH, PHOTO_PATH = "/video.mp4", "/a.jpg"
SECOND = timedelta(seconds=1)


@pytest.fixture
def publisher(publisher):
    """A harness that checks URLs, and reaches servers on this machine as public ones."""
    publisher.accept_starts()
    publisher.replace_platform_settings("tiktok", check_urls="on")
    publisher.services = replace(
        publisher.services, public_http=HttpClient(body_limit=100, sleep=lambda _: None)
    )
    return publisher


def serve_file(publisher, path=VIDEO_PATH, kind="video/mp4", status=200, **headers):
    publisher.set_responses(path, http_response(status, b"", Content_Type=kind, **headers))


def check_paths(publisher, *paths):
    check_media_urls(publisher, *(f"{publisher.server.url}{path}" for path in paths))


def check_media_urls(publisher, *urls):
    is_video = urls[0].endswith(VIDEO_PATH)
    platform, role = PLATFORMS["tiktok"], "video" if is_video else "image"
    publication = Publication(
        kind=platform.kinds["INBOX_VIDEO" if is_video else "INBOX_PHOTO"],
        text="",
        destination_id="person",
        now=publisher.services.now(),
        created_at=publisher.services.now(),
        media=tuple(MediaItem(number, role, url=url) for number, url in enumerate(urls)),
    )
    check_urls(platform, publication, publisher.services)


def url_fault(publisher, *paths):
    with pytest.raises(Rejected) as refused:
        check_paths(publisher, *paths)
    assert refused.value.code == "url_unreachable"
    assert "127.0.0.1" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    "kind",
    ["video/mp4", "video/quicktime", "Video/WebM; x=1", "application/octet-stream", ""],
)
def test_a_reachable_video_is_accepted(publisher, kind):
    serve_file(publisher, kind=kind)

    check_paths(publisher, VIDEO_PATH)

    assert publisher.request_bodies(VIDEO_PATH) == [b""]


@pytest.mark.parametrize(
    ("response", "fault"),
    [
        ({"kind": "text/html"}, "leads to text/html, not to a video"),
        ({"kind": "image/jpeg"}, "leads to image/jpeg, not to a video"),
        ({"status": 404}, "answers 404"),
        ({"status": 403}, "answers 403"),
        ({"status": 302, "Location": "/other"}, "answers 302: redirects are not followed"),
        ({"status": 206, "Content_Range": "bytes 0-0/4000000001"}, "too large"),
    ],
)
def test_a_url_that_the_platform_could_not_fetch_is_reported_with_the_fault(
    publisher, response, fault
):
    serve_file(publisher, **response)

    assert fault in url_fault(publisher, VIDEO_PATH)


def test_from_a_server_without_head_one_byte_is_requested(publisher):
    publisher.set_responses(
        VIDEO_PATH,
        http_response(405, b""),
        http_response(206, b"x", Content_Range="bytes 0-0/1000"),
    )

    check_paths(publisher, VIDEO_PATH)

    assert [head.get("range") for head in publisher.server.request_headers] == [None, "bytes=0-0"]


def test_a_video_larger_than_the_setting_is_refused(publisher):
    publisher.replace_platform_settings("tiktok", max_video_bytes=999)
    serve_file(publisher, status=206, Content_Range="bytes 0-0/1000")

    assert "too large" in url_fault(publisher, VIDEO_PATH)


def test_a_server_without_a_response_has_its_own_error_that_may_pass(publisher):
    for url in (closed_port_url(), "http://no-such-host.invalid"):
        with pytest.raises(Unavailable, match="does not answer") as refused:
            check_media_urls(publisher, f"{url}{VIDEO_PATH}")
        assert refused.value.code == "url_unreachable"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_status_that_may_pass_is_no_final_refusal(publisher, status):
    serve_file(publisher, status=status, Retry_After="7200")
    with pytest.raises(Unavailable, match=f"the video URL answers {status}") as refused:
        check_paths(publisher, VIDEO_PATH)
    assert refused.value.retryable
    assert refused.value.retry_after <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("label", "body", "is_accepted"),
    [
        ("image/jpg", encode_picture("JPEG"), True),
        ("image/png", encode_picture("JPEG"), True),
        ("image/png", encode_picture("PNG"), False),
        ("application/x-unknown", encode_picture("WEBP"), True),
        ("text/html", encode_picture("JPEG"), False),
    ],
)
def test_a_label_that_the_platform_does_not_take_is_compared_with_the_bytes(
    publisher, label, body, is_accepted
):
    publisher.set_responses(PHOTO_PATH, http_response(200, body, Content_Type=label))
    if is_accepted:
        check_paths(publisher, PHOTO_PATH)
    else:
        assert label in url_fault(publisher, PHOTO_PATH)


def test_a_url_in_a_private_network_is_not_called(publisher):
    serve_file(publisher)
    publisher.services = replace(
        publisher.services,
        public_http=HttpClient(session_factory=create_public_session, body_limit=100),
    )

    assert "private network" in url_fault(publisher, VIDEO_PATH)
    assert publisher.request_bodies(VIDEO_PATH) == []


def test_the_number_of_the_faulty_photo_is_reported(publisher):
    serve_file(publisher, PHOTO_PATH, "image/jpeg")
    serve_file(publisher, "/b.png", "image/png")

    check_paths(publisher, PHOTO_PATH, PHOTO_PATH)
    assert (
        url_fault(publisher, PHOTO_PATH, "/b.png") == "photo 2 leads to image/png, not to a photo"
    )


def test_a_failed_post_has_the_number_of_its_faulty_photo(publisher):
    serve_file(publisher, PHOTO_PATH, "image/jpeg")
    serve_file(publisher, "/b.png", "text/html")
    urls = [f"{publisher.server.url}{path}" for path in (PHOTO_PATH, "/b.png")]
    post_id = create_pull_post(publisher, kind="INBOX_PHOTO", payload_json={"photo_images": urls})

    publisher.run_workers()

    post = publisher.post(post_id)
    assert (post.state, post.error_code) == (PostState.FAILED, "url_unreachable")
    assert post.step_state["failed_part"] == 2


def test_a_get_follows_a_head_that_ends_with_a_closed_connection(publisher):
    publisher.server.behaviours["/no-head"] = close_or_answer(publisher.server)
    check_paths(publisher, "/no-head")
    assert len(publisher.request_bodies("/no-head")) == 3


def close_or_answer(server):
    """Close the connections of the first two requests, which are HEAD and its repetition."""

    def answer(sock):
        if len([path for path, _ in server.requests if path == "/no-head"]) < 3:
            return END_CONNECTION
        sock.sendall(http_response(206, b"x", Content_Type="image/jpeg", Connection="close"))
        return END_CONNECTION

    return answer


def test_a_photo_has_twenty_megabytes_at_most(publisher):
    serve_file(publisher, PHOTO_PATH, "image/webp", 206, Content_Range="bytes 0-0/20000001")

    assert "too large" in url_fault(publisher, PHOTO_PATH, PHOTO_PATH)


def test_urls_after_the_time_budget_are_not_checked(publisher):
    started_at, clock = publisher.services.now(), iter([0, 0, 0, 0, 7])
    publisher.services = replace(publisher.services, now=lambda: started_at + next(clock) * SECOND)
    serve_file(publisher, PHOTO_PATH, "image/jpeg")

    check_paths(publisher, PHOTO_PATH, "/missing.jpg")

    assert publisher.request_bodies("/missing.jpg") == []


def test_a_post_whose_video_is_unreachable_fails_before_the_platform_is_called(publisher):
    serve_file(publisher, status=404)
    post_id = publisher.factory.create_post(
        publisher.factory.create_account(),
        source="PULL_FROM_URL",
        sent_by="PLATFORM",
        has_slot=True,
        payload_json={"video_url": f"{publisher.server.url}{VIDEO_PATH}"},
    )

    publisher.run_workers()

    post = publisher.post(post_id)
    assert (post.state, post.error_code) == (PostState.FAILED, "url_unreachable")
    assert post.error_message == "the video URL answers 404"
    assert publisher.request_bodies(INBOX_INIT_PATH) == []


def create_pull_post(publisher, **values):
    account_id = publisher.factory.create_account()
    url = f"{publisher.server.url}{VIDEO_PATH}"
    defaults = {"source": "PULL_FROM_URL", "sent_by": "PLATFORM", "has_slot": True}
    defaults |= {"payload_json": {"video_url": url}}
    return publisher.factory.create_post(account_id, **{**defaults, **values})


@pytest.mark.parametrize("status", [429, 503])
def test_a_post_that_nobody_waits_for_is_tried_again_until_its_host_answers(publisher, status):
    serve_file(publisher, status=status)
    post_id = create_pull_post(publisher)

    publisher.run_workers()

    post = publisher.post(post_id)
    assert (post.state, post.error_code) == (PostState.QUEUED, None)
    assert post.due_at > publisher.services.now() - timedelta(minutes=1)
    assert publisher.request_bodies(INBOX_INIT_PATH) == []
    serve_file(publisher)
    publisher.make_due(post_id)
    publisher.run_workers()
    assert len(publisher.request_bodies(INBOX_INIT_PATH)) == 1


def test_a_host_that_never_answers_fails_the_post_in_the_end_with_the_reason(publisher):
    serve_file(publisher, status=503)
    post_id = create_pull_post(publisher, attempts=RETRY_POLICY.max_attempts - 1)

    publisher.run_workers()

    post = publisher.post(post_id)
    assert (post.state, post.error_code) == (PostState.FAILED, "url_unreachable")
    assert post.error_message == "the video URL answers 503"


@pytest.mark.parametrize(
    ("setting", "base_url", "expected"),
    [
        ("auto", "https://open.tiktokapis.com", True),
        ("auto", "http://127.0.0.1:1", False),
        ("on", "http://127.0.0.1:1", True),
        ("off", "https://open.tiktokapis.com", False),
    ],
)
def test_urls_are_checked_automatically_only_for_tiktok_itself(
    publisher, setting, base_url, expected
):
    tiktok = publisher.services.settings.of_platform("tiktok").model_copy(
        update={"check_urls": setting, "api_base_url": base_url}
    )

    assert tiktok.should_check_urls is expected
