"""A video as large as any platform takes, sent through the page. It takes minutes: a long form."""

import pytest
from playwright.sync_api import expect

from local.sample_video import create_video

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1500)]

VIDEO_BYTES = 3_999_999_999  # the limit is 4 GB
UPLOAD_TIMEOUT_MS = 1_200_000  # milliseconds, on a busy machine


def test_a_video_of_four_gigabytes_goes_through_the_page(upload_form, stack, tmp_path):
    video = create_video(tmp_path / "video.mp4", size=VIDEO_BYTES)
    upload_form.set_input_files("#video", video)
    upload_form.fill("#title", "A long video")
    upload_form.get_by_role("button", name="Upload", exact=True).click()
    expect(upload_form.get_by_text("on its way to your TikTok inbox")).to_be_visible(
        timeout=UPLOAD_TIMEOUT_MS
    )
    size, digest = stack.query(
        "SELECT media.size, media.sha256 FROM media JOIN posts ON posts.media_id = media.id"
        " WHERE posts.title = 'A long video'"
    )[0]
    assert (size, len(digest)) == (VIDEO_BYTES, 64)
