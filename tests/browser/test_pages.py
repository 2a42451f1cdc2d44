"""What a person sees and clicks, from the sign-in to a post that is really there."""

import re

from playwright.sync_api import expect

INSERT_NOTIFICATION = """INSERT INTO notifications (user_id, kind, cause, payload)
  SELECT id, 'post_in_inbox', gen_random_uuid(), '{"title": "A film"}' FROM users LIMIT 1"""
REFRESH_SCRIPT = (
    "document.querySelector('[data-live]').dispatchEvent(new Event('look', {bubbles: true}))"
)


def test_an_anonymous_visitor_is_sent_to_the_login_and_back(page, stack):
    page.goto("/platforms/tiktok/upload")
    expect(page).to_have_url(re.compile(r"/login\?next=/platforms/tiktok/upload$"))
    page.fill("#email", stack.info["user"])
    page.fill("#password", "wrong")
    page.click("main button")
    expect(page.get_by_role("alert")).to_contain_text("E-mail or password is wrong")
    page.faults.clear()  # the browser reports the 401 we asked for
    page.fill("#password", stack.info["password"])
    page.click("main button")
    expect(page).to_have_url(re.compile(r"/platforms/tiktok/upload$"))


def test_a_denied_consent_is_explained_in_plain_words(signed_in, take_screenshot):
    signed_in.goto("/platforms/connect/tiktok")
    signed_in.locator("main a.button.large").click()
    signed_in.get_by_role("button", name="Deny").click()
    expect(signed_in.get_by_role("alert")).to_contain_text("You did not give the permission.")
    take_screenshot("denied")


def test_no_text_of_the_url_reaches_the_page(signed_in):
    signed_in.goto("/platforms/connect/tiktok?error=<b>pay here</b>&ref=<i>now</i>&success=true")
    expect(signed_in.get_by_role("alert")).to_contain_text("Something unexpected happened")
    assert "pay here" not in signed_in.content()


def test_a_post_is_followed_to_its_end_on_a_page_that_is_never_loaded_again(
    upload_form, video_file, take_screenshot
):
    upload_form.set_input_files("#video", video_file)
    upload_form.fill("#title", "Holiday 🌊")
    upload_form.get_by_role("button", name="Upload", exact=True).click()
    upload_form.get_by_role("link", name="Follow the post").click()
    upload_form.wait_for_url(re.compile(r"/posts/\d+$"))
    upload_form.evaluate("window.mark = 'the same page'")
    expect(upload_form.get_by_text("It is in your TikTok inbox.").first).to_be_visible()
    expect(upload_form.locator("ol.timeline li").last).to_contain_text("TikTok")
    expect(upload_form.locator("ol.steps [aria-current]")).to_have_text("In your inbox")
    assert upload_form.evaluate("window.mark") == "the same page"
    take_screenshot("post")


def test_the_home_page_refreshes_itself(connected, insert_post, take_screenshot):
    connected.goto("/")
    connected.evaluate("window.mark = 'the same page'")
    insert_post("Renamed meanwhile")
    connected.evaluate(REFRESH_SCRIPT)
    expect(connected.get_by_role("link", name="Renamed meanwhile").first).to_be_visible()
    assert connected.evaluate("window.mark") == "the same page"
    take_screenshot("home")


def test_focus_stays_where_it_was_when_a_part_of_the_page_is_new(connected, insert_post):
    connected.goto("/")
    connected.locator("[data-key=upload]").focus()
    insert_post("Another name")
    connected.evaluate(REFRESH_SCRIPT)
    expect(connected.get_by_role("link", name="Another name").first).to_be_visible()
    assert connected.evaluate("document.activeElement.dataset.key") == "upload"


def test_a_refused_video_is_explained_with_what_to_do(upload_form, stack, video_file):
    stack.sandbox.control("settings", fail_reason="duration_check_failed")
    upload_form.set_input_files("#video", video_file)
    upload_form.fill("#title", "Too long")
    upload_form.get_by_role("button", name="Upload", exact=True).click()
    upload_form.get_by_role("link", name="Follow the post").click()
    expect(upload_form.get_by_text("It was not posted.").first).to_be_visible()
    expect(upload_form.get_by_text("longer or shorter than TikTok allows").first).to_be_visible()
    expect(upload_form.get_by_role("button", name="Try again")).to_be_visible()
    stack.reset_sandbox()
    upload_form.goto("/notifications")
    expect(upload_form.get_by_text("“Too long” was not posted.").first).to_be_visible()


