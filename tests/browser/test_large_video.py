"""A video as large as any platform takes, sent through the page behind nginx, whose time-outs are
60 seconds. It takes minutes: a long form.
"""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from local.ports import find_free_port
from local.sample_video import create_video
from tests.flows.proxies import PREFIX, PROXY_KINDS, run_proxy
from tests.flows.stacks import run_stack

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1500)]

VIDEO_BYTES = 3_999_999_999  # the limit is 4 GB
UPLOAD_TIMEOUT_MS = 1_200_000  # milliseconds, on a busy machine
STREAMED = "nginx, prefix stripped, bodies streamed"
SELECT_MEDIA = """SELECT media.size, media.sha256 FROM media JOIN posts ON posts.media_id = media.id
  WHERE posts.title = 'A long video'"""


def test_a_video_of_four_gigabytes_goes_through_the_page_behind_nginx(browser, tmp_path):
    port = find_free_port()
    public_url = f"http://127.0.0.1:{port}{PREFIX}"
    video = create_video(tmp_path / "video.mp4", size=VIDEO_BYTES)
    with run_stack(tmp_path, PUBLIC_URL=public_url, TRUSTED_PROXY_COUNT="1") as stack:
        web = urlsplit(stack.info["web"]).netloc
        with run_proxy(PROXY_KINDS[STREAMED], tmp_path, web, port=port) as url:
            page = browser.new_context().new_page()
            page.goto(f"{url}/login")
            page.fill("#email", stack.info["user"])
            page.fill("#password", stack.info["password"])
            page.click("main form button:not([type=button])")
            page.wait_for_url(f"{url}/")
            page.goto(f"{url}/platforms/connect/tiktok")
            page.locator("main a.button.tiktok").last.click()
            page.get_by_role("button", name="Allow").click()
            expect(page.locator(".message.good")).to_be_visible()
            page.goto(f"{url}/platforms/tiktok/upload")
            page.set_input_files("#video", video)
            page.fill("#title", "A long video")
            page.get_by_role("button", name="Upload", exact=True).click()
            expect(page.get_by_text("on its way to your TikTok inbox")).to_be_visible(
                timeout=UPLOAD_TIMEOUT_MS
            )
            page.context.close()
        size, digest = stack.query(SELECT_MEDIA)[0]
    assert (size, len(digest)) == (VIDEO_BYTES, 64)
