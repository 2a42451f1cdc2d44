"""When posts of the composer go out: zones, changes of clocks, full quotas; its drafts."""

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.browser.composer_form import add_files, checks_of, choose_accounts, choose_later
from tests.browser.conftest import POST_URL, add_cookies, open_composer
from tests.flows.brokers import wait_until

INSERT_STARTED_DRAFTS = """INSERT INTO tiktok_posts
    (ledger_id, user_id, oauth_account_id, publish_id, status, source, mode, title, created_at)
  SELECT id, user_id, oauth_account_id, 'in-the-way-' || id, 'PROCESSING_UPLOAD', 'FILE_UPLOAD',
      'INBOX', title, now() - interval '23 hours 57 minutes'
    FROM posts WHERE title = 'In the way' AND has_slot
  ON CONFLICT DO NOTHING"""
"""A slot counts from when the platform knows the draft."""

SELECT_FREE_AT = """SELECT min(draft.created_at) + interval '1 day' FROM tiktok_posts draft
  JOIN posts ON posts.id = draft.ledger_id WHERE posts.title = 'In the way' AND posts.has_slot"""
SELECT_DUE_AT = "SELECT due_at FROM posts WHERE title = 'As soon as there is room' ORDER BY id DESC"
SHIFT_DRAFTS = """UPDATE tiktok_posts SET created_at = created_at - interval '3 minutes'
  WHERE title = 'In the way'"""


@pytest.mark.statement(22)
def test_a_draft_is_there_after_closing_the_browser_and_another_tab_is_warned(
    composer, open_page, cookies
):
    composer.fill("#text", "Written before closing")
    expect(composer.locator('[data-part="draft-state"]')).to_contain_text("Draft saved at")
    address = composer.url
    composer.context.close()
    first = open_composer(add_cookies(open_page(), cookies), address)
    expect(first.locator("#text")).to_have_value("Written before closing")
    second = open_composer(first.context.new_page(), address)
    second.fill("#text", "Changed in another tab")
    expect(second.locator('[data-part="draft-state"]')).to_contain_text("Draft saved at")
    first.fill("#text", "Changed here too late")
    state = first.locator('[data-part="draft-state"]')
    expect(state).to_contain_text("This draft was changed in another window.")
    first.reload()
    expect(first.locator("#text")).to_have_value("Changed in another tab")
    first.errors.clear()  # the browser reports the expected 412


@pytest.mark.statement(20)
def test_a_time_that_clocks_skip_is_refused_and_one_that_comes_twice_is_said(
    composer, stack, set_zone
):
    set_zone("Europe/Paris")
    open_composer(composer)
    choose_accounts(composer, "instagram")
    choose_later(composer)
    composer.fill("#day", "2027-03-28")
    composer.fill("#clock", "02:30")
    refusal = "02:30 does not exist on 28 March 2027 in Europe/Paris. Choose 03:00 or later."
    expect(checks_of(composer)).to_contain_text(refusal)
    composer.get_by_role("button", name="Schedule", exact=True).click()
    expect(composer.get_by_role("alert")).to_contain_text(refusal)
    composer.errors.clear()  # the browser reports the expected 422
    composer.fill("#day", "2027-10-31")
    expect(checks_of(composer)).to_contain_text("This time comes twice on that day")
    expect(checks_of(composer)).to_contain_text("00:30 UTC")
    composer.get_by_label("The second time, after clocks are put back").check()
    expect(checks_of(composer)).to_contain_text("01:30 UTC")


@pytest.mark.statement(20)
@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "Asia/Kathmandu"])
def test_a_post_is_stored_at_the_instant_of_the_users_zone(
    composer, stack, set_zone, zone, image_file
):
    set_zone(zone)
    open_composer(composer)
    day = datetime.now(UTC).date() + timedelta(days=10)
    instant = datetime.combine(day, time(12, 30), ZoneInfo(zone)).astimezone(UTC)
    choose_accounts(composer, "instagram")
    add_files(composer, image_file)
    title = f"Later in {zone}"
    composer.fill("#text", title)
    choose_later(composer)
    composer.fill("#day", day.isoformat())
    composer.fill("#clock", "12:30")
    expect(checks_of(composer)).to_contain_text(f"{instant:%H:%M} UTC")
    composer.get_by_role("button", name="Schedule", exact=True).click()
    composer.wait_for_url(POST_URL)
    assert stack.query_value("SELECT publish_at FROM posts WHERE title = %s", title) == instant
    stack.query("UPDATE posts SET state = 'CANCELLED', due_at = NULL WHERE title = %s", title)


@pytest.mark.statement(21)
def test_a_full_quota_says_when_the_post_will_go_out(composer, insert_post, stack, video_file):
    for _ in range(5):
        insert_post("In the way", state="PROCESSING", step="PROCESSING", slot=True)
    stack.query(INSERT_STARTED_DRAFTS)
    choose_accounts(composer, "tiktok")
    meter = checks_of(composer).get_by_role("meter", name=re.compile("Drafts in the inbox"))
    expect(meter).to_have_attribute("value", "5")
    expect(checks_of(composer)).to_contain_text("No room at that time: it goes out at")
    frees_at = stack.query_value(SELECT_FREE_AT)
    expect(checks_of(composer)).to_contain_text(f"{frees_at.astimezone(UTC):%H:%M}")
    add_files(composer, video_file)
    composer.fill("#text", "As soon as there is room")
    composer.get_by_role("button", name="Publish", exact=True).click()
    composer.wait_for_url(POST_URL)

    def waits_for_room():
        return timedelta(0) <= stack.query_value(SELECT_DUE_AT) - frees_at < timedelta(seconds=1)

    wait_until(waits_for_room, what="the post that waits for the forecast time")
    stack.query(SHIFT_DRAFTS)
    stack.query("UPDATE posts SET due_at = now() WHERE title = 'As soon as there is room'")
    expect(composer.locator(".badge.large")).to_contain_text("In TikTok inbox")
    stack.query("UPDATE posts SET has_slot = false")
