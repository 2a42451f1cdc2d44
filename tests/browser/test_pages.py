"""The pages in a browser: sign-in, connecting, posts, notifications, keys, accounts."""

import re

from playwright.sync_api import expect

from tests.browser.composer_form import choose_later
from tests.browser.conftest import POST_URL, choose_file, send_post

INSERT_NOTIFICATION = """INSERT INTO notifications (user_id, kind, cause, payload)
  SELECT id, 'post_in_inbox', gen_random_uuid(), '{"title": "A video"}' FROM users LIMIT 1"""
REFRESH_SCRIPT = (
    "document.querySelector('[data-live]').dispatchEvent(new Event('refresh-now', {bubbles: true}))"
)


def test_an_anonymous_visitor_is_sent_to_the_login_and_back(page, stack):
    page.goto("/platforms/tiktok/upload")
    expect(page).to_have_url(re.compile(r"/login\?next=/platforms/tiktok/upload$"))
    page.fill("#email", stack.info["user"])
    page.fill("#password", "wrong")
    page.click("main form button:not([type=button])")
    expect(page.get_by_role("alert")).to_contain_text("E-mail or password is wrong")
    page.errors.clear()  # the browser reports the expected 401
    page.fill("#password", stack.info["password"])
    page.click("main form button:not([type=button])")
    expect(page).to_have_url(re.compile(r"/platforms/tiktok/upload$"))


def test_a_denied_consent_is_explained_in_plain_words(signed_in, take_screenshot):
    signed_in.goto("/platforms/connect/tiktok")
    signed_in.locator("main a.button.large").click()
    signed_in.get_by_role("button", name="Deny").click()
    expect(signed_in.get_by_role("alert")).to_contain_text("You did not give the permission.")
    take_screenshot("denied")


def test_no_text_of_the_url_appears_on_the_page(signed_in):
    signed_in.goto("/platforms/connect/tiktok?error=<b>pay here</b>&ref=<i>now</i>&success=true")
    expect(signed_in.get_by_role("alert")).to_contain_text("Something unexpected happened")
    assert "pay here" not in signed_in.content()


def test_a_post_is_followed_to_its_end_without_reloading_the_page(
    upload_form, video_file, take_screenshot
):
    choose_file(upload_form, video_file, "Holiday 🌊")
    send_post(upload_form)
    upload_form.evaluate("window.mark = 'the same page'")
    expect(upload_form.get_by_text("It is in your TikTok inbox.").first).to_be_visible()
    expect(upload_form.locator("ol.timeline li").first).to_contain_text("TikTok")
    expect(upload_form.locator("ol.steps [aria-current]")).to_contain_text("In TikTok inbox")
    assert upload_form.evaluate("window.mark") == "the same page"
    take_screenshot("post")


def test_the_page_of_a_platform_refreshes_itself(account_page, insert_post, take_screenshot):
    account_page.goto("/platforms/tiktok")
    account_page.evaluate("window.mark = 'the same page'")
    insert_post("Renamed meanwhile")
    account_page.evaluate(REFRESH_SCRIPT)
    expect(account_page.get_by_role("link", name="Renamed meanwhile").first).to_be_visible()
    assert account_page.evaluate("window.mark") == "the same page"
    take_screenshot("tiktok")


def test_focus_is_kept_when_a_part_of_the_page_is_refreshed(account_page, insert_post):
    account_page.goto("/platforms/tiktok")
    account_page.locator("[data-focus-key=upload]").focus()
    insert_post("Another name")
    account_page.evaluate(REFRESH_SCRIPT)
    expect(account_page.get_by_role("link", name="Another name").first).to_be_visible()
    assert account_page.evaluate("document.activeElement.dataset.focusKey") == "upload"


def test_a_refused_video_is_explained(upload_form, stack, video_file):
    stack.sandbox.control("settings", fail_reason="duration_check_failed")
    choose_file(upload_form, video_file, "Too long")
    send_post(upload_form)
    expect(upload_form.get_by_text("It was not posted.").first).to_be_visible()
    expect(upload_form.get_by_text("longer or shorter than TikTok allows").first).to_be_visible()
    expect(upload_form.get_by_role("button", name="Try again")).to_be_visible()
    stack.reset_sandbox()
    upload_form.goto("/notifications")
    expect(upload_form.get_by_text("“Too long” was not posted.").first).to_be_visible()


