"""Files of the Instagram sandbox's containers: really fetched, and checked by their content."""

from functools import cache

import pytest

from platforms.sandbox.instagram.image_rules import read_image_header
from platforms.sandbox.instagram.video_rules import find_video_objection
from platforms.sandbox.video_inspector import ProbedVideo
from tests.platforms.instagram_media_host import make_jpeg, make_png
from tests.platforms.instagram_publishing_client import FAKE_MP4
from tests.platforms.video_samples import encode_audio_only, encode_sample

DOWNLOAD_FAILED, TIMED_OUT = (400, 9004, 2207052), (400, -2, 2207003)
BAD_FORMAT, TOO_LARGE, BAD_RATIO = (
    (400, 36001, 2207005),
    (400, 36000, 2207004),
    (400, 36003, 2207009),
)
MIB = 1024 * 1024
VALID_VIDEO = {
    "container": "mp4",
    "codec": "h264",
    "fps": 30.0,
    "width": 1080,
    "height": 1920,
    "seconds": 15.0,
    "pixel_format": "yuv420p",
    "bit_rate": 5_000_000,
    "audio_codec": "aac",
    "audio_rate": 48_000,
    "audio_channels": 2,
}


@cache
def valid_reel():
    return encode_sample(seconds=3)


def create_image(publishing_client, media_host, data, content_type="image/jpeg", **params):
    url = media_host.add(f"{id(data)}.bin", data, content_type)
    return publishing_client.create(image_url=url, **params)


@pytest.mark.parametrize(
    ("width", "height", "is_accepted"),
    [
        (1080, 1080, True),
        (1080, 1350, True),  # 4:5
        (1080, 1351, False),
        (1910, 1000, True),  # 1.91:1
        (1911, 1000, False),
        (1080, 1920, False),
        (200, 200, True),  # scaled by Instagram
    ],
)
@pytest.mark.parametrize("item", [{}, {"is_carousel_item": "true"}])
def test_the_feed_limits_the_ratio_of_an_image(
    publishing_client, media_host, width, height, is_accepted, item
):
    answer = create_image(publishing_client, media_host, make_jpeg(width, height), **item)
    if is_accepted:
        assert answer.status == 200
    else:
        assert answer.error == BAD_RATIO
        assert f"{round(width / height, 4):g}" in answer.json["error"]["error_user_msg"]


def test_a_story_image_may_be_tall(publishing_client, media_host):
    image = make_jpeg(1080, 1920)
    answer = create_image(publishing_client, media_host, image, media_type="STORIES")
    assert answer.status == 200


@pytest.mark.parametrize(
    ("size", "error"), [(8 * MIB, None), (8 * MIB + 1, TOO_LARGE)], ids=["8 MiB", "more"]
)
def test_an_image_has_at_most_8_mib(publishing_client, media_host, size, error):
    answer = create_image(publishing_client, media_host, make_jpeg(size=size))
    assert (answer.status == 200) if error is None else (answer.error == error)


@pytest.mark.parametrize(
    ("data", "error", "lenient_error"),
    [
        (make_png(), BAD_FORMAT, None),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(64), BAD_FORMAT, None),
        (b"GIF89a" + bytes(64), BAD_FORMAT, BAD_FORMAT),
        (make_jpeg(is_multi_picture=True), BAD_FORMAT, BAD_FORMAT),
        (b"\xff\xd8\xff\xda" + bytes(64), BAD_FORMAT, BAD_FORMAT),
        (b"no picture at all", BAD_FORMAT, BAD_FORMAT),
    ],
    ids=["png", "webp", "gif", "mpo", "jpeg without a frame", "text"],
)
def test_an_image_is_a_jpeg_whatever_its_type_says(
    publishing_client, media_host, data, error, lenient_error
):
    assert create_image(publishing_client, media_host, data).error == error
    publishing_client.change_settings(lenient_images=True)
    answer = create_image(publishing_client, media_host, data)
    assert (answer.status == 200) if lenient_error is None else (answer.error == lenient_error)


@pytest.mark.parametrize("count", range(0, 40, 3))
def test_the_reader_of_headers_survives_cut_files(count):
    for data in (make_jpeg(), make_png(), make_jpeg(is_multi_picture=True)):
        read_image_header(data[:count])


