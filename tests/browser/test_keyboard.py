"""What people do with the keyboard alone: connect, write, schedule, try again.

Other pages have such tests beside their own: signing in, moving, comments, events.
"""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import POST_URL
from tests.browser.keyboard import press, tab_to

ADDRESS = "https://videos.example.com/by-keyboard.mp4"
URL_POST = (
    "UPDATE posts SET source = 'PULL_FROM_URL', sent_by = 'PLATFORM', payload_json = %s"
    " WHERE id = %s"
)


@pytest.mark.statement(38)
def test_an_account_is_connected_with_the_keyboard_alone(account_page):
    account_page.goto("/platforms/connect/tiktok")
    press(account_page, account_page.locator("main a.button.tiktok").last)
    allow = account_page.get_by_role("button", name="Allow")
    expect(allow).to_be_visible()
    allow.focus()  # the dialog is the platform's
    account_page.keyboard.press("Enter")
    expect(account_page.locator(".message.good")).to_contain_text("is connected.")


@pytest.mark.statement(38)
def test_a_post_is_written_and_scheduled_with_the_keyboard_alone(composer, stack):
    keyboard = composer.keyboard
    press(composer, composer.locator('[name="account"][value^="tiktok-"]').first, "Space")
    press(composer, composer.locator("summary", has_text="Give an address instead"))
    tab_to(composer, composer.locator("#addresses"))
    keyboard.type(ADDRESS)
    press(composer, composer.get_by_role("button", name="Add these"))
    tab_to(composer, composer.locator("#text"))
    keyboard.type("By keyboard")
    tab_to(composer, composer.locator('[name="when"]').first)
    keyboard.press("ArrowDown")
    day = datetime.now(UTC) + timedelta(days=9)
    tab_to(composer, composer.locator("#day"))
    keyboard.type(f"{day:%m%d%Y}")  # Chromium shows these fields in its own language
    expect(composer.locator("#day")).to_have_value(f"{day:%Y-%m-%d}")
    tab_to(composer, composer.locator("#clock"))
    keyboard.type("1230PM")
    expect(composer.locator("#clock")).to_have_value("12:30")
    press(composer, composer.get_by_role("button", name="Schedule", exact=True))
    composer.wait_for_url(POST_URL)
    query = "SELECT publish_at FROM posts WHERE title = 'By keyboard' ORDER BY id DESC LIMIT 1"
    expected = day.replace(hour=12, minute=30, second=0, microsecond=0)
    assert stack.query_value(query) == expected
    press(composer, composer.get_by_role("button", name="Cancel the post"))
    expect(composer.locator(".badge.large")).to_contain_text("Cancelled")


@pytest.mark.statement(38)
def test_a_failed_post_is_tried_again_with_the_keyboard_alone(account_page, insert_post, stack):
    post_id = insert_post("Once more", state="FAILED", step=None, error="internal")
    stack.query(URL_POST, json.dumps({"video_url": ADDRESS}), post_id)
    account_page.goto(f"/posts/{post_id}")
    press(account_page, account_page.get_by_role("button", name="Try again"))
    account_page.wait_for_url(re.compile(rf"/posts/(?!{post_id}$)\d+$"))
