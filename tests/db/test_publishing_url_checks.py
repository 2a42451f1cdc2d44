"""URL checks: a URL is probed before the platform gets it, without downloading the file."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.post_state.settle import PostState
from core.publishing.url_checks import check_urls
from platforms.errors import Rejected
from platforms.http import HttpClient, create_public_session
from platforms.publishing import MediaItem, Publication
from platforms.registry import PLATFORMS
from tests.platforms.hostile_server import closed_port_url, http_response
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
        ({"status": 500}, "answers 500"),
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


def test_a_server_without_a_response_has_its_own_error(publisher):
    with pytest.raises(Rejected, match="does not answer"):
        check_media_urls(publisher, f"{closed_port_url()}{VIDEO_PATH}")


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
