"""Why a post of pictures failed is said with the limits of pictures."""

import pytest

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