def test_a_scheduled_post_can_be_cancelled(upload_form, video_file, take_screenshot):
    choose_file(upload_form, video_file, "Tomorrow")
    choose_later(upload_form)
    upload_form.get_by_role("button", name="Tomorrow, 09:00").click()
    upload_form.get_by_role("button", name="Schedule", exact=True).click()
    upload_form.wait_for_url(POST_URL)
    take_screenshot("scheduled")
    upload_form.get_by_role("button", name="Cancel the post").click()
    expect(upload_form.get_by_text("It was cancelled and not posted.").first).to_be_visible()


def test_posts_are_found_by_title_and_state(account_page, insert_post, take_screenshot):
    insert_post("Tomorrow", state="CANCELLED", step=None)
    account_page.goto("/posts")
    account_page.fill("#q", "tomorrow")
    account_page.get_by_text("More filters").click()
    account_page.get_by_role("group", name="States").get_by_label("Cancelled").check()
    account_page.get_by_role("button", name="Show").click()
    expect(account_page.get_by_role("link", name="Tomorrow").first).to_be_visible()
    take_screenshot("posts")
    account_page.fill("#q", "no such title")
    account_page.get_by_role("button", name="Show").click()
    expect(account_page.get_by_text("No posts match these filters.")).to_be_visible()


def test_notifications_are_counted_and_marked_as_read(account_page, stack, take_screenshot):
    stack.query(INSERT_NOTIFICATION)
    account_page.goto("/notifications")
    expect(account_page.locator(".side .foot .count")).to_be_visible()
    take_screenshot("notifications")
    account_page.get_by_role("button", name="Mark all as read").click()
    expect(account_page.locator(".message[role=status]")).to_contain_text(
        "All notifications are marked as read."
    )
    expect(account_page.locator(".side .foot .count")).to_have_count(0)
    account_page.get_by_role("link", name="Not read").click()
    expect(account_page.get_by_text("No unread notifications.")).to_be_visible()


def test_accounts_have_an_overview_and_a_page_each(account_page, take_screenshot):
    account_page.goto("/platforms")
    heading = account_page.locator("#at-tiktok")  # the account may have others beside it
    section = account_page.locator("section", has=heading)
    expect(section.locator(".badge.good").first).to_contain_text("Connected")
    take_screenshot("accounts")
    section.get_by_role("link", name="Posts and metrics").first.click()
    expect(account_page.locator("#widget-tiktok")).to_be_visible()
    expect(account_page.get_by_role("heading", name="Remaining quota")).to_be_visible()
    take_screenshot("tiktok")
    account_page.goto("/platforms/connect")
    expect(account_page.get_by_role("heading", name="Instagram")).to_be_visible()


def test_the_widget_is_an_html_fragment(account_page):
    response = account_page.request.get("/widgets/tiktok")
    assert response.text().lstrip().startswith("<section")
    assert "<html" not in response.text()


def test_a_signed_out_user_gets_the_login_and_not_a_nested_page(
    account_page,
):
    account_page.goto("/")
    account_page.context.clear_cookies()
    account_page.evaluate(REFRESH_SCRIPT)
    expect(account_page).to_have_url(re.compile(r"/login"))
    expect(account_page.locator("#email")).to_have_count(1)
    account_page.errors.clear()  # the browser reports the expected 401


def test_disconnecting_asks_what_to_do_with_queued_posts(account_page, take_screenshot):
    account_page.goto("/platforms")
    account_page.locator("[data-opens-dialog]").first.click()
    dialog = account_page.get_by_role("dialog")
    expect(dialog).to_contain_text("Kept: your posts and their history")
    take_screenshot("disconnect")
    account_page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    account_page.locator("[data-opens-dialog]").first.click()
    dialog.get_by_role("button", name=re.compile("^Disconnect ")).click()
    expect(account_page.locator(".message[role=status]")).to_contain_text("tokens are erased")
    expect(account_page.get_by_role("link", name="Connect TikTok")).to_be_visible()
    take_screenshot("unconnected")