def test_an_image_is_fetched_as_metas_crawler_does(publishing_client, media_host):
    url = media_host.add("crawled.jpg", make_jpeg())
    publishing_client.create(image_url=url).id  # noqa: B018 - asserts the status
    requests = [each for each in media_host.requests if each[1] == "/files/crawled.jpg"]
    assert [method for method, _, _ in requests] == ["HEAD", "GET"]
    assert requests[1][2]["Range"].startswith("bytes=0-")
    assert "facebookexternalhit" in requests[0][2]["User-Agent"]


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        ("moved", None),  # to the file itself
        ("norange", None),  # an image needs no Range
        ("page", DOWNLOAD_FAILED),
        ("nohead", DOWNLOAD_FAILED),
        ("short", DOWNLOAD_FAILED),
        ("slow", TIMED_OUT),
    ],
)
def test_an_image_needs_a_plain_host(publishing_client, media_host, behaviour, error):
    publishing_client.change_settings(fetch_timeout=0.3 if behaviour == "slow" else 10.0)
    url = media_host.add("plain.jpg", make_jpeg(), behaviour=behaviour)
    answer = publishing_client.create(image_url=url)
    assert (answer.status == 200) if error is None else (answer.error == error)


@pytest.mark.parametrize(
    ("data", "content_type"),
    [(make_jpeg(), "text/html"), (make_jpeg(), "application/octet-stream"), (b"", "image/jpeg")],
)
def test_an_image_needs_its_type_and_a_length(publishing_client, media_host, data, content_type):
    url = media_host.add("typed.jpg", data, content_type)
    answer = publishing_client.create(image_url=url)
    assert answer.error == DOWNLOAD_FAILED
    assert answer.message == "Only photo or video can be accepted as media type."


@pytest.mark.parametrize(
    "url",
    [
        "ftp://cdn.example/a.jpg",
        "https:///a.jpg",
        "https://cdn.example:port/a.jpg",
        "https://user:pass@cdn.example/a.jpg",
        "https://cdn.example/ä.jpg",
        "file:///etc/passwd",
        "http://127.0.0.1:1/nobody-listens.jpg",
    ],
)
def test_a_url_that_cannot_be_fetched_is_refused(publishing_client, url):
    assert publishing_client.create(image_url=url).error == DOWNLOAD_FAILED


def test_files_of_other_hosts_are_simulated_or_refused(publishing_client):
    url = "https://cdn.example/a.jpg"
    assert publishing_client.create(image_url=url).status == 200
    publishing_client.change_settings(simulate_remote_media=False)
    assert publishing_client.create(image_url=url).error == DOWNLOAD_FAILED


@pytest.mark.parametrize(
    ("behaviour", "subcode"),
    [
        ("files", None),
        ("moved", None),
        ("norange", 2207077),
        ("nohead", 2207077),
        ("page", 2207052),
        ("short", 2207052),
        ("slow", 2207003),
    ],
)
def test_a_video_is_fetched_after_the_answer(publishing_client, media_host, behaviour, subcode):
    publishing_client.change_settings(fetch_timeout=0.3 if behaviour == "slow" else 10.0)
    url = media_host.add("fetched.mp4", FAKE_MP4, "video/mp4", behaviour=behaviour)
    container_id = publishing_client.create(media_type="REELS", video_url=url).id
    status = publishing_client.wait_until_processed(container_id)
    if subcode is None:
        assert status["status_code"] == "FINISHED"
    else:
        assert (status["status_code"], status["status"]) == (
            "ERROR",
            f"Error: Media upload has failed with error code {subcode}",
        )


def test_a_host_without_range_can_be_tolerated(publishing_client, media_host):
    publishing_client.change_settings(needs_range=False)
    url = media_host.add("whole.mp4", FAKE_MP4, "video/mp4", behaviour="norange")
    assert publishing_client.create_finished(media_type="REELS", video_url=url)


def test_a_cover_has_to_be_a_jpeg(publishing_client, media_host):
    reel = {"media_type": "REELS", "video_url": media_host.add("c.mp4", FAKE_MP4, "video/mp4")}
    png = media_host.add("cover.png", make_png(), "image/png")
    container_id = publishing_client.create(**reel, cover_url=png).id
    assert publishing_client.wait_until_processed(container_id)["status"].endswith("2207005")
    jpeg = media_host.add("cover.jpg", make_jpeg(1080, 1920))
    assert publishing_client.create_finished(**reel, cover_url=jpeg)


