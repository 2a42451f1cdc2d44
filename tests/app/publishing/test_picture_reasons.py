"""Why a post of pictures failed is said with the limits of pictures."""

import re

import pytest

from app.http.messages import LOCALES, load_messages
from platforms.registry import PLATFORMS

PICTURES = ["https://cdn.example.org/1.jpg", "https://cdn.example.org/2.jpg"]


def fail_post(publisher, account, kind, code, **values):
    post_id = publisher.factory.create_post(
        account.id, kind=kind, sent_by="PLATFORM", source="PULL_FROM_URL", **values
    )
    publisher.update_post(post_id, state="FAILED", error_code=code)
    return post_id


@pytest.mark.parametrize(
    ("code", "limit", "limit_of_videos"),
    [
        ("picture_size_check_failed", "1080 by 1920", "4096"),
        ("file_format_check_failed", "JPEG or WebP", "MP4"),
    ],
)
def test_a_post_of_pictures_is_not_measured_by_the_limits_of_videos(
    api_client, account, publisher, code, limit, limit_of_videos
):
    pictures = fail_post(
        publisher, account, "INBOX_PHOTO", code, payload_json={"photo_images": PICTURES}
    )
    video = fail_post(
        publisher, account, "INBOX_VIDEO", code, payload_json={"video_url": PICTURES[0]}
    )

    error = api_client.get(f"/api/posts/{pictures}").json["data"]["error"]
    assert error["code"] == code
    assert limit in error["suggestion"]
    assert limit_of_videos not in error["suggestion"]
    assert "not say which" in error["userMessage"]
    error = api_client.get(f"/api/posts/{video}").json["data"]["error"]
    assert limit_of_videos in error["suggestion"]


def test_the_only_picture_of_a_post_is_the_one_that_was_refused(api_client, account, publisher):
    post_id = fail_post(
        publisher,
        account,
        "DIRECT_PHOTO",
        "picture_size_check_failed",
        payload_json={"photo_images": PICTURES[:1]},
    )

    error = api_client.get(f"/api/posts/{post_id}").json["data"]["error"]
    assert error["userMessage"] == "The picture is larger than TikTok allows."


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", PLATFORMS)
def test_no_text_for_pictures_has_a_limit_of_videos_and_the_other_way_round(name, locale):
    texts = load_messages(locale)
    codes = [code for code in PLATFORMS[name].failure_reasons if "_of_" in code]
    assert len(codes) >= 4
    for code in codes:
        words = f"{texts[code].message} {texts[code].suggestion}"
        foreign = "MP4|H.264|4096|per second" if "_of_picture" in code else "1080|pictures|WebP"
        assert not re.search(foreign, words), code