def test_a_scheduled_post_can_be_cancelled(upload_form, video_file, take_screenshot):
    upload_form.set_input_files("#video", video_file)
    upload_form.fill("#title", "Tomorrow")
    upload_form.fill(
        "#publish_at",
        upload_form.evaluate("() => new Date(Date.now() + 864e5).toISOString().slice(0, 16)"),
    )
    upload_form.get_by_role("button", name="Upload", exact=True).click()
    expect(upload_form.get_by_text("will be sent at its time")).to_be_visible()
    upload_form.get_by_role("link", name="Follow the post").click()
    upload_form.wait_for_url(re.compile(r"/posts/\d+$"))
    take_screenshot("scheduled")
    upload_form.get_by_role("button", name="Cancel the post").click()
    expect(upload_form.get_by_text("It was cancelled and not posted.").first).to_be_visible()


def test_posts_are_found_by_title_and_state(connected, insert_post, take_screenshot):
    insert_post("Tomorrow", state="CANCELLED", step=None)
    connected.goto("/posts")
    connected.fill("#q", "tomorrow")
    connected.select_option("#state", "CANCELLED")
    connected.get_by_role("button", name="Show").click()
    expect(connected.get_by_role("link", name="Tomorrow").first).to_be_visible()
    take_screenshot("posts")
    connected.fill("#q", "no such title")
    connected.get_by_role("button", name="Show").click()
    expect(connected.get_by_text("Nothing fits what you look for.")).to_be_visible()


def test_notifications_are_counted_and_marked_as_read(connected, stack, take_screenshot):
    stack.query(INSERT_NOTIFICATION)
    connected.goto("/notifications")
    expect(connected.locator(".bell .count")).to_be_visible()
    take_screenshot("notices")
    connected.get_by_role("button", name="Mark all as read").click()
    expect(connected.locator(".message[role=status]")).to_contain_text(
        "All notices are marked as read."
    )
    expect(connected.locator(".bell .count")).to_have_count(0)
    connected.get_by_role("link", name="Not read").click()
    expect(connected.get_by_text("Everything is read.")).to_be_visible()


def test_a_key_is_made_shown_once_and_revoked(signed_in, take_screenshot):
    signed_in.goto("/settings/keys")
    signed_in.fill("#name", "My program 🤖")
    signed_in.get_by_role("button", name="Make the key").click()
    expect(signed_in.get_by_role("alert")).to_contain_text("Choose at least one permission")
    signed_in.faults.clear()  # the 400 we asked for
    signed_in.fill("#name", "My program 🤖")
    signed_in.get_by_label("see posts").check()
    signed_in.get_by_role("button", name="Make the key").click()
    key = signed_in.locator("#secret").text_content()
    assert key.startswith("sp_")
    take_screenshot("key")
    signed_in.goto("/settings/keys")
    assert key not in signed_in.content()
    signed_in.get_by_role("button", name="Revoke My program 🤖").first.click()
    expect(signed_in.locator(".message[role=status]")).to_contain_text("The key is revoked.")


def test_accounts_have_an_overview_and_a_page_each(connected, take_screenshot):
    connected.goto("/platforms")
    expect(connected.locator("h2 .badge.good")).to_contain_text("Connected")
    take_screenshot("accounts")
    connected.get_by_role("link", name="Uploads and figures").click()
    expect(connected.locator("#widget-tiktok")).to_be_visible()
    expect(connected.get_by_role("heading", name="What is left")).to_be_visible()
    take_screenshot("tiktok")
    connected.goto("/platforms/connect")
    expect(connected.get_by_role("heading", name="Instagram")).to_be_visible()


def test_the_widget_is_a_fragment_that_others_can_include(connected):
    answer = connected.request.get("/widgets/tiktok")
    assert answer.text().lstrip().startswith("<section")
    assert "<html" not in answer.text()


def test_a_signed_out_user_gets_the_login_and_not_a_nested_page(
    connected,
):
    connected.goto("/")
    connected.context.clear_cookies()
    connected.evaluate(REFRESH_SCRIPT)
    expect(connected).to_have_url(re.compile(r"/login"))
    expect(connected.locator("#email")).to_have_count(1)


def test_disconnecting_asks_what_to_do_with_queued_posts(connected, take_screenshot):
    connected.goto("/platforms/connect/tiktok")
    connected.locator("[data-opens]").first.click()
    dialog = connected.get_by_role("dialog")
    expect(dialog).to_contain_text("Kept: your posts and their history")
    take_screenshot("disconnect")
    connected.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    connected.locator("[data-opens]").first.click()
    dialog.get_by_role("button", name=re.compile("^Disconnect ")).click()
    expect(connected.locator(".message[role=status]")).to_contain_text("tokens are erased")
    expect(connected.get_by_role("link", name="Connect with TikTok")).to_be_visible()
    take_screenshot("unconnected")