VIDEO_CASES = {
    "a reel": (valid_reel, "REELS", ""),
    "a story": (valid_reel, "STORIES", ""),
    "two seconds": (lambda: encode_sample(seconds=2), "REELS", "duration"),
    "12 frames per second": (lambda: encode_sample(seconds=3, rate=12), "REELS", "frame_rate"),
    "webm": (
        lambda: encode_sample(container="webm", codec="libvpx", seconds=3),
        "REELS",
        "container",
    ),
    "mpeg-4 part 2": (lambda: encode_sample(codec="mpeg4", seconds=3), "REELS", "codec"),
    "audio only": (encode_audio_only, "REELS", "format"),
    "only the first box": (lambda: FAKE_MP4, "REELS", "format"),
}


@pytest.mark.parametrize("name", VIDEO_CASES)
def test_a_video_is_inspected(publishing_client, media_host, name):
    make_video, media_type, objection = VIDEO_CASES[name]
    publishing_client.change_settings(strict_media=True)
    url = media_host.add(f"{name.replace(' ', '-')}.mp4", make_video(), "video/mp4")
    container_id = publishing_client.create(media_type=media_type, video_url=url).id
    status = publishing_client.wait_until_processed(container_id)
    listed = publishing_client.raw.control("instagram/containers")["containers"]
    container = next(each for each in listed if each["id"] == container_id)
    assert container["objection"] == objection
    assert status["status_code"] == ("ERROR" if objection else "FINISHED")
    assert status["status"].endswith("2207026") == bool(objection)


def test_the_index_may_have_to_come_first(publishing_client, media_host):
    publishing_client.change_settings(strict_media=True, strict_index=True)
    url = media_host.add("late.mp4", valid_reel(), "video/mp4")
    container_id = publishing_client.create(media_type="REELS", video_url=url).id
    assert publishing_client.wait_until_processed(container_id)["status"].endswith("2207026")


@pytest.mark.parametrize(("offset", "has_cover"), [(2_999, False), (3_000, False), (3_000, True)])
def test_the_cover_is_taken_from_within_the_video(publishing_client, media_host, offset, has_cover):
    publishing_client.change_settings(strict_media=True)
    params = {"media_type": "REELS", "thumb_offset": offset}
    params["video_url"] = media_host.add("thumb.mp4", valid_reel(), "video/mp4")
    if has_cover:  # then the offset is ignored
        params["cover_url"] = media_host.add("thumb.jpg", make_jpeg())
    status = publishing_client.wait_until_processed(publishing_client.create(**params).id)
    assert status["status"].endswith("2207057") == (offset == 3_000 and not has_cover)


@pytest.mark.parametrize(
    ("changes", "media_type", "objection"),
    [
        ({}, "REELS", ""),
        ({"container": "mov", "codec": "hevc"}, "REELS", ""),
        ({"audio_codec": None, "audio_rate": None, "audio_channels": None}, "REELS", ""),
        ({"fps": None, "seconds": None, "bit_rate": None, "pixel_format": None}, "REELS", ""),
        ({"pixel_format": "yuv444p"}, "REELS", "pixel_format"),
        ({"fps": 22.4}, "REELS", "frame_rate"),
        ({"fps": 60.4}, "REELS", ""),
        ({"fps": 61.0}, "REELS", "frame_rate"),
        ({"width": 1921}, "REELS", "width"),
        ({"bit_rate": 25_000_001}, "REELS", "bit_rate"),
        ({"audio_codec": "opus"}, "REELS", "audio"),
        ({"audio_rate": 96_000}, "REELS", "audio"),
        ({"audio_channels": 6}, "REELS", "audio"),
        ({"width": 100, "height": 1_001}, "STORIES", "ratio"),
        ({"width": 100, "height": 1_001}, "REELS", ""),
        ({"width": 1_920, "height": 190}, "REELS", "ratio"),
        ({"seconds": 2.9}, "REELS", "duration"),
        ({"seconds": 900.0}, "REELS", ""),
        ({"seconds": 901.0}, "REELS", "duration"),
        ({"seconds": 60.0}, "STORIES", ""),
        ({"seconds": 61.0}, "STORIES", "duration"),
    ],
)
def test_each_property_of_a_video_has_its_limit(changes, media_type, objection):
    assert find_video_objection(ProbedVideo(**VALID_VIDEO | changes), media_type) == objection
