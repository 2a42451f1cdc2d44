"""The composer in a browser: one post for several accounts, its files, texts, times and drafts."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import connect_instagram

POST_URL = re.compile(r"/posts/\d+$")
GROUP_URL = re.compile(r"/compose/sent/[0-9a-f-]{36}$")
SELECT_POSTS = "SELECT provider, kind, group_id, id FROM posts WHERE title = %s ORDER BY provider"


@pytest.fixture
def composer(account_page, stack):
    """An empty composer of a user with a TikTok and an Instagram account."""
    connect_instagram(account_page, stack)
    return open_composer(account_page)


def open_composer(page, address="/compose"):
    page.goto(address)
    expect(page.locator("#composer[data-is-ready]")).to_be_attached()
    return page


def choose_accounts(composer, *platforms):
    for platform in platforms:
        composer.locator(f'[name="account"][value^="{platform}-"]:enabled').first.check(force=True)


def add_files(composer, *files):
    composer.set_input_files("#file-input", files)
    expect(composer.locator("[data-file]").get_by_text("Uploaded")).to_have_count(len(files))


def test_one_video_is_published_to_tiktok_and_instagram_and_the_posts_lead_to_each_other(
    composer, stack, video_file, take_screenshot
):
    choose_accounts(composer, "tiktok", "instagram")
    add_files(composer, video_file)
    composer.fill("#text", "For both #harbour")
    take_screenshot("composer")
    composer.get_by_role("button", name="Publish 2 posts").click()
    composer.wait_for_url(GROUP_URL)
    take_screenshot("composer-sent")
    instagram, tiktok = stack.query(SELECT_POSTS, "For both #harbour")
    assert (instagram[:2], tiktok[:2]) == (("instagram", "REELS"), ("tiktok", "INBOX_VIDEO"))
    assert instagram[2] == tiktok[2]
